package settings

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tailscale/hujson"
)

// seed adds the golden files' inputs with the extension, and more.
func seed(f *testing.F, extension string, more ...string) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		_, sections := splitArchive(string(data))
		for _, s := range sections {
			if strings.HasSuffix(s.name, extension) {
				f.Add([]byte(s.text))
			}
		}
	}
	for _, text := range more {
		f.Add([]byte(text))
	}
}

// FuzzJSON reads anything as JSON: the same outcome each time, a tree or a problem but never
// neither, and every place inside the text. Where another reader of JSON with comments is content,
// what remains after taking comments and trailing commas out must be the same.
func FuzzJSON(f *testing.F) {
	seed(f, ".json", `,`, `{},`, `{,}`, `[1,,]`, `{"a":/`, `{"a":"/*"} //`, "\ufeff{}", `{"\ud800":1}`, `"\`, `{"a":[1,/**/]}`, "{\"a\":1,//\r\n}")
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return // the other reader recurses without limit
		}
		read := func() (*node, report) {
			var r report
			s := newSource("f", "f", bytes.Clone(data), &r)
			if s == nil {
				return nil, r
			}
			return readJSON(s, &r), r
		}
		tree, r := read()
		again, r2 := read()
		if !reflect.DeepEqual(tree, again) || !reflect.DeepEqual(r, r2) {
			t.Fatal("two readings differ")
		}
		if tree == nil && len(r.problems) == 0 {
			t.Fatal("nothing was read and nothing is wrong")
		}
		lines := bytes.Count(data, []byte("\n")) + 1
		for _, p := range r.problems {
			if p.origin.Line < 1 || p.origin.Line > lines || p.origin.Column < 1 || p.err.Message == "" {
				t.Fatalf("%+v: %v", p.origin, p.err)
			}
		}
		if want, err := hujson.Standardize(bytes.Clone(data)); err == nil {
			if got := blank(data); !bytes.Equal(got, want) {
				t.Fatalf("got  %q\nwant %q", got, want)
			}
		}
	})
}

// FuzzXML reads anything as a configuration file: the same outcome each time, and a reason if nothing was read.
func FuzzXML(f *testing.F) {
	seed(f, ".xml", `<?xml version="1.0" encoding="latin9"?><a/>`, `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, "</a>",
		`<ConfigurationFile xmlns="urn:schemas-usercube-com:configuration"><EntityTypeMapping/><Property/></ConfigurationFile>`)
	f.Fuzz(func(t *testing.T, data []byte) {
		read := func() (*configuration, report) {
			var r report
			s := newSource("f", "f", bytes.Clone(data), &r)
			if s == nil {
				return nil, r
			}
			return readXML(s, &r), r
		}
		found, r := read()
		again, r2 := read()
		if !reflect.DeepEqual(found, again) || !reflect.DeepEqual(r, r2) {
			t.Fatal("two readings differ")
		}
		if found == nil && len(r.problems) == 0 {
			t.Fatal("nothing was read and nothing is wrong")
		}
		lines := bytes.Count(data, []byte("\n")) + 1
		for _, p := range r.problems {
			if p.origin.Line < 1 || p.origin.Line > lines || p.err.Message == "" {
				t.Fatalf("%+v: %v", p.origin, p.err)
			}
		}
	})
}
