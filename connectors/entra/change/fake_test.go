package change_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/change"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock/clocktest"
)

const (
	ann  = "aaaaaaaa-0000-0000-0000-000000000001"
	bob  = "aaaaaaaa-0000-0000-0000-000000000002"
	crew = "cccccccc-0000-0000-0000-000000000001"
)

// fake is a Graph that answers as a test says, and remembers what was asked.
type fake struct {
	answer func(r graph.Request) (status int, body string) // 200 {} for all if nil
	lost   func(r graph.Request) bool                      // an attempt before had no answer; may be nil

	mu       sync.Mutex
	requests []graph.Request
}

func (*fake) Root() string { return "https://graph.microsoft.com/v1.0/" }

// Do has graph itself make the answer.
func (f *fake) Do(ctx context.Context, r graph.Request, seen func(graph.Answer)) (graph.Answer, error) {
	f.mu.Lock()
	f.requests = append(f.requests, r)
	f.mu.Unlock()
	if f.lost != nil && seen != nil && f.lost(r) {
		seen(graph.Lost(nil))
	}
	status, body := http.StatusOK, "{}"
	if f.answer != nil {
		status, body = f.answer(r)
	}
	answer := graph.Lost(nil)
	if status != 0 {
		client, err := graph.New(f.Root(), canned{status, body})
		if err != nil {
			return graph.Answer{}, err
		}
		if answer, err = client.Send(ctx, r); err != nil {
			return graph.Answer{}, err
		}
	}
	if seen != nil {
		seen(answer)
	}
	return answer, nil
}

// writes are the requests that were no reads.
func (f *fake) writes() (all []graph.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if !r.IsRead() {
			all = append(all, r)
		}
	}
	return all
}

// canned gives one answer to everything.
type canned struct {
	status int
	body   string
}

func (c canned) Do(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: c.status, Header: http.Header{"Request-Id": {"r-1"}}, Request: req,
		ContentLength: int64(len(c.body)), Body: io.NopCloser(strings.NewReader(c.body)),
	}, nil
}

// refusal is the body of an error.
func refusal(code, message string) string {
	return `{"error":{"code":"` + code + `","message":"` + message + `"}}`
}

func newClock() *clocktest.Still { return clocktest.At(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)) }

// source gives orders one by one.
type source struct{ orders []sdk.Order }

func (s *source) Next(context.Context) (sdk.Order, error) {
	if len(s.orders) == 0 {
		return sdk.Order{}, io.EOF
	}
	next := s.orders[0]
	s.orders = s.orders[1:]
	return next, nil
}

// fulfill carries one order out.
func fulfill(t *testing.T, f *fake, o sdk.Order) sdk.Outcome {
	t.Helper()
	o.ID = "1"
	var outcomes []sdk.Outcome
	err := change.New(f, newClock(), time.Time{}).Fulfill(t.Context(), &source{[]sdk.Order{o}}, func(o sdk.Outcome) error {
		outcomes = append(outcomes, o)
		return nil
	})
	if err != nil || len(outcomes) != 1 {
		t.Fatalf("%d outcomes, %v", len(outcomes), err)
	}
	return outcomes[0]
}

// values makes attributes of pairs of path and JSON.
func values(pairs ...string) (all []sdk.OrderAttribute) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, sdk.OrderAttribute{Path: pairs[i], Value: json.RawMessage(pairs[i+1])})
	}
	return all
}

func id(ids ...string) (all []sdk.ObjectKey) {
	for _, id := range ids {
		all = append(all, sdk.ObjectKey{ID: id})
	}
	return all
}

func links(navigation string, add, remove []sdk.ObjectKey) []sdk.LinkChange {
	return []sdk.LinkChange{{Navigation: navigation, Add: add, Remove: remove}}
}

func secret(text string) map[string]string {
	return map[string]string{"passwordProfile/password": text}
}
