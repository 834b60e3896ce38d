package retry

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/internal/backoff"
	"github.com/usher-iga/usher/connectors/entra/graph/internal/retryafter"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

const (
	// A server that asks for a pause is alive and will serve us later, so throttling is
	// borne longer than faults are.
	throttledFor = time.Hour
	faultyFor    = 30 * time.Minute
	faultyTries  = 20
	// 500 mostly means a request that the service cannot digest.
	internalErrorTries = 5
	// A web page in place of JSON mostly comes from a proxy that wants something else of
	// us, and will come again; that it passes is the exception.
	nonsenseTries = 6
	// A host that was never reached is more likely misspelt than down.
	unreachedTries = 4

	// Pauses where the server does not say how long. They double from the first to the longest.
	firstAfterFault      = 200 * time.Millisecond
	firstAfterThrottling = time.Second
	longestPause         = time.Minute
)

// A budget is what one request may still cost.
type budget struct {
	*Doer
	host       string
	repeatable bool
	began      time.Time
	tries      int

	faults     int
	firstFault time.Time
	throttled  int // 429 in a row without Retry-After
	spent      bool
}

// again is a decision to ask again.
type again struct {
	pause  time.Duration
	reason string
	fresh  bool // on a new connection
}

// judge decides whether the request is to be repeated after an answer or an
// error. If not, answer or error stand.
func (b *budget) judge(ctx context.Context, resp *http.Response, err error) (again, bool) {
	if err != nil {
		if !mayPass(ctx, err) {
			return again{}, false
		}
		limit := faultyTries
		if !b.reached.Load() {
			limit = unreachedTries
		}
		return b.afterFault(limit, 0, "the connection to "+b.host+" failed")
	}
	b.reached.Store(true)
	now := b.options.Clock.Now()
	asked := retryafter.Parse(resp.Header, now)
	reason := fmt.Sprintf("%s answered %d", b.host, resp.StatusCode)
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return b.afterThrottling(now, asked, reason)
	case http.StatusInternalServerError:
		return b.afterFault(internalErrorTries, asked, reason)
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return b.afterFault(faultyTries, asked, reason)
	case http.StatusServiceUnavailable:
		a, ok := b.afterFault(faultyTries, asked, reason)
		a.fresh = true
		return a, ok
	}
	if resp.StatusCode/100 == 2 {
		b.success.Store(&now)
	}
	return again{}, false
}

// judgeBroken decides the same after an answer that could not be read, which err tells.
func (b *budget) judgeBroken(ctx context.Context, err error) (again, bool) {
	switch {
	case ctx.Err() != nil || !graph.IsBroken(err):
		return again{}, false
	case graph.IsNonsense(err):
		return b.afterFault(nonsenseTries, 0, "an answer of "+b.host+" was not JSON")
	}
	return b.afterFault(faultyTries, 0, "an answer of "+b.host+" broke off")
}

// mayPass reports whether an error from below may be gone on another try. Whether the
// request's own time is up is asked of its context: the time limits of one try,
// such as that on a silent server, look the same by [errors.Is].
func mayPass(ctx context.Context, err error) bool {
	if ctx.Err() != nil || transport.IsFinal(err) {
		return false
	}
	f := fault.Of(err)
	return f == nil || f.Code == fault.Unavailable
}

func (b *budget) afterThrottling(now time.Time, asked time.Duration, reason string) (again, bool) {
	pause := asked
	if pause == 0 {
		pause = b.backOff(firstAfterThrottling, b.throttled)
		b.throttled++
	} else {
		b.throttled = 0
	}
	since := b.began
	if success := b.success.Load(); success != nil && success.After(since) {
		since = *success // others get through: the server serves us, only slowly
	}
	if now.Add(pause).Sub(since) > b.patience(throttledFor) {
		b.spent = true
		return again{}, false
	}
	return again{pause: pause, reason: reason}, true
}

func (b *budget) afterFault(limit int, asked time.Duration, reason string) (again, bool) {
	if !b.repeatable {
		return again{}, false
	}
	now := b.options.Clock.Now()
	if b.faults == 0 {
		b.firstFault = now
	}
	pause := asked
	if pause == 0 {
		pause = b.backOff(firstAfterFault, b.faults)
	}
	b.faults++
	if b.faults >= limit || now.Add(pause).Sub(b.firstFault) > b.patience(faultyFor) {
		b.spent = true
		return again{}, false
	}
	return again{pause: pause, reason: reason}, true
}

// patience is the time limit that holds.
func (b *budget) patience(usual time.Duration) time.Duration {
	if b.options.Patience > 0 {
		return min(usual, b.options.Patience)
	}
	return usual
}

// backOff is the pause where the server does not say how long.
func (b *budget) backOff(first time.Duration, failures int) time.Duration {
	return backoff.Pause(first, longestPause, failures, b.options.Jitter())
}

// gaveUp adds to the last error how long it was tried, if the budget is spent.
func (b *budget) gaveUp(err error) error {
	f := fault.Of(err)
	if !b.spent || f == nil {
		return err
	}
	told := *f
	told.Message += fmt.Sprintf(" (gave up after %d tries in %s)", b.tries, b.options.Clock.Now().Sub(b.began).Round(time.Second))
	return transport.Final(&told)
}
