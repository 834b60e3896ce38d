package trial_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/trial"
)

// canary is a secret that no command, log, error, crash dump, process list,
// environment or file of the agent may show, in whatever encoding (C6).
type canary struct{ name, text string }

// forms gives the text and its encodings: as in URLs, in JSON, and in base64 at each
// of the three places at which it can stand in a longer text.
func (c canary) forms() map[string]string {
	quoted, _ := json.Marshal(c.text) // a text can always be encoded
	forms := map[string]string{
		"clear": c.text, "query": url.QueryEscape(c.text), "path": url.PathEscape(c.text),
		"JSON": strings.Trim(string(quoted), `"`), "quoted": strings.Trim(strconv.Quote(c.text), `"`),
	}
	for at := range 3 {
		padded := strings.Repeat("x", at) + c.text
		encoded := base64.RawStdEncoding.EncodeToString([]byte(padded))
		from, to := (at*8+5)/6, len(padded)*8/6 // what depends on the text alone
		forms["base64 at "+strconv.Itoa(at)] = encoded[from:to]
		forms["base64url at "+strconv.Itoa(at)] = base64.RawURLEncoding.EncodeToString([]byte(padded))[from:to]
	}
	return forms
}

// seen tells in which forms the canaries stand in a text.
func seen(text []byte, canaries []canary) []string {
	var found []string
	for _, c := range canaries {
		for form, needle := range c.forms() {
			if bytes.Contains(text, []byte(needle)) {
				found = append(found, c.name+" ("+form+")")
			}
		}
	}
	return found
}

