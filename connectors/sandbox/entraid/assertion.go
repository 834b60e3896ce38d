package entraid

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/entraid/jwt"
)

// assertion is a token that a client signs in with: one that it signed with
// the key of its certificate, or one that another issuer gave it.
type assertion struct {
	jwt.Token

	header struct {
		Kid     string `json:"kid"`
		X5t     string `json:"x5t"`
		X5tS256 string `json:"x5t#S256"`
	}
	claims struct {
		Aud jwt.Audience `json:"aud"`
		Iss string       `json:"iss"`
		Sub string       `json:"sub"`
		Exp json.Number  `json:"exp"`
		Nbf json.Number  `json:"nbf"`
	}
}

// clockSkew is how far the client's clock may be off.
const clockSkew = 5 * time.Minute

// checkAssertion says why an assertion is no good, or nothing.
func (a *Authority) checkAssertion(r *http.Request, app *Registration, text string) *Refusal {
	as, err := parseAssertion(text)
	if err != nil {
		return &Refusal{Code: 50027, Kind: "invalid_request", Status: http.StatusBadRequest, Message: "JWT token is invalid or malformed."}
	}
	no := a.checkSigned
	if as.isForeign(app) {
		no = a.checkFederated
	}
	if no := no(r, app, &as); no != nil {
		return no
	}
	return a.checkTimes(&as)
}

// isForeign says whether the assertion comes from another issuer: it says so
// and names no certificate.
func (as *assertion) isForeign(app *Registration) bool {
	return !strings.EqualFold(as.claims.Iss, app.ClientID) && as.header.X5t == "" && as.header.X5tS256 == ""
}

// checkSigned checks an assertion that the client signed itself against the
// registered certificates.
func (a *Authority) checkSigned(r *http.Request, app *Registration, as *assertion) *Refusal {
	certificate, ok := as.certificate(app)
	if !ok {
		return as.badSignature("The key was not found.")
	}
	key, ok := certificate.X509.PublicKey.(*rsa.PublicKey)
	if !ok || as.Verify(key) != nil {
		return as.badSignature("The key was found, but use of the key to verify the signature failed.")
	}
	if now := a.now(); now.Before(certificate.Start) || !now.Before(certificate.End) {
		const form = "01/02/2006 15:04:05"
		return as.badSignature(fmt.Sprintf("The key used is expired., Found key 'Start=%s, End=%s'.",
			certificate.Start.UTC().Format(form), certificate.End.UTC().Format(form)))
	}
	if !strings.EqualFold(as.claims.Iss, app.ClientID) || !strings.EqualFold(as.claims.Sub, app.ClientID) {
		return refusedClient(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
	}
	if !slices.ContainsFunc(as.claims.Aud, func(audience string) bool { return isOwnAudience(audience, app, r) }) {
		return refusedClient(700023, "Client assertion audience claim does not match Realm issuer. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials. Assertion audience claim: %s.",
			strings.Join(as.claims.Aud, ", "))
	}
	return nil
}

// checkFederated checks an assertion of another issuer against the federated
// credentials, which it must match letter by letter.
func (a *Authority) checkFederated(r *http.Request, app *Registration, as *assertion) *Refusal {
	const help = "Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
	matching := app.Federated
	narrow := func(matches func(f Federated) bool) bool {
		matching = slices.DeleteFunc(slices.Clone(matching), func(f Federated) bool { return !matches(f) })
		return len(matching) > 0
	}
	switch {
	case strings.HasPrefix(as.claims.Iss, "https://"+r.Host+"/"+app.TenantID):
		return refusedClient(700222, "AAD-issued tokens may not be used for federated identity flows.")
	case len(app.Federated) == 0:
		return &Refusal{Code: 70021, Kind: "invalid_request", Status: http.StatusBadRequest, Message: fmt.Sprintf(
			"No matching federated identity record found for presented assertion. Assertion Issuer: '%s'. Assertion Subject: '%s'. Assertion Audience: '%s'. https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
			as.claims.Iss, as.claims.Sub, strings.Join(as.claims.Aud, ", "))}
	case !narrow(func(f Federated) bool { return f.Issuer == as.claims.Iss }):
		return refusedClient(700211, "No matching federated identity record found for presented assertion issuer '%s'. %s", as.claims.Iss, help)
	case !narrow(func(f Federated) bool { return slices.Contains(as.claims.Aud, f.Audience) }):
		return refusedClient(700212, "No matching federated identity record found for presented assertion audience '%s'. %s", strings.Join(as.claims.Aud, ", "), help)
	case !narrow(func(f Federated) bool { return strings.EqualFold(f.Subject, as.claims.Sub) }):
		return refusedClient(700213, "No matching federated identity record found for presented assertion subject '%s'. %s", as.claims.Sub, help)
	case !narrow(func(f Federated) bool { return f.Subject == as.claims.Sub }):
		return refusedClient(7002138, "No matching federated identity record found for presented assertion subject '%s'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison. %s", as.claims.Sub, help)
	}
	key := a.issuerKey(as.claims.Iss, as.header.Kid)
	if key == nil || as.Verify(key) != nil {
		return as.badSignature("The key was not found.")
	}
	return nil
}

func (a *Authority) checkTimes(as *assertion) *Refusal {
	now := a.now()
	expires, err := as.claims.Exp.Int64()
	from, _ := as.claims.Nbf.Int64() // no nbf means from ever
	if err == nil && !now.After(time.Unix(expires, 0).Add(clockSkew)) && !now.Before(time.Unix(from, 0).Add(-clockSkew)) {
		return nil
	}
	return refusedClient(700024, "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s.",
		now.UTC().Format(time.RFC3339), time.Unix(from, 0).UTC().Format(time.RFC3339), time.Unix(expires, 0).UTC().Format(time.RFC3339))
}

func refusedClient(code int, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Kind: "invalid_client", Status: http.StatusUnauthorized, Message: fmt.Sprintf(format, args...)}
}

