package entraid

import (
	"crypto/rand"
	"crypto/sha1" // thumbprints are SHA-1 by definition
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/reply"
)

// Registration is the application that may sign in.
type Registration struct {
	TenantID string
	Domain   string // also accepted as the tenant's name
	ClientID string
	// ManagedID is the client id of the managed identity of the machine that
	// the sandbox runs on. It has the same roles.
	ManagedID   string
	DisplayName string

	Roles    []string // what was consented to, for Graph
	Disabled bool
	Absent   bool // it was never installed in the tenant

	Secrets      []Secret
	Certificates []Certificate
	Federated    []Federated
}

// Secret is a client secret of an application.
type Secret struct {
	KeyID, DisplayName string
	Value              string
	Start, End         time.Time
}

// Hint is the beginning of the secret, by which people tell secrets apart.
func (s *Secret) Hint() string { return s.Value[:min(3, len(s.Value))] }

// Certificate is a certificate that an application may sign assertions with.
// Its dates are those of the registration and may be narrower than its own.
type Certificate struct {
	KeyID, DisplayName string
	X509               *x509.Certificate
	Start, End         time.Time
}

// Thumbprint is the SHA-1 by which people and stores name the certificate.
func (c *Certificate) Thumbprint() []byte {
	sum := sha1.Sum(c.X509.Raw)
	return sum[:]
}

// Federated is a federated identity credential: a token of another issuer that
// the application may sign in with.
type Federated struct {
	Name     string `json:"name"`
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	Audience string `json:"audience"`
}

// NewSecret completes a secret: no KeyID, value, start or end means a random
// one, another random one, now and a year later.
func NewSecret(s Secret, now time.Time) Secret {
	if s.KeyID == "" {
		s.KeyID = reply.NewID()
	}
	if s.Value == "" {
		var b [27]byte
		// crypto/rand.Read never fails.
		_, _ = rand.Read(b[:])
		text := base64.RawURLEncoding.EncodeToString(b[:])
		s.Value = text[:3] + "8Q~" + text[3:]
	}
	if s.Start.IsZero() {
		s.Start = now
	}
	if s.End.IsZero() {
		s.End = s.Start.AddDate(1, 0, 0)
	}
	return s
}

// NewCertificate completes a certificate: no KeyID, name, start or end means a
// random one and what the certificate itself says.
func NewCertificate(c Certificate) Certificate {
	if c.KeyID == "" {
		c.KeyID = reply.NewID()
	}
	if c.DisplayName == "" {
		c.DisplayName = c.X509.Subject.String()
	}
	if c.Start.IsZero() {
		c.Start = c.X509.NotBefore
	}
	if c.End.IsZero() {
		c.End = c.X509.NotAfter
	}
	return c
}

// Registration returns the application as it is now.
func (a *Authority) Registration() Registration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.app.clone()
}

// Update changes the application; tokens that were issued stay as they are.
// What change does before it returns an error is not kept.
func (a *Authority) Update(change func(app *Registration) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	app := a.app.clone()
	if err := change(&app); err != nil {
		return err
	}
	a.app = app
	return nil
}

func (r *Registration) clone() Registration {
	c := *r
	c.Roles, c.Secrets = slices.Clone(r.Roles), slices.Clone(r.Secrets)
	c.Certificates, c.Federated = slices.Clone(r.Certificates), slices.Clone(r.Federated)
	return c
}

// checkSecret says why a secret is no good, or nothing.
func (r *Registration) checkSecret(value string, now time.Time) *Refusal {
	expired := false
	for _, s := range r.Secrets {
		if !same(value, s.Value) || now.Before(s.Start) {
			continue
		}
		if now.Before(s.End) {
			return nil
		}
		expired = true
	}
	if expired {
		return r.refusal(codeExpiredSecret)
	}
	return r.refusal(codeWrongSecret)
}

// isTenant says whether a name is the tenant's.
func (r *Registration) isTenant(name string) bool {
	return strings.EqualFold(name, r.TenantID) || strings.EqualFold(name, r.Domain)
}
