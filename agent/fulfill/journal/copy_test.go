package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// plans tells what would become of the orders of an intake.
func plans(t *testing.T, j *journal.Journal, n uint64) (lines []string) {
	t.Helper()
	err := j.Plan(t.Context(), n, func(page []journal.Planned) error {
		for _, p := range page {
			line := p.Order.ID
			for r := range p.Order.Refs() {
				line += " " + r.String()
				if maker := p.Maker(*r); maker != "" {
					line += " (by " + maker + ")"
				}
			}
			if p.Verdict != nil {
				line += ": " + p.Verdict.Message
			}
			if p.Answer != nil {
				line += ": " + string(p.Answer.State)
			}
			lines = append(lines, line)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// What is done to a copy is done to nothing else, and what would become of orders is what becomes of them.
func TestCopy(t *testing.T) {
	folder := t.TempDir()
	o := options(folder)
	o.Chunk = 2
	j := open(t, o)
	defer func() { shut(t, j) }()
	accept(t, j, create("1", "ann"), create("2", "bob"), update("3", byID("x")), update("waiting", byID("w")))
	if _, err := j.Ready(1); err != nil {
		t.Fatal(err)
	}
	if err := j.Cancel("waiting", "ann"); err != nil {
		t.Fatal(err)
	}
	carryOut(t, j, func(id string) order.Result {
		r := executed(id)
		if id == "2" {
			r = order.Result{}
			r.Fail(fault.Errorf(fault.Refused, "no licence left"))
		}
		return r
	})
	accept(t, j, create("later", "eve"))
	before := told(t, j)

	c, err := j.Copy()
	if err != nil {
		t.Fatal(err)
	}
	group := create("g", "group")
	group.Entity = "group"
	for _, step := range []struct {
		orders []order.Order
		want   []string
	}{
		{[]order.Order{create("4", "dan"), update("5", made("1")), update("6", made("2")), update("7", byID("y"), "2"), update("3", byID("x"))},
			[]string{"4", "5 id-of-1", "6 what order 2 makes: order 2, on which it depends, failed", "7 y: order 2, on which it depends, failed", "3 x: Executed"}},
		{[]order.Order{update("8", made("4")), link("9", byID("h"), []order.Ref{upn("DAN"), upn("eve"), upn("ann"), upn("group")}, nil), group, update("10", upn("group")), remove("11", upn("dan")), link("12", byID("h"), []order.Ref{upn("dan")}, nil)},
			[]string{
				"8 what order 4 makes (by 4)",
				`9 h userPrincipalName "DAN" (by 4) userPrincipalName "eve" (by later) userPrincipalName "ann" userPrincipalName "group" (by g)`,
				"g", `10 userPrincipalName "group"`, `11 userPrincipalName "dan" (by 4)`, `12 h userPrincipalName "dan"`,
			}},
	} {
		in, err := receive(c, "", step.orders...)
		if err != nil {
			t.Fatal(err)
		}
		if got := plans(t, c, in.Number); !slices.Equal(got, step.want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(step.want, "\n"))
		}
	}
	shut(t, c)
	shut(t, c)
	if after := told(t, j); !slices.Equal(after, before) {
		t.Errorf("it says\n%q\nand said\n%q", after, before)
	}
	if _, err := os.Stat(filepath.Join(journal.Folder(folder, "Contoso"), "journal.copy")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy is there: %v", err)
	}
}

// A copy that a crash left, and what was being sorted, are gone when the journal is opened.
func TestLeftovers(t *testing.T) {
	folder := t.TempDir()
	at := journal.Folder(folder, "Contoso")
	shut(t, open(t, options(folder)))
	for _, name := range []string{"journal.copy", "journal.new", "sorting/run"} {
		path := filepath.Join(at, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j := open(t, options(folder))
	defer func() { shut(t, j) }()
	files, err := os.ReadDir(at)
	if got := fmt.Sprint(files); err != nil || strings.Contains(got, "copy") || strings.Contains(got, "new") || strings.Contains(got, "sorting") {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := j.Copy(); err != nil { // the folder is fit for it
		t.Error(err)
	}
}
