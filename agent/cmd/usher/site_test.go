package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/ledger"
	"github.com/usher-iga/usher/agent/export/ledger/ledgertest"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// site is an installation whose connection Contoso has a published run and may have a held
// one.
type site struct {
	root    string
	options ledger.Options
}

const usersLink = "https://graph.example.com/v1.0/users/delta?$deltatoken=canary"

func newSite(t *testing.T) *site {
	t.Helper()
	s := bareSite(t)
	ledgertest.Enter(t, s.options, ledgertest.Run{
		Mode: publish.Complete, Object: "a", Cookies: map[string]string{"user": usersLink}, Obtained: time.Now().Add(-time.Hour),
	})
	return s
}

// bareSite is a site where nothing was ever exported.
func bareSite(t *testing.T) *site {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "Runtime"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "Runtime", "appsettings.agent.json"), []byte(`{"Connections": {"Contoso": {}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return &site{root, ledger.Options{
		Connection: "Contoso", Run: "run-1", Work: filepath.Join(root, "Work"), Output: export.Output(filepath.Join(root, "Temp")), Clock: clock.System,
	}}
}

// hold enters a run that is held.
func (s *site) hold(t *testing.T) {
	t.Helper()
	o := s.options
	o.Run = "run-2"
	ledgertest.Enter(t, o, ledgertest.Run{Mode: publish.Incremental, Object: "b", Held: "it inserts too much"})
}

// usher runs a command, in both forms if that changes nothing, and checks its exit code.
// No output tells a cookie.
func (s *site) usher(t *testing.T, want int, arguments ...string) (stdout, stderr string) {
	t.Helper()
	code, stdout, stderr := invoke(t, append(arguments, "--settings", filepath.Join(s.root, "Runtime"))...)
	if code != want {
		t.Errorf("usher %v: exit code %d, want %d\n%s%s", arguments, code, want, stdout, stderr)
	}
	if strings.Contains(stdout+stderr, "canary") {
		t.Errorf("usher %v tells a cookie:\n%s%s", arguments, stdout, stderr)
	}
	return stdout, stderr
}

// tells runs a command for a person and compares all it says, where each * stands for
// something without a line feed.
func (s *site) tells(t *testing.T, want string, arguments ...string) {
	t.Helper()
	stdout, stderr := s.usher(t, exitDone, arguments...)
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(want), `\*`, `[^\n]*`) + "$"
	if got := stderr + stdout; !regexp.MustCompile(pattern).MatchString(got) {
		t.Errorf("usher %v says\n%s\nwant\n%s", arguments, got, want)
	}
}

// gives runs a command for a program and reads its result.
func (s *site) gives(t *testing.T, into any, arguments ...string) {
	t.Helper()
	stdout, stderr := s.usher(t, exitDone, append(arguments, "--json")...)
	if err := json.Unmarshal([]byte(stdout), into); err != nil || stderr != "" {
		t.Errorf("usher %v: %v\n%s%s", arguments, err, stdout, stderr)
	}
}

// refuses runs a command that fails, in both forms.
func (s *site) refuses(t *testing.T, exit int, code fault.Code, want string, arguments ...string) {
	t.Helper()
	if stdout, stderr := s.usher(t, exit, arguments...); stdout != "" || !strings.Contains(stderr, want) {
		t.Errorf("usher %v says %q, want %q", arguments, stderr, want)
	}
	stdout, _ := s.usher(t, exit, append(arguments, "--json")...)
	var result struct{ Errors []failure }
	if err := json.Unmarshal([]byte(stdout), &result); err != nil || result.Errors[0].Code != string(code) || result.Errors[0].Hint == "" {
		t.Errorf("usher %v --json: %v, %s", arguments, err, stdout)
	}
}
