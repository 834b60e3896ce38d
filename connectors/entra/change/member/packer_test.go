package member_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/connectors/entra/change/member"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// service keeps the members of groups, all or nothing for each request.
type service struct {
	mu       sync.Mutex
	members  map[string]bool // "group member"
	unknown  map[string]bool // members that there are not
	late     map[string]int  // members that there are only after so many requests
	refused  map[string]bool // members that cannot be
	requests int
	busy     map[string]bool
	clash    bool

	takes time.Duration // one request
	// Additions come with a pause before each, and a lull before some.
	pause, lull time.Duration
	every       int
}

func (*service) Root() string { return "https://graph.example/v1.0/" }

func (s *service) Do(ctx context.Context, r graph.Request, seen func(graph.Answer)) (graph.Answer, error) {
	s.mu.Lock()
	s.clash = s.clash || s.busy[r.Writes()]
	s.busy[r.Writes()] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.busy, r.Writes())
	}()
	status, message := s.serve(r)
	time.Sleep(s.takes)
	client, err := graph.New(s.Root(), canned{status, `{"error":{"code":"Request_BadRequest","message":"` + message + `"}}`})
	if err != nil {
		return graph.Answer{}, err
	}
	a, err := client.Send(ctx, r)
	if err == nil && seen != nil {
		seen(a)
	}
	return a, err
}

func (s *service) serve(r graph.Request) (int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	var body struct {
		ID   string   `json:"@odata.id"`
		Bind []string `json:"members@odata.bind"`
	}
	if err := json.Unmarshal(r.Shown(), &body); err != nil {
		return 400, err.Error()
	}
	if body.ID != "" {
		body.Bind = []string{body.ID}
	}
	group := strings.Split(r.Path(), "/")[1]
	twice := map[string]bool{}
	for _, link := range body.Bind {
		id := link[strings.LastIndex(link, "/")+1:]
		switch {
		case twice[id] || len(body.Bind) > 20:
			return 400, "The references can only be present once as an add/remove change"
		case s.late[id] > 0:
			s.late[id]--
			return 404, "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present."
		case s.unknown[id]:
			return 404, "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present."
		case s.refused[id]:
			return 400, "Unsupported type"
		case s.members[group+" "+id]:
			return 400, "One or more added object references already exist for the following modified properties: 'members'."
		}
		twice[id] = true
	}
	for _, link := range body.Bind {
		s.members[group+" "+link[strings.LastIndex(link, "/")+1:]] = true
	}
	return 204, ""
}

type canned struct {
	status int
	body   string
}

