package batch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/batch"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// fake is a client that answers each request by a function.
type fake struct {
	answer func(r graph.Request, n int) (graph.Answer, error) // n counts the requests of a path, from 1
	whole  func() error                                       // of a batch as such

	mu    sync.Mutex
	seen  map[string]int
	sizes []int // of what was sent together
	open  map[string]bool
	clash []string // objects that were written to side by side
}

func (*fake) Root() string { return "https://graph.example/v1.0/" }

func (f *fake) Send(_ context.Context, r graph.Request) (graph.Answer, error) {
	answers, err := f.all([]graph.Request{r})
	if err != nil {
		return graph.Answer{}, err
	}
	return answers[0], nil
}

func (f *fake) Batch(_ context.Context, requests []graph.Request) ([]graph.Answer, error) {
	if f.whole != nil {
		if err := f.whole(); err != nil {
			return nil, err
		}
	}
	return f.all(requests)
}

func (f *fake) all(requests []graph.Request) (answers []graph.Answer, err error) {
	f.mu.Lock()
	f.sizes = append(f.sizes, len(requests))
	if f.seen == nil {
		f.seen, f.open = map[string]int{}, map[string]bool{}
	}
	for _, r := range requests {
		f.seen[r.Path()]++
		if o := r.Writes(); o != "" {
			if f.open[o] {
				f.clash = append(f.clash, o)
			}
			f.open[o] = true
		}
	}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, r := range requests {
			delete(f.open, r.Writes())
		}
	}()
	for _, r := range requests {
		f.mu.Lock()
		n := f.seen[r.Path()]
		f.mu.Unlock()
		answer, fails := graph.Answer{Status: http.StatusNoContent}, error(nil)
		if f.answer != nil {
			answer, fails = f.answer(r, n)
		}
		if fails != nil {
			err = fails
		}
		answers = append(answers, answer)
	}
	return answers, err
}

// quick is a clock on which waits take no time but are remembered.
type quick struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

func (q *quick) Now() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.now
}

func (q *quick) Sleep(ctx context.Context, d time.Duration) error {
	q.mu.Lock()
	q.now = q.now.Add(d)
	if d >= 150*time.Millisecond { // not those that wait for company
		q.waits = append(q.waits, d)
	}
	q.mu.Unlock()
	time.Sleep(time.Millisecond) // lets others catch up
	return ctx.Err()
}

// running is a batcher at work.
func running(t *testing.T, f *fake) (*batch.Batcher, *quick) {
	t.Helper()
	clock := &quick{now: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)}
	b := batch.New(f, batch.Options{Clock: clock, Jitter: func() float64 { return 0.5 }})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return b, clock
}

func patch(n int) graph.Request {
	return graph.Patch(fmt.Sprintf("users/%08d-0000-0000-0000-000000000000", n), []byte("{}"))
}

func TestRequestsGoTogether(t *testing.T) {
	f := &fake{}
	b, _ := running(t, f)
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			if a, err := b.Do(t.Context(), patch(n), nil); err != nil || !a.OK() {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	all.Wait()
	sum := 0
	for _, n := range f.sizes {
		sum += n
	}
	if sum != 200 || slices.Max(f.sizes) > 20 || len(f.sizes) > 60 {
		t.Errorf("200 requests went out as %v", f.sizes)
	}
}

func TestWritesToOneObjectGoOneByOne(t *testing.T) {
	f := &fake{}
	b, _ := running(t, f)
	var all sync.WaitGroup
	for n := range 30 {
		all.Go(func() { _, _ = b.Do(t.Context(), patch(n%3), nil) })
	}
	all.Wait()
	if len(f.clash) > 0 {
		t.Errorf("written to side by side: %v", f.clash)
	}
}

func TestJudgement(t *testing.T) {
	unavailable := fault.Errorf(fault.Unavailable, "the line is cut")
	status := func(status int, pairs ...string) func(int) (graph.Answer, error) {
		header := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			header.Set(pairs[i], pairs[i+1])
		}
		return func(int) (graph.Answer, error) { return graph.Answer{Status: status, Header: header}, nil }
	}
	lost := func(int) (graph.Answer, error) { return graph.Answer{}, unavailable }
	busy := func(int) (graph.Answer, error) {
		return graph.Answer{Status: 409, Code: "Directory_ConcurrencyViolation"}, nil
	}
	path := "users/11111111-0000-0000-0000-000000000000"
	for name, tc := range map[string]struct {
		request graph.Request
		first   func(int) (graph.Answer, error) // then 204
		status  int
		tries   int
		wait    time.Duration // the first
		code    fault.Code
	}{
		"throttled":             {graph.Post("users", nil), status(429, "Retry-After", "7"), 204, 2, 7 * time.Second, ""},
		"throttled, how long?":  {graph.Post("users", nil), status(429), 204, 2, time.Second, ""},
		"busy":                  {graph.Post("users", nil), busy, 204, 2, 200 * time.Millisecond, ""},
		"unavailable":           {graph.Patch(path, nil), status(503, "Retry-After", "2"), 204, 2, 2 * time.Second, ""},
		"unavailable, once":     {graph.Post("users", nil), status(503), 503, 1, 0, ""},
		"lost":                  {graph.Patch(path, nil), lost, 204, 2, 200 * time.Millisecond, ""},
		"lost, once":            {graph.Post("users", nil), lost, 0, 1, 0, ""},
		"missing in the batch":  {graph.Post("users", nil), status(0), 0, 1, 0, ""},
		"refused":               {graph.Patch(path, nil), status(400), 400, 1, 0, ""},
		"token refused":         {graph.Post("users", nil), status(401), 204, 2, 0, ""},
		"sign-in refused":       {graph.Patch(path, nil), func(int) (graph.Answer, error) { return graph.Answer{}, fault.Errorf(fault.Unauthorized, "no") }, 0, 1, 0, fault.Unauthorized},
		"repeatable by request": {graph.Post(path+"/assignLicense", nil).Repeatable(), lost, 204, 2, 200 * time.Millisecond, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{answer: func(_ graph.Request, n int) (graph.Answer, error) {
				if n == 1 {
					return tc.first(n)
				}
				return graph.Answer{Status: 204}, nil
			}}
			b, clock := running(t, f)
			tries := 0
			a, err := b.Do(t.Context(), tc.request, func(graph.Answer) { tries++ })
			if a.Status != tc.status || tries != tc.tries || fault.CodeOf(err) != tc.code {
				t.Errorf("status %d after %d tries, %v", a.Status, tries, err)
			}
			if len(clock.waits) > 0 && clock.waits[0] != tc.wait || len(clock.waits) == 0 && tc.wait > 0 {
				t.Errorf("waited %v, want %s", clock.waits, tc.wait)
			}
		})
	}
}

