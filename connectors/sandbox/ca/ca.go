// Package ca is the sandbox's own certificate authority, so that it can serve
// HTTPS without anybody's help.
package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Authority signs certificates.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// Open reads the authority from a file, or makes one and writes it there; the
// key lies beside it with .key at the end. An authority that exists is kept,
// so that whoever trusts it goes on trusting it.
func Open(file string, now time.Time) (*Authority, error) {
	keyFile := file + ".key"
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		a, err := load(file, keyFile)
		if err == nil && now.After(a.certificate.NotAfter) {
			err = errors.New("it has expired")
		}
		if err != nil {
			return nil, fmt.Errorf("cannot use the certificate authority in %s: %w (remove the file to get a new one)", file, err)
		}
		return a, nil
	}
	a, err := create(now)
	if err != nil {
		return nil, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the key of the certificate authority: %w", err)
	}
	if err := writePEM(keyFile, 0o600, &pem.Block{Type: "PRIVATE KEY", Bytes: key}); err != nil {
		return nil, err
	}
	return a, writePEM(file, 0o644, &pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// New makes an authority that is not kept.
func New(now time.Time) (*Authority, error) { return create(now) }

// PEM is the authority's certificate.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// Pool holds the authority's certificate alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// Serve makes a certificate for a server with these names and addresses.
func (a *Authority) Serve(hosts []string, now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cannot make the server's key: %w", err)
	}
	template, err := newTemplate("Usher sandbox", now, 365*24*time.Hour)
	if err != nil {
		return tls.Certificate{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cannot sign the server's certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der, a.certificate.Raw}, PrivateKey: key}, nil
}

// ClientCertificate reads an application's certificate from a PEM file. If
// there is no such file it makes a certificate with an RSA key and writes both
// there.
func ClientCertificate(file string, now time.Time) (*x509.Certificate, error) {
	blocks, err := readPEM(file)
	if errors.Is(err, fs.ErrNotExist) {
		return createClient(file, now)
	}
	if err != nil {
		return nil, err
	}
	for _, block := range blocks {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, fmt.Errorf("%s holds no certificate", file)
}

func createClient(file string, now time.Time) (*x509.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("cannot make the client's key: %w", err)
	}
	template, err := newTemplate("Usher sandbox client", now, 2*365*24*time.Hour)
	if err != nil {
		return nil, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("cannot sign the client's certificate: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the client's key: %w", err)
	}
	err = writePEM(file, 0o600, &pem.Block{Type: "CERTIFICATE", Bytes: der}, &pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func create(now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cannot make the key of the certificate authority: %w", err)
	}
	template, err := newTemplate("Usher sandbox CA", now, 10*365*24*time.Hour)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("cannot sign the certificate authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("cannot read the certificate authority: %w", err)
	}
	return &Authority{certificate: certificate, key: key}, nil
}

func newTemplate(name string, now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("cannot make a serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Usher"}},
		NotBefore:    now.Add(-24 * time.Hour), // for clocks that are wrong
		NotAfter:     now.Add(life),
	}, nil
}

func load(file, keyFile string) (*Authority, error) {
	blocks, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	keys, err := readPEM(keyFile)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(blocks[0].Bytes)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(keys[0].Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s holds no key that signs", keyFile)
	}
	return &Authority{certificate: certificate, key: signer}, nil
}

// readPEM reads the blocks of a PEM file, of which there is at least one.
func readPEM(file string) ([]*pem.Block, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var blocks []*pem.Block
	for {
		block, rest := pem.Decode(b)
		if block == nil {
			break
		}
		blocks, b = append(blocks, block), rest
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("%s is no PEM file", file)
	}
	return blocks, nil
}

func writePEM(file string, mode fs.FileMode, blocks ...*pem.Block) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	var b []byte
	for _, block := range blocks {
		b = append(b, pem.EncodeToMemory(block)...)
	}
	return os.WriteFile(file, b, mode)
}
