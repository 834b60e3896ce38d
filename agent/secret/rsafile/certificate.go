package rsafile

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"
	"unicode/utf8"

	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// newBits is the length of new keys: good beyond 2030 by NIST SP 800-57.
const newBits = 3072

// maxDays is ten years.
const maxDays = 3653

// NewCertificate makes a self-signed certificate with a new RSA key of 3072 bits, good from an
// hour ago for the given number of days. It returns both as PEM, the key first. The caller
// writes it to a file that nobody else can read.
func NewCertificate(commonName string, days int, c clock.Clock) ([]byte, *x509.Certificate, error) {
	switch {
	case commonName == "" || utf8.RuneCountInString(commonName) > 64: // ub-common-name of RFC 5280
		return nil, nil, fault.Errorf(fault.Invalid, "the name of a certificate has 1 to 64 characters").WithHint("Give a name such as \"Usher agent\"")
	case days < 1 || days > maxDays:
		return nil, nil, fault.Errorf(fault.Invalid, "a certificate cannot hold for %d days", days).WithHint("Give 1 to %d days", maxDays)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, internal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, newBits)
	if err != nil {
		return nil, nil, internal(err)
	}
	now := c.Now().UTC()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: commonName},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, days), // an hour, for clocks that are behind
		KeyUsage:              x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, internal(err)
	}
	own, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, internal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, internal(err)
	}
	var out bytes.Buffer
	for _, block := range []*pem.Block{{Type: "PRIVATE KEY", Bytes: keyDER}, {Type: "CERTIFICATE", Bytes: der}} {
		if err := pem.Encode(&out, block); err != nil {
			return nil, nil, internal(err)
		}
	}
	return out.Bytes(), own, nil
}

func internal(err error) error {
	return fault.Errorf(fault.Internal, "the certificate cannot be made: %w", err)
}
