package replica

import (
	"testing"
	"time"
)

func TestVisible(t *testing.T) {
	now, lag := time.Unix(0, 0), Lag{}
	r := New(func() time.Time { return now }, func() Lag { return lag })
	expect := func(what string, want uint64, deltaCall bool) {
		t.Helper()
		if got := r.Visible(deltaCall); got != want {
			t.Errorf("%s: version %d, want %d", what, got, want)
		}
	}
	r.Committed(3)
	expect("without a lag", 3, false)

	lag = Lag{Time: time.Second}
	r.Committed(5)
	now = now.Add(900 * time.Millisecond)
	r.Committed(8)
	expect("too early", 3, true)
	now = now.Add(100 * time.Millisecond)
	expect("the first is old enough", 5, true)

	lag = Lag{DeltaCalls: 2}
	expect("two delta calls have come since", 8, true)
	r.Committed(9)
	expect("no call", 8, false)
	expect("call 1", 8, true)
	expect("call 2", 8, true)
	expect("call 3", 9, true)

	r.Committed(10)
	expect("hidden", 9, false)
	lag = Lag{}
	expect("the lag is gone", 10, false)
	lag = Lag{Time: time.Hour}
	expect("what was seen stays", 10, false)
}
