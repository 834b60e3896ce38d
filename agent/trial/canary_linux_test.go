package trial_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/trial"
)

// No secret is shown by any command, its log, a crash dump, the lists of processes or what is left on disk (C6).
func TestCanary(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certificate, clientCertificate := filepath.Join(folder, "ccp.pem"), filepath.Join(folder, "client.pem")
	sandbox, installation := start(t, "--users", "300", "--cyberark-certificate", certificate, "--client-certificate", clientCertificate)
	tenant := installation.Tenant
	relay := newRelay(t, tenant)
	relay2 := canary{"password of the proxy", relay.password}
	fromVault := canary{"secret of the vault", `v4ult~"k\ey<&+/=é>1`}
	fromCyberArk := canary{"password of CyberArk", `cyb3r~"k\ey<&+/=é>2`}
	inFile := canary{"secret of a file", `f1le~"k\ey<&+/=é>3`}
	sealed := canary{"encrypted value", `s3aled~"k\ey<&+/=é>4`}
	inVariable := canary{"secret of a variable", `v4riable~"k\ey<&+/=é>5`}
	ofPFX := canary{"password of a PFX file", `pfx~"k\ey<&+/=é>6`}
	right := canary{"client secret", tenant.ClientSecret}
	all := []canary{relay2, fromVault, fromCyberArk, inFile, sealed, inVariable, ofPFX, right}
	if !tokens.MatchString(accessToken(t, tenant)) {
		t.Fatal("the tokens of the sandbox have another form: nothing is tested")
	}

	control(t, sandbox, "POST", "/application/secrets", map[string]any{"value": fromCyberArk.text})
	control(t, sandbox, "PUT", "/vault/secrets/Connections--Vaulted--ApplicationKey", map[string]any{"value": fromVault.text})
	control(t, sandbox, "PUT", "/cyberark/accounts/Account", map[string]any{"safe": "Usher", "content": fromCyberArk.text})
	pem, err := os.ReadFile(clientCertificate)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range privateLines(t, pem) {
		all = append(all, canary{"line " + strconv.Itoa(i) + " of a private key", line})
	}
	control(t, sandbox, "PUT", "/vault/secrets/Connections--Certified--ApplicationCertificate", map[string]any{"value": string(pem)})
	key, packed := filepath.Join(folder, "usher.pem"), filepath.Join(folder, "usher.pfx")
	mustSucceed(t, installation, "secrets", "new-certificate", key)
	writePFX(t, key, packed, ofPFX.text)
	sealing := installation.Command(t.Context(), "secrets", "encrypt-value", "--certificate", key)
	sealing.Stdin = strings.NewReader(sealed.text)
	value, err := sealing.Output()
	if err != nil {
		t.Fatal(err)
	}

	installation.Change = func(c map[string]any) { without(c, "MicrosoftAuthorityPath", "MicrosoftGraphPathApi") }
	installation.ChangeRoot = func(r map[string]any) {
		connections := r["Connections"].(map[string]any)
		for name, secret := range map[string]string{"Vaulted": "", "Certified": "", "Guarded": "", "Sealed": "", "Varied": "", "Filed": inFile.text} {
			connection := installation.ConnectionSettings()
			without(connection, "ApplicationKey")
			if secret != "" {
				connection["ApplicationKey"] = secret
			}
			connections[name] = connection
		}
		r["Proxy"] = relay.settings()
		r["EncryptionCertificate"] = map[string]any{"File": packed, "Password": ofPFX.text}
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

	variable := "Connections__Varied__ApplicationKey=" + inVariable.text
	commands := [][]string{
		{"settings", "validate"}, {"settings", "show", "--origin"}, {"settings", "show", "--json"}, {"check"}, {"check", "--json"},
		{"consent", "Guarded"}, {"connectors", "list"}, {"cookies", "list", "Guarded"}, {"runs", "list", "Guarded"},
	}
	for _, connection := range []string{"Guarded", "Certified", "Vaulted", "Sealed", "Varied", "Filed"} {
		commands = append(commands, []string{"export", connection}, []string{"export", connection, "--json"}, []string{"check", connection})
	}
	for _, arguments := range commands {
		cmd := installation.Command(t.Context(), append(arguments, "--log-level", "trace")...)
		cmd.Env = append(cmd.Env, variable)
		out, err := cmd.CombinedOutput()
		for _, found := range shown(out, all) {
			t.Errorf("usher %v shows %s", arguments, found)
		}
		if arguments[0] != "export" {
			continue
		}
		if right := arguments[1] == "Guarded" || arguments[1] == "Certified"; (err == nil) != right || !right && !strings.Contains(string(out), "AADSTS7000215") {
			t.Errorf("usher %v: %v: the credentials did not come from where they should\n%s", arguments, err, out)
		}
	}

	for _, connector := range []bool{true, false} { // of an agent that crashed the connector would go on for a moment
		canaryInProcesses(t, sandbox, installation, all, variable, connector)
	}
	if runs := usher(t, installation, "runs", "list", "Guarded", "--json"); len(shown([]byte(runs.Stdout), all)) > 0 {
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
		for _, found := range shown(text, all) {
			t.Errorf("%s holds %s", path, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tokens matches access tokens and what an application signs in with: JSON Web Tokens, whose first two
// parts are JSON in base64.
var tokens = regexp.MustCompile(`eyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}`)

// shown tells which secrets and tokens stand in what a program has left behind.
func shown(text []byte, canaries []canary) []string {
	found := seen(text, canaries)
	if token := tokens.Find(text); token != nil {
		found = append(found, "a token ("+string(token[:16])+"...)")
	}
	return found
}

// accessToken gets a token of the sandbox.
func accessToken(t *testing.T, tenant trial.Tenant) string {
	t.Helper()
	authority, err := os.ReadFile(tenant.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {tenant.ClientID}, "client_secret": {tenant.ClientSecret}, "scope": {tenant.URL + "/.default"},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tenant.Authority+"/"+tenant.TenantID+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	return answer.Token
}

// privateLines gives some lines of the private key in a PEM text.
func privateLines(t *testing.T, text []byte) []string {
	t.Helper()
	_, rest, _ := strings.Cut(string(text), "PRIVATE KEY-----\n")
	lines := strings.Split(rest, "\n")
	if len(lines) < 20 {
		t.Fatal("there is no private key: nothing is tested")
	}
	return lines[8:12] // not the first, which is alike in all keys
}

// canaryInProcesses looks at command lines and environments of the processes of an
// export while it runs, and at what the agent says when it, or its connector, is made to crash.
func canaryInProcesses(t *testing.T, sandbox *trial.Sandbox, installation *trial.Installation, all []canary, variable string, connector bool) {
	t.Helper()
	control(t, sandbox, "DELETE", "/counters", nil)
	control(t, sandbox, "PUT", "/faults", map[string]any{"latency": "500ms"})
	cmd := installation.Command(t.Context(), "export", "Guarded", "--complete", "--log-level", "trace")
	cmd.Env = append(cmd.Env, variable)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitRequests(t, sandbox, "delta", 2)
	agent, looked := cmd.Process.Pid, 0
	victim := agent
	for _, pid := range family(t, agent) {
		for _, file := range []string{"cmdline", "environ"} {
			text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + file)
			if err != nil {
				continue // it has ended
			}
			looked++
			if pid == agent {
				text = bytes.ReplaceAll(text, []byte(variable), nil) // an admin has put it there
			} else if connector {
				victim = pid
			}
			for _, found := range shown(text, all) {
				t.Errorf("%s of process %d shows %s", file, pid, found)
			}
		}
	}
	if looked < 4 || connector == (victim == agent) {
		t.Errorf("looked at %d files of processes, want those of agent and connector", looked)
	}
	if err := syscall.Kill(victim, syscall.SIGQUIT); err != nil { // Go's crash dump
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
		<-ended
		t.Errorf("the agent does not end by SIGQUIT of process %d", victim)
	}
	if !strings.Contains(output.String(), "goroutine ") {
		t.Errorf("there was no crash dump: nothing is tested\n%s", output.String())
	}
	for _, found := range shown(output.Bytes(), all) {
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
