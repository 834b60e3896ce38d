// Package governor keeps all requests for one tenant and application within its
// quota: a pause that one answer asks for holds them all, and near the limit they are
// spread out. There is no limit of its own: a service that does not complain
// is used at full speed.
//
// Headers and limits: https://learn.microsoft.com/graph/throttling-limits.
package governor

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/internal/retryafter"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

const (
	// comfort is the part of the limit that we use, so that others of the tenant have some.
	// Below it the service does not send the percentage either.
	comfort = 0.8
	// slowest is the part of the comfortable pace that is kept even at or above the limit.
	slowest = 0.05
	// window is the time over which the service counts, in seconds.
	window = 10
	// longestHold bounds the shared pause after answers 429 that do not say how long.
	longestHold = time.Minute
)

// A Governor is the state that all requests for one tenant and application share.
// It is made by [New] and safe for use by several goroutines; it has none of its own.
type Governor struct {
	clock clock.Clock

	mu     sync.Mutex
	hold   time.Time // no request before it
	rate   float64   // resource units a second; 0 for no limit
	slot   time.Time // when the next request may go, if there is a rate
	cost   int       // resource units of the last request
	mute   int       // answers 429 without Retry-After in a row
	usage  usage
	counts Stats
}

// Stats are the figures of a governor since it was made.
type Stats struct {
	Requests      int64         // answered, also those answered 429
	ResourceUnits int64         // as the service counts them
	Throttled     time.Duration // in which a pause held all requests
	HeldUntil     time.Time     // end of the present pause, zero if there is none
}

// New makes a governor. A nil clock is [clock.System].
func New(c clock.Clock) *Governor {
	if c == nil {
		c = clock.System
	}
	return &Governor{clock: c}
}

// Stats returns the figures of now.
func (g *Governor) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.counts
	if left := g.hold.Sub(g.clock.Now()); left > 0 {
		s.Throttled -= left // it was counted in advance
		s.HeldUntil = g.hold
	}
	return s
}

// Options adjust the Doer of one user of a governor. All may be left out.
type Options struct {
	// Priority is sent as x-ms-throttle-priority: "low" for work that can wait, "high" for a
	// person's. Under throttling the service refuses low ones first.
	Priority string
	// OnWait is told of each pause before it begins, from the goroutine that will wait.
	OnWait func(d time.Duration, reason string)
}

// Wrap returns a Doer that sends by next, in the governor's pace. It belongs
// below the one that repeats requests. Its errors are next's, or that of a request's context.
func (g *Governor) Wrap(next graph.Doer, o Options) graph.Doer {
	if o.OnWait == nil {
		o.OnWait = func(time.Duration, string) {}
	}
	return &doer{governor: g, next: next, options: o}
}

type doer struct {
	governor *Governor
	next     graph.Doer
	options  Options
}

func (d *doer) Do(req *http.Request) (*http.Response, error) {
	if err := d.governor.wait(req.Context(), d.options.OnWait); err != nil {
		return nil, err
	}
	if d.options.Priority != "" {
		req = req.Clone(req.Context())
		req.Header.Set("x-ms-throttle-priority", d.options.Priority)
	}
	resp, err := d.next.Do(req)
	if err == nil {
		d.governor.learn(resp)
	}
	return resp, err
}

// wait returns when a request may go out.
func (g *Governor) wait(ctx context.Context, onWait func(time.Duration, string)) error {
	if d := g.take(); d > 0 {
		onWait(d, "the tenant's quota is nearly used up")
		if err := g.clock.Sleep(ctx, d); err != nil {
			return err
		}
	}
	for { // a pause may get longer while we wait for its end
		d := g.held()
		if d <= 0 {
			return ctx.Err()
		}
		onWait(d, "the service asked for a pause")
		if err := g.clock.Sleep(ctx, d); err != nil {
			return err
		}
	}
}

func (g *Governor) held() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hold.Sub(g.clock.Now())
}

// take takes the next place in the pace, if there is one, and returns how far off it is.
func (g *Governor) take() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rate == 0 {
		return 0
	}
	now := g.clock.Now()
	if g.slot.Before(now) {
		g.slot = now
	}
	place := g.slot
	g.slot = place.Add(time.Duration(float64(max(g.cost, 1)) / g.rate * float64(time.Second)))
	return place.Sub(now)
}

// learn takes from an answer what it says about the quota.
func (g *Governor) learn(resp *http.Response) {
	units, _ := strconv.Atoi(resp.Header.Get("x-ms-resource-unit"))
	level, _ := strconv.ParseFloat(resp.Header.Get("x-ms-throttle-limit-percentage"), 64)

	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	g.counts.Requests++
	if units > 0 {
		g.counts.ResourceUnits += int64(units)
		g.usage.add(now, units)
		g.cost = units
	}
	g.setRate(now, level)
	g.setHold(now, resp)
}

// setRate slows down to the comfortable part of the limit. The service tells how
// full the quota is, and we know what we have used: both together give the limit,
// without a table of limits that change. Where others fill the quota, too, the limit comes
// out too low, which leaves them room.
func (g *Governor) setRate(now time.Time, level float64) {
	g.rate = 0
	if !(level >= comfort) { // also NaN
		return
	}
	if used := g.usage.sum(now); used > 0 {
		limit := float64(used) / level / window
		// What filled the quota in a burst stays in it for a while, so the nearer to the limit, the slower.
		ease := min(max((1-level)/(1-comfort), slowest), 1)
		g.rate = max(limit*comfort*ease, 1)
	}
}

// setHold starts or prolongs the shared pause.
func (g *Governor) setHold(now time.Time, resp *http.Response) {
	var pause time.Duration
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		pause = retryafter.Parse(resp.Header, now)
		if pause == 0 {
			pause = min(time.Second<<min(g.mute, 6), longestHold)
			g.mute++
		}
	case http.StatusServiceUnavailable:
		pause = retryafter.Parse(resp.Header, now)
	default:
		g.mute = 0
	}
	if until := now.Add(pause); pause > 0 && until.After(g.hold) {
		from := now
		if g.hold.After(now) {
			from = g.hold
		}
		g.counts.Throttled += until.Sub(from)
		g.hold = until
	}
}
