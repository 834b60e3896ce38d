package certificate

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Store says where in Windows a certificate lies. Either Thumbprint or
// DistinguishedName is given.
type Store struct {
	Location string // LocalMachine, as if empty, or CurrentUser
	Name     string // of the store; "My" if empty, which Windows shows as Personal
	// Thumbprint is the certificate's SHA-1 in hexadecimal digits.
	Thumbprint string
	// DistinguishedName is the whole subject such as "CN=usher, O=Contoso", or
	// its common name alone.
	DistinguishedName string
}

// Find looks into the certificate store of Windows. Of several certificates of one
// name it takes the one that is valid for longest. Other systems have no such
// store, and it fails.
func Find(s Store) (Identity, error) {
	if s.Location == "" {
		s.Location = "LocalMachine"
	}
	if s.Name == "" {
		s.Name = "My"
	}
	if err := s.validate(); err != nil {
		return Identity{}, err
	}
	return s.find()
}

func (s Store) validate() error {
	if !strings.EqualFold(s.Location, "LocalMachine") && !strings.EqualFold(s.Location, "CurrentUser") {
		return fault.Errorf(fault.Invalid, "the store location %q does not exist", s.Location).
			WithHint("Give LocalMachine or CurrentUser")
	}
	switch {
	case s.Thumbprint == "" && s.DistinguishedName == "":
		return fault.Errorf(fault.Invalid, "nothing says which certificate of the store %s is meant", s).
			WithHint("Give its thumbprint or its distinguished name")
	case s.Thumbprint != "" && s.DistinguishedName != "":
		return fault.Errorf(fault.Invalid, "both thumbprint and distinguished name of a certificate are given").
			WithHint("Keep one of the two")
	case s.Thumbprint != "" && len(digits(s.Thumbprint)) != 2*sha1.Size:
		return fault.Errorf(fault.Invalid, "the thumbprint of a certificate has %d hexadecimal digits, not %d", 2*sha1.Size, len(digits(s.Thumbprint))).
			WithHint("Copy the field Thumbprint of the certificate's details")
	case strings.Contains(s.DistinguishedName, "=") && parseName(s.DistinguishedName) == nil:
		return fault.Errorf(fault.Invalid, "%q is not the distinguished name of a certificate", s.DistinguishedName).
			WithHint("Give its whole subject, such as CN=usher, O=Contoso")
	}
	return nil
}

// String names the store.
func (s Store) String() string { return s.Location + `\` + s.Name }

// wanted says which certificate is meant.
func (s Store) wanted() string {
	if s.Thumbprint != "" {
		return "with the thumbprint " + digits(s.Thumbprint)
	}
	return "with the subject " + s.DistinguishedName
}

// matches reports whether c is the certificate that s names, or one of them.
func (s Store) matches(c *x509.Certificate) bool {
	switch {
	case s.Thumbprint != "":
		sum := sha1.Sum(c.Raw) // Windows names certificates by it; no trust rests on it
		return hex.EncodeToString(sum[:]) == digits(s.Thumbprint)
	case !strings.Contains(s.DistinguishedName, "="):
		return strings.EqualFold(c.Subject.CommonName, s.DistinguishedName)
	}
	return parseName(s.DistinguishedName).matches(c)
}

// better reports whether a is to be preferred to b: a valid one first, then the one that ends last.
func better(a, b *x509.Certificate, now time.Time) bool {
	validA, validB := valid(a, now), valid(b, now)
	if validA != validB {
		return validA
	}
	return a.NotAfter.After(b.NotAfter)
}

func valid(c *x509.Certificate, now time.Time) bool {
	return !now.Before(c.NotBefore) && !now.After(c.NotAfter)
}

// digits leaves the hexadecimal digits: Windows shows thumbprints with blanks, and its
// dialog copies an invisible mark in front of them.
func digits(thumbprint string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' || 'a' <= r && r <= 'f' {
			return r
		}
		return -1
	}, strings.ToLower(thumbprint))
}
