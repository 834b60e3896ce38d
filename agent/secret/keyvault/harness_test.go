package keyvault_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/keyvault"
	"github.com/usher-iga/usher/connectors/sdk/aadsts"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

const (
	tenant = "11111111-1111-1111-1111-111111111111"
	client = "22222222-2222-2222-2222-222222222222"
	sesame = "s3cr3t~value"
)

var bySecret = keyvault.SignIn{
	Method: keyvault.ClientSecret, TenantID: tenant, ClientID: client, ClientSecret: secret.New(sesame),
	Names: aadsts.Names{Tenant: "TenantId", Application: "ApplicationId", Authority: "MicrosoftAuthorityPath", Credential: "ApplicationKey"},
}

// quick makes repetitions that tests need not wait for.
var quick = keyvault.Retry{Times: 2, Wait: time.Microsecond, MaxWait: 3 * time.Second}

// A service is a vault and the sign-in service of its tenant, by HTTPS.
type service struct {
	url   string // of both
	roots []byte
	pass  string // a proxy that leads each name here

	mu        sync.Mutex
	secrets   map[string]string // names in lower case; an answer "!403 {...}" is a refusal
	challenge string            // authority of the challenge; the service's own if empty
	resource  string
	refuse    func(form url.Values) (status int, body string) // of the sign-in; status 0 to issue
	answer    func(w http.ResponseWriter) bool                // answers in place of the vault
	asked     []string                                        // names
	forms     []url.Values                                    // of sign-ins
	authority []string                                        // hosts asked for sign-in
}

func start(t *testing.T) *service {
	t.Helper()
	s := &service{secrets: map[string]string{}, resource: "https://vault.azure.net"}
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"*.vault.azure.net", "login.microsoftonline.com", "login.microsoft.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s.roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	s.url = server.URL
	s.pass = startProxy(t, strings.TrimPrefix(server.URL, "https://"))
	return s
}

// startProxy runs a proxy that connects everything to target.
func startProxy(t *testing.T, target string) string {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		up, err := net.Dial("tcp", target)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer up.Close()
		w.WriteHeader(http.StatusOK)
		down, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer down.Close()
		go func() { _, _ = io.Copy(up, buffered) }()
		_, _ = io.Copy(down, up)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	base := "https://" + r.Host
	switch {
	case strings.HasSuffix(r.URL.Path, "/discovery/instance"):
		fmt.Fprintf(w, `{"tenant_discovery_endpoint":"%s/%s/v2.0/.well-known/openid-configuration","metadata":[]}`, base, tenant)
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		name, _, _ := strings.Cut(r.URL.Path[1:], "/")
		fmt.Fprintf(w, `{"issuer":"%[1]s/%[2]s/v2.0","authorization_endpoint":"%[1]s/%[2]s/oauth2/v2.0/authorize","token_endpoint":"%[1]s/%[2]s/oauth2/v2.0/token"}`, base, name)
	case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		s.token(w, r)
	case strings.HasPrefix(r.URL.Path, "/secrets/"):
		s.secret(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (s *service) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.forms = append(s.forms, r.PostForm)
	s.authority = append(s.authority, r.Host)
	if s.refuse != nil {
		if status, body := s.refuse(r.PostForm); status != 0 {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return
		}
	}
	fmt.Fprint(w, `{"token_type":"Bearer","expires_in":3599,"access_token":"token"}`)
}

func (s *service) secret(w http.ResponseWriter, r *http.Request) {
	if s.answer != nil && s.answer(w) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer token" {
		authority := s.challenge
		if authority == "" {
			authority = "https://" + r.Host + "/" + tenant
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer authorization="%s", resource="%s"`, authority, s.resource))
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":{"code":"Unauthorized","message":"AKV10000: Request is missing a Bearer or PoP token."}}`)
		return
	}
	name := strings.Trim(strings.TrimPrefix(r.URL.Path, "/secrets/"), "/")
	s.asked = append(s.asked, name)
	w.Header().Set("x-ms-request-id", "request-1")
	value, ok := s.secrets[strings.ToLower(name)]
	switch refusal, refused := strings.CutPrefix(value, "!"); {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"error":{"code":"SecretNotFound","message":"A secret with (name/id) %s was not found in this key vault."}}`, name)
	case refused:
		var status int
		status, value = 0, ""
		if _, err := fmt.Sscanf(refusal, "%d", &status); err == nil {
			_, value, _ = strings.Cut(refusal, " ")
		}
		w.WriteHeader(status)
		fmt.Fprint(w, value)
	default:
		fmt.Fprintf(w, `{"value":%q,"id":"https://x.vault.azure.net/secrets/%s/1","attributes":{"enabled":true}}`, value, name)
	}
}

// set changes the service while it runs.
func (s *service) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// took returns what the vault was asked since the last call.
func (s *service) took() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := slices.Sorted(slices.Values(s.asked))
	s.asked = nil
	return asked
}

func newWay(t *testing.T, o transport.Options) *transport.Transport {
	t.Helper()
	way, err := transport.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(way.Close)
	return way
}

// source makes a Source that reads s as c says.
func (s *service) source(t *testing.T, c keyvault.Config) *keyvault.Source {
	t.Helper()
	if c.Vault == "" {
		c.Vault, c.AuthorityHost = s.url, s.url
	}
	if c.Retry == (keyvault.Retry{}) {
		c.Retry = quick
	}
	source, err := keyvault.New(c, newWay(t, transport.Options{RootsPEM: s.roots}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	return source
}
