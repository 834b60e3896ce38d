package settings

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/keyvault"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/aadsts"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// withVault are settings with a vault.
const withVault = `{"AzureKeyVault": {"Vault": "https://contoso.vault.azure.net/"}}`

// vaultLoader makes a loader of a folder with minimal settings and a vault.
func vaultLoader(t *testing.T, vault *fakeVault) (*Loader, string) {
	t.Helper()
	dir := write(t, "appsettings.agent.json", minimal, "appsettings.json", withVault)
	l := NewLoader(Options{Dir: dir, Describe: describeSpecs})
	l.keyVault.Open = vault.open
	t.Cleanup(l.Close)
	return l, dir
}

func overwrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A vault stays open from load to load while nothing about it changes, and is asked anew each time.
func TestVaultIsKept(t *testing.T) {
	vault := &fakeVault{values: map[string]string{"Connections--Contoso--ApplicationKey": "old"}}
	l, dir := vaultLoader(t, vault)
	load := func() *Settings {
		t.Helper()
		s, err := l.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	load()
	vault.values["Connections--Contoso--ApplicationKey"] = "new"
	vault.warnings = []error{fault.Errorf(fault.Unavailable, "the vault is down").WithSetting("AzureKeyVault:Vault").WithHint("Wait")}
	s := load()
	if got := s.Connections[0].Values["ApplicationKey"].Text.Reveal(); got != "new" {
		t.Errorf("got %q after the value has changed", got)
	}
	if vault.opened != 1 || vault.refreshed != 1 || vault.closed != 0 {
		t.Errorf("opened %d times, refreshed %d times, closed %d times", vault.opened, vault.refreshed, vault.closed)
	}
	want := filepath.Join(dir, "appsettings.json") + ":1: the vault is down"
	if len(s.Warnings) != 1 || s.Warnings[0].Message != want || s.Warnings[0].Hint != "Wait" || s.Sources()[0].Err == nil {
		t.Errorf("warnings %v, sources %+v", s.Warnings, s.Sources())
	}
	overwrite(t, filepath.Join(dir, "appsettings.json"), strings.Replace(withVault, "contoso", "fabrikam", 1))
	load()
	if vault.opened != 2 || vault.closed != 1 || vault.config.Vault != "https://fabrikam.vault.azure.net/" {
		t.Errorf("opened %d times, closed %d times, %s", vault.opened, vault.closed, vault.config.Vault)
	}
	overwrite(t, filepath.Join(dir, "appsettings.json"), `{}`)
	load()
	if vault.opened != 2 || vault.closed != 2 {
		t.Errorf("opened %d times, closed %d times, without a vault", vault.opened, vault.closed)
	}
}

func TestVaultFails(t *testing.T) {
	vault := &fakeVault{err: fault.Errorf(fault.Forbidden, "the vault refuses").WithSetting("AzureKeyVault:Vault").WithHint("Grant the role")}
	l, dir := vaultLoader(t, vault)
	_, err := l.Load(t.Context())
	problems := problemsOf(t, err)
	if want := filepath.Join(dir, "appsettings.json") + ":1: the vault refuses"; problems[0].Message != want || problems[0].Hint != "Grant the role" || !fault.Is(err, fault.Forbidden) {
		t.Errorf("got %v", err)
	}
	vault.err = nil
	if _, err := l.Load(t.Context()); err != nil || vault.opened != 1 {
		t.Errorf("the next load: %v, opened %d times", err, vault.opened)
	}
}

// Nothing is asked of connectors, and no time is spent, without a vault.
func TestNoVault(t *testing.T) {
	dir := write(t, "appsettings.agent.json", minimal, "appsettings.json", `{"AzureKeyVault": {"Vault": "", "ConnectionString": null}}`)
	l := NewLoader(Options{Dir: dir, Describe: func(context.Context, Connectors, string) ([]sdk.Setting, error) {
		t.Error("a connector is asked")
		return nil, nil
	}})
	l.keyVault.Open = (&fakeVault{}).open
	if s, err := l.Load(t.Context()); err != nil || len(s.Sources()) != 0 {
		t.Errorf("got %+v, %v", s, err)
	}
}

// The ways to sign in to a vault.
func TestVaultSignIn(t *testing.T) {
	const base = `{"AzureKeyVault": {"Vault": "https://contoso.vault.azure.net/", `
	const application = `"TenantId": "t", "ApplicationId": "a", `
	for _, tc := range []struct {
		keys, variables string
		want            keyvault.SignIn // without secrets and names
	}{
		{`"TenantId": null`, "", keyvault.SignIn{Method: keyvault.ManagedIdentity}},
		{`"TenantId": null`, "AZURE_CLIENT_ID=a", keyvault.SignIn{Method: keyvault.ManagedIdentity, ClientID: "a"}},
		{`"TenantId": null`, "AZURE_TENANT_ID=t AZURE_CLIENT_ID=a AZURE_CLIENT_SECRET=k AZURE_CLIENT_CERTIFICATE_PATH=none", keyvault.SignIn{Method: keyvault.ClientSecret, TenantID: "t", ClientID: "a"}},
		{`"TenantId": null`, "AZURE_TENANT_ID=t AZURE_CLIENT_ID=a AZURE_CLIENT_CERTIFICATE_PATH=DIR/usher.pem", keyvault.SignIn{Method: keyvault.Certificate, TenantID: "t", ClientID: "a"}},
		{`"TenantId": null`, "AZURE_TENANT_ID=t AZURE_CLIENT_ID=a AZURE_FEDERATED_TOKEN_FILE=DIR/token", keyvault.SignIn{Method: keyvault.WorkloadIdentity, TenantID: "t", ClientID: "a", TokenFile: "token"}},
		{`"ManagedIdentity": true`, "AZURE_TENANT_ID=t", keyvault.SignIn{Method: keyvault.ManagedIdentity}},
		{`"ManagedIdentity": "True", "ApplicationId": "a"`, "", keyvault.SignIn{Method: keyvault.ManagedIdentity, ClientID: "a"}},
		{application + `"ApplicationKey": "k"`, "", keyvault.SignIn{Method: keyvault.ClientSecret, TenantID: "t", ClientID: "a"}},
		{application + `"ApplicationCertificateFile": "usher.pem"`, "", keyvault.SignIn{Method: keyvault.Certificate, TenantID: "t", ClientID: "a"}},
		{application + `"Thumbprint": "00", "StoreLocation": "currentuser"`, "", keyvault.SignIn{
			Method: keyvault.Certificate, TenantID: "t", ClientID: "a",
			CertificateStore: certificate.Store{Location: "CurrentUser", Name: "My", Thumbprint: "00"},
		}},
		{application + `"FederatedTokenFile": "token"`, "", keyvault.SignIn{Method: keyvault.WorkloadIdentity, TenantID: "t", ClientID: "a", TokenFile: "token"}},
		{`"ConnectionString": "RunAs=App;AppId=b"`, "", keyvault.SignIn{Method: keyvault.ManagedIdentity, ClientID: "b"}},
	} {
		vault := &fakeVault{}
		dir := write(t, "appsettings.agent.json", minimal, "appsettings.json", base+tc.keys+"}}", "usher.pem", certificates(t).onePEM)
		environ := strings.Fields(tc.variables)
		for i := range environ {
			environ[i] = strings.ReplaceAll(environ[i], "DIR/", dir+string(filepath.Separator))
		}
		l := NewLoader(Options{Dir: dir, Environ: environ})
		l.keyVault.Open = vault.open
		s, err := l.Load(t.Context())
		if err != nil {
			t.Errorf("%s: %v", tc.keys, err)
			continue
		}
		got := vault.config.SignIn
		byFile := got.Method == keyvault.Certificate && got.CertificateStore == certificate.Store{}
		if state := s.Sources()[0]; (got.Certificate.Key != nil) != byFile || byFile != (state.Certificate == filepath.Join(dir, "usher.pem")) || byFile == state.Ends.IsZero() {
			t.Errorf("%s: %+v, %+v", tc.keys, got, state)
		}
		if got.ClientSecret.IsEmpty() != (got.Method != keyvault.ClientSecret) {
			t.Errorf("%s: %+v", tc.keys, got)
		}
		got.Certificate, got.ClientSecret, got.Names = certificate.Identity{}, secret.String{}, aadsts.Names{}
		got.TokenFile = strings.TrimPrefix(got.TokenFile, dir+string(filepath.Separator))
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s, %s: got %+v", tc.keys, tc.variables, got)
		}
	}
}

