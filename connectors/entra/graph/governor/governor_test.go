package governor_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph/governor"
)

type doerFunc func(*http.Request) (*http.Response, error)

func (f doerFunc) Do(req *http.Request) (*http.Response, error) { return f(req) }

// answer makes an answer with headers given as name, value, name, value.
func answer(req *http.Request, status int, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Request: req, Header: h, Body: http.NoBody}
}

func get(ctx context.Context) *http.Request {
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://h/x", nil)
	return req
}

func TestOnePauseHoldsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		first := true
		g := governor.New(nil)
		var mu sync.Mutex
		var waits []time.Duration
		d := g.Wrap(doerFunc(func(req *http.Request) (*http.Response, error) {
			if first {
				first = false
				return answer(req, 429, "Retry-After", "315"), nil
			}
			if at := time.Since(began); at < 315*time.Second {
				t.Errorf("a request went out after %v", at)
			}
			return answer(req, 200), nil
		}), governor.Options{OnWait: func(d time.Duration, _ string) {
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, d)
		}})

		if _, err := d.Do(get(t.Context())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		if s := g.Stats(); s.Throttled != 15*time.Second || !s.HeldUntil.Equal(began.Add(315*time.Second)) || s.Requests != 1 {
			t.Errorf("in the pause: %+v", s)
		}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { _, _ = d.Do(get(t.Context())) })
		}
		wg.Wait()
		if len(waits) != 5 || waits[0] != 300*time.Second {
			t.Errorf("told of %v", waits)
		}
		if s := g.Stats(); s.Throttled != 315*time.Second || !s.HeldUntil.IsZero() || s.Requests != 6 {
			t.Errorf("after the pause: %+v", s)
		}
	})
}

func TestPauseGrowsWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governor.New(nil)
		seconds := "10"
		d := g.Wrap(doerFunc(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/busy" {
				return answer(req, 503, "Retry-After", seconds), nil
			}
			return answer(req, 200), nil
		}), governor.Options{})
		busy := get(t.Context())
		busy.URL.Path = "/busy"
		inFlight := g.Wrap(doerFunc(func(req *http.Request) (*http.Response, error) {
			time.Sleep(5 * time.Second)
			return answer(req, 429, "Retry-After", "20"), nil
		}), governor.Options{})

		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = inFlight.Do(get(t.Context())) }) // answers at 5 s: pause until 25 s
		synctest.Wait()
		_, _ = d.Do(busy)
		_, _ = d.Do(get(t.Context()))
		if took := time.Since(began); took != 25*time.Second {
			t.Errorf("went out after %v", took)
		}
		wg.Wait()
		if s := g.Stats(); s.Throttled != 25*time.Second {
			t.Errorf("pauses that overlap count once: %v", s.Throttled)
		}
	})
}

func TestPauseWithoutHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governor.New(nil)
		status := 429
		d := g.Wrap(doerFunc(func(req *http.Request) (*http.Response, error) { return answer(req, status), nil }), governor.Options{})
		began := time.Now()
		for range 4 {
			_, _ = d.Do(get(t.Context())) // asks at 0, 1, 3, 7 s
		}
		if took := time.Since(began); took != 7*time.Second {
			t.Errorf("took %v", took)
		}
		status = 200
		_, _ = d.Do(get(t.Context()))
		status = 429
		_, _ = d.Do(get(t.Context()))
		if s := g.Stats(); !s.HeldUntil.Equal(time.Now().Add(time.Second)) {
			t.Error("a success does not shorten the next pause")
		}
	})
}

// A simulated service with a quota of 1000 units in 10 seconds, at 5 units a request.
func TestPaceNearTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const quota, cost, latency = 1000, 5, 10 * time.Millisecond
		var sent []time.Time
		refused := 0
		quiet := false
		g := governor.New(nil)
		d := g.Wrap(doerFunc(func(req *http.Request) (*http.Response, error) {
			time.Sleep(latency)
			now := time.Now()
			for len(sent) > 0 && now.Sub(sent[0]) >= 10*time.Second {
				sent = sent[1:]
			}
			used := float64((len(sent) + 1) * cost)
			if used > quota {
				refused++
				return answer(req, 429, "Retry-After", "10"), nil
			}
			sent = append(sent, now)
			headers := []string{"x-ms-resource-unit", fmt.Sprint(cost)}
			if level := used / quota; level >= 0.8 && !quiet {
				headers = append(headers, "x-ms-throttle-limit-percentage", fmt.Sprint(level))
			}
			return answer(req, 200, headers...), nil
		}), governor.Options{Priority: "low"})

		began := time.Now()
		for range 2000 { // 10,000 units: 100 s at full quota, 125 s at 80 % of it
			if _, err := d.Do(get(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		took := time.Since(began)
		if refused > 0 {
			t.Errorf("%d requests were refused", refused)
		}
		if took < 95*time.Second || took > 135*time.Second {
			t.Errorf("took %v", took)
		}
		if s := g.Stats(); s.ResourceUnits != 10000 || s.Requests != 2000 || s.Throttled != 0 {
			t.Errorf("%+v", s)
		}

		quiet = true // full speed again once the header is gone
		_, _ = d.Do(get(t.Context()))
		sent = nil
		began = time.Now()
		for range 100 {
			_, _ = d.Do(get(t.Context()))
		}
		if took := time.Since(began); took != 100*latency {
			t.Errorf("without the header 100 requests took %v", took)
		}
	})
}

func TestPriorityAndContext(t *testing.T) {
	g := governor.New(nil)
	var priority string
	d := g.Wrap(doerFunc(func(req *http.Request) (*http.Response, error) {
		priority = req.Header.Get("x-ms-throttle-priority")
		return answer(req, 429, "Retry-After", "600"), nil
	}), governor.Options{Priority: "low"})
	req := get(t.Context())
	if _, err := d.Do(req); err != nil || priority != "low" {
		t.Errorf("priority %q, %v", priority, err)
	}
	if len(req.Header) > 0 {
		t.Error("the caller's request was changed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Do(get(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
