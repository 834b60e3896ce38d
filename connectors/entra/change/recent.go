package change

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/clock"
)

const (
	// replication is how long Entra takes to show a new object everywhere, at most: until then
	// "there is no such object" is no answer about one that we have just made.
	replication = 60 * time.Second
	// doubt is how long to look again for an object of which we do not know that it is new.
	doubt = 15 * time.Second

	// The pause before looking again; it doubles.
	firstLook = 500 * time.Millisecond
	lastLook  = 10 * time.Second
)

// recent remembers what was written to lately. The zero value is not ready: see newRecent.
type recent struct {
	clock clock.Clock

	began time.Time // the call

	mu     sync.Mutex
	at     map[string]time.Time
	pruned time.Time
}

func newRecent(c clock.Clock) *recent {
	return &recent{clock: c, began: c.Now(), at: map[string]time.Time{}, pruned: c.Now()}
}

// touch notes that an object was written to.
func (r *recent) touch(id string) {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.pruned) > replication {
		for id, at := range r.at {
			if now.Sub(at) > replication {
				delete(r.at, id)
			}
		}
		r.pruned = now
	}
	r.at[strings.ToLower(id)] = now
}

// has reports whether one of the objects was written to so lately that some copies of the
// directory may not know.
func (r *recent) has(ids ...string) bool {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if at, ok := r.at[strings.ToLower(id)]; ok && now.Sub(at) <= replication {
			return true
		}
	}
	return false
}

// young reports whether the call began so lately that an earlier one may have written to
// objects unknown to this one.
func (r *recent) young() bool { return r.clock.Now().Sub(r.began) <= replication }

// bound is how long to wait for objects that are missing.
func (r *recent) bound(ids ...string) time.Duration {
	if r.has(ids...) {
		return replication
	}
	return doubt
}

// waiting is a sequence of growing pauses, with an end.
type waiting struct {
	clock clock.Clock
	left  time.Duration
	pause time.Duration
}

func (r *recent) waiting(bound time.Duration) *waiting {
	return &waiting{clock: r.clock, left: bound, pause: firstLook}
}

// again waits, and reports whether to try again. Its error is that of ctx.
func (w *waiting) again(ctx context.Context) (bool, error) {
	if w.left <= 0 {
		return false, ctx.Err()
	}
	pause := min(w.pause, w.left, lastLook)
	w.left -= pause
	w.pause *= 2
	return true, w.clock.Sleep(ctx, pause)
}
