package batch

import (
	"fmt"
	"net/http"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/internal/retryafter"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

const (
	// A service that asks for a pause is alive and will serve us later.
	throttledFor = time.Hour
	faultyFor    = 30 * time.Minute
	faultyTries  = 20
	// 500 mostly means a request that the service cannot digest.
	internalErrorTries = 5
	// Another program that writes to the same object is done soon.
	busyTries = 20

	firstPause           = 200 * time.Millisecond
	firstAfterThrottling = time.Second
	longestPause         = 30 * time.Second
)

// patience is how long one request is tried.
type patience struct {
	*Batcher
	request          graph.Request
	began            time.Time
	throttled, tries int
}

// verdict says how to go on after an answer.
type verdict struct {
	again  bool
	pause  time.Duration
	reason string
}

// judge decides after an answer, or after err if none came. An error ends it all.
func (p *patience) judge(a graph.Answer, err error) (verdict, error) {
	if err != nil {
		return p.lost(err)
	}
	switch {
	case a.Status == 0: // the batch was answered, but this request was not
		return p.faulty(a, faultyTries, "an answer was missing in a batch")
	case a.Status == http.StatusTooManyRequests:
		return p.slower(a)
	case a.Status == http.StatusConflict && a.Code == "Directory_ConcurrencyViolation":
		// Nothing was done; so it may be repeated whatever it is.
		return p.retry(a, busyTries, "another program writes to the same object")
	case a.Status == http.StatusInternalServerError:
		return p.faulty(a, internalErrorTries, "Graph answered 500")
	case a.Unknown():
		return p.faulty(a, faultyTries, fmt.Sprintf("Graph answered %d", a.Status))
	}
	return verdict{}, nil
}

// lost decides after an error. What the layers below have given up, or what comes from the
// sign-in or the settings, hits every request alike.
func (p *patience) lost(err error) (verdict, error) {
	f := fault.Of(err)
	if f == nil || f.Code != fault.Unavailable || transport.IsFinal(err) {
		return verdict{}, err
	}
	v, _ := p.faulty(graph.Answer{}, faultyTries, "the connection to Graph failed")
	if !v.again && p.request.IsRepeatable() {
		return v, err
	}
	return v, nil
}

// faulty decides after what leaves open whether the request was carried out.
func (p *patience) faulty(a graph.Answer, limit int, reason string) (verdict, error) {
	if !p.request.IsRepeatable() {
		return verdict{}, nil
	}
	v, err := p.retry(a, limit, reason)
	if err != nil || v.again || a.Status == http.StatusInternalServerError {
		return v, err
	}
	return v, p.gaveUp(a)
}

func (p *patience) retry(a graph.Answer, limit int, reason string) (verdict, error) {
	pause := p.asked(a)
	if pause == 0 {
		pause = p.backOff(firstPause, p.tries)
	}
	p.tries++
	if p.tries >= limit || p.options.Clock.Now().Add(pause).Sub(p.began) > faultyFor {
		return verdict{}, nil
	}
	return verdict{again: true, pause: pause, reason: reason}, nil
}

// slower decides after 429, which says that nothing was done. If it is the quota of writes
// that is used up, the other writes wait, too.
func (p *patience) slower(a graph.Answer) (verdict, error) {
	pause := p.asked(a)
	if pause == 0 {
		pause = p.backOff(firstAfterThrottling, p.throttled)
	}
	p.throttled++
	if a.Header.Get("x-ms-throttle-information") == "WriteLimitExceeded" {
		p.options.Writes.Exhausted(pause)
	}
	if p.options.Clock.Now().Add(pause).Sub(p.began) > throttledFor {
		return verdict{}, p.gaveUp(a)
	}
	return verdict{again: true, pause: pause, reason: "Graph answered 429"}, nil
}

func (p *patience) asked(a graph.Answer) time.Duration {
	return retryafter.Parse(a.Header, p.options.Clock.Now())
}

// backOff doubles the pause with each failure, and spreads it so that requests that failed
// together do not come back together.
func (p *patience) backOff(first time.Duration, failures int) time.Duration {
	pause := time.Duration(float64(first<<min(failures, 16)) * (0.5 + p.options.Jitter()))
	return min(pause, longestPause)
}

func (p *patience) gaveUp(a graph.Answer) error {
	f := a.Failure()
	f.Message += fmt.Sprintf(" (gave up after %d tries in %s)", p.tries+p.throttled, p.options.Clock.Now().Sub(p.began).Round(time.Second))
	return f
}
