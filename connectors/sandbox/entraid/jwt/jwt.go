// Package jwt signs and reads JSON web tokens (RFC 7519) with RSA keys: those
// that the sandbox issues and those that clients sign in with.
package jwt

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strings"
)

// Key signs tokens with RS256. It may be used by many goroutines.
type Key struct {
	private *rsa.PrivateKey
	id      string
}

// NewKey makes a key of 2048 bits.
func NewKey() (*Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("cannot make the key that signs tokens: %w", err)
	}
	digest := sha256.Sum256(private.N.Bytes())
	return &Key{private, base64.RawURLEncoding.EncodeToString(digest[:20])}, nil
}

// ID names the key in the header of its tokens and in its document.
func (k *Key) ID() string { return k.id }

// Public is the key that checks what this one signed.
func (k *Key) Public() *rsa.PublicKey { return &k.private.PublicKey }

// Document is the public key as a JSON web key (RFC 7517).
func (k *Key) Document() map[string]any {
	exponent := big.NewInt(int64(k.private.E)).Bytes()
	return map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": k.id, "x5t": k.id,
		"n": base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(exponent),
	}
}

// Sign makes a token of claims. The header gets typ, alg and kid; more adds to
// it and may be nil.
func (k *Key) Sign(more, claims map[string]any) (string, error) {
	header := map[string]any{"typ": "JWT", "alg": "RS256", "kid": k.id}
	maps.Copy(header, more)
	head, err := json.Marshal(header)
	if err != nil {
		return "", fmt.Errorf("cannot encode a token's header: %w", err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("cannot encode a token's claims: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, k.private, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("cannot sign a token: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// Token is a token that was read and not yet checked.
type Token struct {
	header, claims []byte
	signed         string
	signature      []byte
}

// ErrNoDots is the error of Parse for a text that is not of three parts.
var ErrNoDots = errors.New("a token has three parts, separated by dots")

// Parse takes a token apart. It checks nothing but the form.
func Parse(text string) (Token, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return Token{}, ErrNoDots
	}
	decoded := make([][]byte, len(parts))
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			return Token{}, fmt.Errorf("part %d of the token is not base64 for URLs: %w", i+1, err)
		}
	}
	return Token{decoded[0], decoded[1], parts[0] + "." + parts[1], decoded[2]}, nil
}

// Header decodes the header.
func (t Token) Header(into any) error { return json.Unmarshal(t.header, into) }

// Claims decodes the claims.
func (t Token) Claims(into any) error { return json.Unmarshal(t.claims, into) }

// Verify checks the signature, by the algorithm that the header names: RS256
// or PS256.
func (t Token) Verify(key *rsa.PublicKey) error {
	var header struct {
		Alg string `json:"alg"`
	}
	if err := t.Header(&header); err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(t.signed))
	switch header.Alg {
	case "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], t.signature)
	case "PS256":
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], t.signature, nil)
	}
	return fmt.Errorf("the algorithm %q is not one of RS256 and PS256", header.Alg)
}

// Audience is the claim aud, which is a text or a list of texts.
type Audience []string

// UnmarshalJSON reads either form.
func (a *Audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = Audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}
