package keyvault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/keyvault"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// get returns the values as text, sorted.
func get(t *testing.T, s *keyvault.Source, names ...string) (got []string, warnings []error) {
	t.Helper()
	values, warnings, err := s.Get(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range values {
		got = append(got, name+"="+value.Reveal())
	}
	slices.Sort(got)
	return got, warnings
}

func TestGet(t *testing.T) {
	v := start(t)
	v.secrets = map[string]string{"a--b--0": "one", "c": "two"}
	s := v.source(t, keyvault.Config{SignIn: bySecret})
	if got, _ := get(t, s, "A--b--0", "none", "not_possible", ""); !slices.Equal(got, []string{"A--b--0=one"}) {
		t.Errorf("got %q", got)
	}
	if got, _ := get(t, s, "A--b--0", "c", "none"); !slices.Equal(got, []string{"A--b--0=one", "c=two"}) {
		t.Errorf("got %q", got)
	}
	if asked := v.took(); !slices.Equal(asked, []string{"A--b--0", "c", "none"}) {
		t.Errorf("asked for %q", asked)
	}
	form := v.forms[0]
	if len(v.forms) != 1 || form.Get("client_secret") != sesame || form.Get("client_id") != client || !strings.HasPrefix(form.Get("scope"), "https://vault.azure.net/.default") {
		t.Errorf("signed in with %v", v.forms)
	}

	v.set(func() { v.secrets["c"] = "new"; delete(v.secrets, "a--b--0") })
	if got, _ := get(t, s, "c", "A--b--0"); !slices.Equal(got, []string{"A--b--0=one", "c=two"}) {
		t.Errorf("within one load: %q", got)
	}
	s.Refresh()
	if got, _ := get(t, s, "c", "A--b--0"); !slices.Equal(got, []string{"c=new"}) {
		t.Errorf("in the next load: %q", got)
	}
}

func TestLastValuesAreKept(t *testing.T) {
	v := start(t)
	v.secrets["a"], v.secrets["b"] = "one", "two"
	s := v.source(t, keyvault.Config{SignIn: bySecret})
	get(t, s, "a", "b", "none")
	s.Refresh()
	v.set(func() {
		v.answer = func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusServiceUnavailable); return true }
	})
	got, warnings := get(t, s, "a", "b", "none")
	if !slices.Equal(got, []string{"a=one", "b=two"}) || len(warnings) != 1 || !strings.Contains(warnings[0].Error(), "a and 1 more is used: the Key Vault 127.0.0.1:") ||
		!fault.Is(warnings[0], fault.Unavailable) || fault.Of(warnings[0]).Setting != "AzureKeyVault:Vault" {
		t.Errorf("%q, %v", got, warnings)
	}
	if _, _, err := s.Get(t.Context(), []string{"c"}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a name that was never had: %v", err)
	}
	s.Refresh()
	v.set(func() { v.answer = nil; v.secrets["a"] = "new" })
	if got, warnings := get(t, s, "a", "b"); !slices.Equal(got, []string{"a=new", "b=two"}) || warnings != nil {
		t.Errorf("%q, %v", got, warnings)
	}
}

