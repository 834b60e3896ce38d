package batch

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
	renewed          bool // it was sent alone after 401
}

// decision says how to go on after an answer. The zero value: the answer stands.
type decision struct {
	again  bool
	alone  bool // not in a batch
	pause  time.Duration
	reason string
}

// judge decides after an answer, or after err if none came. An error ends it all.
func (p *patience) judge(ctx context.Context, a graph.Answer, err error) (decision, error) {
	if err != nil {
		return p.lost(ctx, err)
	}
	switch {
	case a.Status == 0: // the batch was answered, but this request was not
		return p.faulty(ctx, a, faultyTries, "an answer was missing in a batch")
	case a.Status == http.StatusTooManyRequests:
		return p.slower(a)
	case a.Status == http.StatusUnauthorized && !p.renewed:
		// The token of a batch is renewed only if the batch itself is refused. Alone, the request
		// gets a fresh one.
		p.renewed = true
		return decision{again: true, alone: true, reason: "Graph did not accept the token"}, nil
	case a.Status == http.StatusConflict && a.Code == "Directory_ConcurrencyViolation":
		// Nothing was done; so it may be repeated whatever it is.
		return p.retry(a, busyTries, "another program writes to the same object"), nil
	case a.Status == http.StatusInternalServerError:
		return p.faulty(ctx, a, internalErrorTries, "Graph answered 500")
	case a.Unknown():
		return p.faulty(ctx, a, faultyTries, fmt.Sprintf("Graph answered %d", a.Status))
	}
	return decision{}, nil
}

// lost decides after an error. What comes from the sign-in or the settings hits every request
// alike.
func (p *patience) lost(ctx context.Context, err error) (decision, error) {
	f := fault.Of(err)
	if f == nil || f.Code != fault.Unavailable {
		return decision{}, err
	}
	if !transport.IsFinal(err) { // which the layers below have given up
		return p.faulty(ctx, graph.Lost(err), faultyTries, "the connection to Graph failed")
	}
	if p.alive(ctx) {
		return decision{}, nil
	}
	return decision{}, err
}

// faulty decides after what leaves open whether the request was carried out.
func (p *patience) faulty(ctx context.Context, a graph.Answer, limit int, reason string) (decision, error) {
	if !p.request.IsRepeatable() {
		return decision{}, nil
	}
	d := p.retry(a, limit, reason)
	if d.again || a.Status == http.StatusInternalServerError || p.alive(ctx) {
		return d, nil
	}
	return d, p.gaveUp(a)
}

// alive reports whether Graph answers another request: then it is this one that it cannot
// digest, and the others must not suffer for it. A batch is sent once, however it goes.
func (p *patience) alive(ctx context.Context) bool {
	answers, err := p.client.Batch(ctx, []graph.Request{graph.Get("organization?$select=id")})
	return err == nil && !answers[0].Unknown()
}

func (p *patience) retry(a graph.Answer, limit int, reason string) decision {
	pause := p.asked(a)
	if pause == 0 {
		pause = p.backOff(firstPause, p.tries)
	}
	p.tries++
	if p.tries >= limit || p.options.Clock.Now().Add(pause).Sub(p.began) > faultyFor {
		return decision{}
	}
	return decision{again: true, pause: pause, reason: reason}
}

// slower decides after 429, which says that nothing was done.
func (p *patience) slower(a graph.Answer) (decision, error) {
	pause := p.asked(a)
	if pause == 0 {
		pause = p.backOff(firstAfterThrottling, p.throttled)
	}
	p.throttled++
	if p.options.Clock.Now().Add(pause).Sub(p.began) > throttledFor {
		return decision{}, p.gaveUp(a)
	}
	return decision{again: true, pause: pause, reason: "Graph answered 429"}, nil
}

func (p *patience) asked(a graph.Answer) time.Duration {
	return retryafter.Parse(a.Header, p.options.Clock.Now())
}

func (p *patience) backOff(first time.Duration, failures int) time.Duration {
	return backoff.Pause(first, longestPause, failures, p.options.Jitter())
}

func (p *patience) gaveUp(a graph.Answer) error {
	f := a.Failure()
	f.Message += fmt.Sprintf(" (gave up after %d tries in %s)", p.tries+p.throttled, p.options.Clock.Now().Sub(p.began).Round(time.Second))
	return f
}
