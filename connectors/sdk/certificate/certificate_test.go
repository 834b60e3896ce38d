package certificate

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newCertificate(t *testing.T, subject pkix.Name, key crypto.Signer, end time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: subject, NotBefore: end.Add(-2 * time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return encodePEM("PRIVATE KEY", der)
}

func TestParse(t *testing.T) {
	key, other := newKey(t), newKey(t)
	curve, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	end := time.Now().Add(time.Hour)
	own := newCertificate(t, pkix.Name{CommonName: "usher"}, key, end)
	foreign := newCertificate(t, pkix.Name{CommonName: "other"}, other, end)
	ownPEM, foreignPEM := encodePEM("CERTIFICATE", own.Raw), encodePEM("CERTIFICATE", foreign.Raw)
	pfx := func(encoder *pkcs12.Encoder, password string) []byte {
		data, err := encoder.Encode(key, own, []*x509.Certificate{foreign}, password)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	lines := func(data []byte) []byte { // as base64 tools write it
		text := base64.StdEncoding.EncodeToString(data)
		return []byte(text[:76] + "\r\n" + text[76:] + "\r\n")
	}
	sec1, err := x509.MarshalECPrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, password string
		content        []byte
		message        string // part of the error; empty for success
	}{
		{name: "PEM", content: bytes.Join([][]byte{ownPEM, pkcs8(t, key)}, nil)},
		{name: "PEM, key first, chain", content: bytes.Join([][]byte{encodePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), foreignPEM, ownPEM}, nil)},
		{name: "PFX", password: "pw", content: pfx(pkcs12.Modern, "pw")},
		{name: "old PFX", password: "pw", content: pfx(pkcs12.LegacyRC2, "pw")},
		{name: "PFX in base64, without password", content: lines(pfx(pkcs12.Modern, ""))},
		{name: "wrong password", password: "xy", content: pfx(pkcs12.Modern, "pw"), message: "the password does not open"},
		{name: "no key", content: ownPEM, message: "no private key"},
		{name: "no certificate", content: pkcs8(t, key), message: "no certificate"},
		{name: "foreign certificate", content: bytes.Join([][]byte{foreignPEM, pkcs8(t, key)}, nil), message: "belongs to the private key"},
		{name: "elliptic curve", content: pkcs8(t, curve), message: "not RSA"},
		{name: "elliptic curve, old form", content: encodePEM("EC PRIVATE KEY", sec1), message: "not RSA"},
		{name: "encrypted key", content: encodePEM("ENCRYPTED PRIVATE KEY", []byte("x")), message: "encrypted"},
		{name: "encrypted key, old form", content: []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"), message: "encrypted"},
		{name: "broken certificate", content: encodePEM("CERTIFICATE", []byte("x")), message: "x509"},
		{name: "rubbish", content: []byte("rubbish"), message: "neither PEM nor PFX"},
		{name: "nothing", message: "neither PEM nor PFX"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "certificate")
			if err := os.WriteFile(file, tc.content, 0o600); err != nil {
				t.Fatal(err)
			}
			loaded, loadErr := Load(file, tc.password)
			parsed, err := Parse(tc.content, tc.password)
			if tc.message == "" {
				if err != nil || loadErr != nil {
					t.Fatal(err, loadErr)
				}
				for _, i := range []Identity{loaded, parsed} {
					if !i.Certificate().Equal(own) || !key.Equal(i.Key) {
						t.Errorf("got %v", i.Certificate().Subject)
					}
				}
				return
			}
			for _, err := range []error{err, loadErr} {
				f := fault.Of(err)
				if f == nil || f.Code != fault.Invalid || f.Setting != "" || f.Hint == "" || !strings.Contains(f.Error(), tc.message) {
					t.Errorf("got %v", err)
				}
				if wrong := tc.name == "wrong password"; errors.Is(err, ErrPassword) != wrong {
					t.Errorf("ErrPassword in the chain of %v: %t", err, !wrong)
				}
			}
			if !strings.Contains(loadErr.Error(), file) {
				t.Errorf("%v does not name the file", loadErr)
			}
		})
	}
}

