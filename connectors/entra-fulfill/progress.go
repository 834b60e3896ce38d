package main

import (
	"context"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/governor"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// progress tells the agent how far a call is. It has nobody to return an error to, so
// it ends the call with it. The zero value tells nobody.
type progress struct {
	sink  sdk.OutcomeSink
	end   context.CancelCauseFunc
	clock clock.Clock

	mu     sync.Mutex // also keeps figures in order on their way
	stats  func() governor.Stats
	before governor.Stats // when the call began: calls share a governor
	sent   uint64         // requests, those in a batch by themselves
	writes uint64
	told   time.Time // when it was last told
}

// rest is how long a call may be silent while answers come.
const rest = 10 * time.Second

// count sets where the figures come from.
func (p *progress) count(stats func() governor.Stats) { p.stats, p.before = stats, stats() }

// answer counts a request. It tells of it about once a batch, or if it was silent for long.
func (p *progress) answer(r graph.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent++
	if !r.IsRead() {
		p.writes++
	}
	if p.sent%graph.MaxBatch == 1 || p.sink != nil && p.clock.Now().Sub(p.told) >= rest {
		p.send(0, "")
	}
}

// wait tells of a wait that begins now.
func (p *progress) wait(d time.Duration, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.send(d, reason)
}

// last tells the figures at the end, some of which may not have been told.
func (p *progress) last() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.send(0, "")
}

func (p *progress) send(waiting time.Duration, reason string) {
	if p.sink == nil {
		return
	}
	p.told = p.clock.Now()
	now := p.stats()
	err := p.sink.Progress(sdk.OrderProgress{
		Requests:    uint64(now.Requests - p.before.Requests),
		Writes:      p.writes,
		ThrottledMS: uint64(max(0, now.Throttled-p.before.Throttled).Milliseconds()),
		WaitingMS:   uint64(max(0, waiting).Milliseconds()),
		Reason:      reason,
	})
	if err != nil {
		p.end(err)
	}
}
