package journal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// script is a life of a journal with every kind of step; it returns at the first error.
func script(j *journal.Journal) error {
	ctx := context.Background()
	if _, err := receive(j, "", create("1", "a"), update("2", made("1")), update("3", byID("x"), "2"), update("4", byID("y"))); err != nil {
		return err
	}
	_, err := receive(j, "", update("5", byID("z"), "6"), update("6", byID("z"), "5"))
	if errors.Is(err, errCut) || !fault.Is(err, fault.Invalid) {
		return err
	}
	held, err := receive(j, "many", remove("7", byID("x")), remove("8", byID("y")))
	if err != nil {
		return err
	}
	dropped, err := receive(j, "many", remove("9", byID("w")))
	if err != nil {
		return err
	}
	if _, err := j.Release(held.Number, "ann"); err != nil {
		return err
	}
	if _, err := j.CancelIntake(ctx, dropped.Number, "ann"); err != nil {
		return err
	}
	if err := j.Cancel("4", "ann"); err != nil {
		return err
	}
	if err := endAll(j); err != nil {
		return err
	}
	if err := j.Retry(ctx, "4", "bob"); err != nil {
		return err
	}
	if err := endAll(j); err != nil {
		return err
	}
	if err := j.Reported(held.Number); err != nil {
		return err
	}
	return j.Compact(ctx, noon.AddDate(1, 0, 0))
}

// endAll carries out all that there is.
func endAll(j *journal.Journal) error {
	again, err := j.Interrupted(0, 100)
	if err != nil {
		return err
	}
	for entries := again; ; {
		var ends []journal.Finished
		for i := range entries {
			ends = append(ends, journal.Finished{Seq: entries[i].Seq, Result: executed(entries[i].Order.ID)})
			entries[i].Sealed = []byte("sealed")
		}
		if len(entries) > 0 {
			if _, err := j.Start(entries); err != nil {
				return err
			}
			if err := j.Finish(ends); err != nil {
				return err
			}
			if err := j.Delivered(ends[0].Seq); err != nil {
				return err
			}
		}
		if entries, err = j.Ready(2); err != nil || len(entries) == 0 {
			return err
		}
	}
}

