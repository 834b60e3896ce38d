package member

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// The pause before an object that is missing is tried again; it doubles.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 10 * time.Second
)

type work struct {
	*Packer
	workers *errgroup.Group
}

// tried is what is known of the parts of a request that was split.
type tried struct {
	done   bool // one of them went well
	denied int  // single additions that the application may not make
}

// hopeless reports whether what was denied to two of two is denied to all: the
// permission is missing, and not for one kind of member alone.
func (t *tried) hopeless() bool { return !t.done && t.denied >= 2 }

// add adds members to a group. An error says that nothing more can be sent at all.
func (w *work) add(ctx context.Context, group string, adds []*Addition) error {
	return w.part(ctx, group, adds, &tried{})
}

// part adds some of the members of a request.
func (w *work) part(ctx context.Context, group string, adds []*Addition, t *tried) error {
	answer, err := w.send(ctx, group, adds)
	if err != nil {
		return err
	}
	v := verdict.Of(answer)
	if v == verdict.Denied && len(adds) == 1 {
		t.denied++
	}
	switch {
	case v == verdict.Done:
		t.done = true
		finish(adds, Result{})
	case v == verdict.Already && len(adds) == 1:
		finish(adds, Result{Already: true})
	case v == verdict.Missing && (len(adds) == 1 || verdict.MissingID(answer) == strings.ToLower(group)):
		w.later(ctx, adds, verdict.Failure(answer))
	case len(adds) == 1, verdict.IsWhole(answer), v == verdict.Denied && t.hopeless():
		finish(adds, Result{Failure: verdict.Failure(answer)})
	default:
		for _, part := range split(adds, verdict.MissingID(answer)) {
			if err := w.part(ctx, group, part, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// split makes two parts: the addition that a refusal names and the others, or else halves.
func split(adds []*Addition, named string) [][]*Addition {
	if i := slices.IndexFunc(adds, func(a *Addition) bool { return strings.EqualFold(a.Member, named) }); i >= 0 {
		return [][]*Addition{adds[i : i+1], slices.Concat(adds[:i], adds[i+1:])}
	}
	half := len(adds) / 2
	return [][]*Addition{adds[:half], adds[half:]}
}

func finish(adds []*Addition, r Result) {
	for _, a := range adds {
		if r.Failure != nil {
			told := *r.Failure
			a.Done(Result{Failure: &told})
			continue
		}
		a.Done(r)
	}
}

// later puts additions aside for a while, as long as there is patience.
func (w *work) later(ctx context.Context, adds []*Addition, failure *fault.Error) {
	for _, a := range adds {
		if a.pause == 0 {
			a.pause, a.left = firstPause, w.bound(a.Group, a.Member)
		}
		if a.left <= 0 {
			finish([]*Addition{a}, Result{Failure: failure})
			continue
		}
		pause := min(a.pause, a.left, lastPause)
		a.left -= pause
		a.pause *= 2
		w.workers.Go(func() error {
			if err := w.clock.Sleep(ctx, pause); err != nil {
				return err
			}
			w.Add(a)
			return nil
		})
	}
}

// send sends the request for additions, and tells each of them of the answer.
func (w *work) send(ctx context.Context, group string, adds []*Addition) (graph.Answer, error) {
	members := make([]string, len(adds))
	for i, a := range adds {
		members[i] = a.Member
	}
	return w.graph.Do(ctx, w.request(group, members), func(answer graph.Answer) {
		for _, a := range adds {
			own := w.request(group, []string{a.Member})
			if len(adds) > 1 {
				own = w.bind(group, []string{a.Member})
			}
			a.Seen(own, answer)
		}
	})
}

func (w *work) request(group string, members []string) graph.Request {
	if len(members) == 1 {
		return graph.Link{From: graph.Object{Set: "groups", ID: group}, Navigation: "members", Target: members[0]}.Add(w.graph.Root())
	}
	return w.bind(group, members)
}

func (w *work) bind(group string, members []string) graph.Request {
	return graph.Bind(w.graph.Root(), graph.Object{Set: "groups", ID: group}, "members", members)
}
