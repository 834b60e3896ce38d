package export_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync/atomic"
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

// An export of everything that somebody asked for is a decision against the run that is
// held, once it is published; that the settings ask for it is none.
func TestCompleteReplacesHeldRun(t *testing.T) {
	t.Parallel()
	folder, d, c := held(t)
	o := d.options(folder, "3")
	o.WithoutCookies = true
	if _, err := export.Run(context.Background(), o); !fault.Is(err, fault.Held) || !strings.Contains(err.Error(), "run 2") {
		t.Fatalf("got %v", err)
	}
	o.Complete, o.Thresholds.Deleted.Lines = true, 1
	d.fail = fault.Errorf(fault.Unavailable, "no network")
	if _, err := export.Run(context.Background(), o); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	if run, held := isHeld(t, folder); !held || run != "2" {
		t.Errorf("run %q is held, want 2", run)
	}
	d.fail = nil
	report, err := export.Run(context.Background(), o)
	if err != nil || report.Discarded != "2" {
		t.Fatalf("%v, discarded %q", err, report.Discarded)
	}
	c.load(t, folder)
	c.check(t, d)
	isNotHeld(t, folder)
}

// Where it is cut off after it was published, the next one who looks drops the held run.
func TestReplacementIsCutOff(t *testing.T) {
	t.Parallel()
	folder, d, c := held(t)
	o := d.options(folder, "3")
	o.Complete = true
	var published atomic.Bool
	o.Cut = func(step string) error {
		if published.Load() {
			return fault.Errorf(fault.Storage, "cut")
		}
		published.Store(step == "commit")
		return nil
	}
	if _, err := export.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	c.load(t, folder)
	c.check(t, d)
	isNotHeld(t, folder)
	if _, err := export.Run(context.Background(), d.options(folder, "4")); err != nil {
		t.Fatal(err)
	}
	c.load(t, folder)
	c.check(t, d)
}

// isNotHeld checks that no run waits, and that nothing is left of one that did.
func isNotHeld(t *testing.T, folder string) {
	t.Helper()
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

// One run waits at a time: an empty list that somebody asked for changes nothing either.
func TestEmptyListWhileHeld(t *testing.T) {
	t.Parallel()
	folder, d := t.TempDir(), newDirectory()
	for i := range 1000 {
		d.set(fmt.Sprint("u", i), record.Present, "a")
	}
	if _, err := export.Run(context.Background(), d.options(folder, "1")); err != nil {
		t.Fatal(err)
	}
	d.set("u1", record.Gone, "")
	d.set("u2", record.Gone, "")
	o := d.options(folder, "2")
	o.Thresholds.Deleted.Lines = 1
	if _, err := export.Run(context.Background(), o); !fault.Is(err, fault.Held) {
		t.Fatalf("got %v", err)
	}
	d.states = map[string]record.State{}
	o = d.options(folder, "3")
	o.Complete = true
	if _, err := export.Run(context.Background(), o); !fault.Is(err, fault.Held) || !strings.Contains(err.Error(), "run 3 of connection Contoso is not published: the list of user is empty, and 1000 were known. Run 2 is held as before") {
		t.Errorf("got %v", err)
	}
	if run, _ := isHeld(t, folder); run != "2" {
		t.Errorf("run %q is held, want 2", run)
	}
	if err := decide(folder, "2", true, nil); err != nil {
		t.Error(err)
	}
}
