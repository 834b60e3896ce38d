package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph/governor"
	"github.com/usher-iga/usher/connectors/sdk"
)

// progress tells the agent how far an export is.
type progress struct {
	sink   sdk.Sink
	cancel context.CancelCauseFunc // ends the export

	mu     sync.Mutex // also keeps figures in order on their way
	stats  func() governor.Stats
	before governor.Stats // when the export began: calls share a governor
	pages  []uint64       // by collection
}

// count sets where the figures come from.
func (p *progress) count(stats func() governor.Stats) { p.stats, p.before = stats, stats() }

// page counts a page of a collection.
func (p *progress) page(collection int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[collection]++
	return p.send(0, "")
}

// wait tells of a wait that begins now, however short: the try before it may have
// hung for minutes, and each word keeps the agent from taking that for a dead
// connector. It has nobody to return an error to, so it ends the export with it.
func (p *progress) wait(d time.Duration, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.send(d, reason); err != nil {
		p.cancel(err)
	}
}

func (p *progress) send(waiting time.Duration, reason string) error {
	now := p.stats()
	return p.sink.Progress(sdk.Progress{
		Requests:      uint64(now.Requests - p.before.Requests),
		ResourceUnits: uint64(now.ResourceUnits - p.before.ResourceUnits),
		ThrottledMS:   uint64(max(0, now.Throttled-p.before.Throttled).Milliseconds()),
		WaitingMS:     uint64(waiting.Milliseconds()),
		Reason:        reason,
		Pages:         slices.Clone(p.pages),
	})
}
