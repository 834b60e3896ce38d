package trial_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/trial"
)

// copied is what somebody has who loads each set once.
type copied struct {
	run     string // that published the last set
	header  []string
	objects map[string][]string        // rows by id
	links   map[string]map[string]bool // file -> "owner target"

	// unseen are the objects that were not there when a link of or to them was
	// inserted: they could be restored then, or their collection was read a moment
	// later than that of the link. If they are gone before they were ever delivered,
	// nothing tells that their links are, except a complete export.
	unseen map[string]bool
}

// load loads a set. Its commands must be exact.
func (c *copied) load(t *testing.T, i *trial.Installation, m *publish.Manifest) {
	t.Helper()
	if m.Mode == publish.Complete {
		*c = copied{objects: map[string][]string{}, links: map[string]map[string]bool{}, unseen: map[string]bool{}}
	} else if m.Previous != c.run {
		t.Errorf("run %s goes on from %s, and %s was loaded last", m.Run, m.Previous, c.run)
	}
	c.run = m.Run
	for _, f := range m.Files {
		header, rows := read(t, i, filepath.Join(m.Folder, f.Name))
		if f.Kind == publish.Objects {
			c.header = header
		} else if c.links[f.Name] == nil {
			c.links[f.Name] = map[string]bool{}
		}
		for _, row := range rows {
			var fits bool
			if f.Kind == publish.Objects {
				fits = c.object(row)
			} else {
				fits = c.link(f.Name, row)
			}
			if !fits || row[0] != "insert" && m.Mode == publish.Complete {
				t.Errorf("run %s, %s, %s: %.300q does not fit what was there before", m.Run, m.Mode, f.Name, row)
			}
		}
	}
}

// object loads a row and reports whether it fits what was there before.
func (c *copied) object(row []string) bool {
	id := row[2]
	before, known := c.objects[id]
	switch row[0] {
	case "insert":
		c.objects[id] = row[1:]
		delete(c.unseen, id)
		return !known
	case "update":
		c.objects[id] = row[1:]
		return known && !slices.Equal(before, row[1:])
	case "delete":
		delete(c.objects, id)
		return known
	}
	return false
}

// link loads a row, after those of objects, and reports whether it fits.
func (c *copied) link(file string, row []string) bool {
	link := row[1] + " " + row[2]
	known := c.links[file][link]
	switch row[0] {
	case "insert":
		c.links[file][link] = true
		for _, id := range row[1:] {
			if c.objects[id] == nil {
				c.unseen[id] = true
			}
		}
		return !known
	case "delete":
		delete(c.links[file], link)
		return known
	}
	return false
}

// check compares with the tenant. Links of and to objects that can be restored may be
// there or not.
func (c *copied) check(t *testing.T, sandbox *trial.Sandbox) {
	t.Helper()
	deleted := deleted(t, sandbox)
	rest := maps.Clone(c.objects)
	links := map[string]bool{} // "file owner target"
	for _, entity := range collections() {
		err := sandbox.Snapshot(t.Context(), entity, func(o trial.Object) error {
			c.checkObject(t, o)
			delete(rest, o.ID)
			for navigation, targets := range o.Links {
				file := fmt.Sprintf("%s_%s_%s.csv", trial.Connection, navigation, entity)
				if c.links[file] == nil {
					continue // delta queries do not tell these
				}
				for _, target := range targets {
					links[file+" "+o.ID+" "+target] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for id := range rest {
		t.Errorf("after run %s: %s is not in the tenant (deleted: %t)", c.run, id, deleted[id])
	}
	for file, all := range c.links {
		for link := range all {
			name := file + " " + link
			owner, target, _ := strings.Cut(link, " ")
			inDoubt := deleted[owner] || deleted[target] || c.unseen[owner] || c.unseen[target]
			if !links[name] && !inDoubt {
				t.Errorf("after run %s: %s is not in the tenant", c.run, name)
			}
			delete(links, name)
		}
	}
	for name := range links {
		t.Errorf("after run %s: %s is missing", c.run, name)
	}
}

func (c *copied) checkObject(t *testing.T, o trial.Object) {
	t.Helper()
	row := c.objects[o.ID]
	if row == nil {
		t.Errorf("after run %s: %s %s is missing", c.run, o.Type, o.ID)
		return
	}
	for i, column := range c.header {
		if i < 3 { // the command, the type and the id
			continue
		}
		if want := text(lookup(o.Properties, strings.Split(column, "/"))); row[i-1] != want {
			t.Errorf("after run %s: %s %s: %s is %q, want %q", c.run, o.Type, o.ID, column, row[i-1], want)
		}
	}
}

// deleted gives the ids of the objects that can be restored.
func deleted(t *testing.T, sandbox *trial.Sandbox) map[string]bool {
	t.Helper()
	var answer map[string][]string
	if err := sandbox.Control(t.Context(), "GET", "/deleted", nil, &answer); err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, ids := range answer {
		for _, id := range ids {
			all[id] = true
		}
	}
	return all
}
