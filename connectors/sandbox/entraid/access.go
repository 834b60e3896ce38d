package entraid

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/entraid/jwt"
	"github.com/usher-iga/usher/connectors/sandbox/reply"
)

// Resource is what a token is good for.
type Resource uint8

// The resources that the sandbox has.
const (
	Graph Resource = iota + 1
	Vault
)

// The application ids of Microsoft's services, which are names of their
// resources too (verify first-party Microsoft applications in sign-in reports).
const (
	graphAppID = "00000003-0000-0000-c000-000000000000"
	vaultAppID = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
)

// resource finds out what a name, as in a scope, stands for; host is the one
// that was asked.
func (a *Authority) resource(name, host string) (Resource, bool) {
	switch strings.TrimSuffix(name, "/") {
	case "https://" + a.cloud.Graph, graphAppID, a.address:
		return Graph, true
	case a.cloud.VaultResource(), vaultAppID:
		return Vault, true
	case "https://" + host:
		// The sandbox's own address by another name.
		return Graph, !a.cloud.isForeign(host) && !IsLogin(host)
	}
	return 0, false
}

// Claims is what an access token says about who holds it.
type Claims struct {
	Audience string
	AppID    string
	TenantID string
	Roles    []string
	Expires  time.Time
}

// Errors of Verify; their texts are the ones of Graph, except ErrExpired's.
var (
	ErrExpired   = errors.New("the access token has expired")
	ErrMalformed = errors.New("IDX14100: JWT is not well formed, there are no dots (.).\nThe token needs to be in JWS or JWE Compact Serialization Format. (JWS): 'EncodedHeader.EndcodedPayload.EncodedSignature'.") //nolint:revive,staticcheck // the service's own words
	ErrSignature = errors.New("Access token validation failure. Invalid signature.")                                                                                                                                  //nolint:revive,staticcheck // the service's own words
	ErrAudience  = errors.New("Access token validation failure. Invalid audience.")                                                                                                                                   //nolint:revive,staticcheck // the service's own words
)

// Token is an access token that was issued.
type Token struct {
	Text    string
	Begins  time.Time
	Expires time.Time
}

// ManagedToken issues a token to the managed identity for a resource, which is
// named as in a scope but without /.default. The error is a *Refusal, or else
// the token could not be signed.
func (a *Authority) ManagedToken(resource string) (Token, error) {
	if no := a.trouble.throttled(); no != nil {
		return Token{}, no
	}
	app := a.Registration()
	kind, ok := a.resource(resource, "")
	if !ok {
		return Token{}, app.unknownResource(resource)
	}
	return a.issue(&app, app.ManagedID, a.address, resource, kind)
}

// issue signs an access token. Roles are those of the application for Graph;
// without any there is no such claim.
func (a *Authority) issue(app *Registration, clientID, base, audience string, kind Resource) (Token, error) {
	now := a.now()
	expires := now.Add(a.life)
	claims := map[string]any{
		"aud": audience, "iss": base + "/" + app.TenantID + "/v2.0", "tid": app.TenantID, "appid": clientID, "azp": clientID,
		"oid": clientID, "sub": clientID, "idtyp": "app", "ver": "1.0", "wids": []string{}, "uti": reply.NewID(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": expires.Unix(),
	}
	if kind == Graph && len(app.Roles) > 0 {
		claims["roles"] = app.Roles
	}
	text, err := a.key.Sign(map[string]any{"x5t": a.key.ID()}, claims)
	return Token{text, now, expires}, err
}

// maxChecked bounds the memory of the tokens that were checked.
const maxChecked = 1000

// Verify checks that an access token is good for a resource at a host.
func (a *Authority) Verify(token string, resource Resource, host string) (Claims, error) {
	a.mu.Lock()
	claims, known := a.checked[token]
	a.mu.Unlock()
	if !known {
		var err error
		if claims, err = a.parse(token); err != nil {
			return Claims{}, err
		}
		a.mu.Lock()
		if len(a.checked) >= maxChecked {
			clear(a.checked)
		}
		a.checked[token] = claims
		a.mu.Unlock()
	}
	if !a.now().Before(claims.Expires) {
		return claims, ErrExpired
	}
	if kind, ok := a.resource(claims.Audience, host); !ok || kind != resource || a.cloud.isForeign(host) {
		return claims, ErrAudience
	}
	return claims, nil
}

func (a *Authority) parse(text string) (Claims, error) {
	token, err := jwt.Parse(text)
	if errors.Is(err, jwt.ErrNoDots) {
		return Claims{}, ErrMalformed
	}
	if err != nil || token.Verify(a.key.Public()) != nil {
		return Claims{}, ErrSignature
	}
	var body struct {
		Aud   string   `json:"aud"`
		AppID string   `json:"appid"`
		Tid   string   `json:"tid"`
		Roles []string `json:"roles"`
		Exp   int64    `json:"exp"`
	}
	if err := token.Claims(&body); err != nil {
		return Claims{}, fmt.Errorf("IDX12723: Unable to decode the payload: %w", err)
	}
	return Claims{body.Aud, body.AppID, body.Tid, body.Roles, time.Unix(body.Exp, 0)}, nil
}