func TestGivesUp(t *testing.T) {
	f := &fake{answer: func(graph.Request, int) (graph.Answer, error) {
		return graph.Answer{}, fault.Errorf(fault.Unavailable, "the line is cut")
	}}
	b, _ := running(t, f)
	if _, err := b.Do(t.Context(), patch(1), nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	f.answer = func(graph.Request, int) (graph.Answer, error) { return graph.Answer{Status: 500}, nil }
	if a, err := b.Do(t.Context(), patch(1), nil); err != nil || a.Status != 500 {
		t.Errorf("%+v, %v", a, err)
	}
	f.answer = func(graph.Request, int) (graph.Answer, error) { return graph.Answer{Status: 503}, nil }
	if _, err := b.Do(t.Context(), patch(1), nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

// What Graph cannot digest fails alone, as long as Graph answers others.
func TestPoison(t *testing.T) {
	final := transport.Final(fault.Errorf(fault.Unavailable, "the line is cut"))
	for name, poisoned := range map[string]func() (graph.Answer, error){
		"answered 504": func() (graph.Answer, error) { return graph.Answer{Status: 504}, nil },
		"given up":     func() (graph.Answer, error) { return graph.Answer{}, final },
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{answer: func(r graph.Request, _ int) (graph.Answer, error) {
				if r.Path() == patch(1).Path() {
					return poisoned()
				}
				return graph.Answer{Status: 200}, nil
			}}
			b, _ := running(t, f)
			if a, err := b.Do(t.Context(), patch(1), nil); err != nil || !a.Unknown() {
				t.Errorf("%+v, %v", a, err)
			}
			if a, err := b.Do(t.Context(), patch(2), nil); err != nil || !a.OK() {
				t.Errorf("another: %+v, %v", a, err)
			}
		})
	}
}

// A request whose token is not accepted in a batch goes alone once, where it gets a new one.
func TestTokenRefusedInABatch(t *testing.T) {
	f := &fake{answer: func(r graph.Request, n int) (graph.Answer, error) {
		if r.Path() == patch(1).Path() && n <= 3 {
			return graph.Answer{Status: 401}, nil
		}
		return graph.Answer{Status: 204}, nil
	}}
	b, _ := running(t, f)
	if a, err := b.Do(t.Context(), patch(1), nil); err != nil || a.Status != 401 {
		t.Errorf("refused alone, too: %+v, %v", a, err)
	}
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			if a, err := b.Do(t.Context(), patch(n), nil); err != nil || !a.OK() {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	all.Wait()
	if last := f.sizes[len(f.sizes)-1]; last != 1 {
		t.Errorf("went out as %v", f.sizes)
	}
}

// A batch that Graph refuses as such goes one by one.
func TestRefusedBatch(t *testing.T) {
	f := &fake{whole: func() error { return fault.Errorf(fault.Refused, "too large") }}
	b, _ := running(t, f)
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() {
			if a, err := b.Do(t.Context(), patch(n), nil); err != nil || !a.OK() {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	all.Wait()
	if slices.Max(f.sizes) != 1 {
		t.Errorf("went out as %v", f.sizes)
	}
}

func TestEndOfContext(t *testing.T) {
	f := &fake{answer: func(graph.Request, int) (graph.Answer, error) { return graph.Answer{Status: 429}, nil }}
	b, _ := running(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	f.answer = func(graph.Request, int) (graph.Answer, error) {
		cancel()
		return graph.Answer{Status: 429}, nil
	}
	if _, err := b.Do(ctx, patch(1), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
