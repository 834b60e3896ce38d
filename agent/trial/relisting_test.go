package trial_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/trial"
)

// An export that has to list an entity again publishes byte for byte what one with a
// living cookie does, whatever was deleted, restored and purged between the two.
func TestRelistingIsExact(t *testing.T) {
	t.Parallel()
	sandbox, dying := start(t, "--users", "300", "--groups", "40", "--memberships", "1500")
	dying.Complete, dying.Change = false, everything
	write(t, dying)
	living := *dying
	living.Root = t.TempDir()
	write(t, &living)
	mustExport(t, dying)
	mustExport(t, &living)
	for i, churn := range []string{
		`{"users": {"create": 4, "update": 5, "softDelete": 20}, "members": {"add": 10, "remove": 10}}`,
		`{"users": {"restore": 6, "purge": 5}, "members": {"add": 10, "remove": 10}, "managers": {"set": 5}}`,
		`{"groups": {"create": 2, "update": 5, "softDelete": 8}, "applications": {"softDelete": 1}}`,
		`{"groups": {"restore": 3, "purge": 2}, "users": {"softDelete": 5}, "owners": {"add": 5, "remove": 5}}`,
		`{"users": {"softDelete": 5, "restore": 5, "purge": 5}, "groups": {"softDelete": 3, "restore": 2, "purge": 1}, "members": {"add": 20, "remove": 20}}`,
		`{"users": {"update": 1}}`,
	} {
		control(t, sandbox, "POST", "/churn", json.RawMessage(churn))
		want := rowsOf(t, &living, mustExport(t, &living))
		form := []string{"gone", "syncStateNotFound", "resyncRequired", "deltaLink", "expiredPageToken", "gone"}[i]
		for _, path := range []string{"/users", "/groups", "/applications"} {
			control(t, sandbox, "POST", "/faults/once", map[string]any{"fault": "expireDelta", "path": path, "times": 1, "form": form})
		}
		result := usher(t, dying, "export", trial.Connection, "--json")
		if result.Code != 0 || strings.Count(result.Stdout, "no longer accepts the cookie") != 3 || strings.Contains(result.Stdout, `"hint"`) {
			t.Fatalf("round %d: exit code %d\n%s%s", i, result.Code, result.Stdout, result.Stderr)
		}
		if got := rowsOf(t, dying, published(t, dying)); !maps.Equal(got, want) {
			for name := range want {
				if got[name] != want[name] {
					t.Errorf("round %d, %s, %s: with a dead cookie\n%s\nwith a living one\n%s", i, form, name, got[name], want[name])
				}
			}
			t.FailNow()
		}
	}
}

// rowsOf gives the text of each file of a set.
func rowsOf(t *testing.T, i *trial.Installation, m *publish.Manifest) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, f := range m.Files {
		text, err := os.ReadFile(filepath.Join(i.Output(), m.Folder, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		texts[f.Name] = string(text)
	}
	return texts
}
