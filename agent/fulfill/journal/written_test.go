package journal_test

import (
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/connectors/sdk/clock/clocktest"
)

// What was written last is known after a restart; while an order is under way, it may write at any moment.
func TestLastWrite(t *testing.T) {
	clock := clocktest.At(noon)
	o := options(t.TempDir())
	o.Clock = clock
	j := open(t, o)
	defer func() { shut(t, j) }()
	at := func(want time.Time) {
		t.Helper()
		clock.Forward(time.Minute)
		if got, err := j.LastWrite(); err != nil || !got.Equal(want) {
			t.Errorf("the last write was at %v, want %v (%v)", got, want, err)
		}
	}
	one := func(wrote bool) {
		t.Helper()
		entries, err := j.Ready(1)
		if err != nil || len(entries) != 1 {
			t.Fatalf("%d orders are ready, %v", len(entries), err)
		}
		if _, err := j.Start(entries); err != nil {
			t.Fatal(err)
		}
		shut(t, j)
		j = open(t, o)
		at(clock.Now().Add(time.Minute)) // as soon as that is asked
		if err := j.Finish([]journal.Finished{{Seq: entries[0].Seq, Result: executed("x"), Wrote: wrote}}); err != nil {
			t.Fatal(err)
		}
	}
	accept(t, j, update("1", byID("a")), update("2", byID("b")), update("3", byID("c")))
	at(time.Time{})
	one(false)
	at(time.Time{})
	one(true)
	wrote := clock.Now()
	at(wrote)
	one(false)
	at(wrote)
	shut(t, j)
	j = open(t, o)
	at(wrote)
}
