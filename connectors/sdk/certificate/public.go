package certificate

import (
	"bytes"
	"crypto/x509"
	"errors"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// LoadPublic reads a certificate, to encrypt for, from a file that need not have its private key: PEM, DER
// or PFX. hasKey tells that the key is in the file as well, so that others must not read it.
func LoadPublic(file, password string) (c *x509.Certificate, hasKey bool, err error) {
	content, err := read(file)
	if err != nil {
		return nil, false, unreadable(file, err)
	}
	switch c, err = parsePublic(content); {
	case err != nil:
		return nil, false, fault.Errorf(fault.Invalid, "the certificate %s cannot be used: %w", file, err).
			WithHint("Leave one certificate in the file: the one to encrypt for")
	case c != nil:
		return c, false, nil
	}
	identity, err := parse(content, password)
	if err != nil {
		return nil, false, invalid("the certificate "+file+" cannot be used", err)
	}
	return identity.Certificate(), true, nil
}

// parsePublic returns the certificate if there is no private key beside it, or else nil.
func parsePublic(content []byte) (*x509.Certificate, error) {
	if !bytes.Contains(content, []byte("-----BEGIN ")) {
		c, err := x509.ParseCertificate(content)
		if err != nil {
			return nil, nil //nolint:nilerr // it may be PFX
		}
		return c, nil
	}
	certificates, key, err := parsePEM(content)
	switch {
	case err != nil || key != nil || len(certificates) == 0:
		return nil, nil //nolint:nilerr // parse tells why
	case len(certificates) > 1:
		return nil, errors.New("there are several certificates in it, and no private key tells which one is meant")
	}
	return certificates[0], nil
}
