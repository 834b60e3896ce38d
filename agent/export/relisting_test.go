package export_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// Where a list ends with what can be restored, it makes the same files as the changes.
func TestRelistingIsExact(t *testing.T) {
	t.Parallel()
	for _, dead := range [][2]bool{{true, false}, {false, true}, {true, true}} {
		d := newDirectory()
		d.restorable = true
		for i := range 4 {
			d.set(fmt.Sprint("u", i), record.Present, "a")
			d.set(fmt.Sprint("g", i), record.Present, "a")
			for target := range i {
				d.link(fmt.Sprint("g", i), fmt.Sprint("u", target), true)
				d.link(fmt.Sprint("g", i), fmt.Sprint("g", target), true)
			}
		}
		listing, living := t.TempDir(), t.TempDir()
		for run, change := range []func(){
			func() {},
			func() { d.set("u0", record.Suspended, ""); d.set("g1", record.Suspended, "") },
			func() { d.set("u1", record.Suspended, ""); d.link("g2", "u3", true) },
			func() {
				d.set("u0", record.Present, "b")
				d.set("g1", record.Present, "a")
				d.set("g3", record.Suspended, "")
			},
			func() { d.set("u1", record.Gone, ""); d.set("g2", record.Suspended, "") },
			func() { d.set("g3", record.Gone, ""); d.set("g2", record.Present, "b") },
			func() {
				for id, state := range map[string]record.State{"u6": record.Gone, "u7": record.Suspended, "u8": record.Present, "g6": record.Gone} {
					d.set(id, record.Present, "a")
					d.link("g0", id, true)
					d.set(id, state, "a")
				}
			},
			func() { d.set("u7", record.Present, "a"); d.set("u8", record.Gone, "") },
		} {
			change()
			for _, folder := range []string{living, listing} {
				if folder == listing {
					d.dead = dead
				}
				if _, err := export.Run(context.Background(), d.options(folder, fmt.Sprint(run))); err != nil {
					t.Fatal(err)
				}
			}
			want, got := published(t, living), published(t, listing)
			for _, name := range []string{"Contoso_directoryobjects.csv", "Contoso_members_group.csv"} {
				if got[name] != want[name] {
					t.Errorf("dead %v, run %d, %s: listed\n%s\nof changes\n%s", dead, run, name, got[name], want[name])
				}
			}
		}
	}
}

// A new link to what a list should have and does not have waits until its target comes.
// Where it is not known which list a target must be in, nothing waits.
func TestLinksWaitForTheirTargets(t *testing.T) {
	t.Parallel()
	linked := func(typ string, targets ...target) event {
		return event{kind: "links", id: "g1", typ: typ, targets: targets}
	}
	is := func(id string, state record.State) event { return event{kind: "object", id: id, state: state} }
	list := []event{is("known", record.Present), is("listed", record.Present), is("restorable", record.Suspended)}
	links := []event{
		linked("user", target{"known", false}, target{"listed", false}, target{"restorable", false}),
		linked("user", target{"late", false}, target{"passed", false}, target{"unlinked", false}, target{"unlinked", true}),
		linked("device", target{"device", false}),
		linked("", target{"untold", false}),
	}
	folder := t.TempDir()
	for i, tc := range []struct {
		name          string
		users, groups []event
		isListed      bool // users
		want          string
	}{
		{"first", []event{is("known", record.Present)}, []event{is("g1", record.Present)}, true, ""},
		{"listed", list, links, true, "insert device, insert known, insert listed, insert restorable, insert untold"},
		{"replayed", nil, links, false, ""},
		{"listed again", list, links, true, ""},
		{"there", []event{is("late", record.Present), is("passed", record.Gone)}, nil, false, "insert late"},
		{"gone", []event{is("late", record.Gone)}, nil, false, "delete late"},
	} {
		o := options(folder, fmt.Sprint(i), history{collections: newDirectory().collections, attributes: 1})
		o.Complete = false
		o.Source = sourceFunc(func(_ context.Context, req sdk.ExportRequest, s sdk.Sink) error {
			for c, events := range [][]event{tc.users, tc.groups} {
				w, err := s.Begin(c, req.Collections[c].Cookie == "" || c == 0 && tc.isListed, "")
				if err != nil {
					return err
				}
				for _, e := range events {
					if err := e.write(w); err != nil {
						return err
					}
				}
				if err := w.End("cookie"); err != nil {
					return err
				}
			}
			return nil
		})
		if _, err := export.Run(context.Background(), o); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range rows(t, published(t, folder)["Contoso_members_group.csv"]) {
			got = append(got, row[0]+" "+row[2])
		}
		if strings.Join(got, ", ") != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}
