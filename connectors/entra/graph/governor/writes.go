package governor

import (
	"context"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// The quota of writes of one application in one tenant.
const (
	writeLimit  = 3000
	writeWindow = 150 * time.Second
	writeRate   = writeLimit / float64(writeWindow/time.Second) // a second
)

// Writes paces the writes of one application in one tenant by the documented quota, which
// is a bucket that fills up again steadily: what was saved up goes out at once, and beyond
// that one by one. Unlike resource units, the service tells nothing of it ahead. It is made by
// [NewWrites] and safe for use by several goroutines.
type Writes struct {
	clock clock.Clock

	mu     sync.Mutex
	tokens float64 // below zero: promised already
	at     time.Time
}

// NewWrites makes a full quota.
func NewWrites(c clock.Clock) *Writes {
	return &Writes{clock: c, tokens: writeLimit, at: c.Now()}
}

// Wait returns when n writes may go out; each that calls is served in turn. Its error is
// that of ctx. OnWait is told of a wait before it begins.
func (w *Writes) Wait(ctx context.Context, n int, onWait func(time.Duration, string)) error {
	d := w.take(n)
	if d <= 0 {
		return ctx.Err()
	}
	onWait(d, "the tenant's quota of writes is used up")
	return w.clock.Sleep(ctx, d)
}

func (w *Writes) take(n int) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	w.fill(now)
	w.tokens -= float64(n)
	ready := w.at.Sub(now) // above zero only while the service holds us
	if w.tokens < 0 {
		ready += time.Duration(-w.tokens / writeRate * float64(time.Second))
	}
	return max(ready, 0)
}

func (w *Writes) fill(now time.Time) {
	if passed := now.Sub(w.at); passed > 0 {
		w.tokens = min(w.tokens+passed.Seconds()*writeRate, writeLimit)
		w.at = now
	}
}

// Exhausted takes note that the service has refused a write because the quota is used up,
// by us or by another program of the same application, and wants a pause.
func (w *Writes) Exhausted(pause time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	until := w.clock.Now().Add(pause)
	w.tokens = min(w.tokens, 0)
	if until.After(w.at) {
		w.at = until
	}
}
