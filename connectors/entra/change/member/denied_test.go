package member_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/change/member"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// guarded is a Graph that lets only some be added, and refuses what has others among them.
type guarded struct {
	denied string // the first characters of their ids
	status int

	mu       sync.Mutex
	requests int
}

func (*guarded) Root() string { return "https://graph.example/v1.0/" }

func (g *guarded) Do(ctx context.Context, r graph.Request, seen func(graph.Answer)) (graph.Answer, error) {
	g.mu.Lock()
	g.requests++
	g.mu.Unlock()
	reply := canned{204, ""}
	if strings.Contains(string(r.Shown()), "directoryObjects/"+g.denied) {
		reply = canned{g.status, `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}`}
	}
	client, err := graph.New(g.Root(), reply)
	if err != nil {
		return graph.Answer{}, err
	}
	a, err := client.Send(ctx, r)
	if err == nil {
		seen(a)
	}
	return a, err
}

// A device that the application may not add does not keep the users away that come with it; but if it
// may add nobody, it does not ask for each.
func TestMembersThatAreDenied(t *testing.T) {
	for name, tc := range map[string]struct {
		denied           string
		status           int
		failed, requests int // at most so many
	}{
		"one device":     {"dddddddd", 403, 1, 11},
		"all":            {"", 403, 20, 10},
		"nobody answers": {"", 504, 20, 1},
	} {
		g := &guarded{denied: tc.denied, status: tc.status}
		var all []asked
		for n := range 19 {
			all = append(all, asked{id('c', 1), id('a', n)})
		}
		all = append(all, asked{id('c', 1), id('d', 0)})
		results := make([]member.Result, len(all))
		ctx, cancel := context.WithCancel(t.Context())
		p := member.New(g, brisk{}, func(string, string) time.Duration { return 0 })
		var open, running sync.WaitGroup
		open.Add(len(all))
		for i, a := range all {
			p.Add(&member.Addition{
				Group: a.group, Member: a.member, Seen: func(graph.Request, graph.Answer) {},
				Done: func(r member.Result) {
					results[i] = r
					open.Done()
				},
			})
		}
		running.Go(func() { _ = p.Run(ctx) }) // it ends with ctx
		open.Wait()
		cancel()
		running.Wait()
		failed := 0
		for _, r := range results {
			if r.Failure != nil {
				failed++
			}
		}
		if failed != tc.failed || g.requests > tc.requests || tc.failed == 1 && !fault.Is(results[19].Failure, fault.Forbidden) {
			t.Errorf("%s: %d of 20 failed after %d requests", name, failed, g.requests)
		}
	}
}