func TestCanary(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certificate := filepath.Join(folder, "ccp.pem")
	sandbox, installation := start(t, "--users", "300", "--cyberark-certificate", certificate)
	tenant := installation.Tenant
	relay := newRelay(t, tenant)
	relay2 := canary{"password of the proxy", relay.password}
	fromVault := canary{"secret of the vault", `v4ult~"k\ey<&+/=é>1`}
	fromCyberArk := canary{"password of CyberArk", `cyb3r~"k\ey<&+/=é>2`}
	inFile := canary{"secret of a file", `f1le~"k\ey<&+/=é>3`}
	sealed := canary{"encrypted value", `s3aled~"k\ey<&+/=é>4`}
	right := canary{"client secret", tenant.ClientSecret}
	all := []canary{relay2, fromVault, fromCyberArk, inFile, sealed, right}

	control(t, sandbox, "POST", "/application/secrets", map[string]any{"value": fromCyberArk.text})
	control(t, sandbox, "PUT", "/vault/secrets/Connections--Vaulted--ApplicationKey", map[string]any{"value": fromVault.text})
	control(t, sandbox, "PUT", "/cyberark/accounts/Account", map[string]any{"safe": "Usher", "content": fromCyberArk.text})
	key := filepath.Join(folder, "usher.pem")
	mustSucceed(t, installation, "secrets", "new-certificate", key)
	sealing := installation.Command(t.Context(), "secrets", "encrypt-value", "--certificate", key)
	sealing.Stdin = strings.NewReader(sealed.text)
	value, err := sealing.Output()
	if err != nil {
		t.Fatal(err)
	}

	installation.Change = func(c map[string]any) { without(c, "MicrosoftAuthorityPath", "MicrosoftGraphPathApi") }
	installation.ChangeRoot = func(r map[string]any) {
		connections := r["Connections"].(map[string]any)
		for name, secret := range map[string]string{"Vaulted": "", "Guarded": "", "Sealed": "", "Filed": inFile.text} {
			connection := installation.ConnectionSettings()
			without(connection, "ApplicationKey")
			if secret != "" {
				connection["ApplicationKey"] = secret
			}
			connections[name] = connection
		}
		r["Proxy"] = relay.settings()
		r["EncryptionCertificate"] = map[string]any{"File": key}
		r["AzureKeyVault"] = map[string]any{
			"Vault": tenant.CloudVault, "ConnectionString": "RunAs=App;AppId=" + tenant.ClientID + ";TenantId=" + tenant.TenantID + ";AppKey=" + tenant.ClientSecret,
		}
		r["CyberArk"] = map[string]any{
			"UseCyberArkSetting": true, "Server": strings.TrimSuffix(tenant.CCP, "/AIMWebService/api/Accounts"),
			"File": certificate, "SafeName": "Usher", "ApplicationId": "Usher",
		}
	}
	write(t, installation)
	for file, text := range map[string]string{
		"appsettings.encrypted.agent.json": `{"Connections": {"Sealed": {"ApplicationKey": "` + strings.TrimSpace(string(value)) + `"}}}`,
		"appsettings.cyberArk.agent.json":  `{"Connections": {"Guarded": {"ApplicationKey": "Account"}}}`,
	} {
		if err := os.WriteFile(filepath.Join(installation.Settings(), file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	commands := [][]string{
		{"settings", "validate"}, {"settings", "show", "--origin"}, {"settings", "show", "--json"}, {"check"}, {"check", "--json"},
		{"consent", "Guarded"}, {"connectors", "list"}, {"cookies", "list", "Guarded"}, {"runs", "list", "Guarded"},
	}
	for _, connection := range []string{"Guarded", "Vaulted", "Sealed", "Filed"} {
		commands = append(commands, []string{"export", connection}, []string{"export", connection, "--json"}, []string{"check", connection})
	}
	for _, arguments := range commands {
		result := usher(t, installation, append(arguments, "--log-level", "trace")...)
		for _, found := range seen([]byte(result.Stdout+result.Stderr), all) {
			t.Errorf("usher %v shows %s", arguments, found)
		}
		if arguments[0] == "export" && (result.Code == 0) != (arguments[1] == "Guarded") {
			t.Errorf("usher %v: exit code %d: the credentials did not come from where they should\n%s%s", arguments, result.Code, result.Stdout, result.Stderr)
		}
	}

	canaryInProcesses(t, sandbox, installation, all)
	if runs := usher(t, installation, "runs", "list", "Guarded", "--json"); len(seen([]byte(runs.Stdout), all)) > 0 {
		t.Errorf("the runs show a secret: %s", runs.Stdout)
	}

	err = filepath.WalkDir(installation.Root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path, installation.Settings()) {
			return err
		}
		text, err := os.ReadFile(path)
		if filepath.Base(path) == "ready.json" { // the sandbox's
			return err
		}
		for _, found := range seen(text, all) {
			t.Errorf("%s holds %s", path, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// canaryInProcesses looks at command lines and environments of the processes of an
// export while it runs, and at what the agent says when it is made to crash.
func canaryInProcesses(t *testing.T, sandbox *trial.Sandbox, installation *trial.Installation, all []canary) {
	t.Helper()
	control(t, sandbox, "DELETE", "/counters", nil)
	control(t, sandbox, "PUT", "/faults", map[string]any{"latency": "500ms"})
	cmd := installation.Command(t.Context(), "export", "Guarded", "--complete")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitRequests(t, sandbox, 2)
	looked := 0
	for _, pid := range family(t, cmd.Process.Pid) {
		for _, file := range []string{"cmdline", "environ"} {
			text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + file)
			if err != nil {
				continue // it has ended
			}
			looked++
			for _, found := range seen(text, all) {
				t.Errorf("%s of process %d shows %s", file, pid, found)
			}
		}
	}
	if looked < 4 {
		t.Errorf("looked at %d files of processes, want those of agent and connector", looked)
	}
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil { // Go's crash dump
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it was made to fail
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		t.Error("the agent does not end by SIGQUIT")
	}
	if !strings.Contains(output.String(), "goroutine ") {
		t.Errorf("there was no crash dump: nothing is tested\n%s", output.String())
	}
	for _, found := range seen(output.Bytes(), all) {
		t.Errorf("the crash dump shows %s", found)
	}
}

// family gives a process and its children.
func family(t *testing.T, pid int) []int {
	t.Helper()
	all := []int{pid}
	lists, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for field := range strings.FieldsSeq(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, child)
		}
	}
	return all
}
