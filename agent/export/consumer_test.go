package export_test

import (
	"encoding/csv"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// tester is a testing.TB or a rapid.T.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// consumer applies sets of files in their order.
type consumer struct {
	run     string
	objects map[string]string
	links   map[link]bool
	unseen  map[string]bool // targets of links without an object in a complete set
}

// load applies the set that is published, unless it has been.
func (c *consumer) load(tb tester, folder string) {
	tb.Helper()
	m, err := publish.ReadManifest(filepath.Join(output(folder), "Contoso_manifest.json"))
	if fault.Is(err, fault.NotFound) {
		return
	}
	if err != nil {
		tb.Fatal(err)
	}
	if err := publish.Verify(output(folder), m); err != nil {
		tb.Fatal(err)
	}
	if m.Run == c.run {
		return
	}
	if m.Mode == publish.Incremental && m.Previous != c.run {
		tb.Fatalf("run %s goes on from %s, and %s was loaded", m.Run, m.Previous, c.run)
	}
	c.run = m.Run
	if m.Mode == publish.Complete {
		c.objects, c.links, c.unseen = map[string]string{}, map[link]bool{}, map[string]bool{}
	}
	read := func(name string) [][]string {
		text, err := os.ReadFile(filepath.Join(output(folder), filepath.FromSlash(m.Folder), name))
		if err != nil {
			tb.Fatal(err)
		}
		return rows(tb, string(text))
	}
	for _, row := range read("Contoso_directoryobjects.csv") {
		_, known := c.objects[row[2]]
		switch row[0] {
		case "insert", "update":
			if known != (row[0] == "update") {
				tb.Errorf("run %s: %v, and it is known: %t", m.Run, row, known)
			}
			if c.objects[row[2]] == row[3] && known {
				tb.Errorf("run %s: %v was known like this", m.Run, row)
			}
			c.objects[row[2]] = row[3]
			delete(c.unseen, row[2])
		case "delete":
			if !known || row[1] == "" || row[3] != "" {
				tb.Errorf("run %s: %v, and it is known: %t", m.Run, row, known)
			}
			delete(c.objects, row[2])
		}
	}
	for _, row := range read("Contoso_members_group.csv") {
		l := link{row[1], row[2]}
		if c.links[l] != (row[0] == "delete") {
			tb.Errorf("run %s: %v, and it is known: %t", m.Run, row, c.links[l])
		}
		delete(c.links, l)
		if row[0] == "insert" {
			c.links[l] = true
			if _, known := c.objects[l.target]; !known && m.Mode == publish.Complete {
				c.unseen[l.target] = true
			}
		}
	}
}

// rows reads the rows of a file, which must be sorted.
func rows(tb tester, text string) [][]string {
	tb.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	all = all[1:]
	if !slices.IsSortedFunc(all, func(a, b []string) int { return slices.Compare(key(a), key(b)) }) {
		tb.Errorf("not sorted: %q", text)
	}
	return all
}

// key is what a row is sorted by.
func key(row []string) []string {
	if len(row) > 3 {
		return row[2:3]
	}
	return row[1:]
}

// check compares what the consumer has with the directory. Links of and to suspended
// objects may be there or not. So may, where lists do not tell which objects those are,
// links to one that was suspended when everything was listed, and gone for good when its
// collection was listed again: nothing tells of it.
func (c *consumer) check(tb tester, d *directory) {
	tb.Helper()
	objects := map[string]string{}
	for id, state := range d.states {
		if state == record.Present {
			objects[id] = d.values[id]
		}
	}
	if !maps.Equal(c.objects, objects) {
		tb.Fatalf("objects: got %v, want %v", c.objects, objects)
	}
	inDoubt := func(l link, _ bool) bool {
		return d.states[l.owner] != record.Present || d.states[l.target] == record.Suspended ||
			!d.restorable && c.unseen[l.target] && d.untold[l.target]
	}
	got, want := maps.Clone(c.links), maps.Clone(d.links)
	maps.DeleteFunc(got, inDoubt)
	maps.DeleteFunc(want, inDoubt)
	if !maps.Equal(got, want) {
		tb.Fatalf("links: got %v, want %v", got, want)
	}
}
