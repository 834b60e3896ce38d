package settings

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
)

// pemCertificate makes a certificate as PEM.
func pemCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestRoots(t *testing.T) {
	one, two := pemCertificate(t), pemCertificate(t)
	private := "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	dir := write(t, "appsettings.agent.json", minimal,
		"appsettings.json", `{"TrustedCertificates": ["both.pem", "one.pem"]}`,
		"both.pem", "text before\r\n"+strings.ReplaceAll(one, "\n", "\r\n")+private+two, "one.pem", one)
	s, err := load(t, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if roots, err := s.Roots(); err != nil || !bytes.Equal(roots, []byte(one+two+one)) {
			t.Fatalf("got %s, %v", roots, err)
		}
	}
}

func TestNoRoots(t *testing.T) {
	s := &Settings{}
	if roots, err := s.Roots(); roots != nil || err != nil {
		t.Errorf("got %s, %v", roots, err)
	}
}

func TestBadRoots(t *testing.T) {
	dir := write(t, "appsettings.agent.json", minimal, "appsettings.json", "{\"TrustedCertificates\": [\n\"none.pem\",\n\"text.pem\",\n\"bad.pem\"]}",
		"text.pem", "no certificate", "bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	s, err := load(t, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Roots()
	file := filepath.Join(dir, "appsettings.json")
	problems := problemsOf(t, err)
	want := []string{
		file + ":2: cannot read the trusted certificates " + filepath.Join(dir, "none.pem"),
		file + ":3: " + filepath.Join(dir, "text.pem") + " holds no certificate",
		file + ":4: certificate 1 in " + filepath.Join(dir, "bad.pem") + " is damaged",
	}
	if len(problems) != len(want) {
		t.Fatalf("got %v", err)
	}
	for i, p := range problems {
		if !strings.HasPrefix(p.Message, want[i]) || p.Hint == "" {
			t.Errorf("got %q, want %q", p.Message, want[i])
		}
	}
}
