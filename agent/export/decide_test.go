package export_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// held is a directory of which run 2 is held, and who has loaded run 1.
func held(tb testing.TB) (folder string, d *directory, c *consumer) {
	tb.Helper()
	folder, d, c = tb.TempDir(), newDirectory(), &consumer{}
	for i := range 10 {
		d.set(fmt.Sprint("u", i), record.Present, "a")
	}
	d.set("g1", record.Present, "a")
	d.link("g1", "u1", true)
	if _, err := export.Run(context.Background(), d.options(folder, "1")); err != nil {
		tb.Fatal(err)
	}
	c.load(tb, folder)
	for i := range 4 {
		d.set(fmt.Sprint("u", i), record.Gone, "")
	}
	o := d.options(folder, "2")
	o.Thresholds.Deleted.Lines = 3
	if _, err := export.Run(context.Background(), o); !fault.Is(err, fault.Held) {
		tb.Fatalf("got %v", err)
	}
	return folder, d, c
}

// settles decides once more, which may have been done, and makes the next export.
// Nothing is missing then, whatever became of the first decision.
func settles(t *testing.T, folder string, d *directory, c *consumer, release bool) {
	t.Helper()
	c.load(t, folder)
	if err := decide(folder, "2", release, nil); err != nil && !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	c.load(t, folder)
	if release {
		if c.run != "2" {
			t.Errorf("run 2 was released, and %s is published", c.run)
		}
		c.check(t, d)
	}
	d.set("u9", record.Present, "b")
	if _, err := export.Run(context.Background(), d.options(folder, "3")); err != nil {
		t.Fatal(err)
	}
	c.load(t, folder)
	c.check(t, d)
	if left, err := filepath.Glob(filepath.Join(output(folder), ".Contoso", "2.*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}

// stepsOfDecision are the steps of a decision on a held run.
func stepsOfDecision(t *testing.T, release bool) []string {
	t.Helper()
	folder, _, _ := held(t)
	steps := &cutter{}
	if err := decide(folder, "2", release, steps.cut); err != nil {
		t.Fatal(err)
	}
	return steps.steps
}

// Where a decision fails, the run is held as before, or was decided on.
func TestDecisionFails(t *testing.T) {
	t.Parallel()
	for _, release := range []bool{true, false} {
		for i, step := range stepsOfDecision(t, release) {
			folder, d, c := held(t)
			err := decide(folder, "2", release, cutAt(i+1))
			if run, held := isHeld(t, folder); held != (err != nil) || held && run != "2" {
				t.Errorf("release %t, %s: %v, and held is %q", release, step, err, run)
			}
			settles(t, folder, d, c, release)
			if t.Failed() {
				t.Fatalf("release %t, cut at %s", release, step)
			}
		}
	}
}

// A decision that is killed at any step can be made again.
func TestDecisionKilled(t *testing.T) {
	t.Parallel()
	if folder := os.Getenv(crashFolder); folder != "" {
		step, err := strconv.Atoi(os.Getenv(crashStep))
		if err != nil {
			t.Fatal(err)
		}
		c := &cutter{step: step, at: func(string) error { os.Exit(crashCode); return nil }}
		err = decide(folder, "2", os.Getenv(crashRelease) != "", c.cut)
		t.Fatalf("the decision ended by itself: %v", err)
	}
	for _, release := range []bool{true, false} {
		for i, step := range stepsOfDecision(t, release) {
			folder, d, c := held(t)
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDecisionKilled$")
			cmd.Env = append(os.Environ(), crashFolder+"="+folder, crashStep+"="+strconv.Itoa(i+1))
			if release {
				cmd.Env = append(cmd.Env, crashRelease+"=1")
			}
			out, err := cmd.CombinedOutput()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != crashCode {
				t.Fatalf("it was not cut at %s: %v\n%s", step, err, out)
			}
			settles(t, folder, d, c, release)
			if t.Failed() {
				t.Fatalf("release %t, killed at %s", release, step)
			}
		}
	}
}

const crashRelease = "USHER_TEST_CRASH_RELEASE" // beside crashFolder and crashStep

// What was held and has been changed by somebody is not published.
func TestReleaseOfChangedFiles(t *testing.T) {
	t.Parallel()
	folder, d, c := held(t)
	path := filepath.Join(output(folder), ".Contoso", "2.held", "Contoso_members_group.csv")
	if err := os.WriteFile(path, []byte("insert,g1,u9"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := decide(folder, "2", true, nil); !fault.Is(err, fault.Storage) || !strings.Contains(err.Error(), "was changed while run 2 was held") {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := decide(folder, "2", true, nil); !fault.Is(err, fault.Storage) || !strings.Contains(err.Error(), "is gone") || !strings.Contains(fault.Of(err).Hint, "Discard") {
		t.Errorf("got %v", err)
	}
	settles(t, folder, d, c, false)
}

// A held run goes on from the published set: without it nobody could load it.
func TestReleaseWithoutManifest(t *testing.T) {
	t.Parallel()
	folder, d, c := held(t)
	if err := os.Remove(filepath.Join(output(folder), "Contoso_manifest.json")); err != nil {
		t.Fatal(err)
	}
	if err := decide(folder, "2", true, nil); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "manifest of run 1") {
		t.Errorf("got %v", err)
	}
	settles(t, folder, d, c, false)
}
