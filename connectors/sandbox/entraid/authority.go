// Package entraid is the sign-in side of the sandbox: the token endpoint of
// Microsoft Entra ID for applications, with its errors, and the discovery
// documents that clients read first.
package entraid

import (
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/entraid/jwt"
	"github.com/usher-iga/usher/connectors/sandbox/reply"
)

// Config is what an authority is made of. All is required but IssuerKey.
type Config struct {
	Registration Registration
	Cloud        Cloud
	// Address is the sandbox's own URL, under which its Graph can be asked for.
	Address string
	// TokenLife is how long access tokens live.
	TokenLife time.Duration
	// Now is the time.
	Now func() time.Time
	// IssuerKey finds the key of another issuer of tokens by the key's id, nil
	// if there is none. Without it no federated credential is good.
	IssuerKey func(issuer, keyID string) *rsa.PublicKey
}

// Authority issues and checks access tokens. It may be used by many
// goroutines.
type Authority struct {
	cloud     Cloud
	address   string
	life      time.Duration
	now       func() time.Time
	issuerKey func(issuer, keyID string) *rsa.PublicKey
	key       *jwt.Key
	trouble   troubles

	mu      sync.Mutex
	app     Registration
	checked map[string]Claims // tokens whose signature was found good
}

// New makes an authority for one registration.
func New(config Config) (*Authority, error) {
	app := config.Registration
	if app.TenantID == "" || app.ClientID == "" {
		return nil, errors.New("the registration needs a tenant id and a client id")
	}
	key, err := jwt.NewKey()
	if err != nil {
		return nil, err
	}
	if config.IssuerKey == nil {
		config.IssuerKey = func(string, string) *rsa.PublicKey { return nil }
	}
	return &Authority{
		cloud: config.Cloud, address: config.Address, life: config.TokenLife, now: config.Now, issuerKey: config.IssuerKey,
		key: key, app: app.clone(), checked: map[string]Claims{},
	}, nil
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
		reply.JSON(w, http.StatusOK, map[string]any{"keys": []any{a.key.Document()}})
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
	app := a.Registration()
	resource, kind, no := a.check(r, &app, tenant)
	if no != nil {
		a.refuse(w, r, no)
		return
	}
	token, err := a.issue(&app, app.ClientID, "https://"+r.Host, resource, kind)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	seconds := int(a.life / time.Second)
	reply.JSON(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token.Text,
	})
}

// check goes through a token request in the order in which Entra does and
// returns the resource that the token is for, or why there is no token.
func (a *Authority) check(r *http.Request, app *Registration, tenant string) (resource string, kind Resource, no *Refusal) {
	form := r.PostForm
	if no := a.trouble.throttled(); no != nil {
		return "", 0, no
	}
	if no := a.checkTenant(app, tenant, r.Host); no != nil {
		return "", 0, no
	}
	for _, name := range []string{"grant_type", "client_id", "scope"} {
		if form.Get(name) == "" {
			return "", 0, missingParameter(name)
		}
	}
	if grant := form.Get("grant_type"); grant != "client_credentials" {
		return "", 0, &Refusal{Code: 70003, Kind: "unsupported_grant_type", Status: http.StatusBadRequest,
			Message: fmt.Sprintf("The app requested an unsupported grant type '%s'.", grant)}
	}
	if id := form.Get("client_id"); app.Absent || !strings.EqualFold(id, app.ClientID) {
		return "", 0, app.unknownClient(id)
	}
	if app.Disabled {
		return "", 0, app.refusal(codeDisabledClient)
	}
	if no := a.checkCredential(r, app, form); no != nil {
		return "", 0, no
	}
	if no := a.trouble.refused(app); no != nil {
		return "", 0, no
	}
	return a.checkScope(app, form.Get("scope"), r.Host)
}

func (a *Authority) checkTenant(app *Registration, tenant, host string) *Refusal {
	bad := func(code int, format string, args ...any) *Refusal {
		return &Refusal{Code: code, Kind: "invalid_request", Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
	}
	switch {
	case app.isTenant(tenant) && !a.cloud.isForeign(host):
		return nil
	case app.isTenant(tenant) && a.cloud.isKnownAt(host):
		return bad(codeCrossCloud, "Confidential Client is not supported in Cross Cloud request.")
	case !strings.ContainsAny(tenant, ".-"):
		return bad(900023, "Specified tenant identifier '%s' is neither a valid DNS name, nor a valid external domain.", tenant)
	}
	return bad(90002, "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", tenant)
}

func (a *Authority) checkCredential(r *http.Request, app *Registration, form url.Values) *Refusal {
	if text := form.Get("client_assertion"); text != "" {
		return a.checkAssertion(r, app, text)
	}
	secret := form.Get("client_secret")
	if secret == "" {
		return refusedClient(7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
	}
	return app.checkSecret(secret, a.now())
}

func same(a, b string) bool { return b != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// checkScope returns what the one scope of a request is for. The scopes of
// OpenID Connect beside it, which some clients always send, do not count.
func (a *Authority) checkScope(app *Registration, text, host string) (string, Resource, *Refusal) {
	scope := strings.Join(slices.DeleteFunc(strings.Fields(text), func(name string) bool {
		return name == "openid" || name == "profile" || name == "offline_access" || name == "email"
	}), " ")
	name, ok := strings.CutSuffix(scope, "/.default")
	if !ok || strings.Contains(scope, " ") {
		return "", 0, &Refusal{Code: 1002012, Kind: "invalid_scope", Status: http.StatusBadRequest, Message: fmt.Sprintf(
			"The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", scope)}
	}
	kind, ok := a.resource(name, host)
	if !ok {
		return "", 0, app.unknownResource(name)
	}
	return name, kind, nil
}
