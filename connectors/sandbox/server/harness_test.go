package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/control"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// testClock is a clock that tests move.
type testClock struct{ nanos atomic.Int64 }

func (c *testClock) now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *testClock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// sandbox is a running server and a client that trusts it.
type sandbox struct {
	*Server
	t      *testing.T
	clock  *testClock
	client *http.Client
	token  string
}

// start runs a server until the test ends and signs in to it.
func start(t *testing.T, options Options) *sandbox {
	t.Helper()
	return startAt(t, time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), options)
}

// startAt is start at another time than the usual.
func startAt(t *testing.T, at time.Time, options Options) *sandbox {
	t.Helper()
	clock := &testClock{}
	clock.nanos.Store(at.UnixNano())
	options.Now = clock.now
	if options.Tenant.Domain == "" {
		options.Tenant = tenant.DefaultConfig()
	}
	s, err := New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	sb := &sandbox{Server: s, t: t, clock: clock}
	sb.client = sb.newClient(true)
	t.Cleanup(sb.client.CloseIdleConnections)
	sb.token = sb.signIn()
	return sb
}

// newClient makes a client with connections of its own.
func (sb *sandbox) newClient(http2 bool) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: sb.Roots(), Time: sb.clock.now},
		ForceAttemptHTTP2: http2,
	}}
}

func (sb *sandbox) form(changes ...string) url.Values {
	ready := sb.Ready()
	form := url.Values{
		"client_id": {ready.ClientID}, "client_secret": {ready.ClientSecret},
		"grant_type": {"client_credentials"}, "scope": {ready.URL + "/.default"},
	}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

func (sb *sandbox) signIn() string {
	sb.t.Helper()
	a := sb.post("/"+sb.Ready().TenantID+"/oauth2/v2.0/token", sb.form())
	token, _ := a.json["access_token"].(string)
	if a.status != http.StatusOK || token == "" {
		sb.t.Fatalf("sign-in: %d %s", a.status, a.body)
	}
	return token
}

// answer is a response, read to its end.
type answer struct {
	status int
	header http.Header
	proto  string
	body   []byte
	json   map[string]any
}

// code is the error code of a Graph error.
func (a answer) code() string {
	e, _ := a.json["error"].(map[string]any)
	code, _ := e["code"].(string)
	return code
}

func (a answer) message() string {
	e, _ := a.json["error"].(map[string]any)
	message, _ := e["message"].(string)
	return message
}

func (a answer) values() []map[string]any {
	list, _ := a.json["value"].([]any)
	values := make([]map[string]any, len(list))
	for i := range list {
		values[i], _ = list[i].(map[string]any)
	}
	return values
}

// try sends a request; address is a path or a whole URL.
func (sb *sandbox) try(client *http.Client, method, address string, body []byte, header ...string) (answer, error) {
	if strings.HasPrefix(address, "/") {
		address = sb.Ready().URL + address
	}
	r, err := http.NewRequestWithContext(sb.t.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		sb.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+sb.token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header, proto: response.Proto}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		return a, err
	}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(a.body, &a.json); err != nil {
			return a, fmt.Errorf("%w in %s", err, a.body)
		}
	}
	return a, nil
}

func (sb *sandbox) do(method, address string, body []byte, header ...string) answer {
	sb.t.Helper()
	a, err := sb.try(sb.client, method, address, body, header...)
	if err != nil {
		sb.t.Fatalf("%s %s: %v", method, address, err)
	}
	return a
}

func (sb *sandbox) get(address string, header ...string) answer {
	sb.t.Helper()
	return sb.do(http.MethodGet, address, nil, header...)
}

func (sb *sandbox) post(path string, form url.Values) answer {
	sb.t.Helper()
	return sb.do(http.MethodPost, path, []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
}

// control changes something by the control API.
func (sb *sandbox) control(method, path, body string) {
	sb.t.Helper()
	if a := sb.do(method, "/sandbox/control"+path, []byte(body)); a.status != http.StatusNoContent {
		sb.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
}

// ask changes something by the control API and returns what it tells.
func (sb *sandbox) ask(method, path, body string) map[string]any {
	sb.t.Helper()
	a := sb.do(method, "/sandbox/control"+path, []byte(body))
	if a.status != http.StatusOK && a.status != http.StatusCreated {
		sb.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	return a.json
}

// tokenRequest asks for a token; changes are those of form.
func (sb *sandbox) tokenRequest(changes ...string) answer {
	sb.t.Helper()
	return sb.post("/"+sb.Ready().TenantID+"/oauth2/v2.0/token", sb.form(changes...))
}

// refusal is the AADSTS code of a token request's answer, "" for a token.
func refusal(a answer) string {
	if a.json["access_token"] != nil {
		return ""
	}
	codes, _ := a.json["error_codes"].([]any)
	if len(codes) != 1 {
		return string(a.body)
	}
	return fmt.Sprintf("%.0f", codes[0])
}

func (sb *sandbox) once(fault, rest string) {
	sb.t.Helper()
	sb.control(http.MethodPost, "/faults/once", `{"fault":"`+fault+`"`+rest+`}`)
}

// counts reads the counters of the control API.
func (sb *sandbox) counts() control.Counts {
	sb.t.Helper()
	var counts control.Counts
	if err := json.Unmarshal(sb.get("/sandbox/control/counters").body, &counts); err != nil {
		sb.t.Fatal(err)
	}
	return counts
}

// round follows a delta query to its end and returns the pages.
func (sb *sandbox) round(address string) []answer {
	sb.t.Helper()
	var pages []answer
	for address != "" {
		a := sb.get(address)
		if a.status != http.StatusOK {
			sb.t.Fatalf("%s: %d %s", address, a.status, a.body)
		}
		next, more := a.json["@odata.nextLink"].(string)
		_, last := a.json["@odata.deltaLink"].(string)
		if more == last {
			sb.t.Fatalf("%s: nextLink %v, deltaLink %v; there must be one of them", address, more, last)
		}
		pages, address = append(pages, a), next
	}
	return pages
}
