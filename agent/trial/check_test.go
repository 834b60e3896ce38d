package trial_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/trial"
)

// found is what `usher check --json` printed.
type found struct {
	OK     bool
	Checks []struct {
		Connection string
		OK         bool
		Findings   []struct {
			State, Subject, Message, Hint, Setting string
			Ends                                   time.Time
		}
		Permissions []struct{ Name, ID, Purpose, State, GrantedBy string }
		ConsentURL  string
	}
}

func check(t *testing.T, i *trial.Installation) (found, trial.Result) {
	t.Helper()
	result := usher(t, i, "check", trial.Connection, "--json")
	var f found
	if err := json.Unmarshal([]byte(result.Stdout), &f); err != nil || len(f.Checks) == 0 && !strings.Contains(result.Stdout, "errors") {
		t.Fatalf("exit code %d, %v in %s%s", result.Code, err, result.Stdout, result.Stderr)
	}
	return f, result
}

// lines gives "state subject: message -> hint" of all findings and permissions.
func (f found) lines() []string {
	var all []string
	for _, c := range f.Checks {
		for _, one := range c.Findings {
			all = append(all, one.State+" "+one.Subject+": "+one.Message+" -> "+one.Hint)
		}
		for _, p := range c.Permissions {
			all = append(all, p.State+" permission "+p.Name+" for "+p.Purpose)
		}
	}
	return all
}

func (f found) has(state string, words ...string) bool {
	return slices.ContainsFunc(f.lines(), func(line string) bool {
		return strings.HasPrefix(line, state+" ") && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) })
	})
}

// A working installation is all green, for people and for programs (S7).
func TestCheckGreen(t *testing.T) {
	t.Parallel()
	_, installation := start(t, "--users", "50")
	f, result := check(t, installation)
	if result.Code != 0 || !f.OK {
		t.Fatalf("exit code %d\n%s", result.Code, strings.Join(f.lines(), "\n"))
	}
	for _, line := range f.lines() {
		if strings.HasPrefix(line, "failed") || strings.HasPrefix(line, "missing") || strings.HasPrefix(line, "unknown") {
			t.Error(line)
		}
	}
	for _, subject := range []string{"settings", "work folder", "temp folder", "connector", "sign-in", "clock", "tenant", "read user", "read group", "permission User.Read.All"} {
		if !slices.ContainsFunc(f.lines(), func(line string) bool { return strings.Contains(line, " "+subject) }) {
			t.Errorf("nothing is said of %s:\n%s", subject, strings.Join(f.lines(), "\n"))
		}
	}
	text := mustSucceed(t, installation, "check").Stdout
	if !strings.Contains(text, "Connection Contoso") || strings.Contains(text, "FAILED") {
		t.Errorf("printed\n%s", text)
	}
	consent := mustSucceed(t, installation, "consent", trial.Connection).Stdout
	if !strings.Contains(consent, "User.Read.All") || !strings.Contains(consent, "/adminconsent?client_id="+installation.Tenant.ClientID) {
		t.Errorf("printed\n%s", consent)
	}
}

// Each fault is told with what to do, and ends the check with 1.
func TestCheckFaults(t *testing.T) {
	t.Parallel()
	certificate := filepath.Join(t.TempDir(), "client.pem")
	sandbox, base := start(t, "--users", "50", "--client-certificate", certificate)
	for _, tc := range []struct {
		name    string
		change  func(c map[string]any)
		root    func(r map[string]any)
		control [2]any // path and body
		undo    func()
		state   string
		words   []string
		exit    int
	}{
		{name: "permission missing", control: [2]any{"/application", map[string]any{"roles": []string{"User.Read.All"}}},
			state: "missing", words: []string{"permission GroupMember.Read.All"}, exit: 1},
		{name: "wider permission", control: [2]any{"/application", map[string]any{"roles": []string{"Directory.Read.All"}}},
			state: "granted", words: []string{"permission User.Read.All"}},
		{name: "wrong secret", change: func(c map[string]any) { c["ApplicationKey"] = "wr0ng-canary" },
			state: "failed", words: []string{"sign-in", "AADSTS7000215"}, exit: 1},
		{name: "clock an hour off", control: [2]any{"/clock", map[string]any{"offset": "-1h"}},
			state: "failed", words: []string{"clock"}, exit: 1},
		{name: "unknown authority", root: func(r map[string]any) { delete(r, "TrustedCertificates") },
			state: "failed", words: []string{"TrustedCertificates"}, exit: 1},
		{name: "proxy refuses", root: func(r map[string]any) { r["Proxy"] = "http://127.0.0.1:1" }, change: func(c map[string]any) {
			delete(c, "MicrosoftAuthorityPath")
			delete(c, "MicrosoftGraphPathApi")
		}, state: "failed", words: []string{"roxy"}, exit: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			installation := *base
			installation.Root = t.TempDir()
			installation.Change, installation.ChangeRoot = tc.change, tc.root
			write(t, &installation)
			if path, ok := tc.control[0].(string); ok {
				before := map[string]any{}
				fetch(t, sandbox, "GET", path, nil, &before)
				control(t, sandbox, "PUT", path, tc.control[1])
				undo := map[string]any{"offset": "0s"}
				if roles, ok := before["roles"]; ok {
					undo = map[string]any{"roles": roles}
				}
				defer control(t, sandbox, "PUT", path, undo)
			}
			f, result := check(t, &installation)
			if result.Code != tc.exit || f.OK != (tc.exit == 0) || !f.has(tc.state, tc.words...) {
				t.Errorf("exit code %d, want %d and %s %v in\n%s", result.Code, tc.exit, tc.state, tc.words, strings.Join(f.lines(), "\n"))
			}
			if strings.Contains(result.Stdout+result.Stderr, "wr0ng-canary") {
				t.Error("the secret is shown")
			}
			for _, c := range f.Checks {
				for _, one := range c.Findings {
					if one.State == "failed" && one.Hint == "" {
						t.Errorf("no next step for %s: %s", one.Subject, one.Message)
					}
				}
			}
		})
	}
}

// A secret that ends within 30 days is told by the check and in the report of a run,
// for which the tenant is asked once a day.
func TestEndingSecret(t *testing.T) {
	t.Parallel()
	sandbox, installation := start(t, "--users", "50")
	var secret struct{ SecretText string }
	ends := time.Now().Add(10*24*time.Hour + time.Hour)
	fetch(t, sandbox, "POST", "/application/secrets", map[string]any{"endDateTime": ends.UTC().Format(time.RFC3339)}, &secret)
	installation.Change = func(c map[string]any) { c["ApplicationKey"] = secret.SecretText }
	write(t, installation)
	f, result := check(t, installation)
	if result.Code != 0 || !f.has("warning", "secret", "10 days") {
		t.Errorf("exit code %d\n%s", result.Code, strings.Join(f.lines(), "\n"))
	}
	for range 2 {
		control(t, sandbox, "DELETE", "/counters", nil)
		result := mustSucceed(t, installation, "export", trial.Connection, "--json")
		if !strings.Contains(result.Stdout, "10 days") {
			t.Errorf("the run does not tell that the secret ends:\n%s", result.Stdout)
		}
	}
	var counters struct{ Requests map[string]map[string]int }
	fetch(t, sandbox, "GET", "/counters", nil, &counters)
	for route := range counters.Requests {
		if strings.Contains(route, "applications") && !strings.Contains(route, "delta") {
			t.Errorf("the tenant was asked again: %s", route)
		}
	}
}
