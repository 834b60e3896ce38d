package settings

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// samples is the folder of the sample settings and their schemas.
var samples = filepath.Join("..", "..", "appsettings")

func TestSamplesLoad(t *testing.T) {
	s, err := Load(Options{Dir: samples, ProgramDir: t.TempDir()})
	if err != nil || len(s.Warnings) > 0 || len(s.Connections) != 1 {
		t.Fatalf("got %+v, %v", s, err)
	}
}

// commented finds what makes a setting that a sample shows as a comment a comment.
var commented = regexp.MustCompile(`(?m)^(\s*)// ("\w[\w-]*":|  "|[{}])`)

// TestSamplesWithComments loads the samples with every commented setting on. Proxy stands there in
// two forms and EntityTypeMappingFiles beside EntityTypeMapping, so that a few problems are expected.
func TestSamplesWithComments(t *testing.T) {
	want := []string{"EntityTypeMappingFiles", `the key "Proxy" stands twice`}
	var found []string
	for _, name := range []string{"appsettings.json", "appsettings.agent.json"} {
		data, err := os.ReadFile(filepath.Join(samples, name))
		if err != nil {
			t.Fatal(err)
		}
		on := commented.ReplaceAllString(string(data), "$1$2")
		load := &loader{dir: samples}
		tree := readJSON(newSource(name, name, []byte(on), &load.report), &load.report)
		if tree == nil {
			t.Fatalf("%v in\n%s", load.err(), on)
		}
		load.settings(tree)
		for _, p := range problemsOf(t, load.err()) {
			found = append(found, p.Message)
		}
		for _, key := range keysOf(name) {
			if !strings.Contains(on, `"`+key+`":`) {
				t.Errorf("%s does not show %s", name, key)
			}
		}
	}
	slices.Sort(found)
	if len(found) != len(want) {
		t.Fatalf("got %q", found)
	}
	for _, part := range want {
		if !slices.ContainsFunc(found, func(message string) bool { return strings.Contains(message, part) }) {
			t.Errorf("%q is not among %q", part, found)
		}
	}
}

// keysOf lists the keys of Usher that a sample must show.
func keysOf(sample string) []string {
	if sample == "appsettings.json" {
		ours := slices.DeleteFunc(slices.Clone(rootKeys), func(key string) bool { return key == "Connections" })
		return slices.Concat(ours, proxyKeys, connectorsKeys)
	}
	return slices.Concat([]string{"Connections"}, connectionKeys, mappingKeys, csvKeys, []string{"ConnectionColumn", "IsPrimaryKey", "Entities"})
}

// schema is as much of a JSON Schema as the tests look at.
type schema struct {
	Properties map[string]json.RawMessage `json:"properties"`
	Defs       map[string]schema          `json:"$defs"`
}

func readSchema(t *testing.T, name string) schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemasKnowTheKeys holds the keys of the code and of the schemas together.
func TestSchemasKnowTheKeys(t *testing.T) {
	main, agent := readSchema(t, "appsettings.schema.json"), readSchema(t, "appsettings.agent.schema.json")
	for _, tc := range []struct {
		section string
		schema  schema
		keys    []string
	}{
		{"root", main, slices.Concat(rootKeys, referenceKeys)},
		{"Proxy", main.Defs["proxy"], proxyKeys},
		{"Connectors", main.Defs["connectors"], connectorsKeys},
		{"a connection", agent.Defs["connection"], connectionKeys},
		{"EntityTypeMapping", agent.Defs["entityTypeMapping"], mappingKeys},
		{"Properties", agent.Defs["property"], propertyKeys},
		{"Csv", agent.Defs["csv"], csvKeys},
	} {
		for _, key := range tc.keys {
			if _, ok := tc.schema.Properties[key]; !ok {
				t.Errorf("the schema of %s does not have %s", tc.section, key)
			}
		}
		for key := range tc.schema.Properties {
			if !slices.Contains(tc.keys, key) {
				t.Errorf("the schema of %s has %s, which the code does not read", tc.section, key)
			}
		}
	}
}
