package signin_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func newCertificate(t *testing.T) (*rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "usher"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, c
}

// newPEM makes a certificate with its key.
func newPEM(t *testing.T) []byte {
	t.Helper()
	key, c := newCertificate(t)
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})...)
}

func newCertificateFile(t *testing.T) string {
	t.Helper()
	return writeFile(t, newPEM(t))
}

func writeFile(t *testing.T, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		name string
		a    signin.Application
		want string // "setting: message" of each problem
	}{
		{"secret", bySecret, ""},
		{"domain name", signin.Application{TenantID: "contoso.onmicrosoft.com", ClientID: client, ClientSecret: "x"}, ""},
		{"certificate with password", signin.Application{TenantID: tenant, ClientID: client, Certificate: "x", CertificatePassword: "x"}, ""},
		{"store", signin.Application{TenantID: tenant, ClientID: client, CertificateStore: certificate.Store{Location: "CurrentUser", Name: "My", DistinguishedName: "CN=x"}}, ""},
		{"managed identity", signin.Application{TenantID: tenant, ManagedIdentity: true}, ""},
		{"user-assigned identity", signin.Application{TenantID: tenant, ClientID: client, ManagedIdentity: true}, ""},
		{
			"nothing", signin.Application{},
			"TenantId: TenantId is missing\nApplicationId: ApplicationId is missing\nApplicationKey: nothing says how to sign in: neither ApplicationKey nor another way is set\n",
		},
		{
			"nonsense", signin.Application{TenantID: "no tenant", ClientID: "x", ClientSecret: "x"},
			"TenantId: TenantId \"no tenant\" is neither a GUID nor a domain name\nApplicationId: ApplicationId \"x\" is not a GUID\n",
		},
		{
			"location alone", signin.Application{TenantID: tenant, ClientID: client, CertificateStore: certificate.Store{Location: "LocalMachine", Name: "My"}},
			"ApplicationKey: nothing says how to sign in: neither ApplicationKey nor another way is set\n",
		},
		{
			"secret and file", signin.Application{TenantID: tenant, ClientID: client, ClientSecret: "x", CertificateFile: "x"},
			"ApplicationCertificateFile: both ApplicationKey and ApplicationCertificateFile are set\n",
		},
		{
			"file and text", signin.Application{TenantID: tenant, ClientID: client, CertificateFile: "x", Certificate: "x"},
			"ApplicationCertificate: both ApplicationCertificateFile and ApplicationCertificate are set\n",
		},
		{
			"thumbprint and name", signin.Application{TenantID: tenant, ClientID: client, CertificateStore: certificate.Store{Thumbprint: "x", DistinguishedName: "x"}},
			"ApplicationCertificateDistinguishedName: both ApplicationCertificateThumbprint and ApplicationCertificateDistinguishedName are set\n",
		},
		{
			"token and identity", signin.Application{TenantID: tenant, FederatedTokenFile: "x", ManagedIdentity: true},
			"ManagedIdentity: both FederatedTokenFile and ManagedIdentity are set\n",
		},
		{
			"password of a secret", signin.Application{TenantID: tenant, ClientID: client, ClientSecret: "x", CertificatePassword: "x"},
			"ApplicationCertificatePassword: ApplicationCertificatePassword is set, but neither ApplicationCertificateFile nor ApplicationCertificate is\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got strings.Builder
			for _, p := range tc.a.Validate() {
				if p.Code != fault.Invalid || p.Hint == "" {
					t.Errorf("%#v", p)
				}
				got.WriteString(p.Setting + ": " + p.Message + "\n")
			}
			if got.String() != tc.want {
				t.Errorf("got\n%swant\n%s", got.String(), tc.want)
			}
		})
	}
}

func TestWaysToSignIn(t *testing.T) {
	key, own := newCertificate(t)
	pfx, err := pkcs12.Modern.Encode(key, own, nil, "pw")
	if err != nil {
		t.Fatal(err)
	}
	text := string(newPEM(t))
	for _, tc := range []struct {
		name string
		a    signin.Application
		want string // the client secret or assertion; "signed" for one of a certificate
	}{
		{"secret", signin.Application{ClientSecret: "x"}, "x"},
		{"PEM file", signin.Application{CertificateFile: newCertificateFile(t)}, "signed"},
		{"PFX file", signin.Application{CertificateFile: writeFile(t, pfx), CertificatePassword: "pw"}, "signed"},
		{"PEM text", signin.Application{Certificate: text}, "signed"},
		{"PFX text", signin.Application{Certificate: base64.StdEncoding.EncodeToString(pfx), CertificatePassword: "pw"}, "signed"},
		{"federated token", signin.Application{FederatedTokenFile: writeFile(t, []byte("head.body.signature\n"))}, "head.body.signature"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.a.TenantID, tc.a.ClientID = tenant, client
			a := &authority{expires: 3599}
			if token, err := sourceOf(t, tc.a, signin.Options{Authority: a}).Token(t.Context()); err != nil || token != "token1" {
				t.Fatalf("%q, %v", token, err)
			}
			form := a.forms[0]
			got := form.Get("client_secret") + form.Get("client_assertion")
			if tc.want != "signed" {
				if got != tc.want {
					t.Errorf("form %v", form)
				}
				return
			}
			assertion, err := base64.RawURLEncoding.DecodeString(strings.Split(got, ".")[1])
			var claims struct{ Aud, Iss, Sub string }
			if err != nil || json.Unmarshal(assertion, &claims) != nil || claims.Iss != client || claims.Sub != client ||
				claims.Aud != "https://login.example/"+tenant+"/oauth2/v2.0/token" {
				t.Errorf("assertion %s", assertion)
			}
		})
	}
}