func (as *assertion) badSignature(reason string) *Refusal {
	thumbprint := as.header.X5tS256
	if thumbprint == "" {
		thumbprint = as.header.X5t
	}
	return refusedClient(codeBadSignature, "Client assertion contains an invalid signature. [Reason - %s, Thumbprint of key used by client: '%s', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app.]",
		strings.TrimSuffix(reason, "."), thumbprint)
}

// isOwnAudience says whether an assertion is meant for this authority: for its
// token endpoint or its issuer.
func isOwnAudience(audience string, app *Registration, r *http.Request) bool {
	for _, tenant := range []string{app.TenantID, app.Domain} {
		base := "https://" + r.Host + "/" + tenant
		if strings.EqualFold(audience, base+"/oauth2/v2.0/token") || strings.EqualFold(audience, base+"/v2.0") {
			return true
		}
	}
	return false
}

func parseAssertion(text string) (as assertion, err error) {
	if as.Token, err = jwt.Parse(text); err != nil {
		return as, err
	}
	if err := as.Header(&as.header); err != nil {
		return as, err
	}
	return as, as.Claims(&as.claims)
}

// certificate finds the certificate that the assertion's thumbprint names.
func (as *assertion) certificate(app *Registration) (Certificate, bool) {
	i := slices.IndexFunc(app.Certificates, func(c Certificate) bool { return as.names(&c) })
	if i < 0 {
		return Certificate{}, false
	}
	return app.Certificates[i], true
}

// names says whether the assertion's thumbprint is the certificate's. Clients
// write it in the standard alphabet of base64 as well as in that for URLs.
func (as *assertion) names(c *Certificate) bool {
	if as.header.X5tS256 != "" {
		long := sha256.Sum256(c.X509.Raw)
		return sameBase64(as.header.X5tS256, long[:])
	}
	return sameBase64(as.header.X5t, c.Thumbprint())
}

func sameBase64(text string, want []byte) bool {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	return text == base64.RawURLEncoding.EncodeToString(want)
}
