package signin_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// machine is a service of managed identities without a network.
type machine struct {
	requests []*http.Request
	status   int
	answer   string // "" for a token
	header   http.Header
	fail     error
}

func (m *machine) Do(req *http.Request) (*http.Response, error) {
	m.requests = append(m.requests, req)
	if m.fail != nil {
		return nil, m.fail
	}
	resp := &http.Response{StatusCode: http.StatusOK, Request: req, Header: http.Header{"Content-Type": {"application/json"}}}
	answer := m.answer
	if answer == "" {
		answer = fmt.Sprintf(`{"access_token":"token%d","expires_on":"%d","token_type":"Bearer"}`, len(m.requests), time.Now().Add(24*time.Hour).Unix())
	}
	if m.status != 0 {
		resp.StatusCode = m.status
	}
	for name := range m.header {
		resp.Header.Set(name, m.header.Get(name))
	}
	resp.Body = io.NopCloser(strings.NewReader(answer))
	return resp, nil
}

// inAzure makes this process see no machine but an ordinary virtual one of Azure.
func inAzure(t *testing.T) {
	t.Helper()
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT"} {
		t.Setenv(name, "")
	}
}

func identityOf(t *testing.T, clientID string, m *machine) *signin.Source {
	t.Helper()
	return sourceOf(t, signin.Application{TenantID: tenant, ClientID: clientID, ManagedIdentity: true}, signin.Options{Machine: m})
}

func TestManagedIdentity(t *testing.T) {
	inAzure(t)
	m := &machine{}
	s := identityOf(t, client, m)
	if token, err := s.Token(t.Context()); token != "token1" || err != nil {
		t.Fatalf("%q, %v", token, err)
	}
	query := m.requests[0].URL.Query()
	if m.requests[0].URL.Host != "169.254.169.254" || m.requests[0].Header.Get("Metadata") != "true" ||
		query.Get("resource") != "https://graph.example" || query.Get("client_id") != client || query.Has("claims") {
		t.Errorf("asked %s", m.requests[0].URL)
	}
	// One that Graph refuses does not come back out of a cache.
	if token, err := s.Replace(t.Context(), "token1", ""); token != "token2" || err != nil {
		t.Errorf("%q, %v", token, err)
	}
	if token, err := identityOf(t, "", m).Token(t.Context()); token != "token3" || err != nil || m.requests[2].URL.Query().Has("client_id") {
		t.Errorf("%q, %v", token, err)
	}
}

func TestRefusalsOfTheMachine(t *testing.T) {
	for _, tc := range []struct {
		name     string
		clientID string
		machine  machine
		arc      bool
		want     fault.Code
		message  string // part of it
		hint     string // part of it
		setting  string
	}{
		{
			"no service", "", machine{fail: lost("dial tcp 169.254.169.254:80: no route to host")}, false,
			fault.Unavailable, "this machine has no managed identity: its service 169.254.169.254 cannot be reached", "Azure Arc", setting.ManagedIdentity,
		},
		{
			"no identity of its own", "", machine{status: 400, answer: `{"error":"invalid_request","error_description":"Identity not found"}`}, false,
			fault.Unauthorized, "no managed identity of its own (Identity not found)", "Turn on", setting.ManagedIdentity,
		},
		{
			"not assigned", client, machine{status: 400, answer: `{"error":"invalid_request","error_description":"Identity not found"}`}, false,
			fault.Unauthorized, "no managed identity " + client, "Assign", setting.ApplicationID,
		},
		{
			"several", "", machine{status: 400, answer: `{"error":"invalid_request","error_description":"Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"}`}, false,
			fault.Unauthorized, "several managed identities", "ApplicationId", setting.ApplicationID,
		},
		{
			"scope", "", machine{status: 400, answer: `{"error":"invalid_resource","error_description":"AADSTS500011: The resource principal named x was not found in the tenant."}`}, false,
			fault.Unauthorized, "knows no service of the scope", "MicrosoftGraphPathApi", setting.BaseURL,
		},
		{
			"throttled", "", machine{status: 429, answer: `{"error":"too_many_requests"}`}, false,
			fault.Throttled, "answered 429", "again later", setting.ManagedIdentity,
		},
		{
			"broken", "", machine{status: 500, answer: `{"message":"Oops."}`}, false,
			fault.Unavailable, "answered 500 (Oops)", "again later", setting.ManagedIdentity,
		},
		{
			"nonsense", "", machine{answer: `<html>`}, false,
			fault.Unavailable, "gave no token", "identity is on", setting.ManagedIdentity,
		},
		{
			"key of Arc", "", machine{status: 401, answer: "{}", header: http.Header{"Www-Authenticate": {"Basic realm=/var/opt/azcmagent/tokens/absent.key"}}}, true,
			fault.Unauthorized, "the key of Azure Arc cannot be used", "himds", setting.ManagedIdentity,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inAzure(t)
			if tc.arc {
				t.Setenv("IDENTITY_ENDPOINT", "http://localhost:40342/metadata/identity/oauth2/token")
				t.Setenv("IMDS_ENDPOINT", "http://localhost:40342")
			}
			_, err := identityOf(t, tc.clientID, &tc.machine).Token(t.Context())
			f := fault.Of(err)
			if f == nil || f.Code != tc.want || f.Setting != tc.setting || !strings.Contains(f.Message, tc.message) || !strings.Contains(f.Hint, tc.hint) {
				t.Errorf("got %#v", f)
			}
		})
	}
}

// lost is an error of the network.
type lost string

func (l lost) Error() string { return string(l) }

func TestPatient(t *testing.T) {
	m := &machine{answer: "whole", header: http.Header{"X": {"y"}}}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://169.254.169.254/", nil)
	resp, err := signin.Patient(m).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, limited := m.requests[0].Context().Deadline(); !limited {
		t.Error("no limit")
	}
	if body, err := io.ReadAll(resp.Body); string(body) != "whole" || err != nil || resp.Header.Get("X") != "y" {
		t.Errorf("%q, %v", body, err)
	}
}
