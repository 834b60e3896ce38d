package entraid

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // the thumbprint of x5t is SHA-1 by definition
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// assertion is a client assertion: a JWT that the client signed with the key
// of its certificate.
type assertion struct {
	header struct {
		Alg     string `json:"alg"`
		X5t     string `json:"x5t"`
		X5tS256 string `json:"x5t#S256"`
	}
	body struct {
		Aud string      `json:"aud"`
		Iss string      `json:"iss"`
		Sub string      `json:"sub"`
		Exp json.Number `json:"exp"`
		Nbf json.Number `json:"nbf"`
	}
	signed    string
	signature []byte
}

// clockSkew is how far the client's clock may be off.
const clockSkew = 5 * time.Minute

// checkAssertion checks a client assertion against the registered certificate.
func (a *Authority) checkAssertion(r *http.Request, text string) *refusal {
	as, err := parseAssertion(text)
	if err != nil {
		return &refusal{50027, "invalid_request", http.StatusBadRequest, "JWT token is invalid or malformed."}
	}
	if a.app.Certificate == nil || !as.names(a.app.Certificate) {
		return badSignature("The key was not found.", as)
	}
	if err := as.verify(a.app.Certificate); err != nil {
		return badSignature("The key was found, but use of the key to verify the signature failed.", as)
	}
	if !strings.EqualFold(as.body.Iss, a.app.ClientID) || !strings.EqualFold(as.body.Sub, a.app.ClientID) {
		return &refusal{700021, "invalid_client", http.StatusUnauthorized,
			"Client assertion application identifier doesn't match 'client_id' parameter."}
	}
	if !a.isOwnAudience(as.body.Aud, r) {
		return &refusal{700023, "invalid_client", http.StatusUnauthorized, fmt.Sprintf(
			"Client assertion audience claim does not match Realm issuer. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials. Assertion audience claim: %s.", as.body.Aud)}
	}
	now := a.now()
	expires, err := as.body.Exp.Int64()
	from, _ := as.body.Nbf.Int64() // no nbf means from ever
	if err != nil || now.After(time.Unix(expires, 0).Add(clockSkew)) || now.Before(time.Unix(from, 0).Add(-clockSkew)) {
		return &refusal{700024, "invalid_client", http.StatusUnauthorized, fmt.Sprintf(
			"Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s.",
			now.UTC().Format(time.RFC3339), time.Unix(from, 0).UTC().Format(time.RFC3339), time.Unix(expires, 0).UTC().Format(time.RFC3339))}
	}
	return nil
}

func badSignature(reason string, as assertion) *refusal {
	thumbprint := as.header.X5tS256
	if thumbprint == "" {
		thumbprint = as.header.X5t
	}
	return &refusal{700027, "invalid_client", http.StatusUnauthorized, fmt.Sprintf(
		"Client assertion contains an invalid signature. [Reason - %s, Thumbprint of key used by client: '%s', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app.]",
		strings.TrimSuffix(reason, "."), thumbprint)}
}

// isOwnAudience says whether an assertion is meant for this authority: for its
// token endpoint or its issuer.
func (a *Authority) isOwnAudience(audience string, r *http.Request) bool {
	for _, tenant := range []string{a.app.TenantID, a.app.Domain} {
		base := "https://" + r.Host + "/" + tenant
		if strings.EqualFold(audience, base+"/oauth2/v2.0/token") || strings.EqualFold(audience, base+"/v2.0") {
			return true
		}
	}
	return false
}

func parseAssertion(text string) (as assertion, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return as, fmt.Errorf("an assertion has 3 parts, not %d", len(parts))
	}
	for i, into := range []any{&as.header, &as.body} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return as, err
		}
		if err := json.Unmarshal(b, into); err != nil {
			return as, err
		}
	}
	as.signed = parts[0] + "." + parts[1]
	as.signature, err = base64.RawURLEncoding.DecodeString(parts[2])
	return as, err
}

// names says whether the assertion's thumbprint is the certificate's. Clients
// write it in the standard alphabet of base64 as well as in that for URLs.
func (as *assertion) names(certificate *x509.Certificate) bool {
	long, short := sha256.Sum256(certificate.Raw), sha1.Sum(certificate.Raw)
	if as.header.X5tS256 != "" {
		return sameBase64(as.header.X5tS256, long[:])
	}
	return sameBase64(as.header.X5t, short[:])
}

func sameBase64(text string, want []byte) bool {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	return text == base64.RawURLEncoding.EncodeToString(want)
}

func (as *assertion) verify(certificate *x509.Certificate) error {
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("the certificate has no RSA key")
	}
	digest := sha256.Sum256([]byte(as.signed))
	switch as.header.Alg {
	case "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], as.signature)
	case "PS256":
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], as.signature, nil)
	}
	return fmt.Errorf("the algorithm %q is not one of RS256 and PS256", as.header.Alg)
}
