package sandboxed

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
)

// A Sandbox is a running usher-sandbox, known by what it writes when it is ready.
type Sandbox struct {
	URL          string
	Authority    string
	Control      string // of its control API
	CAFile       string
	TenantID     string
	ClientID     string
	ClientSecret string
	SecretID     string

	// Given by a flag, as are the next ones.
	CertificateFile    string
	FederatedTokenFile string
	IMDS               string
	IdentityHeader     string
	ManagedClientID    string

	CloudAuthority string
	CloudGraph     string

	roots  []byte
	client *http.Client
}

// Connection is one that works. It is the caller's to change.
func (sb *Sandbox) Connection() sdk.Connection {
	return sdk.Connection{
		ID: "Sandbox",
		Settings: map[string]string{
			setting.TenantID: sb.TenantID, setting.ApplicationID: sb.ClientID, setting.AuthorityPath: sb.Authority, setting.BaseURL: sb.URL + "/v1.0/",
		},
		Secrets: map[string]string{setting.ApplicationKey: sb.ClientSecret},
		Network: sdk.Network{TrustedCertificates: sb.roots},
	}
}

// Ask asks something of the control API and returns the answer.
func (sb *Sandbox) Ask(t *testing.T, method, path, body string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, sb.Control+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := sb.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s %v: %s", method, path, resp.Status, err, text)
	}
	return text
}

// Object is one object as it is, whatever Graph tells of it.
type Object struct {
	ID         string
	Properties map[string]json.RawMessage
	Links      map[string][]string
}

// Truth returns all objects of an entity, or of the set named, by id.
func (sb *Sandbox) Truth(t *testing.T, entity string) map[string]Object {
	t.Helper()
	all := map[string]Object{}
	d := json.NewDecoder(bytes.NewReader(sb.Ask(t, http.MethodGet, "/snapshot/"+entity, "")))
	for {
		var one Object
		if err := d.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[one.ID] = one
	}
}
