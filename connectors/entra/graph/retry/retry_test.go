package retry_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/retry"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

type doerFunc func(*http.Request) (*http.Response, error)

func (f doerFunc) Do(req *http.Request) (*http.Response, error) { return f(req) }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// noWait is a clock whose pauses take no time.
type noWait struct{}

func (noWait) Now() time.Time                                   { return clock.System.Now() }
func (noWait) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// A step is one answer of the script that the fake server plays; its last step is played again and again.
type step struct {
	status     int
	retryAfter string
	err        error
}

func script(calls *int, steps ...step) doerFunc {
	return func(req *http.Request) (*http.Response, error) {
		s := steps[min(*calls, len(steps)-1)]
		*calls++
		if s.err != nil {
			return nil, s.err
		}
		header := http.Header{}
		if s.retryAfter != "" {
			header.Set("Retry-After", s.retryAfter)
		}
		return &http.Response{StatusCode: s.status, Request: req, Header: header, Body: io.NopCloser(strings.NewReader("body"))}, nil
	}
}

func half() float64 { return 0.5 } // pauses are neither shortened nor lengthened

func TestPolicy(t *testing.T) {
	reset := errors.New("connection reset")
	busy := step{status: 503}
	for _, tc := range []struct {
		name   string
		method string
		steps  []step
		status int // of the last answer; 0 for an error
		calls  int
		took   time.Duration
		fresh  int
	}{
		{"success", "GET", []step{{status: 200}}, 200, 1, 0, 0},
		{"refusal", "GET", []step{{status: 404}}, 404, 1, 0, 0},
		{"seconds", "GET", []step{{status: 429, retryAfter: "315"}, {status: 200}}, 200, 2, 315 * time.Second, 0},
		{"decimals", "GET", []step{{status: 429, retryAfter: "2.128"}, {status: 200}}, 200, 2, 2128 * time.Millisecond, 0},
		{"ten minutes", "GET", []step{{status: 429, retryAfter: "600"}, {status: 200}}, 200, 2, 10 * time.Minute, 0},
		{"date", "GET", []step{{status: 429, retryAfter: "Sat, 01 Jan 2000 00:00:42 GMT"}, {status: 200}}, 200, 2, 42 * time.Second, 0},
		{"no header", "GET", []step{{status: 429}, {status: 429}, {status: 429}, {status: 200}}, 200, 4, 7 * time.Second, 0},
		{"zero", "GET", []step{{status: 429, retryAfter: "0"}, {status: 200}}, 200, 2, time.Second, 0},
		{"fresh connection", "GET", []step{busy, {status: 504}, busy, {status: 200}}, 200, 4, 1400 * time.Millisecond, 2},
		{"503 with a word", "GET", []step{{status: 503, retryAfter: "7"}, {status: 200}}, 200, 2, 7 * time.Second, 1},
		{"reset", "GET", []step{{err: reset}, {status: 200}}, 200, 2, 200 * time.Millisecond, 0},
		{"never reached", "GET", []step{{err: reset}}, 0, 4, 1400 * time.Millisecond, 0},
		{"500", "GET", []step{{status: 500}}, 500, 5, 3 * time.Second, 0},
		{"post after 429", "POST", []step{{status: 429, retryAfter: "1"}, {status: 201}}, 201, 2, time.Second, 0},
		{"post after 503", "POST", []step{busy}, 503, 1, 0, 0},
		{"post after reset", "POST", []step{{err: reset}}, 0, 1, 0, 0},
		{"asked for too long", "GET", []step{{status: 429, retryAfter: "4000"}}, 429, 1, 0, 0},
		{"throttled for an hour", "GET", []step{{status: 429, retryAfter: "600"}}, 429, 7, time.Hour, 0},
		{"wrong sign-in", "GET", []step{{err: fault.Errorf(fault.Unauthorized, "no")}}, 0, 1, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // starts at 2000-01-01 00:00
				calls, fresh := 0, 0
				waited := time.Duration(0)
				d := retry.New(script(&calls, tc.steps...), retry.Options{
					Jitter: half, Fresh: func() { fresh++ },
					OnWait: func(d time.Duration, _ string) { waited += d },
				})
				began := time.Now()
				req, _ := http.NewRequestWithContext(t.Context(), tc.method, "https://h/x", strings.NewReader("content"))
				resp, err := d.Do(req)
				status := 0
				if err == nil {
					status = resp.StatusCode
				}
				if status != tc.status || calls != tc.calls || fresh != tc.fresh {
					t.Errorf("status %d, %d calls, %d fresh, %v", status, calls, fresh, err)
				}
				if took := time.Since(began); took != tc.took || waited != tc.took {
					t.Errorf("took %v, told of %v, want %v", took, waited, tc.took)
				}
			})
		})
	}
}

func TestGivesUpAfterManyFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		d := retry.New(script(&calls, step{status: 503}), retry.Options{Jitter: half})
		err := d.Exchange(get(t), func(resp *http.Response) error {
			return fault.Errorf(fault.Unavailable, "Graph answered %d", resp.StatusCode)
		})
		if calls != 20 || !fault.Is(err, fault.Unavailable) || !strings.HasPrefix(err.Error(), "Graph answered 503 (gave up after 20 tries in 1") {
			t.Errorf("%d calls, %v", calls, err)
		}
		// An outer Doer does not start over.
		outer := 0
		_, err = retry.New(doerFunc(func(*http.Request) (*http.Response, error) { outer++; return nil, err }), retry.Options{}).Do(get(t))
		if outer != 1 || !fault.Is(err, fault.Unavailable) {
			t.Errorf("%d outer calls, %v", outer, err)
		}
	})
}

func TestBorneLongerWhileOthersGetThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		throttled := script(&calls, step{status: 429, retryAfter: "600"})
		d := retry.New(doerFunc(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/other" || calls == 20 {
				return &http.Response{StatusCode: 200, Request: req, Body: http.NoBody}, nil
			}
			return throttled(req)
		}), retry.Options{})
		go func() {
			for range 100 {
				time.Sleep(time.Minute)
				req, _ := http.NewRequest(http.MethodGet, "https://h/other", nil)
				_, _ = d.Do(req)
			}
		}()
		resp, err := d.Do(get(t))
		if err != nil || resp.StatusCode != 429 && calls != 20 {
			t.Errorf("%d calls, %v", calls, err)
		}
		if calls < 15 {
			t.Errorf("gave up after %d calls", calls)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestStopsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		d := retry.New(script(&calls, step{status: 429, retryAfter: "600"}), retry.Options{OnWait: func(time.Duration, string) { cancel() }})
		if _, err := d.Do(get(t).WithContext(ctx)); !errors.Is(err, context.Canceled) || calls != 1 {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
}

func TestBodyIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		d := retry.New(doerFunc(func(req *http.Request) (*http.Response, error) {
			text, _ := io.ReadAll(req.Body)
			bodies = append(bodies, string(text))
			status := 429
			if len(bodies) == 3 {
				status = 200
			}
			return &http.Response{StatusCode: status, Request: req, Body: http.NoBody}, nil
		}), retry.Options{})
		req, _ := http.NewRequest(http.MethodPost, "https://h/", strings.NewReader("content"))
		if _, err := d.Do(req); err != nil || strings.Join(bodies, " ") != "content content content" {
			t.Errorf("%q, %v", bodies, err)
		}
		req.GetBody = nil
		bodies = nil
		if _, err := d.Do(req); !fault.Is(err, fault.Internal) || len(bodies) != 1 {
			t.Errorf("%q, %v", bodies, err)
		}
	})
}

// What net/http says of a server that does not answer in time is, by errors.Is, a
// context.DeadlineExceeded, but it ends a try, not the request.
func TestHungTriesAreRepeatedAndTold(t *testing.T) {
	server := newSilentServer(t)
	calls, told := 0, 0
	d := retry.New(doerFunc(func(req *http.Request) (*http.Response, error) { calls++; return server.Do(req) }), retry.Options{
		Clock: noWait{}, OnWait: func(time.Duration, string) { told++ },
	})
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.url, nil)
	_, err := d.Do(req)
	if !errors.Is(err, context.DeadlineExceeded) || !fault.Is(err, fault.Unavailable) || calls != 4 || told != 3 {
		t.Errorf("%d calls, told %d times, %v", calls, told, err)
	}
}

func TestTheDeadlineOfARequestEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		calls := 0
		d := retry.New(doerFunc(func(req *http.Request) (*http.Response, error) {
			calls++
			<-req.Context().Done()
			return nil, req.Context().Err()
		}), retry.Options{})
		if _, err := d.Do(get(t).WithContext(ctx)); !errors.Is(err, context.DeadlineExceeded) || calls != 1 {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
}

// A request that was cancelled while its answer was read does not go on, nor says that it would.
func TestCancelledWhileReading(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls, told := 0, 0
	client, err := graph.New("https://h/", retry.New(doerFunc(func(req *http.Request) (*http.Response, error) {
		calls++
		body := readerFunc(func([]byte) (int, error) { cancel(); return 0, io.ErrUnexpectedEOF })
		return &http.Response{StatusCode: 200, Request: req, ContentLength: -1, Body: io.NopCloser(body)}, nil
	}), retry.Options{Clock: noWait{}, OnWait: func(time.Duration, string) { told++ }}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Get(ctx, "x"); !errors.Is(err, context.Canceled) || calls != 1 || told != 0 {
		t.Errorf("%d calls, told %d times, %v", calls, told, err)
	}
}

func TestFinalErrorsAreNotRepeated(t *testing.T) {
	server := newUntrustedServer(t)
	calls := 0
	d := retry.New(doerFunc(func(req *http.Request) (*http.Response, error) { calls++; return server.Do(req) }), retry.Options{})
	req, _ := http.NewRequest(http.MethodGet, server.url, nil)
	_, err := d.Do(req)
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func get(t *testing.T) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://h/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}
