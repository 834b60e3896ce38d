package check

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func days(n int) time.Time { return now.AddDate(0, 0, n) }

func shown(f sdk.Finding) string {
	return fmt.Sprintf("%s %s: %s (%s)", f.State, f.Subject, f.Message, f.Ends.Format(time.DateOnly))
}

func TestEnding(t *testing.T) {
	for _, tc := range []struct {
		ends time.Time
		want string
	}{
		{days(31), "ok it: The it ends on 2026-06-01 (2026-06-01)"},
		{days(30), "warning it: The it ends on 2026-05-31, in 30 days (2026-05-31)"},
		{now.Add(time.Hour), "warning it: The it ends on 2026-05-01, within a day (2026-05-01)"},
		{days(1), "warning it: The it ends on 2026-05-02, in 1 day (2026-05-02)"},
		{now, "failed it: The it has ended on 2026-05-01 (2026-05-01)"},
	} {
		f := ending("it", "The it", tc.ends, now, "Replace it")
		if got := shown(f); got != tc.want || (f.State == sdk.OK) != (f.Hint == "") {
			t.Errorf("got %s, want %s", got, tc.want)
		}
	}
}

// certificateFile makes a certificate that is valid between two times.
func certificateFile(t *testing.T, from, to time.Time) (string, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "usher"}, NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "certificate.pem")
	content := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})...)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, c
}

func byCertificate(file string) signin.Application {
	return signin.Application{TenantID: "contoso.com", ClientID: "22222222-2222-2222-2222-222222222222", CertificateFile: file}
}

func TestCertificate(t *testing.T) {
	for _, tc := range []struct {
		from, to int // days
		want     string
	}{
		{-1, 365, `ok certificate: The certificate "CN=usher" ends on 2027-05-01 (2027-05-01)`},
		{-1, 10, `warning certificate: The certificate "CN=usher" ends on 2026-05-11, in 10 days (2026-05-11)`},
		{-10, -1, `failed certificate: The certificate "CN=usher" has ended on 2026-04-30 (2026-04-30)`},
		{1, 365, `failed certificate: The certificate "CN=usher" is not valid before 2026-05-02T12:00:00Z (0001-01-01)`},
	} {
		file, _ := certificateFile(t, days(tc.from), days(tc.to))
		found := Certificate(byCertificate(file), now)
		if len(found) != 1 || shown(found[0]) != tc.want || (found[0].State == sdk.OK) != (found[0].Hint == "") {
			t.Errorf("got %v, want %s", found, tc.want)
		}
	}
	if found := Certificate(signin.Application{ClientSecret: "x"}, now); found != nil {
		t.Errorf("got %v", found)
	}
}

func secret(name, hint string, ends int) registered {
	return registered{KeyID: "id of " + name, DisplayName: name, Hint: hint, EndDateTime: days(ends), kind: clientSecret}
}

func TestSecretInUse(t *testing.T) {
	for _, tc := range []struct {
		name string
		all  []registered
		want string // the finding
	}{
		{"one", []registered{secret("a", "abc", 90)}, `ok client secret: The client secret "a" ends on 2026-07-30 (2026-07-30)`},
		{"soon", []registered{secret("a", "abc", 9)}, `warning client secret: The client secret "a" ends on 2026-05-10, in 9 days (2026-05-10)`},
		{"the first that ends, of those that have not", []registered{secret("a", "abc", -1), secret("b", "abc", 300), secret("c", "abc", 200), secret("d", "xyz", 100)},
			`ok client secret: The client secret "c" ends on 2026-11-17 (2026-11-17)`},
		{"none", []registered{secret("a", "xyz", 90), secret("b", "", 90)},
			"ok client secret: It cannot be told when the client secret ends: no secret of the registration begins like it (0001-01-01)"},
	} {
		if got := shown(secretEnding(usedSecret(tc.all, "abc~rest", now), now)); got != tc.want {
			t.Errorf("%s: got %s", tc.name, got)
		}
	}
}

func TestOtherCredentials(t *testing.T) {
	key := registered{KeyID: "k1", EndDateTime: days(20), kind: certificate}
	for _, tc := range []struct {
		all  []registered
		want string
	}{
		{[]registered{secret("old", "x", 200)}, `ok other credentials: The client secret "old", which is not used here, ends on 2026-11-17 (2026-11-17)`},
		{[]registered{secret("old", "x", 200), key}, "warning other credentials: Of 2 credentials that are not used here, the certificate k1 ends first: it ends on 2026-05-21, in 20 days (2026-05-21)"},
	} {
		if got := shown(othersEnding(tc.all, now)); got != tc.want {
			t.Errorf("got %s", got)
		}
	}
}

func TestRegisteredCertificate(t *testing.T) {
	_, own := certificateFile(t, days(-1), days(1))
	_, other := certificateFile(t, days(-1), days(1))
	sum := sha1.Sum(own.Raw)
	var r registered
	text, _ := json.Marshal(map[string]any{"keyId": "k", "customKeyIdentifier": sum[:], "endDateTime": "2027-01-01T00:00:00Z"})
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if r.kind = certificate; !r.isOf(own) || r.isOf(other) {
		t.Errorf("%+v", r)
	}
}

