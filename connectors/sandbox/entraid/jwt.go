package entraid

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// Claims is what an access token says about who holds it.
type Claims struct {
	Audience string
	AppID    string
	TenantID string
	Roles    []string
	Expires  time.Time
}

// ErrExpired is the error of Verify for a token past its time.
var ErrExpired = errors.New("the access token has expired")

// issue signs an access token for a resource.
func (a *Authority) issue(issuer, audience string) (string, error) {
	now := a.now()
	header := map[string]any{"typ": "JWT", "alg": "RS256", "kid": a.keyID, "x5t": a.keyID}
	body := map[string]any{
		"aud": audience, "iss": issuer, "tid": a.app.TenantID, "appid": a.app.ClientID, "azp": a.app.ClientID,
		"oid": a.app.ClientID, "sub": a.app.ClientID, "idtyp": "app", "ver": "1.0", "roles": a.app.Roles,
		"wids": []string{}, "uti": newID(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(a.life).Unix(),
	}
	head, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("cannot sign an access token: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// maxChecked bounds the memory of the tokens that were checked.
const maxChecked = 1000

// Verify checks an access token and that it is for one of the audiences. The
// errors are in Graph's words, except ErrExpired.
func (a *Authority) Verify(token, resource string) (Claims, error) {
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
		return Claims{}, ErrExpired
	}
	if name := strings.TrimSuffix(claims.Audience, "/"); !graphResources[name] && name != resource {
		return Claims{}, errors.New("Access token validation failure. Invalid audience.") //nolint:revive,staticcheck // the service's own words
	}
	return claims, nil
}

func (a *Authority) parse(token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Claims{}, errors.New("IDX14100: JWT is not well formed, there are no dots (.).\nThe token needs to be in JWS or JWE Compact Serialization Format. (JWS): 'EncodedHeader.EndcodedPayload.EncodedSignature'.") //nolint:revive,staticcheck // the service's own words
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(&a.key.PublicKey, crypto.SHA256, digest[:], signature) != nil {
		return Claims{}, errors.New("Access token validation failure. Invalid signature.") //nolint:revive,staticcheck // the service's own words
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Claims{}, fmt.Errorf("IDX12723: Unable to decode the payload: %w", err)
	}
	var body struct {
		Aud   string   `json:"aud"`
		AppID string   `json:"appid"`
		Tid   string   `json:"tid"`
		Roles []string `json:"roles"`
		Exp   int64    `json:"exp"`
	}
	if err := json.Unmarshal(payload, &body); err != nil {
		return Claims{}, fmt.Errorf("IDX12723: Unable to decode the payload: %w", err)
	}
	return Claims{body.Aud, body.AppID, body.Tid, body.Roles, time.Unix(body.Exp, 0)}, nil
}

// publicKey is the signing key as the keys document shows it.
func (a *Authority) publicKey() map[string]any {
	exponent := big.NewInt(int64(a.key.E)).Bytes()
	return map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": a.keyID, "x5t": a.keyID,
		"n": base64.RawURLEncoding.EncodeToString(a.key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(exponent),
	}
}

func keyID(key *rsa.PublicKey) string {
	digest := sha256.Sum256(key.N.Bytes())
	return base64.RawURLEncoding.EncodeToString(digest[:20])
}

// newID is a random GUID.
func newID() string {
	var b [16]byte
	// crypto/rand.Read never fails.
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
