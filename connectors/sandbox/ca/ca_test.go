package ca

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestAuthorityIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "folder", "ca.pem")
	first, err := Open(file, now)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Open(file, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.PEM(), second.PEM()) {
		t.Error("the second time there is another authority")
	}
	written, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(written, first.PEM()) {
		t.Errorf("the file holds %q, %v", written, err)
	}
	served, err := second.Serve([]string{"localhost", "127.0.0.1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(served.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: first.Pool(), CurrentTime: now}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestAuthorityThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	if _, err := Open(file, now); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, now.Add(20*365*24*time.Hour)); err == nil {
		t.Error("an expired authority is used")
	}
	if err := os.Remove(file + ".key"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, now); err == nil {
		t.Error("an authority without a key is replaced")
	}
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, now); err == nil {
		t.Error("a file that is no PEM is replaced")
	}
}

func TestClientCertificate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "client.pem")
	made, err := ClientCertificate(file, now)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ClientCertificate(file, now)
	if err != nil || !made.Equal(read) {
		t.Errorf("read another certificate: %v", err)
	}
}
