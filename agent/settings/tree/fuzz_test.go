package tree

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tailscale/hujson"
)

// seed adds the files of the golden tests of settings with the extension, and more.
func seed(f *testing.F, extension string, more ...string) {
	f.Helper()
	archives, err := filepath.Glob("../testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatalf("no golden files: %v", err)
	}
	for _, archive := range archives {
		data, err := os.ReadFile(archive)
		if err != nil {
			f.Fatal(err)
		}
		for section := range strings.SplitSeq(string(data), "\n-- ") {
			if name, text, _ := strings.Cut(section, " --\n"); strings.HasSuffix(name, extension) {
				f.Add([]byte(text))
			}
		}
	}
	for _, text := range more {
		f.Add([]byte(text))
	}
}

// FuzzJSON reads anything as JSON: the same outcome each time, a tree or a problem but never
// neither, and every place inside the text; what is written of the tree reads back as the same. Where another reader of JSON with comments is content,
// what remains after taking comments and trailing commas out must be the same.
func FuzzJSON(f *testing.F) {
	seed(f, ".json", `,`, `{},`, `{,}`, `[1,,]`, `{"a":/`, `{"a":"/*"} //`, "\ufeff{}", `{"\ud800":1}`, `"\`, `{"a":[1,/**/]}`, "{\"a\":1,//\r\n}")
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return // the other reader recurses without limit
		}
		read := func() (*Node, Report) {
			var r Report
			s := NewFile("f", "f", bytes.Clone(data), &r)
			if s == nil {
				return nil, r
			}
			return ReadJSON(s, &r), r
		}
		root, r := read()
		again, r2 := read()
		if describe(t, root) != describe(t, again) || !reflect.DeepEqual(r, r2) {
			t.Fatal("two readings differ")
		}
		if root == nil && len(r.problems) == 0 {
			t.Fatal("nothing was read and nothing is wrong")
		}
		lines := bytes.Count(data, []byte("\n")) + 1
		for _, p := range r.problems {
			if p.origin.Line < 1 || p.origin.Line > lines || p.origin.Column < 1 || p.err.Message == "" {
				t.Fatalf("%+v: %v", p.origin, p.err)
			}
		}
		if root != nil && len(r.problems) == 0 {
			written := describe(t, root)
			if again := ReadJSON(NewFile("f", "f", []byte(written), &r), &r); describe(t, again) != written {
				t.Fatalf("what was written is read differently: %v\n%s", r.Err(), written)
			}
		}
		if want, err := hujson.Standardize(bytes.Clone(data)); err == nil {
			if got := blank(data); !bytes.Equal(got, want) {
				t.Fatalf("got  %q\nwant %q", got, want)
			}
		}
	})
}

// describe gives the tree as JSON; "" for none.
func describe(t *testing.T, root *Node) string {
	t.Helper()
	if root == nil {
		return ""
	}
	text, err := root.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
