package governor_test

import (
	"context"
	"errors"
	"net/http"
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

// exhausted is the header of a refusal.
func exhausted(seconds string) http.Header {
	return http.Header{"X-Ms-Throttle-Information": {"WriteLimitExceeded"}, "Retry-After": {seconds}}
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
		w.Learn(clock.now, n, nil)
		return clock.now.Sub(start)
	}
	for range 150 {
		if passed := write(20); passed != 0 {
			t.Fatalf("the quota was used up after %s", passed)
		}
	}
	if passed := write(20).Round(time.Millisecond); passed != time.Second || told.Round(time.Millisecond) != time.Second {
		t.Errorf("beyond the quota 20 writes waited %s, told %s", passed, told)
	}
	if passed := write(3000).Round(time.Millisecond); passed != 151*time.Second {
		t.Errorf("3,000 more waited %s", passed)
	}
	clock.now = clock.now.Add(10 * time.Minute)
	before := clock.now
	write(3000)
	if clock.now != before {
		t.Errorf("a full quota waited %s", clock.now.Sub(before))
	}
	w.Learn(before, 0, exhausted("30"))
	if write(20); clock.now.Sub(before).Round(time.Millisecond) != 31*time.Second {
		t.Errorf("after a refusal it waited %s", clock.now.Sub(before))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Wait(ctx, 1, func(time.Duration, string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A service that refuses what comes in the documented pace gets less, and one that
// no longer does gets more again.
func TestPaceOfWritesThatAreRefused(t *testing.T) {
	clock := &at{time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)}
	w := governor.NewWrites(clock)
	waited := func() time.Duration {
		t.Helper()
		from := clock.now
		if err := w.Wait(t.Context(), 20, func(time.Duration, string) {}); err != nil {
			t.Fatal(err)
		}
		w.Learn(clock.now, 20, nil)
		return clock.now.Sub(from).Round(10 * time.Millisecond)
	}
	sent := clock.now
	waited()
	clock.now = clock.now.Add(time.Second)
	w.Learn(sent, 0, exhausted("0.001")) // that the quota was used up before is no reason to be slower
	if got := waited(); got != time.Second {
		t.Errorf("after the first refusal: %s", got)
	}
	w.Learn(sent, 0, exhausted("0.001")) // nor is another answer from before that
	if got := waited(); got != time.Second {
		t.Errorf("after another that was under way: %s", got)
	}
	sent = clock.now
	clock.now = clock.now.Add(time.Second)
	w.Learn(sent, 0, exhausted("0.001"))
	if got := waited(); got < 1900*time.Millisecond || got > 2*time.Second {
		t.Errorf("after a second refusal: %s", got)
	}
	for range 300 {
		waited()
	}
	if got := waited(); got != time.Second {
		t.Errorf("after ten minutes without a refusal: %s", got)
	}
}

// What answers tell of the quota is believed, where it is less than what we have used.
func TestLevelOfWrites(t *testing.T) {
	start := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	for level, want := range map[string]time.Duration{"": 0, "0.5": 0, "nonsense": 0, "NaN": 0, "0.9": 0, "1": 5 * time.Second, "1.8": 5 * time.Second} {
		clock := &at{start}
		w := governor.NewWrites(clock)
		w.Learn(start, 0, http.Header{"X-Ms-Throttle-Limit-Percentage": {level}})
		if err := w.Wait(t.Context(), 100, func(time.Duration, string) {}); err != nil {
			t.Fatal(err)
		}
		if got := clock.now.Sub(start).Round(time.Millisecond); got != want {
			t.Errorf("at %q: waited %s, want %s", level, got, want)
		}
	}
}

// Silence says that there is room, whatever we have counted; but not of a service that has
// refused unannounced.
func TestSilenceOfWrites(t *testing.T) {
	silent := http.Header{"Request-Id": {"1"}}
	for name, tc := range map[string]struct {
		answers []http.Header
		want    time.Duration
	}{
		"silent":                {[]http.Header{silent}, 0},
		"no answer":             {[]http.Header{nil}, 5 * time.Second},
		"busy for other ends":   {[]http.Header{{"Retry-After": {"1"}}}, 5 * time.Second},
		"refused, silent":       {[]http.Header{exhausted("0.001"), silent}, 5 * time.Second},
		"told, refused, silent": {[]http.Header{{"X-Ms-Throttle-Limit-Percentage": {"0.9"}}, exhausted("0.001"), silent}, 0},
	} {
		clock := &at{time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)}
		w := governor.NewWrites(clock)
		wait := func(n int) time.Duration {
			from := clock.now
			if err := w.Wait(t.Context(), n, func(time.Duration, string) {}); err != nil {
				t.Fatal(err)
			}
			return clock.now.Sub(from).Round(10 * time.Millisecond)
		}
		wait(3000)
		w.Learn(clock.now, 3000, nil)
		for _, answer := range tc.answers {
			w.Learn(clock.now, 0, answer)
		}
		if got := wait(100); got != tc.want {
			t.Errorf("%s: waited %s, want %s", name, got, tc.want)
		}
	}
}
