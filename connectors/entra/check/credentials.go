package check

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Certificate examines the certificate that an application signs in with, and tells nothing of
// an application that does so in another way.
func Certificate(a signin.Application, now time.Time) []sdk.Finding {
	c, err := a.X509()
	switch {
	case err != nil:
		return []sdk.Finding{Failure(certificate, fault.Of(err))}
	case c == nil:
		return nil
	case now.Before(c.NotBefore):
		return []sdk.Finding{{
			State: sdk.Failed, Subject: certificate,
			Message: fmt.Sprintf("The certificate %q is not valid before %s", c.Subject, c.NotBefore.UTC().Format(time.RFC3339)),
			Hint:    "Check the clock of this machine, or wait",
		}}
	}
	return []sdk.Finding{ending(certificate, fmt.Sprintf("The certificate %q", c.Subject), c.NotAfter, now,
		"Make a new certificate, upload it (without its key) to the app registration and put it in place of this one")}
}

// A registered credential of an application. Source:
// https://learn.microsoft.com/graph/api/resources/passwordcredential, and keycredential.
type registered struct {
	KeyID       string
	DisplayName string
	EndDateTime time.Time

	Hint                string // the first three characters of a secret
	CustomKeyIdentifier []byte // the SHA-1 of a certificate

	kind string
}

func (r registered) String() string {
	if r.DisplayName != "" {
		return fmt.Sprintf("%s %q", r.kind, r.DisplayName)
	}
	return r.kind + " " + r.KeyID
}

// Credentials tells when the client secret in use ends, and when the first of the
// application's other credentials does, as far as it may read its own registration.
func Credentials(ctx context.Context, conn *dial.Conn, a signin.Application, now time.Time) ([]sdk.Finding, error) {
	if a.ManagedIdentity {
		return []sdk.Finding{ok("credentials", "The managed identity has no secret that ends")}, nil
	}
	subject, what := registration, "which credentials the application has"
	if a.ClientSecret != "" {
		subject, what = clientSecret, "when the client secret ends"
	}
	all, err := readRegistration(ctx, conn, a.ClientID)
	switch {
	case graph.LacksPermission(err):
		unread := ok(subject, "It cannot be told %s: the application may not read its own registration", what)
		unread.Hint = "Grant the application " + directory.ApplicationReadAll().Name + " to be warned ahead"
		return []sdk.Finding{unread}, nil
	case fault.Is(err, fault.NotFound):
		unread := ok(subject, "It cannot be told %s: the application is registered in another tenant", what)
		unread.Hint = "Look there under App registrations"
		return []sdk.Finding{unread}, nil
	case err != nil:
		found, err := Finding(subject, sdk.Warned, err)
		return []sdk.Finding{found}, err
	}

	var findings []sdk.Finding
	var used *registered
	if a.ClientSecret != "" {
		used = usedSecret(all, a.ClientSecret, now)
		findings = append(findings, secretEnding(used, now))
	}
	own, _ := a.X509() // nil if it is not there, which is told elsewhere
	others := slices.DeleteFunc(all, func(r registered) bool {
		return used != nil && r.KeyID == used.KeyID || own != nil && r.isOf(own) || r.EndDateTime.IsZero() || !r.EndDateTime.After(now)
	})
	if len(others) > 0 {
		findings = append(findings, othersEnding(others, now))
	}
	return findings, nil
}

func readRegistration(ctx context.Context, conn *dial.Conn, clientID string) ([]registered, error) {
	body, err := conn.Get(ctx, "applications(appId='"+clientID+"')?$select=displayName,passwordCredentials,keyCredentials")
	if err != nil {
		return nil, err
	}
	var application struct{ PasswordCredentials, KeyCredentials []registered }
	if err := json.Unmarshal(body, &application); err != nil {
		return nil, fault.Errorf(fault.Unavailable, "Graph's answer about the app registration cannot be read: %w", err).
			WithHint("Run again; if it stays so, check MicrosoftGraphPathApi")
	}
	var all []registered
	for _, r := range application.PasswordCredentials {
		r.kind = clientSecret
		all = append(all, r)
	}
	for _, r := range application.KeyCredentials {
		r.kind = certificate
		all = append(all, r)
	}
	return all, nil
}

// usedSecret finds the secret by its hint. Of several it takes the one that ends first: better to
// warn too early. What has ended is not the one that has just signed in.
func usedSecret(all []registered, secret string, now time.Time) *registered {
	var found *registered
	for i, r := range all {
		if r.kind == clientSecret && r.Hint != "" && strings.HasPrefix(secret, r.Hint) && r.EndDateTime.After(now) &&
			(found == nil || r.EndDateTime.Before(found.EndDateTime)) {
			found = &all[i]
		}
	}
	return found
}

func secretEnding(used *registered, now time.Time) sdk.Finding {
	if used == nil {
		return ok(clientSecret, "It cannot be told when the client secret ends: no secret of the registration begins like it")
	}
	found := ending(clientSecret, fmt.Sprintf("The %s", used), used.EndDateTime, now,
		"Make a new client secret in the app registration and put its value in place of this one")
	found.Setting = setting.ApplicationKey
	return found
}

// isOf reports whether a registered certificate is c.
func (r registered) isOf(c *x509.Certificate) bool {
	sum := sha1.Sum(c.Raw) // Entra names certificates by it; no trust rests on it
	return r.kind == certificate && bytes.Equal(r.CustomKeyIdentifier, sum[:])
}

// othersEnding tells about credentials that this connection does not use: others may.
func othersEnding(others []registered, now time.Time) sdk.Finding {
	first := slices.MinFunc(others, func(a, b registered) int { return a.EndDateTime.Compare(b.EndDateTime) })
	what := fmt.Sprintf("The %s, which is not used here,", first)
	if len(others) > 1 {
		what = fmt.Sprintf("Of %d credentials that are not used here, the %s ends first: it", len(others), first)
	}
	return ending(otherCredentials, what, first.EndDateTime, now, "Replace it where it is used, or remove it from the app registration")
}
