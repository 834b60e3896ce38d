package certificate

import (
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestStoreMatches(t *testing.T) {
	key := newKey(t)
	c := newCertificate(t, pkix.Name{
		Country: []string{"FR"}, Province: []string{"Île"}, Organization: []string{`Contoso, "Ltd"`}, CommonName: "Usher agent",
		ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}, Value: "example"}, {Type: asn1.ObjectIdentifier{1, 2, 3}, Value: "x"}},
	}, key, time.Now())
	thumbprint := fmt.Sprintf("%X", sha1.Sum(c.Raw))
	for text, want := range map[string]bool{
		`C=FR, S=Île, O="Contoso, ""Ltd""", CN=Usher agent, DC=example, OID.1.2.3=x`: true,
		`1.2.3=x,dc=EXAMPLE,cn=usher AGENT,O=Contoso\, \"Ltd\",ST=Île,C=FR`:          true,
		`Usher agent`: true, `usher AGENT`: true,
		`CN=Usher agent`: false, // the whole name is meant
		`Usher`:          false,
		`C=FR, CN=Usher agent, DC=example, OID.1.2.3=x`: false,
	} {
		if got := (Store{DistinguishedName: text}).matches(c); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	for text, want := range map[string]bool{
		thumbprint: true, strings.ToLower(thumbprint): true,
		"\u200e" + thumbprint[:2] + " " + thumbprint[2:]: true, // as the dialog of Windows copies it
		"00" + thumbprint[2:]:                            thumbprint[:2] == "00",
	} {
		if got := (Store{Thumbprint: text}).matches(c); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

func TestBetter(t *testing.T) {
	key := newKey(t)
	now := time.Now()
	ends := func(after time.Duration) *x509.Certificate {
		return newCertificate(t, pkix.Name{}, key, now.Add(after))
	}
	old, valid, later, future := ends(-time.Minute), ends(time.Hour), ends(90*time.Minute), ends(3*time.Hour) // each lasts 2 hours
	for _, tc := range []struct{ a, b *x509.Certificate }{{valid, old}, {later, valid}, {later, future}, {future, old}} {
		if !better(tc.a, tc.b, now) || better(tc.b, tc.a, now) {
			t.Errorf("until %v is not better than until %v", tc.a.NotAfter, tc.b.NotAfter)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	for _, tc := range []struct {
		store   Store
		message string
	}{
		{Store{Location: "Here", Thumbprint: strings.Repeat("a", 40)}, `the store location "Here"`},
		{Store{}, "nothing says which certificate"},
		{Store{Thumbprint: strings.Repeat("a", 40), DistinguishedName: "CN=x"}, "both thumbprint and distinguished name"},
		{Store{Thumbprint: "abc"}, "has 40 hexadecimal digits, not 3"},
		{Store{DistinguishedName: "CN=x, O"}, "is not the distinguished name"},
	} {
		if _, err := Find(tc.store); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tc.message) || fault.Of(err).Hint == "" {
			t.Errorf("got %v", err)
		}
	}
	_, err := Find(Store{DistinguishedName: "CN=usher does not exist"})
	want := `LocalMachine\My, which only Windows has`
	if runtime.GOOS == "windows" {
		want = `the store LocalMachine\My holds no certificate with the subject CN=usher does not exist`
	}
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func FuzzParseName(f *testing.F) {
	for _, seed := range []string{`CN=a, O="b, c"`, `CN=a\,b+OU=c`, `"`, `=`, `a=\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, a := range parseName(text) {
			if a.kind == "" {
				t.Errorf("%q has an attribute without a kind", text)
			}
		}
	})
}
