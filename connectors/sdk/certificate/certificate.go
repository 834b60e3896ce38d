// Package certificate finds a certificate together with its RSA private key: in a PEM or PFX file,
// in a value of Azure Key Vault, or in the certificate store of Windows.
//
// Errors are [fault.Invalid] without a setting, which the caller knows.
package certificate

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// An Identity is a certificate whose private key is at hand. It may be used by several goroutines.
type Identity struct {
	// Chain begins with the key's own certificate; what follows came with it, in no certain order.
	Chain []*x509.Certificate
	// Key signs, and is a [crypto.Decrypter] too. Its public key is RSA. A key of the
	// Windows store stays there and is not a [*rsa.PrivateKey].
	Key crypto.Signer
}

// Certificate returns the key's own certificate.
func (i Identity) Certificate() *x509.Certificate { return i.Chain[0] }

// TLS returns the identity as package tls takes it.
func (i Identity) TLS() *tls.Certificate {
	c := &tls.Certificate{PrivateKey: i.Key, Leaf: i.Chain[0]}
	for _, one := range i.Chain {
		c.Certificate = append(c.Certificate, one.Raw)
	}
	return c
}

// ErrPassword is in the chain of an error if the password does not open a PFX file.
var ErrPassword = errors.New("the password does not open the PFX file")

// maxSize is far more than a chain and a key take.
const maxSize = 1 << 20

// Load reads a file as [Parse] does.
func Load(file, password string) (Identity, error) {
	content, err := read(file)
	if err != nil {
		return Identity{}, unreadable(file, err)
	}
	identity, err := parse(content, password)
	if err != nil {
		return Identity{}, invalid("the certificate "+file+" cannot be used", err)
	}
	return identity, nil
}

// Parse reads PEM with the key and certificates in any order, or PFX, or the base64
// text of PFX that Key Vault gives out for its certificates. The password is that of PFX.
func Parse(content []byte, password string) (Identity, error) {
	identity, err := parse(content, password)
	if err != nil {
		return Identity{}, invalid("the certificate cannot be used", err)
	}
	return identity, nil
}

func unreadable(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Errorf(fault.Invalid, "there is no certificate file %s", file).WithHint("Check the path")
	}
	return fault.Errorf(fault.Invalid, "the certificate %s cannot be read: %w", file, withoutPath(err)).
		WithHint("Check the path, and that the account that runs Usher may read the file")
}

func invalid(message string, err error) error {
	f := fault.Errorf(fault.Invalid, "%s: %w", message, err)
	if errors.Is(err, ErrPassword) {
		return f.WithHint("Give the password with which the PFX file was exported")
	}
	return f.WithHint("Give PEM with the certificate and its unencrypted RSA private key, or PFX with its password")
}

func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(content) > maxSize {
		err = fmt.Errorf("it is larger than %d KiB", maxSize>>10)
	}
	return content, err
}

// withoutPath leaves out what the message says already.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

func parse(content []byte, password string) (Identity, error) {
	var certificates []*x509.Certificate
	var key any
	var err error
	if bytes.Contains(content, []byte("-----BEGIN ")) {
		certificates, key, err = parsePEM(content)
	} else {
		certificates, key, err = parsePFX(content, password)
	}
	if err != nil {
		return Identity{}, err
	}
	return match(certificates, key)
}

func parsePEM(data []byte) (certificates []*x509.Certificate, key any, err error) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return certificates, key, nil
		}
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, err
			}
			certificates = append(certificates, c)
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				err = errEncrypted
				break
			}
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			err = errNotRSA
		case "ENCRYPTED PRIVATE KEY":
			err = errEncrypted
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

var (
	errEncrypted = errors.New("its private key is encrypted, which is not supported in PEM")
	errNotRSA    = errors.New("its private key is not RSA")
)

func parsePFX(data []byte, password string) ([]*x509.Certificate, any, error) {
	if der, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(data))); err == nil {
		data = der
	}
	key, own, others, err := pkcs12.DecodeChain(data, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, nil, ErrPassword
	case err != nil:
		return nil, nil, fmt.Errorf("it is neither PEM nor PFX that can be read (%w)", err)
	}
	return append([]*x509.Certificate{own}, others...), key, nil
}

// match puts the key's own certificate in front.
func match(certificates []*x509.Certificate, key any) (Identity, error) {
	private, ok := key.(*rsa.PrivateKey)
	switch {
	case key == nil:
		return Identity{}, errors.New("there is no private key in it")
	case !ok:
		return Identity{}, errNotRSA
	}
	for i, c := range certificates {
		if private.PublicKey.Equal(c.PublicKey) {
			certificates[0], certificates[i] = certificates[i], certificates[0]
			return Identity{Chain: certificates, Key: private}, nil
		}
	}
	return Identity{}, errors.New("there is no certificate in it that belongs to the private key")
}
