package signin_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func newCertificate(t *testing.T, public, private any) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "usher"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertificates(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := rsa.GenerateKey(rand.Reader, 2048)
	curve, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	own := newCertificate(t, &key.PublicKey, key)
	foreign := newCertificate(t, &other.PublicKey, other)
	encode := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	certPEM, foreignPEM := encode("CERTIFICATE", own.Raw), encode("CERTIFICATE", foreign.Raw)
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return encode("PRIVATE KEY", der)
	}
	pfx := func(encoder *pkcs12.Encoder) []byte {
		data, err := encoder.Encode(key, own, []*x509.Certificate{foreign}, "pw")
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, tc := range []struct {
		name, password string
		content        []byte
		message        string // part of it; empty for success
		setting        string
	}{
		{name: "pem", content: bytes.Join([][]byte{certPEM, pkcs8(key)}, nil)},
		{name: "pem, key first, chain", content: bytes.Join([][]byte{encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), foreignPEM, certPEM}, nil)},
		{name: "pfx", password: "pw", content: pfx(pkcs12.Modern)},
		{name: "old pfx", password: "pw", content: pfx(pkcs12.LegacyRC2)},
		{name: "pfx, wrong password", password: "xy", content: pfx(pkcs12.Modern), message: "does not open", setting: "ApplicationCertificatePassword"},
		{name: "no key", content: certPEM, message: "no private key", setting: "ApplicationCertificateFile"},
		{name: "no certificate", content: pkcs8(key), message: "no certificate", setting: "ApplicationCertificateFile"},
		{name: "foreign certificate", content: bytes.Join([][]byte{foreignPEM, pkcs8(key)}, nil), message: "belongs to the private key", setting: "ApplicationCertificateFile"},
		{name: "elliptic curve", content: pkcs8(curve), message: "not RSA", setting: "ApplicationCertificateFile"},
		{name: "encrypted key", content: encode("ENCRYPTED PRIVATE KEY", []byte("x")), message: "encrypted", setting: "ApplicationCertificateFile"},
		{name: "rubbish", content: []byte("rubbish"), message: "", setting: "ApplicationCertificateFile"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "certificate")
			if err := os.WriteFile(file, tc.content, 0o600); err != nil {
				t.Fatal(err)
			}
			a := &authority{expires: 3599}
			s, err := signin.NewSource(signin.Application{TenantID: tenant, ClientID: client, CertificateFile: file, CertificatePassword: tc.password}, endpoints, a, nil)
			if tc.setting != "" {
				if f := fault.Of(err); f == nil || f.Code != fault.Invalid || f.Setting != tc.setting || !strings.Contains(f.Error(), tc.message) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if token, err := s.Token(t.Context()); err != nil || token != "token1" {
				t.Fatalf("%q, %v", token, err)
			}
			if form := a.forms[0]; strings.Count(form.Get("client_assertion"), ".") != 2 || form.Has("client_secret") {
				t.Errorf("form %v", form)
			}
		})
	}
}
