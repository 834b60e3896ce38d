package settings

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/settings/tree"
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

// FuzzXML reads anything as a configuration file: the same outcome each time, and a reason if nothing was read.
func FuzzXML(f *testing.F) {
	seed(f, ".xml", `<?xml version="1.0" encoding="latin9"?><a/>`, `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, "</a>",
		`<ConfigurationFile xmlns="urn:schemas-usercube-com:configuration"><EntityTypeMapping/><Property/></ConfigurationFile>`)
	f.Fuzz(func(t *testing.T, data []byte) {
		read := func() (*configuration, tree.Report) {
			var r tree.Report
			s := tree.NewFile("f", "f", bytes.Clone(data), &r)
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
		if found == nil && r.Len() == 0 {
			t.Fatal("nothing was read and nothing is wrong")
		}
		for _, p := range problemsOf(t, r.Err()) {
			if !strings.HasPrefix(p.Message, "f:") {
				t.Fatal(p)
			}
		}
	})
}
