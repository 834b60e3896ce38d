package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
)

const (
	testTenant = "11111111-2222-3333-4444-555555555555"
	testClient = "66666666-7777-8888-9999-000000000000"
	testSecret = "right~secret"
)

// tenant is a small Graph with its sign-in service, behind TLS.
type tenant struct {
	*httptest.Server
	kind   string                                                   // tenantType
	roles  []string                                                 // in the token; nil for one that is opaque
	app    string                                                   // the app registration as JSON; empty if it may not be read
	rounds map[string][]string                                      // the pages of a delta round, by path: what stands in value
	fault  func(w http.ResponseWriter, r *http.Request, n int) bool // may answer the nth request to Graph in its own way

	mu       sync.Mutex
	requests []*http.Request // to Graph and the sign-in service
	graph    int             // how many of them to Graph
}

func newTenant(t *testing.T) *tenant {
	t.Helper()
	tn := &tenant{kind: "AAD", rounds: map[string][]string{}}
	tn.Server = httptest.NewUnstartedServer(http.HandlerFunc(tn.serve))
	tn.Config.ErrorLog = log.New(io.Discard, "", 0) // connections that end early are part of the tests
	tn.StartTLS()
	t.Cleanup(tn.Close)
	return tn
}

// connection is one that works.
func (tn *tenant) connection() sdk.Connection {
	return sdk.Connection{
		ID: "Contoso",
		Settings: map[string]string{
			setting.TenantID: testTenant, setting.ApplicationID: testClient,
			setting.AuthorityPath: tn.URL + "/{0}", setting.BaseURL: tn.URL + "/v1.0",
		},
		Secrets: map[string]string{setting.ApplicationKey: testSecret},
		Network: sdk.Network{TrustedCertificates: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tn.Certificate().Raw})},
	}
}

func (tn *tenant) connector() connector {
	c := newConnector("test", hclog.NewNullLogger())
	c.Clock = &hurry{now: time.Now()}
	return c
}

// paths returns the paths that were asked for at Graph, once each.
func (tn *tenant) paths() []string {
	tn.mu.Lock()
	defer tn.mu.Unlock()
	seen := map[string]bool{}
	for _, r := range tn.requests {
		if path, ok := strings.CutPrefix(r.URL.Path, "/v1.0"); ok {
			seen[path] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func (tn *tenant) serve(w http.ResponseWriter, r *http.Request) {
	path, toGraph := strings.CutPrefix(r.URL.Path, "/v1.0/")
	tn.mu.Lock()
	tn.requests = append(tn.requests, r)
	if toGraph {
		tn.graph++
	}
	n := tn.graph
	tn.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case !toGraph:
		tn.signIn(w, r)
	case r.Header.Get("Authorization") != "Bearer "+tn.token():
		refuse(w, http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is missing or wrong.")
	case tn.fault != nil && tn.fault(w, r, n):
	case path == "organization":
		fmt.Fprintf(w, `{"value":[{"id":%q,"displayName":"Contoso","tenantType":%q,`+
			`"verifiedDomains":[{"name":"contoso.onmicrosoft.com","isDefault":false},{"name":"contoso.com","isDefault":true}]}]}`, testTenant, tn.kind)
	case path == "applications(appId='"+testClient+"')" && tn.app == "":
		refuse(w, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	case path == "applications(appId='"+testClient+"')":
		fmt.Fprint(w, tn.app)
	case strings.HasPrefix(path, "directory/deletedItems/microsoft.graph."):
		w.Header().Set("x-ms-resource-unit", "1")
		fmt.Fprintf(w, `{"@odata.context":"x","value":[{"id":"%s-deleted"}]}`, strings.TrimPrefix(path, "directory/deletedItems/microsoft.graph."))
	default:
		tn.page(w, r, path)
	}
}

// token is what the sign-in gives.
func (tn *tenant) token() string {
	if tn.roles == nil {
		return "good"
	}
	claims, _ := json.Marshal(map[string]any{"tid": testTenant, "appid": testClient, "roles": tn.roles})
	return "e30." + base64.RawURLEncoding.EncodeToString(claims) + ".c2lnbmF0dXJl"
}

// page answers a delta query. Its links must come back byte for byte.
func (tn *tenant) page(w http.ResponseWriter, r *http.Request, path string) {
	pages, ok := tn.rounds[path]
	number := 0
	if token, found := strings.CutPrefix(r.URL.RawQuery, "$skiptoken=a%2Bb%2fc%3D"); found {
		if _, err := fmt.Sscanf(token, "%d", &number); err != nil {
			ok = false
		}
	} else if !strings.HasPrefix(r.URL.RawQuery, "$select=id") {
		ok = false
	}
	if !ok || number >= len(pages) {
		refuse(w, http.StatusBadRequest, "Request_BadRequest", "What is "+r.URL.String()+"?")
		return
	}
	link := fmt.Sprintf(`"@odata.nextLink":"%s%s?$skiptoken=a%%2Bb%%2fc%%3D%d"`, tn.URL, r.URL.Path, number+1)
	if number == len(pages)-1 {
		link = fmt.Sprintf(`"@odata.deltaLink":"%s%s?$deltatoken=end"`, tn.URL, r.URL.Path)
	}
	w.Header().Set("x-ms-resource-unit", "2")
	fmt.Fprintf(w, `{"@odata.context":"x",%s,"value":[%s]}`, link, pages[number])
}

func (tn *tenant) signIn(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		root := tn.URL + "/" + testTenant
		fmt.Fprintf(w, `{"issuer":"%s/v2.0","authorization_endpoint":"%s/oauth2/v2.0/authorize","token_endpoint":"%s/oauth2/v2.0/token"}`, root, root, root)
	case r.FormValue("client_secret") == testSecret:
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":%q}`, tn.token())
	default:
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.","error_codes":[7000215]}`)
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("request-id", "r1")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%q,"message":%q,"innerError":{"request-id":"r1"}}}`, code, message)
}

// hurry is a clock on which waits take no time.
type hurry struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hurry) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hurry) Sleep(ctx context.Context, d time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(max(0, d))
	return ctx.Err()
}