func TestLoadIsCanceled(t *testing.T) {
	vault := &fakeVault{err: context.Canceled}
	l, _ := vaultLoader(t, vault)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	l.turn <- struct{}{} // another load
	if _, err := l.Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("while another one loads: %v", err)
	}
	<-l.turn
}

func TestLoadsSideBySide(t *testing.T) {
	l, _ := vaultLoader(t, &fakeVault{})
	var loads sync.WaitGroup
	for range 4 {
		loads.Go(func() {
			if _, err := l.Load(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	loads.Wait()
}

// So is the file of the certificate that the environment names for a vault.
func TestPrivateKeyOfTheEnvironment(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows access control lists say who can read a file, not its mode")
	}
	dir := write(t, "appsettings.agent.json", minimal, "appsettings.json", withVault, "usher.pem", certificates(t).onePEM)
	file := filepath.Join(dir, "usher.pem")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := load(t, Options{Dir: dir, Environ: []string{"AZURE_TENANT_ID=t", "AZURE_CLIENT_ID=a", "AZURE_CLIENT_CERTIFICATE_PATH=" + file}})
	if !strings.HasPrefix(fmt.Sprint(err), "environment variable AZURE_CLIENT_CERTIFICATE_PATH: "+file+" holds secrets") {
		t.Errorf("got %v", err)
	}
}

// Files with secrets that others can read are refused, whatever makes them secret.
func TestPrivateFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows access control lists say who can read a file, not its mode")
	}
	for _, tc := range []struct{ name, key, setting string }{
		{"a key", `"Connections": {"Contoso": {"ApplicationKey": "s3cr3t"}}`, "Connections.Contoso.ApplicationKey"},
		{"a list below a key", `"Password": ["", "s3cr3t"]`, "Password.1"},
		{"a section", `"Databases": {"Main": "s3cr3t"}`, "Databases.Main"},
		{"a URL", `"Proxy": "http://u:s3cr3t@proxy.example"`, "Proxy"},
		{"no value", `"Connections": {"Contoso": {"ApplicationKey": ""}}`, ""},
		{"no secret", `"LogsPath": "x"`, ""},
	} {
		dir := write(t, "appsettings.agent.json", minimal)
		file := filepath.Join(dir, "appsettings.json")
		overwrite(t, file, "{\n"+tc.key+"\n}")
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := load(t, Options{Dir: dir})
		problems := problemsOf(t, err)
		if tc.setting == "" {
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
			}
			continue
		}
		describeProblems(t, problems)
		if len(problems) != 1 || !strings.HasPrefix(problems[0].Message, file+":2: "+tc.setting+" is a secret in clear: ") || problems[0].Hint == "" {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// What only the connector knows to be secret counts when its keys are resolved.
func TestPrivateToTheConnector(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows access control lists say who can read a file, not its mode")
	}
	text := strings.Replace(minimal, `"EntityType`, "\n"+`"Pin": "s3cr3t",`+"\n"+`"TheCertificateFile": "key.pem", "EntityType`, 1)
	dir := write(t, "appsettings.agent.json", text, "key.pem", "x")
	for _, name := range []string{"appsettings.agent.json", "key.pem"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := load(t, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Connections[0].Resolve([]sdk.Setting{{Name: "Pin", Secret: true}, {Name: "TheCertificateFile", Kind: sdk.File}})
	problems := problemsOf(t, err)
	if len(problems) != 2 || problems[0].Setting != "Pin" || problems[1].Setting != "TheCertificateFile" {
		t.Fatalf("got %v", err)
	}
	describeProblems(t, problems)
	for i, line := range []int{2, 3} {
		if want := fmt.Sprintf("%s:%d: ", filepath.Join(dir, "appsettings.agent.json"), line); !strings.HasPrefix(problems[i].Message, want) {
			t.Errorf("got %v, want %s", problems[i], want)
		}
	}
}

// The key of the certificate is a secret too. Nothing needs it while there is no encrypted file, but its
// state tells.
func TestPrivateKey(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows access control lists say who can read a file, not its mode")
	}
	dir := write(t, "appsettings.agent.json", minimal, "usher.pem", certificates(t).onePEM,
		"appsettings.json", `{"EncryptionCertificate": {"File": "usher.pem"}}`)
	if err := os.Chmod(filepath.Join(dir, "usher.pem"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := load(t, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	place := filepath.Join(dir, "appsettings.json") + ":1: "
	if _, err := s.EncryptionCertificate(); !strings.HasPrefix(fmt.Sprint(err), place) {
		t.Errorf("got %v", err)
	}
	if state := s.Sources()[0]; !strings.HasPrefix(fmt.Sprint(state.Err), place) || fault.Of(state.Err).Hint == "" || state.Certificate != "" {
		t.Errorf("got %+v", state)
	}
	if err := os.Chmod(filepath.Join(dir, "usher.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	if i, err := s.EncryptionCertificate(); err != nil || !i.Certificate().Equal(certificates(t).one.Certificate()) {
		t.Errorf("got %v", err)
	}
	if s, err = load(t, Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if state := s.Sources()[0]; state.Err != nil || state.Certificate != filepath.Join(dir, "usher.pem") || state.Ends.Year() != 2100 {
		t.Errorf("got %+v", state)
	}
	s, err = Default(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.EncryptionCertificate(); !fault.Is(err, fault.Invalid) {
		t.Errorf("without settings: %v", err)
	}
}

func TestTwoMappings(t *testing.T) {
	dir := write(t, "appsettings.agent.json", minimal, "appsettings.cyberArk.agent.json", `{}`)
	if _, err := os.Stat(filepath.Join(dir, "APPSETTINGS.cyberArk.agent.json")); err == nil {
		t.Skip("this file system does not tell upper from lower case")
	}
	overwrite(t, filepath.Join(dir, "appsettings.cyberark.agent.json"), `{}`)
	_, err := load(t, Options{Dir: dir})
	if want := filepath.Join(dir, "appsettings.cyberark.agent.json") + ": the folder has appsettings.cyberArk.agent.json too"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// No way of printing shows a secret of the settings, or of what they are made of.
func TestSecretsAreNotPrinted(t *testing.T) {
	const text = "s3cr3t"
	dir := write(t, "appsettings.json", `{"Proxy": "http://u:`+text+`@proxy.example", "Databases": {"Main": "`+text+`"},
		"AzureKeyVault": {"Vault": "https://contoso.vault.azure.net/", "TenantId": "t", "ApplicationId": "a", "ApplicationKey": "`+text+`"}}`,
		"appsettings.agent.json", strings.Replace(minimal, `"EntityType`, `"ApplicationKey": "`+text+`", "EntityType`, 1))
	vault := &fakeVault{} // its values would be printed
	o := Options{Dir: dir, Environ: []string{"Connections__Contoso__ClientSecret=" + text}, Describe: describeSpecs}
	l := NewLoader(o)
	l.keyVault.Open = vault.open
	s, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []any{l, *l, s, *s, s.root, *s.root.Find("Connections", "Contoso"), s.Connections[0], *s.Connections[0], s.Sources(), s.Entries(nil), s.encryption} {
		var logged strings.Builder
		slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "value", value)
		for _, printed := range []string{fmt.Sprintf("%v %+v %#v %s %q", value, value, value, value, value), logged.String()} {
			if strings.Contains(printed, text) {
				t.Errorf("%T shows a secret: %s", value, printed)
			}
		}
	}
}