func TestThrottlingIsWaitedFor(t *testing.T) {
	v := start(t)
	v.secrets["a"] = "one"
	var times []time.Time
	v.answer = func(w http.ResponseWriter) bool {
		times = append(times, time.Now())
		if len(times) <= 2 {
			w.Header().Set("retry-after-ms", "3")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		return false
	}
	s := v.source(t, keyvault.Config{SignIn: bySecret})
	if got, _ := get(t, s, "a"); !slices.Equal(got, []string{"a=one"}) {
		t.Errorf("got %q", got)
	}
	if len(times) < 3 || times[1].Sub(times[0]) < 3*time.Millisecond {
		t.Errorf("asked at %v", times)
	}
}

func TestRefusals(t *testing.T) {
	const vault = "AzureKeyVault:Vault"
	for _, tc := range []struct {
		name          string
		answer        string
		code          fault.Code
		message, hint string
		system        string
	}{
		{"role", `!403 {"error":{"code":"Forbidden","message":"Caller is not authorized","innererror":{"code":"ForbiddenByRbac"}}}`, fault.Forbidden, "it has no role", "Key Vault Secrets User", "ForbiddenByRbac"},
		{"policy", `!403 {"error":{"code":"Forbidden","message":"no secrets get permission","innererror":{"code":"AccessDenied"}}}`, fault.Forbidden, "no access policy", "permission Get", "AccessDenied"},
		{"firewall", `!403 {"error":{"code":"Forbidden","message":"Client address is not authorized","innererror":{"code":"ForbiddenByFirewall"}}}`, fault.Forbidden, "does not let this machine in", "Networking", "ForbiddenByFirewall"},
		{"disabled", `!403 {"error":{"code":"Forbidden","message":"Operation get is not allowed on a disabled secret.","innererror":{"code":"SecretDisabled"}}}`, fault.Forbidden, "the secret a is disabled", "Enable", "SecretDisabled"},
		{"disabled, older", `!403 {"error":{"code":"Forbidden","message":"Operation get is not allowed on a disabled secret."}}`, fault.Forbidden, "the secret a is disabled", "Enable", "Forbidden"},
		{"other 403", `!403 {"error":{"code":"Forbidden","message":"Because."}}`, fault.Forbidden, "refuses to give the secret a: Because", "Secrets User", "Forbidden"},
		{"throttled", `!429 {"error":{"code":"Throttled","message":"x"}}`, fault.Throttled, "too many requests", "some minutes", "Throttled"},
		{"down", `!503 <html>`, fault.Unavailable, "is down: it answers 503", "some minutes", ""},
		{"no vault", `!404 {"error":{"code":"VaultNotFound","message":"There is none."}}`, fault.NotFound, "that it does not exist: There is none", "Vault URI", "VaultNotFound"},
		{"bad request", `!400 {"error":{"code":"BadParameter","message":"No."}}`, fault.Refused, "answers 400, No", "", "BadParameter"},
		{"token", `!401 {"error":{"code":"Unauthorized","message":"AKV10032: Invalid issuer."}}`, fault.Invalid, "does not answer as a Key Vault", "Vault URI", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := start(t)
			v.secrets["a"] = tc.answer
			_, _, err := v.source(t, keyvault.Config{SignIn: bySecret}).Get(t.Context(), []string{"a"})
			f := fault.Of(err)
			if f == nil || f.Code != tc.code || f.Setting != vault || !strings.Contains(f.Message, tc.message) || !strings.Contains(f.Hint, tc.hint) || f.SystemCode != tc.system {
				t.Fatalf("got %v, %+v", err, f)
			}
			if tc.system != "" && f.RequestID != "request-1" {
				t.Errorf("the id of the request is lost: %+v", f)
			}
			if strings.Contains(err.Error()+f.Hint, sesame) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRefusedToken(t *testing.T) {
	v := start(t)
	v.answer = func(w http.ResponseWriter) bool {
		w.Header().Set("WWW-Authenticate", `Bearer authorization="https://127.0.0.1/`+tenant+`", resource="https://vault.azure.net"`)
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":{"code":"Unauthorized","message":"AKV10032: Invalid issuer. Expected one of ..."}}`)
		return true
	}
	_, _, err := v.source(t, keyvault.Config{SignIn: bySecret}).Get(t.Context(), []string{"a"})
	if f := fault.Of(err); f == nil || f.Code != fault.Unauthorized || !strings.Contains(f.Message, "AKV10032: Invalid issuer") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoVault(t *testing.T) {
	for name, give := range map[string]func(http.ResponseWriter){
		"no challenge": func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) },
		"broken challenge": func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", `Bearer authorization="x", resource="y"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
		"two authorities": func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", `Bearer authorization="https://x/y", authorization="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
		"challenge of others": func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
		"no resource": func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", `Bearer authorization="https://x/y"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
		"a page":       func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") },
		"a large page": func(w http.ResponseWriter) { fmt.Fprint(w, `{"value":"`, strings.Repeat("x", 2<<20), `"}`) },
	} {
		v := start(t)
		v.answer = func(w http.ResponseWriter) bool { give(w); return true }
		_, _, err := v.source(t, keyvault.Config{SignIn: bySecret}).Get(t.Context(), []string{"a"})
		if f := fault.Of(err); f == nil || f.Code != fault.Invalid && f.Code != fault.Unavailable || f.Setting != "AzureKeyVault:Vault" || !strings.Contains(f.Message, "does not answer as") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	v := start(t)
	for _, tc := range []struct{ vault, proxy, message, setting string }{
		{"https://127.0.0.1:1", "", "127.0.0.1:1 refuses the connection", ""},
		{"https://does-not-exist.invalid", "", "the host name does-not-exist.invalid cannot be resolved", "AzureKeyVault:Vault"},
		{"https://x.vault.azure.net", "http://127.0.0.1:1", "x.vault.azure.net through the proxy 127.0.0.1:1 refuses the connection", ""},
	} {
		s, err := keyvault.New(keyvault.Config{Vault: tc.vault, SignIn: bySecret, Retry: quick}, newWay(t, transport.Options{RootsPEM: v.roots, Proxy: tc.proxy}))
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.Get(t.Context(), []string{"a"})
		if f := fault.Of(err); f == nil || f.Code != fault.Unavailable || !strings.Contains(f.Message, tc.message) || f.Setting != tc.setting || f.Hint == "" {
			t.Errorf("got %v, %+v", err, f)
		}
	}
	s, err := keyvault.New(keyvault.Config{Vault: v.url, AuthorityHost: v.url, SignIn: bySecret, Retry: quick}, newWay(t, transport.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = s.Get(t.Context(), []string{"a"}); !fault.Is(err, fault.Unavailable) || fault.Of(err).Setting != "TrustedCertificates" {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err = v.source(t, keyvault.Config{SignIn: bySecret}).Get(ctx, []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The names of Microsoft's own cloud, reached through a proxy.
func TestPublicVault(t *testing.T) {
	v := start(t)
	v.secrets["a"] = "one"
	v.challenge = "https://login.microsoftonline.com/" + tenant
	get := func() (map[string]secret.String, error) {
		s, err := keyvault.New(keyvault.Config{Vault: "https://contoso.vault.azure.net/", SignIn: bySecret, Retry: quick}, newWay(t, transport.Options{RootsPEM: v.roots, Proxy: v.pass}))
		if err != nil {
			t.Fatal(err)
		}
		values, _, err := s.Get(t.Context(), []string{"a"})
		return values, err
	}
	if values, err := get(); err != nil || values["a"].Reveal() != "one" || !slices.Equal(v.authority, []string{"login.microsoftonline.com"}) {
		t.Errorf("signed in at %v, %v", v.authority, err)
	}
	v.set(func() { v.resource = "https://graph.microsoft.com" })
	if _, err := get(); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "doesn't match the requested domain") {
		t.Errorf("a vault got a token for another service: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	way := newWay(t, transport.Options{})
	for _, tc := range []struct {
		name    string
		config  keyvault.Config
		setting string
	}{
		{"no vault", keyvault.Config{SignIn: bySecret}, "AzureKeyVault:Vault"},
		{"http", keyvault.Config{Vault: "http://x.vault.azure.net", SignIn: bySecret}, "AzureKeyVault:Vault"},
		{"path", keyvault.Config{Vault: "https://x.vault.azure.net/secrets", SignIn: bySecret}, "AzureKeyVault:Vault"},
		{"authority", keyvault.Config{Vault: "https://x.vault.azure.net", AuthorityHost: "login", SignIn: bySecret}, "AzureKeyVault:MicrosoftAuthorityPath"},
		{"tenant", keyvault.Config{Vault: "https://x.vault.azure.net", SignIn: keyvault.SignIn{Method: keyvault.ClientSecret, TenantID: "x/y", ClientID: client, ClientSecret: secret.New("x")}}, "AzureKeyVault"},
		{"application", keyvault.Config{Vault: "https://x.vault.azure.net", SignIn: keyvault.SignIn{Method: keyvault.ClientSecret, TenantID: tenant, ClientID: "x", ClientSecret: secret.New("x")}}, "AzureKeyVault"},
		{"no secret", keyvault.Config{Vault: "https://x.vault.azure.net", SignIn: keyvault.SignIn{Method: keyvault.ClientSecret, TenantID: tenant, ClientID: client}}, "AzureKeyVault"},
		{"no certificate", keyvault.Config{Vault: "https://x.vault.azure.net", SignIn: keyvault.SignIn{Method: keyvault.Certificate, TenantID: tenant, ClientID: client}}, "AzureKeyVault"},
		{"method", keyvault.Config{Vault: "https://x.vault.azure.net", SignIn: keyvault.SignIn{Method: "x"}}, "AzureKeyVault"},
	} {
		if _, err := keyvault.New(tc.config, way); !fault.Is(err, fault.Invalid) || fault.Of(err).Setting != tc.setting || fault.Of(err).Message == "" {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestName(t *testing.T) {
	for _, tc := range []struct {
		path []string
		want string
		ok   bool
	}{
		{[]string{"Connections", "Contoso", "ApplicationKey"}, "Connections--Contoso--ApplicationKey", true},
		{[]string{"Servers", "1", "Server"}, "Servers--1--Server", true},
		{[]string{"Connections", "my_tenant", "ApplicationKey"}, "", false},
		{[]string{"a", ""}, "", false},
		{[]string{strings.Repeat("a", 128)}, "", false},
		{nil, "", false},
	} {
		if got, ok := keyvault.Name(tc.path...); ok != tc.ok || ok && got != tc.want {
			t.Errorf("%q: %q, %t", tc.path, got, ok)
		}
	}
}
