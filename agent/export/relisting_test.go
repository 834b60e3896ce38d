package export_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/usher-iga/usher/agent/export"
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
