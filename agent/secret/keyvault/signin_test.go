package keyvault_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/keyvault"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// stored is a key that does not leave its store.
type stored struct{ crypto.Signer }

func newIdentity(t *testing.T) certificate.Identity {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate.Identity{Chain: []*x509.Certificate{c}, Key: stored{key}}
}

func TestSignIn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("federated"), 0o600); err != nil {
		t.Fatal(err)
	}
	assertion := func(want string) func(*testing.T, url.Values) {
		return func(t *testing.T, form url.Values) {
			t.Helper()
			if got := form.Get("client_assertion"); got != want || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
				t.Errorf("got %v", form)
			}
		}
	}
	bySecret := func(t *testing.T, form url.Values) {
		t.Helper()
		if form.Get("client_secret") != sesame {
			t.Errorf("got %v", form)
		}
	}
	for _, tc := range []struct {
		name   string
		signIn keyvault.SignIn
		check  func(*testing.T, url.Values)
	}{
		{"secret, tenant by domain", keyvault.SignIn{Method: keyvault.ClientSecret, TenantID: "contoso.example", ClientID: client, ClientSecret: secret.New(sesame)}, bySecret},
		{"certificate", keyvault.SignIn{Method: keyvault.Certificate, TenantID: tenant, ClientID: client, Certificate: newIdentity(t)}, func(t *testing.T, form url.Values) {
			t.Helper()
			body, err := base64.RawURLEncoding.DecodeString(strings.Split(form.Get("client_assertion"), ".")[1])
			var claims struct{ Aud, Iss string }
			if err != nil || json.Unmarshal(body, &claims) != nil || claims.Iss != client || !strings.HasSuffix(claims.Aud, "/"+tenant+"/oauth2/v2.0/token") {
				t.Errorf("%s, %v", body, err)
			}
		}},
		{"workload identity", keyvault.SignIn{Method: keyvault.WorkloadIdentity, TenantID: tenant, ClientID: client, TokenFile: file}, assertion("federated")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := start(t)
			v.secrets["a"] = "one"
			source := v.source(t, keyvault.Config{SignIn: tc.signIn})
			if values, _, err := source.Get(t.Context(), []string{"a"}); err != nil || values["a"].Reveal() != "one" {
				t.Fatal(err)
			}
			if (source.Certificate() != nil) != (tc.signIn.Method == keyvault.Certificate) {
				t.Errorf("the certificate is %v", source.Certificate())
			}
			tc.check(t, v.forms[0])
		})
	}
}

// startMetadata runs the service that gives tokens to programs in Azure, in the form that
// App Service has: the others are at fixed addresses.
func startMetadata(t *testing.T, status int, answer string) (asked func() url.Values) {
	t.Helper()
	var query url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.Query()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	t.Setenv("IDENTITY_ENDPOINT", server.URL)
	t.Setenv("IDENTITY_HEADER", "x")
	return func() url.Values { return query }
}

func TestManagedIdentity(t *testing.T) {
	asked := startMetadata(t, http.StatusOK, `{"access_token":"token","expires_on":"9999999999","resource":"https://vault.azure.net","token_type":"Bearer"}`)
	v := start(t)
	v.secrets["a"] = "one"
	s := v.source(t, keyvault.Config{SignIn: keyvault.SignIn{Method: keyvault.ManagedIdentity, ClientID: client}})
	if values, _, err := s.Get(t.Context(), []string{"a"}); err != nil || values["a"].Reveal() != "one" {
		t.Fatal(err)
	}
	if q := asked(); q.Get("resource") != "https://vault.azure.net" || q.Get("client_id") != client {
		t.Errorf("asked with %v", q)
	}
}

func TestNoManagedIdentity(t *testing.T) {
	for _, tc := range []struct {
		name          string
		client        string // not that of another test: azidentity keeps tokens for the process
		status        int    // 0 for nobody there
		message, hint string
	}{
		{"not on", "", http.StatusBadRequest, "Identity not found", "Turn the system-assigned identity"},
		{"not assigned", tenant, http.StatusBadRequest, "Identity not found", "is assigned to this machine"},
		{"no Azure machine", "", 0, "this machine has no managed identity", "Azure Arc"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			startMetadata(t, tc.status, `{"error":"invalid_request","error_description":"Identity not found"}`)
			if tc.status == 0 {
				t.Setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:1")
			}
			v := start(t)
			_, _, err := v.source(t, keyvault.Config{SignIn: keyvault.SignIn{Method: keyvault.ManagedIdentity, ClientID: tc.client}}).Get(t.Context(), []string{"a"})
			if f := fault.Of(err); f == nil || f.Setting != "AzureKeyVault" || !strings.Contains(f.Error(), tc.message) || !strings.Contains(f.Hint, tc.hint) {
				t.Errorf("got %v, %+v", err, f)
			}
		})
	}
}

