package export_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// cutter counts the steps of a run and calls at when it comes to one.
type cutter struct {
	mu    sync.Mutex
	step  int
	steps []string
	at    func(step string) error
}

func (c *cutter) cut(step string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps = append(c.steps, step)
	if len(c.steps) == c.step {
		return c.at(step)
	}
	return nil
}

// stepsOf returns the steps of a run of other() in a folder.
func stepsOf(t *testing.T, folder string) []string {
	t.Helper()
	c := &cutter{}
	o := options(folder, "2", other())
	o.Cut = c.cut
	if _, err := export.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	return c.steps
}

// prepare publishes two runs, so that the next one also has a set to delete.
func prepare(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for i, h := range []history{other(), small()} {
		if _, err := export.Run(context.Background(), options(folder, strconv.Itoa(i), h)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// A step that fails leaves the files of the run before, byte for byte, or those of
// the new run whole if only tidying up failed.
func TestStepFails(t *testing.T) {
	steps := stepsOf(t, prepare(t))
	for i, step := range steps {
		t.Run(step, func(t *testing.T) {
			folder := prepare(t)
			before := published(t, folder)
			c := &cutter{step: i + 1, at: func(string) error { return fault.Errorf(fault.Storage, "no space at %s", step) }}
			o := options(folder, "2", other())
			o.Cut = c.cut
			report, err := export.Run(context.Background(), o)
			if i > slices.Index(steps, "commit") || step == "store: delete sets" {
				if err != nil || !report.Published || len(report.Warnings) > 1 {
					t.Errorf("%v, %+v", err, report)
				}
				survives(t, folder, other())
				return
			}
			if !fault.Is(err, fault.Storage) || report.Published {
				t.Errorf("%v, %+v", err, report)
			}
			if !maps.Equal(published(t, folder), before) {
				t.Error("the published files have changed")
			}
			isPublished(t, folder, small())
		})
	}
}

// The same in a first run, and where the manifest is lost: nothing of the failed run
// is left, and all of the runs before.
func TestStepFailsWithoutManifest(t *testing.T) {
	lost := func(t *testing.T) string {
		t.Helper()
		folder := prepare(t)
		if err := os.Remove(filepath.Join(output(folder), "Contoso_manifest.json")); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	for name, start := range map[string]func(*testing.T) string{
		"first run": func(t *testing.T) string { t.Helper(); return t.TempDir() }, "lost manifest": lost,
	} {
		t.Run(name, func(t *testing.T) {
			for i, step := range stepsOf(t, start(t)) {
				folder := start(t)
				before := everyFile(t, output(folder))
				c := &cutter{step: i + 1, at: func(string) error { return fault.Errorf(fault.Storage, "no space at %s", step) }}
				o := options(folder, "2", other())
				o.Cut = c.cut
				report, err := export.Run(context.Background(), o)
				if err == nil { // it was published: what failed was tidying up
					if !report.Published || len(report.Warnings) > 1 {
						t.Errorf("%s: %+v", step, report)
					}
					survives(t, folder, other())
					continue
				}
				if after := everyFile(t, output(folder)); !fault.Is(err, fault.Storage) || report.Published || !maps.Equal(after, before) {
					t.Errorf("%s: %v, %+v, left %v of %v", step, err, report, after, before)
				}
			}
		})
	}
}

// everyFile reads all files in a folder and below.
func everyFile(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[path[len(folder):]] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The environment of the process that TestKilled kills.
const (
	crashFolder = "USHER_TEST_CRASH_FOLDER"
	crashStep   = "USHER_TEST_CRASH_STEP"
	crashCode   = 77
)

// A run that is killed at any step leaves a manifest whose set is whole, and the
// next start puts the fixed names right. The next run is as if nothing had been.
func TestKilled(t *testing.T) {
	if folder := os.Getenv(crashFolder); folder != "" {
		step, err := strconv.Atoi(os.Getenv(crashStep))
		if err != nil {
			t.Fatal(err)
		}
		c := &cutter{step: step, at: func(step string) error {
			fmt.Print(step)
			os.Exit(crashCode)
			return nil
		}}
		o := options(folder, "2", other())
		o.Cut = c.cut
		_, err = export.Run(context.Background(), o)
		t.Fatalf("the run ended by itself: %v", err)
	}
	steps := stepsOf(t, prepare(t))
	for i, step := range steps {
		t.Run(step, func(t *testing.T) {
			folder := prepare(t)
			kill(t, folder, i+1)
			survives(t, folder, small())
		})
	}
	t.Run("first run", func(t *testing.T) {
		steps := stepsOf(t, t.TempDir())
		for i, step := range steps {
			folder := t.TempDir()
			kill(t, folder, i+1)
			if i > slices.Index(steps, "commit") {
				survives(t, folder, other())
				continue
			}
			if files := published(t, folder); len(files) > 0 {
				t.Errorf("%s: something is published: %v", step, files)
			}
			if _, err := export.Run(context.Background(), options(folder, "3", small())); err != nil {
				t.Fatal(err)
			}
			isPublished(t, folder, small())
		}
	})
	t.Run("again while it recovers", func(t *testing.T) {
		commit := slices.Index(steps, "commit") + 1
		for step := 1; ; step++ {
			folder := prepare(t)
			kill(t, folder, commit)
			cut := kill(t, folder, step)
			survives(t, folder, small())
			if strings.HasPrefix(cut, "write ") {
				break // it had recovered
			}
		}
	})
}

// kill starts a run in a process of its own that ends abruptly at a step, and
// returns the name of the step.
func kill(t *testing.T, folder string, step int) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), crashFolder+"="+folder, crashStep+"="+strconv.Itoa(step))
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != crashCode {
		t.Fatalf("the run was not cut at step %d: %v\n%s", step, err, out)
	}
	return string(out)
}

// survives checks what a killed run of other() left of before.
func survives(t *testing.T, folder string, before history) {
	t.Helper()
	out := publish.Output{Folder: output(folder), Connection: "Contoso"}
	m, err := out.Current()
	if err != nil {
		t.Fatal(err)
	}
	if err := publish.Verify(out.Folder, m); err != nil {
		t.Fatal(err)
	}
	if m.Run == "2" {
		before = other() // it was cut after the commit
	}
	for range 2 {
		if err := out.Recover(); err != nil {
			t.Fatal(err)
		}
		files := published(t, folder)
		delete(files, "Contoso_manifest.json")
		if !maps.Equal(files, before.files("Contoso", "\n")) {
			t.Fatalf("after Recover: %q", files)
		}
	}
	if _, err := export.Run(context.Background(), options(folder, "3", other())); err != nil {
		t.Fatal(err)
	}
	isPublished(t, folder, other())
}

// A run that is cancelled anywhere leaves the files of the run before.
func TestCanceled(t *testing.T) {
	folder := t.TempDir()
	if _, err := export.Run(context.Background(), options(folder, "1", small())); err != nil {
		t.Fatal(err)
	}
	before := published(t, folder)
	rapid.Check(t, func(rt *rapid.T) {
		h := histories().Draw(rt, "history")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var steps atomic.Int64
		at := rapid.IntRange(1, len(h.events)+len(h.files("", ""))).Draw(rt, "step")
		count := func() {
			if steps.Add(1) == int64(at) {
				cancel()
			}
		}
		o := options(folder, "2", h)
		o.Source = sourceFunc(func(ctx context.Context, req sdk.ExportRequest, s sdk.Sink) error {
			return h.Export(ctx, req, counting{s, count})
		})
		o.Cut = func(string) error { count(); return nil }
		if _, err := export.Run(ctx, o); !fault.Is(err, fault.Canceled) || !errors.Is(err, context.Canceled) {
			rt.Fatalf("at step %d of %d: %v", at, steps.Load(), err)
		}
		if !maps.Equal(published(t, folder), before) {
			rt.Fatal("the published files have changed")
		}
		isPublished(t, folder, small())
	})
}

// counting is a sink that counts the signs of life.
type counting struct {
	sdk.Sink
	count func()
}

func (c counting) Progress(p sdk.Progress) error {
	c.count()
	return c.Sink.Progress(p)
}

// Who cancels a run may say why.
func TestCanceledWithCause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(fault.Errorf(fault.Unavailable, "the service stops"))
	_, err := export.Run(ctx, options(t.TempDir(), "1", small()))
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestSecondRunOfAConnection(t *testing.T) {
	folder := t.TempDir()
	o := options(folder, "first", small())
	o.Source = sourceFunc(func(ctx context.Context, req sdk.ExportRequest, s sdk.Sink) error {
		second := options(folder, "second", small())
		second.Connection = "CONTOSO" // names are the same in any case
		_, err := export.Run(ctx, second)
		for _, part := range []string{"already", "process " + strconv.Itoa(os.Getpid()), "run first", "since 2026-11-22 10:00:0"} {
			if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), part) {
				t.Errorf("got %v, want a conflict with %q", err, part)
			}
		}
		third := options(folder, "third", small())
		third.Connection = "Fabrikam"
		if _, err := export.Run(ctx, third); err != nil {
			t.Errorf("another connection: %v", err)
		}
		return small().Export(ctx, req, s)
	})
	if _, err := export.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if _, err := export.Run(context.Background(), options(folder, "fourth", small())); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "Work", "locks", "contoso.holder")); !os.IsNotExist(err) {
		t.Errorf("who held the lock is still told: %v", err)
	}
}
