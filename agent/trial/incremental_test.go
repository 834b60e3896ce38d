package trial_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/agent/trial"
)

// What is loaded from the changes of a tenant is the tenant, whatever happens to it
// and however its cookies die (E4, E5).
func TestIncremental(t *testing.T) {
	t.Parallel()
	sandbox, installation := start(t, "--users", "400", "--groups", "40", "--memberships", "1500")
	installation.Complete, installation.Change = false, everything
	write(t, installation)
	c := &copied{}
	c.load(t, installation, mustExport(t, installation))
	control(t, sandbox, "PUT", "/faults", map[string]any{"minimal": 0.05})
	for round, form := range []string{"", "", "", "gone", "syncStateNotFound", "", "resyncRequired", "deltaLink", ""} {
		churn := `{"seed": %d,
			"users": {"create": 5, "update": 20, "softDelete": 4, "restore": 2, "purge": 2},
			"groups": {"create": 2, "update": 5, "softDelete": 2, "restore": 1, "purge": 1},
			"members": {"add": 40, "remove": 40}, "owners": {"add": 4, "remove": 4}, "managers": {"set": 5, "clear": 5},
			"devices": {"purge": 1}, "servicePrincipals": {"create": 1, "update": 2, "purge": 1}}`
		control(t, sandbox, "POST", "/churn", json.RawMessage(fmt.Sprintf(churn, round)))
		if form != "" {
			control(t, sandbox, "POST", "/faults/once", map[string]any{"fault": "expireDelta", "path": []string{"/users", "/groups"}[round%2], "times": 1, "form": form})
		}
		manifest := mustExport(t, installation)
		if manifest.Mode != publish.Incremental {
			t.Errorf("round %d: mode %s", round, manifest.Mode)
		}
		c.load(t, installation, manifest)
		c.check(t, sandbox)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	c.nothing(t, installation)
}

// Graph promises to tell what has changed of an object, and no more. What it does not tell
// is no empty value: the entity is listed again, and the changes are exact (E5).
func TestMinimalChanges(t *testing.T) {
	t.Parallel()
	sandbox, installation := start(t, "--users", "200", "--groups", "20", "--memberships", "400")
	installation.Complete, installation.Change = false, everything
	write(t, installation)
	c := &copied{}
	c.load(t, installation, mustExport(t, installation))
	control(t, sandbox, "PUT", "/faults", map[string]any{"minimal": 1})
	control(t, sandbox, "POST", "/churn", json.RawMessage(`{"seed": 1, "users": {"update": 10}, "groups": {"update": 2}, "members": {"add": 5, "remove": 5}}`))
	result := usher(t, installation, "export", trial.Connection, "--json")
	var report struct {
		Mode     publish.Mode
		Objects  int
		Restarts []store.Restart
	}
	if err := json.Unmarshal([]byte(result.Stdout), &report); err != nil || result.Code != 0 {
		t.Fatalf("exit code %d, %v\n%s%s", result.Code, err, result.Stdout, result.Stderr)
	}
	if report.Mode != publish.Incremental || report.Objects > 12 {
		t.Errorf("%s, %d rows of objects", report.Mode, report.Objects)
	}
	if !slices.ContainsFunc(report.Restarts, func(r store.Restart) bool {
		return r.Entity == "user" && strings.Contains(r.Reason, "came without attributes that it had")
	}) {
		t.Errorf("restarts %v", report.Restarts)
	}
	c.load(t, installation, published(t, installation))
	c.check(t, sandbox)
	c.nothing(t, installation)
}

// nothing exports and sees that no row is written.
func (c *copied) nothing(t *testing.T, i *trial.Installation) {
	t.Helper()
	manifest := mustExport(t, i)
	for _, f := range manifest.Files {
		if f.Rows > 0 || manifest.Mode != publish.Incremental {
			t.Errorf("nothing has changed, and %s, %s, has %d rows", f.Name, manifest.Mode, f.Rows)
		}
	}
	c.load(t, i, manifest)
}

// control calls the control API of a tenant, with a body or without.
func control(t *testing.T, sandbox *trial.Sandbox, method, path string, body ...any) {
	t.Helper()
	var sent any
	if len(body) > 0 {
		sent = body[0]
	}
	if err := sandbox.Control(t.Context(), method, path, sent, nil); err != nil {
		t.Fatal(err)
	}
}

// Killed at any moment of an export of changes, agent or connector, nothing is missing
// and nothing comes twice (E11).
func TestKillIncremental(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 7)
	h.export(t, []string{"export", trial.Connection, "--json"})
	const kills = 40
	published := 0
	for i := range kills {
		h.churn(t)
		before := h.copied.run
		h.kill(t, []string{"export", trial.Connection, "--json"})
		if h.copied.run != before {
			published++
		}
		if i%4 == 3 {
			h.export(t, []string{"export", trial.Connection, "--json"})
			h.copied.check(t, h.sandbox)
		}
		if t.Failed() {
			t.Fatalf("after kill %d", i)
		}
	}
	t.Logf("%d of %d runs had published when they were killed", published, kills)
	h.rest(t)
}

// A cookie can be moved by hand. An older one costs nothing but requests: what is known
// is not delivered again.
func TestCookies(t *testing.T) {
	t.Parallel()
	sandbox, installation := start(t, "--users", "100", "--groups", "10", "--memberships", "200")
	installation.Complete, installation.Change = false, everything
	write(t, installation)
	c := &copied{}
	c.load(t, installation, mustExport(t, installation))
	command := func(want int, arguments ...string) trial.Result {
		t.Helper()
		result := usher(t, installation, append([]string{"cookies"}, arguments...)...)
		if result.Code != want {
			t.Fatalf("usher cookies %v: exit code %d\n%s%s", arguments, result.Code, result.Stdout, result.Stderr)
		}
		if strings.Contains(result.Stdout+result.Stderr, "deltatoken") {
			t.Errorf("usher cookies %v shows a cookie: %s%s", arguments, result.Stdout, result.Stderr)
		}
		return result
	}
	command(0, "export", trial.Connection)
	files := glob(t, filepath.Join(installation.Root, "Work", "ExportCookies", trial.Connection+"_cookie_*.bin"))
	if len(files) != len(collections()) {
		t.Fatalf("exported %v", files)
	}
	control(t, sandbox, "POST", "/churn", json.RawMessage(`{"seed": 1, "users": {"create": 5, "update": 5, "softDelete": 5}, "members": {"add": 10, "remove": 10}}`))
	c.load(t, installation, mustExport(t, installation))
	c.check(t, sandbox)
	command(0, append([]string{"import", trial.Connection}, files...)...)
	c.nothing(t, installation)
	c.check(t, sandbox)
	command(0, "reset", trial.Connection, "user")
	message, hint, code := failure(t, command(1, append([]string{"import", trial.Connection, "--json"}, files...)...))
	if code != "not_found" || !strings.Contains(message, "none of user") || !strings.Contains(hint, "usher export") {
		t.Errorf("%s: %s. %s", code, message, hint)
	}
	manifest := mustExport(t, installation)
	if manifest.Mode != publish.Complete {
		t.Errorf("without a cookie of users: mode %s", manifest.Mode)
	}
	c.load(t, installation, manifest)
	c.check(t, sandbox)
}