func TestCompareClocks(t *testing.T) {
	addresses := []string{"https://login.example", "https://graph.example/v1.0/"}
	for _, tc := range []struct {
		probes []transport.Probe
		want   string
	}{
		{[]transport.Probe{{}, {}}, ""},
		{[]transport.Probe{{Date: now}, {}}, "ok clock: This machine's clock agrees with that of login.example"},
		{[]transport.Probe{{Date: now, Skew: 5 * time.Second}, {Date: now, Skew: -59 * time.Second}}, "ok clock: This machine's clock is 59s behind that of graph.example"},
		{[]transport.Probe{{Date: now, Skew: time.Minute}, {Date: now}}, "warning clock: This machine's clock is 1m0s ahead of that of login.example"},
		{[]transport.Probe{{Date: now}, {Date: now, Skew: -5 * time.Minute}}, "failed clock: This machine's clock is 5m0s behind that of graph.example"},
	} {
		f, found := compareClocks(addresses, tc.probes)
		if got := strings.TrimSuffix(shown(f), " (0001-01-01)"); found != (tc.want != "") || found && got != tc.want {
			t.Errorf("got %s, want %s", got, tc.want)
		}
	}
}

func TestPermissions(t *testing.T) {
	one := directory.Permission{Name: "A.Read", ID: "1", Instead: []string{"A.Write", "All"}}
	two := directory.Permission{Name: "B.Read", ID: "2", Instead: []string{"All"}}
	needs := []Need{{Permission: one, For: "x"}, {Permission: two, For: "y"}, {Permission: one, For: "z"}}
	roles := func(names ...string) *signin.Claims { return &signin.Claims{TenantID: "t", Roles: names} }
	for _, tc := range []struct {
		name   string
		claims *signin.Claims
		works  []bool
		want   string
	}{
		{"nobody knows", nil, nil, "A.Read  () x, z; B.Read  () y"},
		{"granted", roles("A.Read", "B.Read"), nil, "A.Read granted () x, z; B.Read granted () y"},
		{"wider", roles("All"), nil, "A.Read granted (All) x, z; B.Read granted (All) y"},
		{"the narrowest of the wider", roles("All", "A.Write"), nil, "A.Read granted (A.Write) x, z; B.Read granted (All) y"},
		{"missing", roles("A.Read"), nil, "A.Read granted () x, z; B.Read missing () y"},
		{"works all the same", roles(), []bool{true, true, true}, "A.Read granted (another right of the application) x, z; B.Read granted (another right of the application) y"},
		{"works for one", roles(), []bool{true, false, false}, "A.Read missing () x, z; B.Read missing () y"},
		{"works for the other", roles(), []bool{false, false, true}, "A.Read missing () x, z; B.Read missing () y"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			asked := append([]Need{}, needs...)
			for i, works := range tc.works {
				asked[i].Works = works
			}
			var got []string
			for _, p := range Permissions(asked, tc.claims) {
				got = append(got, fmt.Sprintf("%s %s (%s) %s", p.Name, p.Grant, p.GrantedBy, p.Purpose))
			}
			if strings.Join(got, "; ") != tc.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), tc.want)
			}
		})
	}
}

// What one cannot do without is not optional, whatever else needs it.
func TestOptionalPermissions(t *testing.T) {
	always, sometimes := directory.Permission{Name: "A"}, directory.Permission{Name: "B"}
	for _, p := range Permissions([]Need{{Permission: always, Optional: true}, {Permission: sometimes, Optional: true}, {Permission: always}, {Permission: sometimes, Optional: true}}, nil) {
		if p.Optional != (p.Name == "B") {
			t.Errorf("got %+v", p)
		}
	}
}

// A tenant for customers takes orders, but has no delta queries.
func TestTenantForCustomers(t *testing.T) {
	body := []byte(`{"value":[{"id":"1","displayName":"Shop","tenantType":"CIAM","verifiedDomains":[{"name":"shop.com","isDefault":true}]}]}`)
	if f := readTenant(body, true); f.State != sdk.Failed || f.Hint == "" {
		t.Errorf("got %+v", f)
	}
	if f := readTenant(body, false); f.State != sdk.OK || f.Message != `The tenant is Shop (shop.com, 1, external)` {
		t.Errorf("got %+v", f)
	}
}

func TestConsentURL(t *testing.T) {
	const client = "22222222-2222-2222-2222-222222222222"
	a := signin.Application{TenantID: "contoso.com", ClientID: client, ClientSecret: "x"}
	for _, tc := range []struct {
		cloud, response string
		a               signin.Application
		want            string
	}{
		{"Global", "http://localhost", a, "https://login.microsoftonline.com/contoso.com/adminconsent?client_id=" + client + "&redirect_uri=http%3A%2F%2Flocalhost"},
		{"USGovDoD", "", a, "https://login.microsoftonline.us/contoso.com/adminconsent?client_id=" + client},
		{"China", "", a, "https://login.chinacloudapi.cn/contoso.com/adminconsent?client_id=" + client},
		{"Global", "", signin.Application{TenantID: "contoso.com", ManagedIdentity: true}, ""},
		{"Global", "", signin.Application{TenantID: "contoso.com", ClientSecret: "x"}, ""},
	} {
		e, err := cloud.Resolve(cloud.Settings{Cloud: tc.cloud})
		if err != nil {
			t.Fatal(err)
		}
		if got := ConsentURL(e, tc.a, tc.response); got != tc.want {
			t.Errorf("got %s, want %s", got, tc.want)
		}
	}
}