func TestSignInRefused(t *testing.T) {
	for _, tc := range []struct {
		name          string
		status        int
		body          string
		code          fault.Code
		message, hint string
		system        string
	}{
		{"wrong secret", 401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Trace ID: x","error_codes":[7000215],"trace_id":"t","correlation_id":"c"}`,
			fault.Unauthorized, "refused the sign-in to Key Vault: the client secret is wrong", "value into ApplicationKey, not its ID", "AADSTS7000215"},
		{"unknown", 400, `{"error":"invalid_request","error_description":"AADSTS1: Something.","error_codes":[1]}`, fault.Unauthorized, "Something", "Look the code up", "AADSTS1"},
		{"throttled", 429, ``, fault.Throttled, "too many requests", "some minutes", ""},
		{"down", 503, ``, fault.Unavailable, "is down: it answered 503", "some minutes", ""},
		{"a page", 403, `<html>`, fault.Unavailable, "without a reason", "MicrosoftAuthorityPath", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := start(t)
			v.refuse = func(url.Values) (int, string) { return tc.status, tc.body }
			_, _, err := v.source(t, keyvault.Config{SignIn: bySecret}).Get(t.Context(), []string{"a"})
			f := fault.Of(err)
			if f == nil || f.Code != tc.code || !strings.Contains(f.Message, tc.message) || !strings.Contains(f.Hint, tc.hint) || f.SystemCode != tc.system {
				t.Errorf("got %v, %+v", err, f)
			}
		})
	}
}

// What failed before a repetition does not stand for what the repetition was told.
func TestSignInRefusedAfterAFailure(t *testing.T) {
	v := start(t)
	cut := true
	v.refuse = func(url.Values) (int, string) {
		if cut {
			cut = false
			panic(http.ErrAbortHandler) // cuts the connection
		}
		return 401, `{"error":"invalid_client","error_description":"AADSTS7000222: Expired.","error_codes":[7000222]}`
	}
	_, _, err := v.source(t, keyvault.Config{SignIn: bySecret}).Get(t.Context(), []string{"a"})
	if !fault.Is(err, fault.Unauthorized) || fault.Of(err).SystemCode != "AADSTS7000222" || cut {
		t.Errorf("got %v", err)
	}
}

func TestVaultOfAnotherTenant(t *testing.T) {
	v := start(t)
	v.challenge = "https://login.example/33333333-3333-3333-3333-333333333333"
	_, _, err := v.source(t, keyvault.Config{SignIn: bySecret}).Get(t.Context(), []string{"a"})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "belongs to the tenant 33333333-") || len(v.forms) != 0 {
		t.Errorf("got %v", err)
	}
}

func TestTokenFileIsMissing(t *testing.T) {
	v := start(t)
	s := v.source(t, keyvault.Config{SignIn: keyvault.SignIn{Method: keyvault.WorkloadIdentity, TenantID: tenant, ClientID: client, TokenFile: "/does/not/exist"}})
	if _, _, err := s.Get(t.Context(), []string{"a"}); !fault.Is(err, fault.Unauthorized) || !strings.Contains(err.Error(), "/does/not/exist") || strings.Contains(err.Error(), "aka.ms") {
		t.Errorf("got %v", err)
	}
}

func TestParseConnectionString(t *testing.T) {
	const ids = "AppId=" + client + ";TenantId=" + tenant
	for text, want := range map[string]keyvault.SignIn{
		"RunAs=App":                 {Method: keyvault.ManagedIdentity},
		"runas=app;":                {Method: keyvault.ManagedIdentity},
		"RunAs=App;AppId=" + client: {Method: keyvault.ManagedIdentity, ClientID: client},
		"RunAs=App; AppId={" + client + "}; CertificateThumbprint={ab}; TenantId=\"" + tenant + "\";CertificateStoreLocation=CurrentUser": {
			Method: keyvault.Certificate, ClientID: client, TenantID: tenant, CertificateStore: certificate.Store{Location: "CurrentUser", Thumbprint: "ab"}},
		"RunAs=App;" + ids + ";CertificateSubjectName=CN=usher": {
			Method: keyvault.Certificate, ClientID: client, TenantID: tenant, CertificateStore: certificate.Store{DistinguishedName: "CN=usher"}},
	} {
		got, err := keyvault.ParseConnectionString(secret.New(text))
		if err != nil || got.Method != want.Method || got.ClientID != want.ClientID || got.TenantID != want.TenantID || got.CertificateStore != want.CertificateStore {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	got, err := keyvault.ParseConnectionString(secret.New("RunAs=App;" + ids + ";AppKey=a=b~c"))
	if err != nil || got.Method != keyvault.ClientSecret || got.ClientSecret.Reveal() != "a=b~c" {
		t.Errorf("got %+v, %v", got, err)
	}
	for text, message := range map[string]string{
		"":                           "RunAs is not App",
		"RunAs=CurrentUser":          "RunAs is not App",
		"RunAs=Developer;x=y":        "part 2",
		"AppId=" + client:            "RunAs is not App",
		"RunAs=App;AppId=x;AppKey=s": "TenantId is missing",
		"RunAs=App;" + ids + ";AppKey=sesame;word":                                               "part 5",
		"RunAs=App;AppKey=a;AppKey=sesame":                                                       "twice",
		"RunAs=App;" + ids + ";AppKey=sesame;CertificateThumbprint=x":                            "both AppKey and a certificate",
		"RunAs=App;AppId=" + client + ";KeyVaultCertificateSecretIdentifier=https://x/secrets/y": "is not supported",
	} {
		_, err := keyvault.ParseConnectionString(secret.New(text))
		f := fault.Of(err)
		if f == nil || f.Code != fault.Invalid || f.Setting != "AzureKeyVault:ConnectionString" || !strings.Contains(f.Message, message) || strings.Contains(f.Error()+f.Hint, "sesame") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
