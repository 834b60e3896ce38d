package export_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/ledger"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// openLedger opens the ledger of a folder for a run.
func openLedger(folder, run string, cut func(string) error) (*ledger.Ledger, error) {
	return ledger.Open(context.Background(), ledger.Options{
		Connection: "Contoso", Run: run, Work: filepath.Join(folder, "Work"), Output: output(folder), Clock: newTicking(), Cut: cut,
	})
}

// decide releases or discards a run. What goes wrong once that is done is no error.
func decide(folder, run string, release bool, cut func(string) error) error {
	l, err := openLedger(folder, run, cut)
	if err != nil {
		return err
	}
	defer l.Close()
	if release {
		_, err = l.Release(context.Background(), run)
	} else {
		_, err = l.Discard(run)
	}
	return err
}

// isHeld gives the run that waits for an operator.
func isHeld(tb tester, folder string) (run string, held bool) {
	tb.Helper()
	l, err := openLedger(folder, "look", nil)
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Waiting(), l.Waiting() != ""
}

// A run beyond a threshold waits for an operator; so do the next ones.
func TestHeldRun(t *testing.T) {
	t.Parallel()
	for _, release := range []bool{true, false} {
		folder := t.TempDir()
		d, c := newDirectory(), &consumer{}
		for i := range 10 {
			d.set(fmt.Sprint("u", i), record.Present, "a")
		}
		if _, err := export.Run(context.Background(), d.options(folder, "1")); err != nil {
			t.Fatal(err)
		}
		c.load(t, folder)
		before := everyFile(t, output(folder))
		for i := range 4 {
			d.set(fmt.Sprint("u", i), record.Gone, "")
		}
		o := d.options(folder, "2")
		o.Thresholds.Deleted.Percent = 30
		_, err := export.Run(context.Background(), o)
		if !fault.Is(err, fault.Held) || !strings.Contains(err.Error(), "deletes 4 objects of 10 known, and MaxPercentageDeletedLines is 30") {
			t.Fatalf("got %v", err)
		}
		if _, err := export.Run(context.Background(), d.options(folder, "3")); !fault.Is(err, fault.Held) || !strings.Contains(err.Error(), "run 2") {
			t.Fatalf("got %v", err)
		}
		after := everyFile(t, output(folder))
		maps.DeleteFunc(after, func(name, _ string) bool { return strings.Contains(name, ".held") })
		if !maps.Equal(before, after) {
			t.Error("the published files have changed")
		}
		if err := decide(folder, "2", release, nil); err != nil {
			t.Fatal(err)
		}
		if err := decide(folder, "2", release, nil); !fault.Is(err, fault.NotFound) {
			t.Errorf("again: %v", err)
		}
		c.load(t, folder)
		if release {
			c.check(t, d)
		}
		d.set("u9", record.Present, "b")
		if _, err := export.Run(context.Background(), d.options(folder, "4")); err != nil {
			t.Fatal(err)
		}
		c.load(t, folder)
		c.check(t, d)
	}
}