func TestLoadWhatCannotBeRead(t *testing.T) {
	folder := t.TempDir()
	large := filepath.Join(folder, "large")
	if err := os.WriteFile(large, make([]byte, maxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, message := range map[string]string{
		filepath.Join(folder, "none"): "there is no certificate file ", folder: "cannot be read: ", large: "larger than 1024 KiB",
	} {
		_, err := Load(file, "")
		if !fault.Is(err, fault.Invalid) || strings.Count(err.Error(), file) != 1 || !strings.Contains(err.Error(), message) {
			t.Errorf("got %v", err)
		}
	}
}

func TestTLS(t *testing.T) {
	key := newKey(t)
	i := Identity{Chain: []*x509.Certificate{newCertificate(t, pkix.Name{}, key, time.Now()), newCertificate(t, pkix.Name{}, key, time.Now())}, Key: key}
	if c := i.TLS(); len(c.Certificate) != 2 || !bytes.Equal(c.Certificate[0], c.Leaf.Raw) || !key.Equal(c.PrivateKey) {
		t.Errorf("got %v", c)
	}
}

func TestClientAssertion(t *testing.T) {
	key := newKey(t)
	i := Identity{Chain: []*x509.Certificate{newCertificate(t, pkix.Name{CommonName: "usher"}, key, time.Now())}, Key: key}
	now := time.Unix(1_800_000_000, 0)
	text, err := i.ClientAssertion("https://login.example/t/oauth2/v2.0/token", "client", now)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("got %s", text)
	}
	var decoded [3][]byte
	for n, part := range parts {
		if decoded[n], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			t.Fatal(err)
		}
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPSS(&key.PublicKey, crypto.SHA256, digest[:], decoded[2], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}); err != nil {
		t.Error(err)
	}
	sum := sha256.Sum256(i.Certificate().Raw)
	var head map[string]string
	if err := json.Unmarshal(decoded[0], &head); err != nil || head["alg"] != "PS256" || head["typ"] != "JWT" || head["x5t#S256"] != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Errorf("head %v, %v", head, err)
	}
	var body map[string]any
	if err := json.Unmarshal(decoded[1], &body); err != nil || body["aud"] != "https://login.example/t/oauth2/v2.0/token" || body["iss"] != "client" || body["sub"] != "client" ||
		body["nbf"] != 1_800_000_000.0 || body["exp"] != 1_800_000_600.0 || len(body["jti"].(string)) < 20 {
		t.Errorf("body %v, %v", body, err)
	}
}

func TestLoadPublic(t *testing.T) {
	key := newKey(t)
	own := newCertificate(t, pkix.Name{CommonName: "usher"}, key, time.Now().Add(time.Hour))
	ownPEM := encodePEM("CERTIFICATE", own.Raw)
	pfx, err := pkcs12.Modern.Encode(key, own, nil, "pw")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		content []byte
		hasKey  bool
		message string // part of the error; empty for success
	}{
		{"PEM", ownPEM, false, ""},
		{"DER", own.Raw, false, ""},
		{"PEM with key", bytes.Join([][]byte{ownPEM, pkcs8(t, key)}, nil), true, ""},
		{"PFX", pfx, true, ""},
		{"several", bytes.Join([][]byte{ownPEM, ownPEM}, nil), false, "several certificates"},
		{"key alone", pkcs8(t, key), false, "no certificate"},
		{"broken certificate", encodePEM("CERTIFICATE", []byte("x")), false, "x509"},
		{"rubbish", []byte("rubbish"), false, "neither PEM nor PFX"},
	} {
		file := filepath.Join(t.TempDir(), "certificate")
		if err := os.WriteFile(file, tc.content, 0o600); err != nil {
			t.Fatal(err)
		}
		c, hasKey, err := LoadPublic(file, "pw")
		switch {
		case tc.message != "":
			if f := fault.Of(err); f == nil || f.Code != fault.Invalid || f.Hint == "" || !strings.Contains(err.Error(), tc.message) || !strings.Contains(err.Error(), file) {
				t.Errorf("%s: %v", tc.name, err)
			}
		case err != nil || !own.Equal(c) || hasKey != tc.hasKey:
			t.Errorf("%s: %v, %t, %v", tc.name, c, hasKey, err)
		}
	}
	if _, _, err := LoadPublic(filepath.Join(t.TempDir(), "none"), ""); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "there is no certificate file") {
		t.Errorf("got %v", err)
	}
}