func TestCredentialsThatCannotBeRead(t *testing.T) {
	password := func() string {
		key, own := newCertificate(t)
		pfx, err := pkcs12.Modern.Encode(key, own, nil, "pw")
		if err != nil {
			t.Fatal(err)
		}
		return writeFile(t, pfx)
	}()
	store := signin.Application{CertificateStore: certificate.Store{Thumbprint: strings.Repeat("0a", 20)}}
	for _, tc := range []struct {
		name    string
		a       signin.Application
		setting string
		message string // part of it
	}{
		{"no file", signin.Application{CertificateFile: "does/not/exist"}, setting.CertificateFile, "does/not/exist"},
		{"rubbish", signin.Application{CertificateFile: writeFile(t, []byte("rubbish"))}, setting.CertificateFile, "cannot be used"},
		{"rubbish as text", signin.Application{Certificate: "rubbish"}, setting.Certificate, "cannot be used"},
		{"password", signin.Application{CertificateFile: password, CertificatePassword: "xy"}, setting.CertificatePassword, "does not open"},
		{"store", store, setting.CertificateThumbprint, "0a0a"},
		{"no token", signin.Application{FederatedTokenFile: "does/not/exist"}, setting.FederatedTokenFile, "cannot be read"},
		{"empty token", signin.Application{FederatedTokenFile: writeFile(t, nil)}, setting.FederatedTokenFile, "does not hold a token"},
		{"two tokens", signin.Application{FederatedTokenFile: writeFile(t, []byte("a.b.c\nd"))}, setting.FederatedTokenFile, "does not hold a token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.a.TenantID, tc.a.ClientID = tenant, client
			_, err := signin.NewSource(tc.a, signin.Options{Endpoints: endpoints})
			if f := fault.Of(err); f == nil || f.Code != fault.Invalid || f.Setting != tc.setting || f.Hint == "" || !strings.Contains(f.Error(), tc.message) {
				t.Errorf("got %#v", f)
			}
		})
	}
	if runtime.GOOS != "windows" {
		if _, err := store.X509(); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v", err)
		}
	}
}

// What is rotated on disk is used by the next sign-in.
func TestFilesAreReadAnew(t *testing.T) {
	clock := &manual{time.Now()}
	file := writeFile(t, []byte("a.b.1"))
	a := &authority{expires: 600}
	s := sourceOf(t, signin.Application{TenantID: tenant, ClientID: client, FederatedTokenFile: file}, signin.Options{Authority: a, Clock: clock})
	if _, err := s.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("a.b.2"), 0o600); err != nil {
		t.Fatal(err)
	}
	clock.now = clock.now.Add(time.Hour)
	if _, err := s.Token(t.Context()); err != nil || a.forms[1].Get("client_assertion") != "a.b.2" {
		t.Errorf("%v, %v", err, a.forms)
	}
}

func TestReadClaims(t *testing.T) {
	jwt := func(payload string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + "." + base64.RawURLEncoding.EncodeToString(sha256.New().Sum(nil))
	}
	for _, tc := range []struct {
		token string
		want  *signin.Claims
	}{
		{jwt(`{"tid":"t","appid":"a","roles":["User.Read.All","x"],"exp":1}`), &signin.Claims{TenantID: "t", ClientID: "a", Roles: []string{"User.Read.All", "x"}}},
		{jwt(`{"tid":"t","azp":"a"}`), &signin.Claims{TenantID: "t", ClientID: "a"}},
		{jwt(`{"roles":["x"]}`), nil},
		{jwt(`{"tid":1}`), nil},
		{"opaque", nil},
		{"a.!.c", nil},
		{"a.b.c.d.e", nil}, // encrypted
	} {
		got, _ := json.Marshal(signin.ReadClaims(tc.token))
		if want, _ := json.Marshal(tc.want); string(got) != string(want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
