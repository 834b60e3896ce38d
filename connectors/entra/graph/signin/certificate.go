package signin

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// loadCertificate reads a PEM file with key and certificates in any order, or a
// PFX file. The first certificate that it returns is the one that belongs to the key.
func loadCertificate(file, password string) ([]*x509.Certificate, crypto.PrivateKey, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fault.Errorf(fault.Invalid, "read ApplicationCertificateFile: %w", err).
			WithSetting("ApplicationCertificateFile").WithHint("Check the path, and that the account that runs Usher may read it")
	}
	var certificates []*x509.Certificate
	var key crypto.PrivateKey
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		certificates, key, err = parsePEM(data)
	} else {
		var first *x509.Certificate
		key, first, certificates, err = pkcs12.DecodeChain(data, password)
		if errors.Is(err, pkcs12.ErrIncorrectPassword) {
			return nil, nil, fault.Errorf(fault.Invalid, "ApplicationCertificatePassword does not open %s", file).
				WithSetting("ApplicationCertificatePassword").WithHint("Give the password with which the PFX file was exported")
		}
		if err != nil {
			err = fmt.Errorf("it is neither a PEM file nor a PFX file that can be read (%w)", err)
		}
		certificates = append([]*x509.Certificate{first}, certificates...)
	}
	if err == nil {
		certificates, err = matching(certificates, key)
	}
	if err != nil {
		return nil, nil, fault.Errorf(fault.Invalid, "ApplicationCertificateFile %s: %w", file, err).
			WithSetting("ApplicationCertificateFile").WithHint("Give a PEM file with certificate and unencrypted private key, or a PFX file with ApplicationCertificatePassword")
	}
	return certificates, key, nil
}

func parsePEM(data []byte) (certificates []*x509.Certificate, key crypto.PrivateKey, err error) {
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
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			err = errors.New("its private key is encrypted")
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// matching puts the key's own certificate in front.
func matching(certificates []*x509.Certificate, key crypto.PrivateKey) ([]*x509.Certificate, error) {
	private, ok := key.(*rsa.PrivateKey)
	switch {
	case key == nil:
		return nil, errors.New("there is no private key in it")
	case !ok:
		return nil, errors.New("its private key is not RSA, which Microsoft Entra requires")
	}
	for i, c := range certificates {
		if private.PublicKey.Equal(c.PublicKey) {
			certificates[0], certificates[i] = certificates[i], certificates[0]
			return certificates, nil
		}
	}
	return nil, errors.New("there is no certificate in it that belongs to the private key")
}