func (c canned) Do(req *http.Request) (*http.Response, error) {
	body := c.body
	if c.status == 204 {
		body = ""
	}
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Request: req, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// brisk is a clock that waits a thousandth of the time.
type brisk struct{}

func (brisk) Now() time.Time { return time.Now() }

func (brisk) Sleep(ctx context.Context, d time.Duration) error {
	return clock.System.Sleep(ctx, d/1000)
}

func id(kind byte, n int) string {
	return fmt.Sprintf("%s-0000-0000-0000-%012d", strings.Repeat(string(kind), 8), n)
}

type asked struct{ group, member string }

// add adds members and returns the results.
func add(t interface {
	Fatal(...any)
	Helper()
}, c clock.Clock, s *service, all []asked,
) []member.Result {
	t.Helper()
	s.busy = map[string]bool{}
	ctx, cancel := context.WithCancel(context.Background())
	p := member.New(s, c, func(string, string) time.Duration { return 3 * time.Second })
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	results := make([]member.Result, len(all))
	var open sync.WaitGroup
	open.Add(len(all))
	for i, a := range all {
		if time.Sleep(s.pause); s.every > 0 && i%s.every == 0 {
			time.Sleep(s.lull)
		}
		p.Add(&member.Addition{
			Group: a.group, Member: a.member, Seen: func(graph.Request, graph.Answer) {},
			Done: func(r member.Result) {
				results[i] = r
				open.Done()
			},
		})
	}
	p.Flush()
	open.Wait()
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return results
}

// Whatever is bad about some additions, the others are carried out, and each has its own result.
func TestEachAdditionHasItsResult(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &service{members: map[string]bool{}, unknown: map[string]bool{}, late: map[string]int{}, refused: map[string]bool{}}
		var all []asked
		for range rapid.IntRange(1, 120).Draw(t, "additions") {
			all = append(all, asked{id('c', rapid.IntRange(0, 3).Draw(t, "group")), id('a', rapid.IntRange(0, 60).Draw(t, "member"))})
		}
		for n := range 61 {
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				s.unknown[id('a', n)] = true
			case 1:
				s.refused[id('a', n)] = true
			case 2:
				s.late[id('a', n)] = 2
			case 3:
				s.members[id('c', 0)+" "+id('a', n)] = true
			}
		}
		there := map[asked]bool{}
		for link := range s.members {
			group, member, _ := strings.Cut(link, " ")
			there[asked{group, member}] = true
		}
		results := add(t, brisk{}, s, all)
		added := map[asked]int{}
		for i, a := range all {
			r := results[i]
			bad := s.unknown[a.member] || s.refused[a.member]
			if (r.Failure != nil) != bad {
				t.Fatalf("%v: %v", a, r.Failure)
			}
			if !bad && !r.Already {
				added[a]++
			}
			if !bad && !s.members[a.group+" "+a.member] {
				t.Fatalf("%v was not added", a)
			}
			if s.unknown[a.member] && !fault.Is(r.Failure, fault.NotFound) {
				t.Fatalf("%v: %v", a, r.Failure)
			}
		}
		for a, n := range added {
			if n > 1 || there[a] {
				t.Fatalf("%v counts as added %d times", a, n)
			}
		}
		if s.clash {
			t.Fatal("a group was written to side by side")
		}
	})
}

// Additions that come while others are served wait for company: only full requests go out, and what is
// left at the end.
func TestFewRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		s    *service
		adds func(n int) asked
		n    int
		most int
	}{
		"all at once":  {&service{}, func(n int) asked { return asked{id('c', n%10), id('a', n)} }, 400, 20},
		"one too many": {&service{}, func(n int) asked { return asked{id('c', n/21), id('a', n)} }, 84, 8},
		"one by one":   {&service{takes: 50 * time.Millisecond, pause: 2 * time.Millisecond}, func(n int) asked { return asked{id('c', n/40), id('a', n)} }, 400, 20},
		"lulls":        {&service{takes: 100 * time.Millisecond, every: 30, lull: 60 * time.Millisecond}, func(n int) asked { return asked{id('c', n/20), id('a', n)} }, 400, 20},
		"one unknown":  {&service{unknown: map[string]bool{id('a', 7): true}}, func(n int) asked { return asked{id('c', 0), id('a', n)} }, 20, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.s.members = map[string]bool{}
				var all []asked
				for n := range tc.n {
					all = append(all, tc.adds(n))
				}
				add(t, clock.System, tc.s, all)
				if tc.s.requests > tc.most {
					t.Errorf("%d additions took %d requests", tc.n, tc.s.requests)
				}
			})
		})
	}
}

// An addition that is alone does not wait for ever for others to its group, however many come to other
// groups.
func TestNothingWaitsForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{members: map[string]bool{}, busy: map[string]bool{}}
		p := member.New(s, clock.System, func(string, string) time.Duration { return 0 })
		ended := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer close(ended)
			_ = p.Run(ctx) // which only ends by cancel
		}()
		began, alone := time.Now(), time.Time{}
		give := func(group, target string, done func()) {
			p.Add(&member.Addition{Group: group, Member: target, Seen: func(graph.Request, graph.Answer) {}, Done: func(member.Result) { done() }})
		}
		give(id('c', 0), id('a', 0), func() { alone = time.Now() })
		for n := range 1000 {
			time.Sleep(5 * time.Millisecond)
			give(id('c', 1+n/20), id('a', n), func() {})
		}
		if alone.IsZero() || alone.Sub(began) > 2*time.Second {
			t.Errorf("it went out at %v, and the others began to come at %v", alone, began)
		}
		cancel()
		<-ended
	})
}
