package export_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

var errCut = errors.New("cut")

// Whatever happens in a directory and to the runs, who loads the published sets in
// their order has what the directory has (E4, E5, E11, E13).
func TestConsumerHasTheDirectory(t *testing.T) {
	t.Parallel()
	for i := range 3 { // of rapid's hundred each
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) { consumerHasTheDirectory(t, rt) })
		})
	}
}

// TestSoakConsumer goes on with other histories for the duration in USHER_SOAK, and to
// 2,000 of them at least. TestSoakHistories in agent/trial does the same with the programs.
func TestSoakConsumer(t *testing.T) {
	text := os.Getenv("USHER_SOAK")
	if text == "" {
		t.Skip("runs for the duration in USHER_SOAK, which is not set")
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("USHER_SOAK: %v", err)
	}
	var histories atomic.Int64
	for began := time.Now(); !t.Failed() && (histories.Load() < 2000 || time.Since(began) < duration); {
		t.Run("at once", func(t *testing.T) {
			for i := range runtime.NumCPU() {
				t.Run(strconv.Itoa(i), func(t *testing.T) {
					t.Parallel()
					rapid.Check(t, func(rt *rapid.T) {
						consumerHasTheDirectory(t, rt)
						histories.Add(1)
					})
				})
			}
		})
	}
	t.Logf("%d histories", histories.Load())
}

// consumerHasTheDirectory draws a history of a directory and of its exports.
func consumerHasTheDirectory(t *testing.T, rt *rapid.T) {
	t.Helper()
	folder := t.TempDir()
	defer os.RemoveAll(folder)
	d, c := newDirectory(), &consumer{}
	d.restorable = rapid.Bool().Draw(rt, "restorable")
	ids := rapid.SampledFrom([]string{"u1", "u2", "u3", "u4", "u5", "u6", "g1", "g2", "g3"})
	for run := range rapid.IntRange(2, 8).Draw(rt, "runs") {
		for range rapid.IntRange(0, 12).Draw(rt, "changes") {
			change(rt, d, ids.Draw(rt, "id"), ids.Draw(rt, "other"))
		}
		o := d.options(folder, fmt.Sprintf("%02d", run))
		o.Complete = rapid.IntRange(0, 9).Draw(rt, "complete") == 0
		o.Thresholds.Deleted.Lines = uint64(rapid.SampledFrom([]int{0, 0, 1}).Draw(rt, "deletes"))
		d.dead = [2]bool{rapid.IntRange(0, 5).Draw(rt, "dead users") == 0, rapid.IntRange(0, 5).Draw(rt, "dead groups") == 0}
		o.Cut = cutAt(rapid.IntRange(-45, 45).Draw(rt, "cut"))
		report, err := export.Run(context.Background(), o)
		if err != nil && !errors.Is(err, errCut) && !fault.Is(err, fault.Held) {
			rt.Fatal(err)
		}
		if run, held := isHeld(rt, folder); held {
			released := rapid.Bool().Draw(rt, "release")
			// The first time it may be cut off; the second time it may have been done.
			for _, step := range []int{rapid.IntRange(-20, 20).Draw(rt, "cut decision"), 0} {
				if err := decide(folder, run, released, cutAt(step)); err != nil && !errors.Is(err, errCut) && !fault.Is(err, fault.NotFound) {
					rt.Fatal(err)
				}
			}
			if released {
				report.Run, err = run, nil
			}
		}
		c.load(rt, folder)
		if err == nil {
			if c.run != report.Run {
				rt.Fatalf("run %s was published, and %s is there", report.Run, c.run)
			}
			c.check(rt, d)
		}
	}
}

// cutAt fails at a step; 0 and less: at none.
func cutAt(step int) func(string) error {
	c := &cutter{step: step, at: func(string) error { return fault.Errorf(fault.Storage, "cut: %w", errCut) }}
	return c.cut
}

// change makes a change that a directory allows.
func change(rt *rapid.T, d *directory, id, other string) {
	state, was := d.states[id]
	switch what := rapid.SampledFrom([]string{"set", "set", "suspend", "restore", "purge", "link", "link", "link", "unlink", "pass"}).Draw(rt, "what"); {
	case what == "set" && (!was || state == record.Present):
		d.set(id, record.Present, rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "value"))
	case what == "suspend" && was && state == record.Present:
		d.set(id, record.Suspended, d.values[id])
	case what == "restore" && state == record.Suspended:
		d.set(id, record.Present, d.values[id])
	case what == "purge" && was && state != record.Gone:
		d.set(id, record.Gone, "")
	case what == "pass" && !was: // it comes, is linked, and may be gone for good at once
		d.set(id, record.Present, "a")
		for _, owner := range slices.Sorted(maps.Keys(d.states)) {
			if entity(owner) == 1 && owner != id && d.states[owner] == record.Present {
				d.link(owner, id, true)
			}
		}
		if rapid.Bool().Draw(rt, "gone") {
			d.set(id, record.Gone, "")
		}
	case entity(id) == 1 && was && state == record.Present && (what == "link" || what == "unlink"):
		if there, was := d.states[other]; was && there == record.Present {
			d.link(id, other, what == "link")
		}
	}
}
