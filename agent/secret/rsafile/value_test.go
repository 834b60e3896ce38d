package rsafile_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/usher-iga/usher/agent/secret/rsafile"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// identity makes a certificate of the given name for key.
func identity(tb testing.TB, name string, key crypto.Signer) certificate.Identity {
	tb.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return certificate.Identity{Chain: []*x509.Certificate{c}, Key: key}
}

func newKey(tb testing.TB, bits int) *rsa.PrivateKey {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

const text = `pä"ss`

func seal(tb testing.TB, text string, i certificate.Identity) string {
	tb.Helper()
	value, err := rsafile.Seal(text, i.Certificate())
	if err != nil {
		tb.Fatal(err)
	}
	return value
}

func TestSealAndOpen(t *testing.T) {
	i := identity(t, "usher", newKey(t, 2048))
	for _, want := range []string{text, "", strings.Repeat("x", rsafile.MaxText)} {
		value := seal(t, want, i)
		if !rsafile.IsSealed(value) || value == seal(t, want, i) {
			t.Errorf("%.80s...", value)
		}
		got, err := rsafile.Open(" "+value+"\r\n", i)
		if err != nil || got.Reveal() != want {
			t.Errorf("%d bytes: %v", len(want), err)
		}
	}
	renewed := identity(t, "usher renewed", i.Key)
	if got, err := rsafile.Open(seal(t, text, i), renewed); err != nil || got.Reveal() != text {
		t.Errorf("after a renewal with the same key: %v", err)
	}
}

// opaque is a key that is not in memory, as those of the Windows store.
type opaque struct {
	*rsa.PrivateKey
	err error
}

func (o opaque) Decrypt(random io.Reader, text []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	return o.PrivateKey.Decrypt(random, text, opts)
}

// signer is a key that cannot decrypt.
type signer struct{ crypto.Signer }

func TestOpenByOtherKeys(t *testing.T) {
	key := newKey(t, 2048)
	i := identity(t, "usher", key)
	value := seal(t, text, i)
	i.Key = opaque{PrivateKey: key}
	if got, err := rsafile.Open(value, i); err != nil || got.Reveal() != text {
		t.Error(err)
	}
	refused := errors.New("access denied")
	i.Key = opaque{key, refused}
	if _, err := rsafile.Open(value, i); !fault.Is(err, fault.Invalid) || !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	i.Key = signer{key}
	if _, err := rsafile.Open(value, i); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "CN=usher does not decrypt") {
		t.Errorf("got %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	key := newKey(t, 2048)
	own, other := identity(t, "usher", key), identity(t, "other", newKey(t, 2048))
	value := seal(t, text, own)
	parts := strings.Split(value, ".")
	change := func(part int) string {
		changed := append([]string(nil), parts...)
		middle := len(changed[part]) / 2
		replacement := "A"
		if changed[part][middle] == 'A' {
			replacement = "B"
		}
		changed[part] = changed[part][:middle] + replacement + changed[part][middle+1:]
		return strings.Join(changed, ".")
	}
	foreign := func(algorithm jose.KeyAlgorithm, encryption jose.ContentEncryption, o *jose.EncrypterOptions, payload string) string {
		encrypter, err := jose.NewEncrypter(encryption, jose.Recipient{Algorithm: algorithm, Key: &key.PublicKey}, o)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := encrypter.Encrypt([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		value, err := sealed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	if got, err := rsafile.Open(foreign(jose.RSA_OAEP_256, jose.A256GCM, nil, text), own); err != nil || got.Reveal() != text {
		t.Errorf("of another program by the same standard: %v", err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, value   string
		identity      certificate.Identity
		message, hint string
	}{
		{"another certificate", value, other, `was encrypted for the certificate "CN=usher", SHA-256 `, "encrypt the value anew"},
		{"key changed", change(1), own, "is damaged", "Copy it again"},
		{"iv changed", change(2), own, "is damaged", "Copy it again"},
		{"text changed", change(3), own, "is damaged", "Copy it again"},
		{"tag changed", change(4), own, "is damaged", "Copy it again"},
		{"no base64", parts[0] + ".!.!.!.!", own, "is damaged", "Copy it again"},
		{"cut", value[:len(value)-10], own, "is damaged", "Copy it again"},
		{"head cut", value[10:], own, "is damaged", "Copy it again"},
		{"parts missing", strings.Join(parts[:3], "."), own, "is not encrypted", "usher secrets encrypt"},
		{"clear", text, own, "is not encrypted", "usher secrets encrypt"},
		{"nothing", "", own, "is not encrypted", "usher secrets encrypt"},
		{"reference product", "kxABAOkh0BF2Jw==", own, "by another agent", "usher secrets encrypt FILE"},
		{"too long", value + strings.Repeat("A", 200<<10), own, "is the limit", ""},
		{"other key algorithm", foreign(jose.RSA_OAEP, jose.A256GCM, nil, text), own, "in another way", "usher secrets encrypt-value"},
		{"other encryption", foreign(jose.RSA_OAEP_256, jose.A128GCM, nil, text), own, "in another way", "usher secrets encrypt-value"},
		{"compressed", foreign(jose.RSA_OAEP_256, jose.A256GCM, &jose.EncrypterOptions{Compression: jose.DEFLATE}, text), own, "in another way", "usher secrets encrypt-value"},
		{"not text", foreign(jose.RSA_OAEP_256, jose.A256GCM, nil, "\xff"), own, "is damaged", "Copy it again"},
		{"short key", value, identity(t, "short", newKey(t, 1024)), "certificate CN=short has 1024 bits; 2048 is the least", "usher secrets new-certificate"},
		{"not RSA", value, identity(t, "curve", curve), "certificate CN=curve is not RSA", "usher secrets new-certificate"},
	} {
		got, err := rsafile.Open(tc.value, tc.identity)
		f := fault.Of(err)
		if f == nil || f.Code != fault.Invalid || f.Setting != "" || !strings.Contains(f.Error(), tc.message) || !strings.Contains(f.Hint, tc.hint) || !got.IsEmpty() {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if tc.value != "" && strings.Contains(f.Error()+f.Hint, tc.value) {
			t.Errorf("%s: the value is in the error: %v", tc.name, err)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	good, short := identity(t, "usher", newKey(t, 2048)), identity(t, "short", newKey(t, 1024))
	for _, tc := range []struct {
		text, message string
		identity      certificate.Identity
	}{
		{"x", "has 1024 bits", short},
		{strings.Repeat("x", rsafile.MaxText+1), "65537 bytes; 65536 can be encrypted", good},
		{"\xff", "not UTF-8", good},
	} {
		if _, err := rsafile.Seal(tc.text, tc.identity.Certificate()); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tc.message) {
			t.Errorf("got %v", err)
		}
	}
}

func TestNamesOfCertificatesAreShort(t *testing.T) {
	key := newKey(t, 2048)
	value := seal(t, text, identity(t, strings.Repeat("é", 1000), key))
	_, err := rsafile.Open(value, identity(t, "other", newKey(t, 2048)))
	if err == nil || len(err.Error()) > 800 || len(value) > 2000 {
		t.Errorf("%d bytes of value, %v", len(value), err)
	}
}

// at is a clock that stands still.
type at time.Time

func (a at) Now() time.Time                                 { return time.Time(a) }
func (at) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func TestNewCertificate(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	content, c, err := rsafile.NewCertificate("Usher agent", 730, at(now))
	if err != nil {
		t.Fatal(err)
	}
	i, err := certificate.Parse(content, "")
	if err != nil || !i.Certificate().Equal(c) {
		t.Fatalf("%v", err)
	}
	if bits := c.PublicKey.(*rsa.PublicKey).N.BitLen(); bits != 3072 || c.Subject.CommonName != "Usher agent" || c.SerialNumber.Sign() <= 0 ||
		!c.NotBefore.Equal(now.Add(-time.Hour)) || !c.NotAfter.Equal(now.AddDate(0, 0, 730)) || c.KeyUsage&x509.KeyUsageKeyEncipherment == 0 || c.IsCA {
		t.Errorf("%d bits, %v to %v", bits, c.NotBefore, c.NotAfter)
	}
	if got, err := rsafile.Open(seal(t, text, i), i); err != nil || got.Reveal() != text {
		t.Error(err)
	}
	for _, tc := range []struct {
		name string
		days int
	}{{"", 1}, {strings.Repeat("é", 65), 1}, {"x", 0}, {"x", 4000}} {
		if _, _, err := rsafile.NewCertificate(tc.name, tc.days, at(now)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q for %d days: %v", tc.name, tc.days, err)
		}
	}
}

// The samples of the reference product's documentation begin so.
func TestReferenceContainer(t *testing.T) {
	container := append([]byte{0x93, 0x10, 0x01, 0x00}, bytes.Repeat([]byte{7}, 288)...)
	_, err := rsafile.Open(base64.StdEncoding.EncodeToString(container), identity(t, "usher", newKey(t, 2048)))
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "by another agent") {
		t.Errorf("got %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	i := identity(f, "usher", newKey(f, 2048))
	value := seal(f, text, i)
	for _, seed := range []string{value, value[:100], "", "kxABA", "....", "e30.e30.e30.e30.e30", value + "."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := rsafile.Open(value, i)
		if err == nil {
			if got.Reveal() != text {
				t.Errorf("%q opens as %q", value, got.Reveal())
			}
			return
		}
		if !fault.Is(err, fault.Invalid) || !got.IsEmpty() {
			t.Errorf("%q: %v", value, err)
		}
		if _, again := rsafile.Open(value, i); fmt.Sprint(again) != fmt.Sprint(err) {
			t.Errorf("%q: %v, then %v", value, err, again)
		}
	})
}
