package directory_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/directory"
)

// The tables are those of Microsoft's metadata.
func TestPropertiesAreThoseOfGraph(t *testing.T) {
	folder := os.Getenv("USHER_GRAPH_DATA")
	if folder == "" {
		t.Skip("USHER_GRAPH_DATA does not name a folder with schema.json")
	}
	text, err := os.ReadFile(filepath.Join(folder, "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]map[string]struct {
		Type       string
		Collection bool
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for _, e := range directory.Entities() {
		want := schema[e.Name]
		if want == nil {
			t.Errorf("%s is not in the metadata", e.Name)
		}
		for _, p := range e.Properties {
			w, ok := want[p.Name]
			bare := strings.TrimPrefix(strings.TrimPrefix(w.Type, "Edm."), "microsoft.graph.")
			if !ok || bare != p.Type || w.Collection != p.List {
				t.Errorf("%s.%s is %s, list %t; the metadata has %s, %t", e.Name, p.Name, p.Type, p.List, bare, w.Collection)
			}
			delete(want, p.Name)
		}
		for name := range want {
			t.Errorf("%s.%s is missing", e.Name, name)
		}
	}
}

func TestEntitiesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range directory.Entities() {
		if seen[e.Name] || e.Path == "" || e.Permission.Name == "" || e.Permission.ID == "" || len(e.Properties) == 0 || e.Properties[0].Name != "id" {
			t.Errorf("%+v", e)
		}
		seen[e.Name] = true
		named := func(p directory.Property) bool { return slices.Contains(e.Navigations, p.Name) }
		if slices.ContainsFunc(e.Properties, named) {
			t.Errorf("%s has a name for a property and a navigation", e.Name)
		}
	}
}
