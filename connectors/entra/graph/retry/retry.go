// Package retry asks again where that may help: after 429, 5xx, a lost connection,
// an answer that broke off or one that is no JSON, with the pauses that the server
// asks for, and not for ever.
package retry

import (
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Options adjust a [Doer]. All may be left out.
type Options struct {
	Clock  clock.Clock    // clock.System if nil
	Jitter func() float64 // in [0,1), spreads pauses; math/rand if nil

	// Fresh is called before a request is repeated that was answered 503, so that it goes
	// out on a new connection
	// (https://learn.microsoft.com/graph/best-practices-concept#handling-expected-errors).
	Fresh func()

	// Repeatable says which requests do no harm if the server gets them twice. If nil, those
	// with the methods GET, HEAD, OPTIONS. Others are repeated after 429 alone, which says
	// that nothing was done.
	Repeatable func(*http.Request) bool

	// Patience is how long one request is tried at most. 0: an hour while the server asks for
	// pauses, half an hour while it fails.
	Patience time.Duration

	// OnWait is told of each pause before it begins, from the goroutine that will wait, also of
	// short ones: what was tried before may have taken long without a sign of life.
	OnWait func(d time.Duration, reason string)
}

// A Doer repeats requests. It implements [graph.Exchanger] and is safe for use by
// several goroutines, which share the knowledge of when the server last answered well.
type Doer struct {
	next    graph.Doer
	options Options
	reached atomic.Bool               // the server has answered at least once
	success atomic.Pointer[time.Time] // when it last answered with 2xx
}

var _ graph.Exchanger = (*Doer)(nil)

// New makes a Doer that sends by next.
func New(next graph.Doer, o Options) *Doer {
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Fresh == nil {
		o.Fresh = func() {}
	}
	if o.Repeatable == nil {
		o.Repeatable = isRead
	}
	if o.OnWait == nil {
		o.OnWait = func(time.Duration, string) {}
	}
	return &Doer{next: next, options: o}
}

func isRead(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead || req.Method == http.MethodOptions
}

// Do sends req until there is an answer to keep: a success, a refusal that
// repeating does not change, or the last one of the budget. A body must have
// GetBody. Errors are those of the Doer below, with the number of tries added.
func (d *Doer) Do(req *http.Request) (*http.Response, error) {
	var kept *http.Response
	err := d.run(req, func(resp *http.Response) error { kept = resp; return nil })
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// Exchange is Do followed by read, under one budget; see [graph.Exchanger].
func (d *Doer) Exchange(req *http.Request, read func(*http.Response) error) error {
	return d.run(req, func(resp *http.Response) error {
		defer resp.Body.Close()
		return read(resp)
	})
}

func (d *Doer) run(req *http.Request, use func(*http.Response) error) error {
	b := budget{Doer: d, host: req.URL.Host, repeatable: d.options.Repeatable(req), began: d.options.Clock.Now()}
	for {
		try, err := rewound(req, b.tries)
		if err != nil {
			return err
		}
		resp, err := d.next.Do(try) //nolint:bodyclose // use, discard or the caller's error path closes it
		b.tries++
		again, ok := b.judge(req.Context(), resp, err)
		switch {
		case ok && resp != nil:
			discard(resp.Body)
		case !ok && err == nil:
			err = use(resp)
			if again, ok = b.judgeBroken(req.Context(), err); !ok {
				return b.gaveUp(err)
			}
		case !ok:
			return b.gaveUp(err)
		}
		if again.fresh {
			d.options.Fresh()
		}
		d.options.OnWait(again.pause, again.reason)
		if err := d.options.Clock.Sleep(req.Context(), again.pause); err != nil {
			return err
		}
	}
}

// rewound returns a copy of req to send: those below may change it, and its body is used up by each try.
func rewound(req *http.Request, tries int) (*http.Request, error) {
	try := req.Clone(req.Context())
	if tries == 0 || req.Body == nil || req.Body == http.NoBody {
		return try, nil
	}
	if req.GetBody == nil {
		return nil, fault.Errorf(fault.Internal, "%s %s cannot be repeated: its body has no GetBody", req.Method, req.URL.Path)
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, fault.Errorf(fault.Internal, "repeat %s %s: %w", req.Method, req.URL.Path, err)
	}
	try.Body = body
	return try, nil
}

// discard reads the rest of a short body, so that its connection can be used again.
func discard(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10) // if that fails, the connection is lost, nothing else
	body.Close()
}
