package trial_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/trial"
)

// Each kind of bad input has its own message, hint and exit code, and nothing is
// published.
func TestRefusals(t *testing.T) {
	t.Parallel()
	sandbox, base := start(t, "--users", "20", "--groups", "3", "--memberships", "10")
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unreachable := "https://" + nobody.Addr().String()
	_ = nobody.Close()
	mapping := func(c map[string]any) map[string]any { return c["EntityTypeMapping"].(map[string]any) }

	for _, tc := range []struct {
		name   string
		change func(c map[string]any)
		root   func(r map[string]any)
		faults map[string]any
		exit   int
		code   string
		want   []string // in message and hint
	}{
		{name: "unknown setting", change: func(c map[string]any) { c["ApplicationKye"] = "x" },
			exit: 2, code: "invalid", want: []string{"appsettings.agent.json:", `"ApplicationKye"`, "did you mean ApplicationKey?"}},
		{name: "missing key", change: func(c map[string]any) { delete(c, "TenantId") },
			exit: 2, code: "invalid", want: []string{"appsettings.agent.json:", "has no TenantId"}},
		{name: "no credential", change: func(c map[string]any) { delete(c, "ApplicationKey") },
			exit: 2, code: "invalid", want: []string{"appsettings.agent.json:", "ApplicationKey", "a certificate", "ManagedIdentity"}},
		{name: "no application", change: func(c map[string]any) { delete(c, "ApplicationId") },
			exit: 2, code: "invalid", want: []string{"appsettings.agent.json:", "ApplicationId is missing"}},
		{name: "bad GUID", change: func(c map[string]any) { c["ApplicationId"] = "not-a-guid" },
			exit: 2, code: "invalid", want: []string{"appsettings.agent.json:", "ApplicationId", "GUID"}},
		{name: "bad URL", change: func(c map[string]any) { c["MicrosoftGraphPathApi"] = "graph" },
			exit: 2, code: "invalid", want: []string{"appsettings.agent.json:", "MicrosoftGraphPathApi", "URL"}},
		{name: "unknown connector", change: func(c map[string]any) { c["Connector"] = "entra-exprot" },
			exit: 2, code: "invalid", want: []string{`"entra-exprot"`, "It holds entra-export"}},
		{name: "wrong checksum", root: func(r map[string]any) {
			r["Connectors"].(map[string]any)["Checksums"] = map[string]any{"entra-export": strings.Repeat("0", 64)}
		}, exit: 1, code: "connector", want: []string{"is not the one that was installed", "usher connectors trust"}},
		{name: "unknown attribute", change: func(c map[string]any) { mapping(c)["Properties"] = trial.Columns("id", "displayNam") },
			exit: 2, code: "invalid", want: []string{"displayNam", "displayName"}},
		{name: "attribute that delta cannot deliver", change: func(c map[string]any) { mapping(c)["Properties"] = trial.Columns("id", "signInActivity") },
			exit: 2, code: "invalid", want: []string{"signInActivity", "user"}},
		{name: "unknown entity", change: func(c map[string]any) { mapping(c)["C0"] = "user gruop" },
			exit: 2, code: "invalid", want: []string{"gruop", "group"}},
		{name: "unknown navigation", change: func(c map[string]any) { mapping(c)["Navigations"] = "mebmers" },
			exit: 2, code: "invalid", want: []string{"mebmers", "members and owners of group"}},
		{name: "no mapping", change: func(c map[string]any) { delete(c, "EntityTypeMapping") },
			exit: 2, code: "invalid", want: []string{"has no EntityTypeMapping"}},
		{name: "missing certificate file", root: func(r map[string]any) { r["TrustedCertificates"] = "nowhere.pem" },
			exit: 2, code: "invalid", want: []string{"nowhere.pem"}},
		{name: "wrong secret", change: func(c map[string]any) { c["ApplicationKey"] = "wr0ng-canary" },
			exit: 1, code: "unauthorized", want: []string{"AADSTS7000215", "ApplicationKey"}},
		{name: "expired secret", change: func(c map[string]any) { c["ApplicationKey"] = sandbox.Tenant.ExpiredSecret },
			exit: 1, code: "unauthorized", want: []string{"AADSTS7000222", "expired"}},
		{name: "wrong tenant", change: func(c map[string]any) { c["TenantId"] = "11111111-2222-3333-4444-555555555555" },
			exit: 1, code: "unauthorized", want: []string{"AADSTS90002", "TenantId"}},
		{name: "wrong application", change: func(c map[string]any) { c["ApplicationId"] = "11111111-2222-3333-4444-555555555555" },
			exit: 1, code: "unauthorized", want: []string{"AADSTS700016", "ApplicationId"}},
		{name: "missing permission", faults: map[string]any{"missingPermissions": []string{"User.Read.All", "Directory.Read.All"}},
			exit: 1, code: "forbidden", want: []string{"user", "User.Read.All", "Authorization_RequestDenied"}},
		{name: "unreachable sign-in", change: func(c map[string]any) { c["MicrosoftAuthorityPath"] = unreachable },
			exit: 1, code: "unavailable", want: []string{strings.TrimPrefix(unreachable, "https://")}},
		{name: "unreachable Graph", change: func(c map[string]any) {
			c["MicrosoftGraphPathApi"], c["MicrosoftGraphPath"] = unreachable+"/v1.0/", sandbox.Tenant.URL+"/.default"
		},
			exit: 1, code: "unavailable", want: []string{strings.TrimPrefix(unreachable, "https://")}},
		{name: "unknown authority", root: func(r map[string]any) { delete(r, "TrustedCertificates") },
			exit: 1, code: "unavailable", want: []string{"TrustedCertificates"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			installation := *base
			installation.Root = t.TempDir()
			installation.Change = func(c map[string]any) {
				if tc.change != nil {
					tc.change(c)
				}
			}
			installation.ChangeRoot = tc.root
			write(t, &installation)
			if err := sandbox.Control(t.Context(), "PUT", "/faults", tc.faults, nil); err != nil {
				t.Fatal(err)
			}
			result := usher(t, &installation, "export", trial.Connection, "--json")
			message, hint, code := failure(t, result)
			if result.Code != tc.exit || code != tc.code {
				t.Errorf("exit code %d, %s: %s. %s", result.Code, code, message, hint)
			}
			for _, want := range tc.want {
				if !strings.Contains(result.Stdout, strings.ReplaceAll(want, `"`, `\"`)) {
					t.Errorf("%q is not in: %s. %s", want, message, hint)
				}
			}
			if strings.Contains(result.Stdout+result.Stderr, "wr0ng-canary") {
				t.Error("the secret is shown")
			}
			if hint == "" {
				t.Errorf("no hint with: %s", message)
			}
			if files, _ := filepath.Glob(filepath.Join(installation.Output(), "*")); len(files) > 0 {
				t.Errorf("files were published: %v", files)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	installation := &trial.Installation{Root: root, Programs: programs}
	if err := os.MkdirAll(installation.Settings(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(installation.Settings(), "appsettings.agent.json"), []byte("{\n  \"Connections\": {]\n}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"export"}, "'usher export' lacks CONNECTION"},
		{[]string{"exprot"}, `there is no command "usher exprot", did you mean export?`},
		{[]string{"export", "X", "--nonsense"}, "unknown flag: --nonsense"},
		{[]string{"export", "X", "--log-level", "loud"}, "--log-level loud"},
		{[]string{"settings", "validate"}, "appsettings.agent.json:2"},
	} {
		result := usher(t, installation, tc.arguments...)
		if result.Code != 2 || !strings.Contains(result.Stderr, tc.want) {
			t.Errorf("usher %v: exit code %d, %q; want 2 and %q", tc.arguments, result.Code, result.Stderr, tc.want)
		}
	}
}
