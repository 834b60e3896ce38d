package change

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/clock"
)

const (
	// replication is how long Entra takes to show a change everywhere, at most: until then
	// "there is no such object" is no answer about one that we have just made.
	replication = 60 * time.Second
	// doubt is how long to look again for a change of which we do not know that there was one.
	doubt = 15 * time.Second
	// glance is how long to look again for what no order has made lately: somebody else may have,
	// a moment ago, but who writes orders seldom knows so soon.
	glance = 2 * time.Second

	// The pause before looking again; it doubles.
	firstLook = 500 * time.Millisecond
	lastLook  = 10 * time.Second
)

// recent remembers what was written to lately: objects, by their ids, links, by [pair], and values of
// natural keys, by [valueOf]. It is made by newRecent.
type recent struct {
	clock clock.Clock

	before time.Time // when an earlier call wrote last; zero: never

	mu     sync.Mutex
	at     map[string]time.Time
	pruned time.Time
}

func newRecent(c clock.Clock, lastWrite time.Time) *recent {
	now := c.Now()
	if lastWrite.After(now) { // the clock was put back
		lastWrite = now
	}
	return &recent{clock: c, before: lastWrite, at: map[string]time.Time{}, pruned: now}
}

// touch notes that an object or a link was written.
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

// drop forgets a link that is not there any more.
func (r *recent) drop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.at, strings.ToLower(id))
}

// pair names the link between two objects, whichever way it is written.
func pair(a, b string) string {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return min(a, b) + " " + max(a, b)
}

// valueOf names those objects of an entity that have a value of a natural key; "" is a value that we do
// not know.
func valueOf(entity, attribute, value string) string { return entity + "/" + attribute + "/" + value }

// left is how long some copies of the directory may not know yet what was written last to one of
// the objects or links; 0 if all know.
func (r *recent) left(ids ...string) (longest time.Duration) {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if at, ok := r.at[strings.ToLower(id)]; ok {
			longest = max(longest, at.Add(replication).Sub(now))
		}
	}
	return longest
}

// young is how long some copies may not know yet what earlier calls have written; 0 if all know.
func (r *recent) young() time.Duration {
	return max(0, r.before.Add(replication).Sub(r.clock.Now()))
}

// bound is how long to wait for objects that are missing.
func (r *recent) bound(ids ...string) time.Duration {
	return max(glance, r.young(), r.left(ids...))
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

// over is the contrary of again.
func (w *waiting) over(ctx context.Context) (bool, error) {
	again, err := w.again(ctx)
	return !again, err
}

// lost returns whether an answer was lost. If so, the request was most likely carried out and finds nothing
// left to do; so not much more waiting is due.
func (w *waiting) lost(answer bool) bool {
	if answer {
		w.left = min(w.left, doubt)
	}
	return answer
}
