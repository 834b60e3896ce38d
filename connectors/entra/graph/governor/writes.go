package governor

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph/internal/retryafter"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// The quota of writes of one application in one tenant.
const (
	writeLimit  = 3000
	writeWindow = 150 * time.Second
	writeRate   = writeLimit / float64(writeWindow/time.Second) // a second

	// unannounced is how much room there is at least while the service is silent, and so how much may
	// be under way: what it says of that comes too late.
	unannounced = (1 - comfort) * writeLimit
	// rounding is how exact the service tells the level.
	rounding = writeLimit / 100

	// slowestWrites is the part of the documented pace that is kept however often the service
	// refuses, and regain how long it takes to come from nothing back to the whole.
	slowestWrites = 1.0 / 32
	regain        = 10 * time.Minute
	// news is how often a wait looks for what answers have told.
	news = 100 * time.Millisecond
	// muteHold is the pause after a refusal that does not say how long.
	muteHold = 10 * time.Second
)

// Writes paces the writes of one application in one tenant by the documented quota, which
// is a bucket that fills up again steadily: what was saved up goes out at once, and beyond
// that one by one. Our own count of it is not the truth: nobody tells how full the bucket is when a
// program starts, other programs may write as the same application, and what requests cost is
// told for simple ones alone. So it is put right by what answers say and by what they do not say. The
// first writes go alone, and so do the first after a refusal. Where the service refuses writes
// that came in the documented pace, the pace is halved and rises slowly. It is made by [NewWrites]
// and safe for use by several goroutines.
type Writes struct {
	clock    clock.Clock
	turn     chan struct{} // holds one value while nobody waits
	answered chan struct{} // gets one with each answer

	mu     sync.Mutex
	tokens float64
	out    float64 // cost of the writes that are under way
	rate   float64 // a second
	at     time.Time
	hold   time.Time // no write before it
	probe  probe
	tells  bool      // the service has told how full the quota is
	spent  bool      // it has refused one before
	since  time.Time // when it did so the last time
}

// probe is how far it is known whether writes may go out.
type probe int

const (
	unasked  probe = iota // the next may go, and no others
	asking                // it is under way
	answered              // they may go
)

// NewWrites makes a full quota.
func NewWrites(c clock.Clock) *Writes {
	w := &Writes{
		clock: c, turn: make(chan struct{}, 1), answered: make(chan struct{}, 1),
		tokens: writeLimit, rate: writeRate, at: c.Now(),
	}
	w.turn <- struct{}{}
	return w
}

// Wait returns when writes may go out that cost n together; each that calls is served in turn. Who
// was served calls [Writes.Learn] afterwards for each of them, whatever has become of it. Its error
// is that of ctx. OnWait is told of a wait before it begins.
func (w *Writes) Wait(ctx context.Context, n int, onWait func(time.Duration, string)) error {
	select {
	case <-w.turn:
		defer func() { w.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var until time.Time // that OnWait knows of
	for ctx.Err() == nil {
		d, ok := w.take(float64(n))
		switch {
		case ok:
			return nil
		case d == 0:
			select {
			case <-w.answered:
			case <-ctx.Done():
			}
			continue
		}
		if end := w.clock.Now().Add(d); end.Sub(until) > time.Second {
			onWait(d, "the tenant's quota of writes is used up")
			until = end
		}
		if err := w.clock.Sleep(ctx, w.step(d)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// step shortens a wait while answers are under way, which may tell of more room.
func (w *Writes) step(d time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out > 0 {
		return min(d, news)
	}
	return d
}

// take takes n, or returns how long to wait before asking again: 0 until an answer comes.
func (w *Writes) take(n float64) (wait time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	w.fill(now)
	if held := w.hold.Sub(now); held > 0 {
		return held, false
	}
	if w.probe == asking || w.out > 0 && w.out+n > unannounced {
		return 0, false
	}
	if lacking := min(n, writeLimit) - w.tokens; lacking > 0 {
		return time.Duration(lacking/w.rate*float64(time.Second)) + 1, false // rounded up
	}
	w.tokens -= n
	w.out += n
	if w.probe == unasked {
		w.probe = asking
	}
	return 0, true
}

func (w *Writes) fill(now time.Time) {
	from := w.at
	if w.hold.After(from) {
		from = w.hold
	}
	if passed := now.Sub(from); passed > 0 {
		w.tokens = min(w.tokens+passed.Seconds()*w.rate, writeLimit)
		w.rate = min(w.rate+passed.Seconds()/regain.Seconds()*writeRate, writeRate)
	}
	if now.After(w.at) {
		w.at = now
	}
}

// Learn takes what the answer to a write, which costs n, says of the quota: that it is used up, or
// how full it is. The service tells the latter from 80 per cent on
// (https://learn.microsoft.com/graph/throttling-limits); so if it is silent, there is as much room at
// least. Sent is when the write was sent; there is no header if no answer came.
func (w *Writes) Learn(sent time.Time, n int, answer http.Header) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	w.fill(now)
	w.out -= float64(n)
	if w.probe == asking {
		w.probe = answered
	}
	select {
	case w.answered <- struct{}{}:
	default: // nobody has taken the one before
	}
	if answer.Get("x-ms-throttle-information") == "WriteLimitExceeded" {
		w.exhausted(sent, now, retryafter.Parse(answer, now))
		return
	}
	level, err := strconv.ParseFloat(answer.Get("x-ms-throttle-limit-percentage"), 64)
	switch {
	case err == nil && level >= comfort: // not if it is NaN
		w.tells = true
		if room := max(0, (1-level)*writeLimit); w.tokens > room+rounding {
			w.tokens = max(0, room-w.out) // we have counted wrong, and those under way are yet to come
		}
	case answer == nil, answer.Get("Retry-After") != "":
	case w.tells || !w.spent: // a service that refuses unannounced says nothing by its silence
		w.tokens = max(w.tokens, unannounced-w.out)
	}
}

// exhausted takes note that the service has refused a write and wants a pause.
func (w *Writes) exhausted(sent, now time.Time, pause time.Duration) {
	w.tokens = min(w.tokens, 0)
	if pause == 0 {
		pause = muteHold
	}
	if until := now.Add(pause); until.After(w.hold) {
		w.hold = until
	}
	if w.spent && !sent.After(w.since) {
		return // it was under way already when we learnt of this
	}
	if w.spent {
		w.rate = max(w.rate/2, writeRate*slowestWrites)
	}
	w.spent, w.since, w.probe = true, now, unasked
}
