package governor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph/governor"
)

// at is a clock that waits by moving on.
type at struct{ now time.Time }

func (c *at) Now() time.Time { return c.now }

func (c *at) Sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return ctx.Err()
}

func TestWritesArePaced(t *testing.T) {
	start := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	clock := &at{start}
	w := governor.NewWrites(clock)
	told := time.Duration(0)
	write := func(n int) time.Duration {
		t.Helper()
		if err := w.Wait(t.Context(), n, func(d time.Duration, _ string) { told += d }); err != nil {
			t.Fatal(err)
		}
		return clock.now.Sub(start)
	}
	for range 150 {
		if passed := write(20); passed != 0 {
			t.Fatalf("the quota was used up after %s", passed)
		}
	}
	if passed := write(20); passed != time.Second || told != time.Second {
		t.Errorf("beyond the quota 20 writes waited %s, told %s", passed, told)
	}
	if passed := write(3000); passed != 151*time.Second {
		t.Errorf("3,000 more waited %s", passed)
	}
	clock.now = clock.now.Add(10 * time.Minute)
	before := clock.now
	write(3000)
	if clock.now != before {
		t.Errorf("a full quota waited %s", clock.now.Sub(before))
	}
	w.Exhausted(30 * time.Second)
	if write(20); clock.now.Sub(before) != 31*time.Second {
		t.Errorf("after a refusal it waited %s", clock.now.Sub(before))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Wait(ctx, 1, func(time.Duration, string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