// told is everything that a journal says.
func told(t *testing.T, j *journal.Journal) (lines []string) {
	t.Helper()
	if _, err := j.Ready(100); err != nil { // the end of what was decided
		t.Fatal(err)
	}
	err := j.Intakes(func(in journal.Intake) bool {
		lines = append(lines, fmt.Sprintf("%+v pending %d", in, in.Pending()))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		_, r, err := j.Order(fmt.Sprint(i))
		text, _ := json.Marshal(r)
		lines = append(lines, fmt.Sprintf("%s %v", text, fault.CodeOf(err)))
	}
	for _, list := range []func() ([]journal.Entry, error){
		func() ([]journal.Entry, error) { return j.Ready(100) },
		func() ([]journal.Entry, error) { return j.Interrupted(0, 100) },
	} {
		entries, err := list()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%+v", entries))
	}
	return lines
}

// Cut off at any step, a journal says what it said before that step, and goes on from there. A
// crash is a copy of the disk as it is at that step.
func TestCutOff(t *testing.T) {
	folder := t.TempDir()
	o := options(folder)
	o.Chunk = 2
	var copies []string
	o.Cut = func(name string) error {
		copied := filepath.Join(t.TempDir(), strings.ReplaceAll(name, " ", "-"))
		copies = append(copies, copied)
		return os.CopyFS(copied, os.DirFS(folder))
	}
	j := open(t, o)
	if err := script(j); err != nil {
		t.Fatal(err)
	}
	shut(t, j)
	kinds := map[string]bool{}
	for _, copied := range copies {
		name := filepath.Base(copied)
		kinds[name] = true
		o := options(copied)
		o.Chunk = 2
		j := open(t, o)
		before := told(t, j)
		if strings.Contains(strings.Join(before, " "), "Receiving") {
			t.Errorf("%s: an intake was not accepted and is seen: %q", name, before)
		}
		shut(t, j)
		j = open(t, o)
		if again := told(t, j); !slices.Equal(again, before) {
			t.Errorf("%s: what it says has changed", name)
		}
		if err := endAll(j); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		isSettled(t, j, name)
		shut(t, j)
	}
	if len(kinds) < 12 {
		t.Errorf("cut off at %v only", kinds)
	}
}

// isSettled checks that every order that was accepted and is not held has an outcome.
func isSettled(t *testing.T, j *journal.Journal, name string) {
	t.Helper()
	var open []uint64
	if err := j.Intakes(func(in journal.Intake) bool {
		if in.State != journal.IntakeHeld && !in.Complete() {
			open = append(open, in.Number)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if len(open) > 0 {
		t.Errorf("%s: intakes %d are left", name, open)
	}
}

var errCut = errors.New("the disk is gone")

// A step that fails changes nothing, and the journal can be used on.
func TestStepFails(t *testing.T) {
	steps := 0
	o := options(t.TempDir())
	o.Cut = func(string) error { steps++; return nil }
	j := open(t, o)
	if err := script(j); err != nil {
		t.Fatal(err)
	}
	shut(t, j)
	for cut := 3; cut <= steps; cut++ { // the first two are of Open
		n := 0
		o := options(t.TempDir())
		o.Cut = func(string) error {
			if n++; n == cut {
				return errCut
			}
			return nil
		}
		j := open(t, o)
		if err := script(j); !errors.Is(err, errCut) {
			t.Fatalf("step %d: %v", cut, err)
		}
		if err := endAll(j); err != nil {
			t.Errorf("step %d: %v", cut, err)
		}
		shut(t, j)
		o.Cut = nil
		j = open(t, o)
		isSettled(t, j, fmt.Sprint("step ", cut))
		accept(t, j, update("100", byID("q")))
		shut(t, j)
	}
}

// A journal that is cut off while it is made is made anew.
func TestCutOffAtFirst(t *testing.T) {
	folder := t.TempDir()
	for cut := 1; ; cut++ {
		o, n := options(folder), 0
		o.Cut = func(string) error {
			if n++; n == cut {
				return errCut
			}
			return nil
		}
		j, err := journal.Open(context.Background(), o)
		if err == nil {
			shut(t, j)
			if cut != 3 {
				t.Errorf("%d steps", cut-1)
			}
			return
		}
		if !errors.Is(err, errCut) {
			t.Fatal(err)
		}
	}
}

// Who opens a journal that is open is told who has it.
func TestInUse(t *testing.T) {
	folder := t.TempDir()
	j := open(t, options(folder))
	defer shut(t, j)
	_, err := journal.Open(context.Background(), options(folder))
	wrong(t, err, fault.Conflict, "the orders of connection Contoso are in use by process "+fmt.Sprint(os.Getpid()))
}

// A journal of a later release is refused, and so is one that is damaged anywhere.
func TestRefusedFile(t *testing.T) {
	folder := t.TempDir()
	j := open(t, options(folder))
	accept(t, j, update("1", byID("a")))
	shut(t, j)
	path := filepath.Join(journal.Folder(folder, "Contoso"), "journal.db")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	later, err := journal.Seal([]byte("meta"), map[string]int{"version": 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(t *testing.T)
		want   []string
	}{
		"later release": {func(t *testing.T) {
			t.Helper()
			put(t, path, "meta", "meta", later)
		}, []string{"format 2", "Use that release"}},
		"wrong record": {func(t *testing.T) { t.Helper(); put(t, path, "meta", "meta", []byte("0123{}")) }, []string{"is damaged", "checksum", "backup"}},
		"cut off":      {func(t *testing.T) { t.Helper(); write(t, path, good[:len(good)/2]) }, []string{"is damaged", "backup"}},
		"empty":        {func(t *testing.T) { t.Helper(); write(t, path, nil) }, []string{"is damaged", "backup"}},
		"no bucket":    {func(t *testing.T) { t.Helper(); drop(t, path, "ready") }, []string{"is damaged", "bucket ready"}},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, path, good)
			c.change(t)
			_, err := journal.Open(context.Background(), options(folder))
			wrong(t, err, fault.Storage, c.want...)
		})
	}
	write(t, path, good)
	put(t, path, "states", "\x00\x00\x00\x00\x00\x00\x00\x01", []byte("0123{}"))
	j = open(t, options(folder))
	defer shut(t, j)
	_, err = j.Ready(10)
	wrong(t, err, fault.Storage, "is damaged", "checksum")
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, bucket, key string, value []byte) {
	t.Helper()
	change(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucket)).Put([]byte(key), value) })
}

func drop(t *testing.T, path, bucket string) {
	t.Helper()
	change(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucket)) })
}

func change(t *testing.T, path string, with func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(with), db.Close()); err != nil {
		t.Fatal(err)
	}
}
