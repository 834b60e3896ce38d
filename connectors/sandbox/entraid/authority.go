// Package entraid is the sign-in side of the sandbox: the token endpoint of
// Microsoft Entra ID for applications, with its errors, and the discovery
// documents that clients read first.
package entraid

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Registration is the application that may sign in.
type Registration struct {
	TenantID      string
	Domain        string // also accepted as the tenant's name
	ClientID      string
	Secret        string
	ExpiredSecret string            // recognized and refused
	Certificate   *x509.Certificate // for client assertions; may be nil
	Roles         []string
}

// Authority issues and checks access tokens. It may be used by many
// goroutines.
type Authority struct {
	app   Registration
	life  time.Duration
	now   func() time.Time
	key   *rsa.PrivateKey
	keyID string

	mu      sync.Mutex
	checked map[string]Claims // tokens whose signature was found good
}

// New makes an authority for one registration. Its tokens live for life.
func New(app Registration, life time.Duration, now func() time.Time) (*Authority, error) {
	if app.TenantID == "" || app.ClientID == "" || app.Secret == "" {
		return nil, errors.New("the registration needs a tenant id, a client id and a secret")
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("cannot make the key that signs tokens: %w", err)
	}
	a := &Authority{app: app, life: life, now: now, key: key, checked: map[string]Claims{}}
	a.keyID = keyID(&key.PublicKey)
	return a, nil
}

// ServeHTTP answers /{tenant}/oauth2/v2.0/token, the discovery documents and
// the keys; anything else is 404.
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	segment, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case rest == "oauth2/v2.0/token" && r.Method == http.MethodPost:
		a.token(w, r, segment)
	case rest == "discovery/instance" && segment == "common":
		a.instance(w, r)
	case rest == "v2.0/.well-known/openid-configuration":
		a.configuration(w, r, segment)
	case rest == "discovery/v2.0/keys" || rest == "discovery/keys":
		writeJSON(w, http.StatusOK, map[string]any{"keys": []any{a.publicKey()}})
	default:
		http.NotFound(w, r)
	}
}

// Owns says whether a path is one that ServeHTTP knows.
func Owns(path string) bool {
	_, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch rest {
	case "oauth2/v2.0/token", "discovery/instance", "v2.0/.well-known/openid-configuration", "discovery/v2.0/keys", "discovery/keys":
		return true
	}
	return false
}

// maxForm is how long the body of a token request may be.
const maxForm = 64 << 10

func (a *Authority) token(w http.ResponseWriter, r *http.Request, tenant string) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		a.refuse(w, r, missingParameter("grant_type"))
		return
	}
	scope, refusal := a.check(r, tenant)
	if refusal != nil {
		a.refuse(w, r, *refusal)
		return
	}
	token, err := a.issue("https://"+r.Host+"/"+a.app.TenantID+"/v2.0", strings.TrimSuffix(scope, "/.default"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	seconds := int(a.life / time.Second)
	writeJSON(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token,
	})
}

// check goes through a token request in the order in which Entra does and
// returns the scope, or why there is no token.
func (a *Authority) check(r *http.Request, tenant string) (scope string, no *refusal) {
	form := r.PostForm
	if no := a.checkTenant(tenant); no != nil {
		return "", no
	}
	for _, name := range []string{"grant_type", "client_id", "scope"} {
		if form.Get(name) == "" {
			no := missingParameter(name)
			return "", &no
		}
	}
	if grant := form.Get("grant_type"); grant != "client_credentials" {
		return "", &refusal{70003, "unsupported_grant_type", http.StatusBadRequest,
			fmt.Sprintf("The app requested an unsupported grant type '%s'.", grant)}
	}
	if id := form.Get("client_id"); !strings.EqualFold(id, a.app.ClientID) {
		return "", &refusal{700016, "unauthorized_client", http.StatusBadRequest, fmt.Sprintf(
			"Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", id, tenant)}
	}
	if no := a.checkCredential(r, form); no != nil {
		return "", no
	}
	return a.checkScope(form.Get("scope"), r.Host)
}

