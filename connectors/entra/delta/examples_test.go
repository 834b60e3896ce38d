package delta_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/delta"
	"github.com/usher-iga/usher/connectors/entra/directory"
)

// An example is one request of Microsoft's documentation with its answer. They are
// theirs (CC BY 4.0) and not kept here; only what we read in them is.
type example struct {
	Request  struct{ Path string }
	Response struct {
		Status int
		Body   json.RawMessage
	}
}

// Each answer of the documentation that is a delta or a list of directory objects
// goes through the parser, with all that occurs in it as columns.
func TestExamplesOfMicrosoft(t *testing.T) {
	folder := os.Getenv("USHER_GRAPH_DATA")
	if folder == "" {
		t.Skip("USHER_GRAPH_DATA does not name a folder with Microsoft's examples")
	}
	files, err := filepath.Glob(filepath.Join(folder, "examples", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	var got strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var e example
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(file, err)
		}
		entity, ok := listed(e.Request.Path)
		if !ok || e.Response.Status != 200 {
			continue
		}
		fmt.Fprintf(&got, "-- %s --\n", filepath.Base(file))
		got.WriteString(read(t, entity, e.Response.Body))
	}
	const golden = "testdata/examples.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		gots, wants := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
		for i := range min(len(gots), len(wants)) {
			if gots[i] != wants[i] {
				t.Fatalf("line %d of %s: got %q, want %q", i+1, golden, gots[i], wants[i])
			}
		}
		t.Errorf("got %d lines, %s has %d", len(gots), golden, len(wants))
	}
}

// listed tells the entity of a path that lists directory objects; none where there
// may be several.
func listed(path string) (entity string, ok bool) {
	path, _, _ = strings.Cut(strings.TrimPrefix(path, "/v1.0/"), "?")
	path = regexp.MustCompile(`/microsoft\.graph\.\w+$`).ReplaceAllString(path, "")
	mixed := regexp.MustCompile(`/(members|owners|transitiveMembers|memberOf|transitiveMemberOf)$|^directory(Objects/(delta|getByIds)|/deletedItems)$`)
	if mixed.MatchString(path) {
		return "", true
	}
	path = strings.TrimPrefix(strings.TrimSuffix(path, "/delta"), "directory/")
	for _, e := range directory.Entities() {
		if strings.EqualFold(path, strings.TrimPrefix(e.Path, "directory/")) {
			return e.Name, true
		}
	}
	return "", false
}

// read shows the rows of a page. Everything that occurs in it is asked for, even
// what no export would be allowed to ask for.
func read(t *testing.T, entity string, page []byte) string {
	t.Helper()
	var body struct{ Value []map[string]json.RawMessage }
	if err := json.Unmarshal(page, &body); err != nil {
		t.Fatal(err)
	}
	rows := &shown{}
	for _, object := range body.Value {
		for name := range object {
			if navigation, ok := strings.CutSuffix(name, "@delta"); ok {
				rows.navigations = append(rows.navigations, navigation)
			} else if !strings.Contains(name, "@") {
				rows.attributes = append(rows.attributes, name)
			}
		}
	}
	slices.Sort(rows.navigations)
	slices.Sort(rows.attributes)
	rows.navigations, rows.attributes = slices.Compact(rows.navigations), slices.Compact(rows.attributes)

	c := directory.Collection{Entity: directory.Entity{Name: entity}, Navigations: rows.navigations}
	for i, name := range rows.attributes {
		c.Columns = append(c.Columns, directory.Column{Attribute: i, Path: []string{name}})
	}
	if err := delta.NewParser(c).Page(page, rows); err != nil {
		fmt.Fprintf(rows, "error: %v\n", err)
	}
	return rows.String()
}
