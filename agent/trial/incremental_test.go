package trial_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/trial"
)

// consumer applies published sets in their order, as an IGA system does.
type consumer struct {
	objects map[string][]string        // rows by id
	links   map[string]map[string]bool // file -> "owner id"
}

// load applies the published set and checks that its commands are exact.
func (c *consumer) load(t *testing.T, i *trial.Installation, m *publish.Manifest) {
	t.Helper()
	if m.Mode == publish.Complete {
		c.objects, c.links = map[string][]string{}, map[string]map[string]bool{}
	}
	_, rows := read(t, i, trial.Connection+"_directoryobjects.csv")
	for _, row := range rows {
		old, known := c.objects[row[2]]
		if known == (row[0] == "insert") || row[0] == "update" && slices.Equal(old[1:], row[1:]) {
			t.Errorf("run %s: %q, and it was %q", m.Run, row, old)
		}
		c.objects[row[2]] = row
		if row[0] == "delete" {
			delete(c.objects, row[2])
		}
	}
	for _, f := range m.Files {
		if f.Kind != publish.Links {
			continue
		}
		if c.links[f.Name] == nil {
			c.links[f.Name] = map[string]bool{}
		}
		_, rows := read(t, i, f.Name)
		for _, row := range rows {
			link := row[1] + " " + row[2]
			if c.links[f.Name][link] != (row[0] == "delete") {
				t.Errorf("run %s: %q, and it was known: %t", m.Run, row, c.links[f.Name][link])
			}
			c.links[f.Name][link] = true
			if row[0] == "delete" {
				delete(c.links[f.Name], link)
			}
		}
	}
}

// check compares what was loaded with the tenant. Links of and to objects that can be
// restored may be there or not.
func (c *consumer) check(t *testing.T, sandbox *trial.Sandbox, header []string, entities string) {
	t.Helper()
	rest := maps.Clone(c.objects)
	must, may := map[string]bool{}, map[string]bool{}
	present := map[string]bool{}
	for entity := range strings.FieldsSeq(entities) {
		err := sandbox.Snapshot(t.Context(), entity, func(o trial.Object) error {
			present[o.ID] = true
			row := rest[o.ID]
			delete(rest, o.ID)
			if row == nil {
				t.Errorf("%s %s is missing", entity, o.ID)
				return nil
			}
			for i, column := range header[3:] {
				if want := text(lookup(o.Properties, strings.Split(column, "/"))); row[i+3] != want {
					t.Errorf("%s %s: %s is %q, want %q", entity, o.ID, column, row[i+3], want)
				}
			}
			for navigation, targets := range o.Links {
				for _, target := range targets {
					must[fmt.Sprintf("%s_%s_%s.csv %s %s", trial.Connection, navigation, entity, o.ID, target)] = true
				}
			}
			for navigation, targets := range o.Suspended {
				for _, target := range targets {
					may[fmt.Sprintf("%s_%s_%s.csv %s %s", trial.Connection, navigation, entity, o.ID, target)] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for id := range rest {
		t.Errorf("%s is not in the tenant: %q", id, rest[id])
	}
	for file, links := range c.links {
		for link := range links {
			name := file + " " + link
			owner, _, _ := strings.Cut(link, " ")
			if !must[name] && !may[name] && present[owner] {
				t.Errorf("%s is not in the tenant", name)
			}
			delete(must, name)
		}
	}
	for name := range must {
		if file, _, _ := strings.Cut(name, " "); c.links[file] != nil {
			t.Errorf("%s is missing", name)
		}
	}
}

// What is loaded from the changes of a tenant is the tenant, whatever happens to it
// and however its cookies die (E4, E5).
func TestIncremental(t *testing.T) {
	t.Parallel()
	sandbox, installation := start(t, "--users", "400", "--groups", "40", "--memberships", "1500")
	const entities = "user group directoryRole servicePrincipal application device orgContact administrativeUnit oAuth2PermissionGrant"
	installation.Complete, installation.Change = false, everything
	write(t, installation)
	c := &consumer{}
	c.load(t, installation, mustExport(t, installation))
	header, _ := read(t, installation, trial.Connection+"_directoryobjects.csv")
	for round, form := range []string{"", "", "", "gone", "syncStateNotFound", "", "resyncRequired", "deltaLink", ""} {
		churn := `{"seed": %d,
			"users": {"create": 5, "update": 20, "softDelete": 4, "restore": 2, "purge": 2},
			"groups": {"create": 2, "update": 5, "softDelete": 2, "restore": 1, "purge": 1},
			"members": {"add": 40, "remove": 40}, "owners": {"add": 4, "remove": 4}, "managers": {"set": 5, "clear": 5},
			"devices": {"purge": 1}, "servicePrincipals": {"create": 1, "update": 2, "purge": 1}}`
		if err := sandbox.Control(t.Context(), "POST", "/churn", json.RawMessage(fmt.Sprintf(churn, round)), nil); err != nil {
			t.Fatal(err)
		}
		if form != "" {
			fault := map[string]any{"fault": "expireDelta", "path": []string{"/users", "/groups"}[round%2], "times": 1, "form": form}
			if err := sandbox.Control(t.Context(), "POST", "/faults/once", fault, nil); err != nil {
				t.Fatal(err)
			}
		}
		manifest := mustExport(t, installation)
		if manifest.Mode != publish.Incremental {
			t.Errorf("round %d: mode %s", round, manifest.Mode)
		}
		c.load(t, installation, manifest)
		c.check(t, sandbox, header, entities)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	manifest := mustExport(t, installation)
	for _, f := range manifest.Files {
		if f.Rows > 0 {
			t.Errorf("nothing has changed, and %s has %d rows", f.Name, f.Rows)
		}
	}
}
