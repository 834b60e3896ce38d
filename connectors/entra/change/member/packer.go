// Package member adds members to groups with as few requests as it takes: additions to
// one group are collected and go out up to 20 at a time. Such a request is carried out as a
// whole or not at all; where it is refused, it is split until the bad additions are found.
package member

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	// maxBound is how many members one request may add
	// (https://learn.microsoft.com/graph/api/group-post-members).
	maxBound = 20
	// quiet is how long nothing may have come before groups that are not full are served, and
	// quietBusy how long while others are: their ends may bring more.
	quiet     = 20 * time.Millisecond
	quietBusy = 5 * quiet
	// longest is how long an addition waits for company however much comes for other groups.
	longest = 50 * quiet
)

// Graph carries requests out; see batch.Batcher.
type Graph interface {
	Do(ctx context.Context, r graph.Request, seen func(graph.Answer)) (graph.Answer, error)
	Root() string // see graph.Client.Root
}

// An Addition asks for one member in one group, both by their ids.
type Addition struct {
	Group, Member string

	// Seen is told of each answer to a request that the addition was part of. The request
	// shows this addition alone.
	Seen func(graph.Request, graph.Answer)
	// Done is called once with the result, unless Run ends before.
	Done func(Result)

	pause time.Duration // the next one, while an object is missing
	left  time.Duration // what remains of the patience; set with the first pause
}

// Result is how an addition ended.
type Result struct {
	Failure *fault.Error // nil: the member is there
	Already bool         // it was before
}

// A Packer is made by [New] and works while Run runs.
type Packer struct {
	graph Graph
	clock clock.Clock
	bound func(group, member string) time.Duration

	mu      sync.Mutex
	groups  map[string]*group
	ready   []*group // to be served now
	serving int      // groups that are served, or will be
	arrived int
	wake    chan struct{} // holds a value if ready has some
	stirred chan struct{} // holds a value if something has arrived
}

// group is what waits for one group.
type group struct {
	id      string
	waiting []*Addition
	due     int  // how many of those go out although the request is not full
	busy    bool // is served, or will be
}

// New makes a Packer. Bound says how long to wait for an object that is missing: it may be
// too new to be seen everywhere.
func New(g Graph, c clock.Clock, bound func(group, member string) time.Duration) *Packer {
	return &Packer{
		graph: g, clock: c, bound: bound,
		groups: map[string]*group{}, wake: make(chan struct{}, 1), stirred: make(chan struct{}, 1),
	}
}

// Add takes an addition. It does not wait.
func (p *Packer) Add(a *Addition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.groups[a.Group]
	if g == nil {
		g = &group{id: a.Group}
		p.groups[a.Group] = g
	}
	g.waiting = append(g.waiting, a)
	p.arrived++
	if len(g.waiting) >= maxBound {
		p.serve(g)
	}
	poke(p.stirred)
}

// Flush serves all that waits, without waiting for more.
func (p *Packer) Flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.groups {
		g.due = len(g.waiting)
		p.serve(g)
	}
}

func (p *Packer) serve(g *group) {
	if !g.busy {
		g.busy = true
		p.serving++
		p.ready = append(p.ready, g)
		poke(p.wake)
	}
}

func poke(signal chan<- struct{}) {
	select {
	case signal <- struct{}{}:
	default: // it is there already
	}
}

// Run works until ctx ends, or until nothing more can be sent at all: that error it returns.
// It is called once.
func (p *Packer) Run(ctx context.Context) error {
	workers, ctx := errgroup.WithContext(ctx)
	workers.Go(func() error {
		p.flushWhenQuiet(ctx)
		return nil
	})
	for {
		select {
		case <-p.wake:
			for _, g := range p.take() {
				workers.Go(func() error { return p.work(ctx, workers, g) })
			}
		case <-ctx.Done():
			return workers.Wait()
		}
	}
}

func (p *Packer) take() []*group {
	p.mu.Lock()
	defer p.mu.Unlock()
	ready := p.ready
	p.ready = nil
	return ready
}

func (p *Packer) flushWhenQuiet(ctx context.Context) {
	for {
		select {
		case <-p.stirred:
		case <-ctx.Done():
			return
		}
		p.awaitQuiet(ctx)
		if ctx.Err() != nil {
			return
		}
		p.Flush()
	}
}

// awaitQuiet returns when nothing has come for a while, or when it is time anyway.
func (p *Packer) awaitQuiet(ctx context.Context) {
	seen, still := -1, time.Duration(0)
	for waited := time.Duration(0); waited < longest; waited += quiet {
		arrived, enough := p.state()
		if arrived != seen {
			seen, still = arrived, 0
		}
		if still >= enough || p.clock.Sleep(ctx, quiet) != nil {
			return
		}
		still += quiet
	}
}

// state is how many additions have arrived, and how long it must be quiet now.
func (p *Packer) state() (arrived int, enough time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.serving > 0 {
		return p.arrived, quietBusy
	}
	return p.arrived, quiet
}

// work serves a group as long as it is full or something is due.
func (p *Packer) work(ctx context.Context, workers *errgroup.Group, g *group) error {
	for {
		adds := p.next(g)
		if len(adds) == 0 {
			return nil
		}
		if err := (&work{p, workers}).add(ctx, g.id, adds); err != nil {
			return err
		}
	}
}

// next takes what goes into one request: each member once, or Graph would refuse it. With nothing
// to take the group is left until more comes or it is due.
func (p *Packer) next(g *group) (adds []*Addition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(g.waiting) < maxBound && g.due == 0 {
		g.busy = false
		p.serving--
		if len(g.waiting) == 0 {
			delete(p.groups, g.id)
		}
		return nil
	}
	var rest []*Addition
	for _, a := range g.waiting {
		if len(adds) == maxBound || slices.ContainsFunc(adds, func(b *Addition) bool { return b.Member == a.Member }) {
			rest = append(rest, a)
		} else {
			adds = append(adds, a)
		}
	}
	g.waiting, g.due = rest, max(0, g.due-len(adds))
	return adds
}