// Each threshold has its own setting, counts or compares with what is known, and is not
// reached by as many.
func TestThresholds(t *testing.T) {
	t.Parallel()
	lines := func(n uint64) export.Threshold { return export.Threshold{Lines: n} }
	percent := func(n uint64) export.Threshold { return export.Threshold{Percent: n} }
	for _, tc := range []struct {
		limits export.Thresholds
		want   string // in the error; empty: the run is published
	}{
		{export.Thresholds{}, ""},
		{export.Thresholds{Inserted: lines(1)}, "it inserts 2 objects, and MaximumInsertedLines is 1"},
		{export.Thresholds{Inserted: lines(2)}, ""},
		{export.Thresholds{Inserted: percent(19)}, "it inserts 2 objects of 10 known, and MaxPercentageInsertedLines is 19"},
		{export.Thresholds{Inserted: percent(20)}, ""},
		{export.Thresholds{Updated: lines(2)}, "it updates 3 objects, and MaximumUpdatedLines is 2"},
		{export.Thresholds{Updated: percent(29)}, "it updates 3 objects of 10 known, and MaxPercentageUpdatedLines is 29"},
		{export.Thresholds{Deleted: lines(3)}, "it deletes 4 objects, and MaximumDeletedLines is 3"},
		{export.Thresholds{Deleted: percent(39)}, "it deletes 4 objects of 10 known, and MaxPercentageDeletedLines is 39"},
		{export.Thresholds{LinkInserted: lines(1)}, "it inserts 2 links, and MaximumLinkInsertedLines is 1"},
		{export.Thresholds{LinkInserted: percent(39)}, "it inserts 2 links of 5 known, and MaxLinkPercentageInsertedLines is 39"},
		{export.Thresholds{LinkDeleted: lines(2)}, "it deletes 3 links, and MaximumLinkDeletedLines is 2"},
		{export.Thresholds{LinkDeleted: percent(59)}, "it deletes 3 links of 5 known, and MaxLinkPercentageDeletedLines is 59"},
		{export.Thresholds{Deleted: export.Threshold{Lines: 4, Percent: 40}, LinkDeleted: lines(3)}, ""},
		{export.Thresholds{Deleted: export.Threshold{Lines: 3, Percent: 40}}, "MaximumDeletedLines"},
	} {
		folder := t.TempDir()
		d := newDirectory()
		d.set("g1", record.Present, "a")
		for i := range 9 {
			d.set(fmt.Sprint("u", i), record.Present, "a")
		}
		for i := range 5 {
			d.link("g1", fmt.Sprint("u", i), true)
		}
		first := d.options(folder, "1")
		first.Thresholds = tc.limits // not heeded: nothing is known yet
		if _, err := export.Run(context.Background(), first); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			d.set(fmt.Sprint("u", i+5), record.Gone, "")
		}
		for i := range 3 {
			d.set(fmt.Sprint("u", i), record.Present, "b")
			d.link("g1", fmt.Sprint("u", i), false)
		}
		for i := range 2 {
			d.set(fmt.Sprint("v", i), record.Present, "a")
			d.link("g1", fmt.Sprint("v", i), true)
		}
		o := d.options(folder, "2")
		o.Thresholds = tc.limits
		_, err := export.Run(context.Background(), o)
		if (tc.want != "") != fault.Is(err, fault.Held) || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: got %v, want %q", tc.limits, err, tc.want)
		}
	}
}

// A complete run is a decision against the one that is held, and has no thresholds.
func TestCompleteDropsHeldRun(t *testing.T) {
	t.Parallel()
	folder, d, c := held(t)
	o := d.options(folder, "3")
	o.Complete, o.Thresholds.Deleted.Lines = true, 1
	if _, err := export.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	c.load(t, folder)
	c.check(t, d)
	if run, held := isHeld(t, folder); held {
		t.Errorf("run %s is held", run)
	}
	if left, err := filepath.Glob(filepath.Join(output(folder), ".Contoso", "*.held")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}

// An entity of which all is gone at once is held, whatever the thresholds are.
func TestEmptyList(t *testing.T) {
	t.Parallel()
	for _, complete := range []bool{true, false} {
		folder := t.TempDir()
		d := newDirectory()
		for i := range 1000 {
			d.set(fmt.Sprint("u", i), record.Present, "a")
		}
		if _, err := export.Run(context.Background(), d.options(folder, "1")); err != nil {
			t.Fatal(err)
		}
		d.states = map[string]record.State{}
		d.dead[0] = true
		o := d.options(folder, "2")
		o.Complete = complete
		if _, err := export.Run(context.Background(), o); !fault.Is(err, fault.Held) || !strings.Contains(err.Error(), "the list of user is empty, and 1000 were known") {
			t.Errorf("complete %t: %v", complete, err)
		}
	}
}