func (a *Authority) checkTenant(tenant string) *refusal {
	switch {
	case strings.EqualFold(tenant, a.app.TenantID), strings.EqualFold(tenant, a.app.Domain):
		return nil
	case !strings.ContainsAny(tenant, ".-"):
		return &refusal{900023, "invalid_request", http.StatusBadRequest, fmt.Sprintf(
			"Specified tenant identifier '%s' is neither a valid DNS name, nor a valid external domain.", tenant)}
	}
	return &refusal{90002, "invalid_request", http.StatusBadRequest, fmt.Sprintf(
		"Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", tenant)}
}

func (a *Authority) checkCredential(r *http.Request, form url.Values) *refusal {
	secret := form.Get("client_secret")
	switch {
	case form.Get("client_assertion") != "":
		return a.checkAssertion(r, form.Get("client_assertion"))
	case secret == "":
		return &refusal{7000216, "invalid_client", http.StatusUnauthorized,
			"'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."}
	case same(secret, a.app.Secret):
		return nil
	case same(secret, a.app.ExpiredSecret):
		return &refusal{7000222, "invalid_client", http.StatusUnauthorized, fmt.Sprintf(
			"The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", a.app.ClientID)}
	}
	return &refusal{7000215, "invalid_client", http.StatusUnauthorized, fmt.Sprintf(
		"Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", a.app.ClientID)}
}

func same(a, b string) bool { return b != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// graphResources are the names under which a Graph may be asked for; the
// sandbox's own address is one more.
var graphResources = map[string]bool{
	"https://graph.microsoft.com":             true,
	"https://graph.microsoft.us":              true,
	"https://dod-graph.microsoft.us":          true,
	"https://microsoftgraph.chinacloudapi.cn": true,
	"00000003-0000-0000-c000-000000000000":    true,
}

// checkScope returns the one scope of a request. The scopes of OpenID Connect
// beside it, which some clients always send, do not count.
func (a *Authority) checkScope(text, host string) (string, *refusal) {
	scope := strings.Join(slices.DeleteFunc(strings.Fields(text), func(name string) bool {
		return name == "openid" || name == "profile" || name == "offline_access" || name == "email"
	}), " ")
	resource, ok := strings.CutSuffix(scope, "/.default")
	if !ok || strings.Contains(scope, " ") {
		return "", &refusal{1002012, "invalid_scope", http.StatusBadRequest, fmt.Sprintf(
			"The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", scope)}
	}
	if name := strings.TrimSuffix(resource, "/"); !graphResources[name] && name != "https://"+host {
		return "", &refusal{500011, "invalid_resource", http.StatusBadRequest, fmt.Sprintf(
			"The resource principal named %s was not found in the tenant named %s. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.", resource, a.app.TenantID)}
	}
	return scope, nil
}

func (a *Authority) instance(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": "https://" + r.Host + "/" + a.app.TenantID + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []any{map[string]any{
			"preferred_network": r.Host, "preferred_cache": r.Host, "aliases": []string{r.Host},
		}},
	})
}

func (a *Authority) configuration(w http.ResponseWriter, r *http.Request, tenant string) {
	if tenant != "common" && tenant != "organizations" {
		if no := a.checkTenant(tenant); no != nil {
			a.refuse(w, r, *no)
			return
		}
	}
	base := "https://" + r.Host + "/" + tenant
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                "https://" + r.Host + "/" + a.app.TenantID + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"end_session_endpoint":                  base + "/oauth2/v2.0/logout",
		"userinfo_endpoint":                     "https://" + r.Host + "/oidc/userinfo",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"tenant_region_scope":                   nil,
		"cloud_instance_name":                   r.Host,
		"msgraph_host":                          r.Host,
	})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.WriteHeader(status)
	// An error here means that the client is gone.
	_, _ = w.Write(b)
}
