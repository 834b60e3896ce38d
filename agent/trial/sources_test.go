package trial_test

import (
	"encoding/pem"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/trial"
)

// without takes keys out of a connection's settings.
func without(c map[string]any, keys ...string) {
	for _, key := range keys {
		delete(c, key)
	}
}

// fetch is control with an answer.
func fetch(t *testing.T, s *trial.Sandbox, method, path string, body, answer any) {
	t.Helper()
	if err := s.Control(t.Context(), method, path, body, answer); err != nil {
		t.Fatal(err)
	}
}

// mustSucceed runs a command that must end with 0, and returns what it printed.
func mustSucceed(t *testing.T, i *trial.Installation, arguments ...string) trial.Result {
	t.Helper()
	result := usher(t, i, arguments...)
	if result.Code != 0 {
		t.Fatalf("usher %v: exit code %d\n%s%s", arguments, result.Code, result.Stdout, result.Stderr)
	}
	return result
}

// Everything stands in encrypted files only, and a new certificate takes over (C1).
func TestEncryptedFiles(t *testing.T) {
	t.Parallel()
	_, installation := start(t, "--users", "50")
	want := sums(mustExport(t, installation))
	key := filepath.Join(installation.Root, "usher.pem")
	mustSucceed(t, installation, "secrets", "new-certificate", key)

	root := filepath.Join(installation.Settings(), "appsettings.json")
	plain := filepath.Join(installation.Settings(), "appsettings.agent.json")
	sealed := filepath.Join(installation.Settings(), "appsettings.encrypted.agent.json")
	name := func(file string) {
		if err := os.WriteFile(root, []byte(`{"EncryptionCertificate": {"File": "`+filepath.ToSlash(file)+`"}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	name(key)
	mustSucceed(t, installation, "secrets", "encrypt", plain)
	if err := os.Remove(plain); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{installation.Tenant.ClientSecret, installation.Tenant.TenantID, "displayName"} {
		if strings.Contains(string(text), value) {
			t.Errorf("%q stands in clear in %s", value, sealed)
		}
	}
	if got := sums(mustExport(t, installation)); !maps.Equal(got, want) {
		t.Errorf("exported %v, want %v", got, want)
	}

	next := filepath.Join(installation.Root, "next.pem")
	mustSucceed(t, installation, "secrets", "new-certificate", next)
	for range 2 { // it may be run again
		mustSucceed(t, installation, "secrets", "rotate", "--to", next)
	}
	result := usher(t, installation, "export", trial.Connection, "--json")
	if message, hint, code := failure(t, result); result.Code != 2 || code != "invalid" || !strings.Contains(message, sealed+":") || hint == "" {
		t.Errorf("the old certificate: exit code %d, %s: %s. %s", result.Code, code, message, hint)
	}
	name(next)
	if got := sums(mustExport(t, installation)); !maps.Equal(got, want) {
		t.Errorf("after the rotation exported %v, want %v", got, want)
	}
}

// An admin who follows docs/credentials.md to the letter has encrypted files that work, and another
// certificate afterwards.
func TestEncryptedFilesByTheDocument(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("skipped: the commands of the document are for a shell")
	}
	_, installation := start(t, "--users", "50")
	want := sums(mustExport(t, installation))
	path := filepath.Dir(installation.Programs.Usher) + string(filepath.ListSeparator) + os.Getenv("PATH")
	root := filepath.Join(installation.Settings(), "appsettings.json")
	steps := 0
	for _, line := range commandsOf(t, "Encrypted files") {
		steps++
		if strings.HasPrefix(line, "{") {
			if err := os.WriteFile(root, []byte(line), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if strings.HasPrefix(line, "# name next.pem") {
			if err := os.WriteFile(root, []byte(`{"EncryptionCertificate": {"File": "next.pem"}}`), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if strings.Contains(line, "usher-encryption.cer") { // somebody has exported it for another machine
			exportCertificate(t, filepath.Join(installation.Settings(), "usher-encryption.pem"), filepath.Join(installation.Settings(), "usher-encryption.cer"))
		}
		cmd := exec.CommandContext(t.Context(), shell, "-c", line)
		cmd.Dir, cmd.Env = installation.Settings(), installation.Command(t.Context()).Env
		cmd.Env = append(cmd.Env, "PATH="+path)
		cmd.Stdin = strings.NewReader("a value\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	if steps < 8 {
		t.Fatalf("the document has %d steps: it is not read", steps)
	}
	if _, err := os.Stat(filepath.Join(installation.Settings(), "appsettings.agent.json")); err == nil {
		t.Error("the clear file is still there")
	}
	if got := sums(mustExport(t, installation)); !maps.Equal(got, want) {
		t.Errorf("exported %v, want %v", got, want)
	}
}

// commandsOf gives the indented lines of a chapter of docs/credentials.md.
func commandsOf(t *testing.T, chapter string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "credentials.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n## "+chapter+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "    ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// exportCertificate writes the certificate of a PEM file without its key.
func exportCertificate(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			if err := os.WriteFile(to, pem.EncodeToMemory(block), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The secret comes from Azure Key Vault, by each way of signing in to it, over the
// cloud's own names and a proxy that asks for a password (C2, S8).
func TestKeyVault(t *testing.T) {
	t.Parallel()
	certificate := filepath.Join(t.TempDir(), "client.pem")
	token := filepath.Join(t.TempDir(), "token")
	sandbox, installation := start(t, "--users", "50", "--client-certificate", certificate, "--federated-token", token)
	want := sums(mustExport(t, installation))
	tenant := installation.Tenant
	control(t, sandbox, "PUT", "/vault/secrets/Connections--Contoso--ApplicationKey", map[string]any{"value": tenant.ClientSecret})
	relay := newRelay(t, tenant)
	installation.Root = t.TempDir() // a new one: the tenant is at other addresses now
	installation.Change = func(c map[string]any) {
		without(c, "MicrosoftAuthorityPath", "MicrosoftGraphPathApi", "ApplicationKey")
	}
	signIn := map[string]any{"TenantId": tenant.TenantID, "ApplicationId": tenant.ClientID}
	for name, more := range map[string]map[string]any{
		"secret":            {"ApplicationKey": tenant.ClientSecret},
		"certificate":       {"ApplicationCertificateFile": certificate},
		"workload identity": {"FederatedTokenFile": token},
		"connection string": {"ConnectionString": "RunAs=App;AppId=" + tenant.ClientID + ";TenantId=" + tenant.TenantID + ";AppKey=" + tenant.ClientSecret},
	} {
		t.Run(name, func(t *testing.T) {
			vault := map[string]any{"Vault": tenant.CloudVault}
			maps.Copy(vault, more)
			if name != "connection string" {
				maps.Copy(vault, signIn)
			}
			installation.ChangeRoot = func(r map[string]any) { r["Proxy"], r["AzureKeyVault"] = relay.settings(), vault }
			write(t, installation)
			if got := sums(mustExport(t, installation)); !maps.Equal(got, want) {
				t.Errorf("exported %v, want %v", got, want)
			}
		})
	}
	for _, host := range []string{"login.microsoftonline.com", "graph.microsoft.com", strings.TrimPrefix(tenant.CloudVault, "https://")} {
		if !relay.asked(host) {
			t.Errorf("nobody asked the proxy for %s, but for %v", host, relay.hosts)
		}
	}
	shown := mustSucceed(t, installation, "settings", "show", "--origin").Stdout
	if !strings.Contains(shown, "Connections--Contoso--ApplicationKey") || strings.Contains(shown, tenant.ClientSecret) {
		t.Errorf("the origin is not told, or the secret is:\n%s", shown)
	}

	for _, tc := range []struct {
		name  string
		vault map[string]any
		want  []string
	}{
		{"no right", map[string]any{"denied": "rbac"}, []string{"Key Vault", "Secrets User"}},
		{"firewall", map[string]any{"denied": "firewall"}, []string{"Key Vault", "firewall"}},
		{"throttled for good", map[string]any{"throttled": -1, "retryAfter": "0"}, []string{"Key Vault"}},
		{"down", map[string]any{"down": "reset"}, []string{"Key Vault"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			control(t, sandbox, "PUT", "/vault", tc.vault)
			result := usher(t, installation, "export", trial.Connection, "--json")
			message, hint, code := failure(t, result)
			for _, want := range tc.want {
				if !strings.Contains(message+". "+hint, want) {
					t.Errorf("%q is not in %s: %s. %s", want, code, message, hint)
				}
			}
			if result.Code == 0 || hint == "" || strings.Contains(result.Stdout+result.Stderr, tenant.ClientSecret) {
				t.Errorf("exit code %d, %s: %s. %s", result.Code, code, message, hint)
			}
		})
	}
	control(t, sandbox, "PUT", "/vault", map[string]any{"throttled": 2, "retryAfter": "0"})
	mustExport(t, installation)
}

// The secret is replaced while a run is under way, and the vault has been closed to it: the run ends with
// the vault as the reason, not with a sign-in that was refused for a secret that seems right.
func TestVaultFailsWithinARun(t *testing.T) {
	t.Parallel()
	sandbox, installation := start(t, "--users", "400", "--token-life", "1s")
	tenant := installation.Tenant
	var first struct{ KeyID, SecretText string }
	fetch(t, sandbox, "POST", "/application/secrets", map[string]any{}, &first)
	control(t, sandbox, "PUT", "/vault/secrets/Connections--Contoso--ApplicationKey", map[string]any{"value": first.SecretText})
	installation.Change = func(c map[string]any) { without(c, "ApplicationKey") }
	installation.ChangeRoot = func(r map[string]any) {
		r["AzureKeyVault"] = map[string]any{
			"Vault": tenant.Vault, "TenantId": tenant.TenantID, "ApplicationId": tenant.ClientID,
			"ApplicationKey": tenant.ClientSecret, "MicrosoftAuthorityPath": tenant.Authority,
		}
	}
	write(t, installation)
	control(t, sandbox, "PUT", "/faults", map[string]any{"latency": "300ms"})
	done := make(chan trial.Result, 1)
	go func() {
		result, _ := installation.Run(t.Context(), "export", trial.Connection, "--json")
		done <- result
	}()
	awaitRequests(t, sandbox, "delta", 4)
	control(t, sandbox, "PUT", "/vault", map[string]any{"denied": "rbac"})
	control(t, sandbox, "DELETE", "/application/secrets/"+first.KeyID, nil)
	result := <-done
	message, hint, _ := failure(t, result)
	if result.Code != 1 || !strings.Contains(message, "AADSTS7000215") || !strings.Contains(message, "the Key Vault ") || hint == "" {
		t.Errorf("exit code %d: %s. %s", result.Code, message, hint)
	}
	if strings.Contains(result.Stdout+result.Stderr, first.SecretText) {
		t.Error("the secret is shown")
	}
}

// A certificate of the vault signs the application in.
func TestKeyVaultCertificate(t *testing.T) {
	t.Parallel()
	certificate := filepath.Join(t.TempDir(), "client.pem")
	sandbox, installation := start(t, "--users", "50", "--client-certificate", certificate)
	want := sums(mustExport(t, installation))
	pem, err := os.ReadFile(certificate)
	if err != nil {
		t.Fatal(err)
	}
	control(t, sandbox, "PUT", "/vault/secrets/Connections--Contoso--ApplicationCertificate",
		map[string]any{"value": string(pem), "contentType": "application/x-pem-file"})
	installation.Change = func(c map[string]any) { without(c, "ApplicationKey") }
	installation.ChangeRoot = func(r map[string]any) {
		r["AzureKeyVault"] = map[string]any{
			"Vault": installation.Tenant.Vault, "TenantId": installation.Tenant.TenantID, "ApplicationId": installation.Tenant.ClientID,
			"ApplicationKey": installation.Tenant.ClientSecret, "MicrosoftAuthorityPath": installation.Tenant.Authority,
		}
	}
	write(t, installation)
	if got := sums(mustExport(t, installation)); !maps.Equal(got, want) {
		t.Errorf("exported %v, want %v", got, want)
	}
}

// The credentials come from CyberArk, by the Central Credential Provider and by the
// Credential Provider's program (C3).
func TestCyberArk(t *testing.T) {
	t.Parallel()
	certificate := filepath.Join(t.TempDir(), "ccp.pem")
	sandbox, installation := start(t, "--users", "50", "--cyberark-certificate", certificate)
	want := sums(mustExport(t, installation))
	tenant := installation.Tenant
	account := map[string]any{"safe": "Usher", "content": tenant.ClientSecret, "userName": tenant.ClientID, "passwordChangeInProcess": 1}
	control(t, sandbox, "PUT", "/cyberark/accounts/Entra_Account", account)
	control(t, sandbox, "PUT", "/cyberark", map[string]any{"appId": "Usher", "certificate": "required"})

	program := filepath.Join(t.TempDir(), "clipasswordsdk"+filepath.Ext(programs.Usher))
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/usher-iga/usher/connectors/sandbox/cyberark/clipasswordsdk").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	accounts := `{"appId": "Usher", "accounts": [{"object": "Entra_Account", "safe": "Usher", "content": "` + tenant.ClientSecret + `", "userName": "` + tenant.ClientID + `"}]}`
	if err := os.WriteFile(filepath.Join(filepath.Dir(program), "clipasswordsdk.json"), []byte(accounts), 0o600); err != nil {
		t.Fatal(err)
	}

	installation.Change = func(c map[string]any) { without(c, "ApplicationId", "ApplicationKey") }
	mapping := `{"Connections": {"Contoso": {"ApplicationId": "Entra_Account", "ApplicationKey": "Entra_Account"}}}`
	if err := os.WriteFile(filepath.Join(installation.Settings(), "appsettings.cyberArk.agent.json"), []byte(mapping), 0o600); err != nil {
		t.Fatal(err)
	}
	server := strings.TrimSuffix(tenant.CCP, "/AIMWebService/api/Accounts")
	for name, section := range map[string]map[string]any{
		"central": {"Server": server, "File": certificate},
		"local":   {"Program": program},
	} {
		t.Run(name, func(t *testing.T) {
			section["UseCyberArkSetting"], section["SafeName"], section["ApplicationId"] = true, "Usher", "Usher"
			installation.ChangeRoot = func(r map[string]any) { r["CyberArk"] = section }
			write(t, installation)
			if got := sums(mustExport(t, installation)); !maps.Equal(got, want) {
				t.Errorf("exported %v, want %v", got, want)
			}
			shown := mustSucceed(t, installation, "settings", "show", "--origin").Stdout
			if !strings.Contains(shown, "Entra_Account") || strings.Contains(shown, tenant.ClientSecret) {
				t.Errorf("the origin is not told, or the secret is:\n%s", shown)
			}
		})
	}

	section := map[string]any{"Server": server, "File": certificate, "UseCyberArkSetting": true, "SafeName": "Usher", "ApplicationId": "Usher"}
	installation.ChangeRoot = func(r map[string]any) { r["CyberArk"] = section }
	write(t, installation)
	for code, want := range map[string]string{
		"APPAP004E": "Entra_Account", "APPAP306E": "Usher", "APPAP007E": "Vault", "AIMWS030E": "CyberArk",
	} {
		t.Run(code, func(t *testing.T) {
			control(t, sandbox, "PUT", "/cyberark", map[string]any{"fault": code})
			result := usher(t, installation, "export", trial.Connection, "--json")
			message, hint, _ := failure(t, result)
			if result.Code == 0 || hint == "" || !strings.Contains(result.Stdout, code) || !strings.Contains(message+hint, want) {
				t.Errorf("exit code %d: %s. %s", result.Code, message, hint)
			}
		})
	}
}
