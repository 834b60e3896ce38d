package export

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// Phase is a part of a run.
type Phase string

// The phases, in order.
const (
	Reading    Phase = "export"  // rows come from the connector
	Merging    Phase = "merge"   // they are sorted and written to files
	Publishing Phase = "publish" // the files replace the old ones
)

// Snapshot tells how far a run is.
type Snapshot struct {
	Phase       Phase
	Elapsed     time.Duration // since the run started
	Remaining   time.Duration // of Reading, by the counts of the run before; 0: unknown
	Collections []Collection
	Rate        float64 // objects and links read a second

	Requests      uint64
	ResourceUnits uint64
	Throttled     time.Duration
	Waiting       time.Duration // nothing will come for this long from now on,
	Reason        string        // because of this
	Spooled       uint64        // bytes of temporary files

	Merged, ToMerge uint64 // rows, in Merging
}

// Collection tells how far one entity is.
type Collection struct {
	Entity   string
	Objects  uint64
	Links    uint64
	Pages    uint64
	Expected uint64 // objects and links of the run before; 0: unknown
	Ended    bool
}

const (
	// interval is the least time between two snapshots because of news.
	interval = 250 * time.Millisecond
	// heartbeat is the time between two snapshots that come without any.
	heartbeat = time.Second
)

// tracker collects figures and passes on snapshots without ever waiting for who
// takes them.
type tracker struct {
	clock   clock.Clock
	started time.Time
	spooled func() int64
	counts  []counts // by collection; read and written without mu
	merged  atomic.Uint64

	mu     sync.Mutex
	state  Snapshot
	waits  time.Time // until when the connector said that nothing will come
	last   time.Time // of the last snapshot
	read   time.Duration
	latest chan Snapshot // holds one; nil: nobody listens

	silence    context.CancelFunc // ends the heartbeat
	deliveries sync.WaitGroup
}

// counts of one collection, since its last beginning.
type counts struct{ objects, links atomic.Uint64 }

// newTracker starts to deliver snapshots; stop it.
func newTracker(p *plan, started time.Time, spooled func() int64, expected map[string]uint64) *tracker {
	t := &tracker{clock: p.Clock, started: started, spooled: spooled, silence: func() {},
		counts: make([]counts, len(p.Request.Collections)), state: Snapshot{Phase: Reading}}
	for _, c := range p.Request.Collections {
		t.state.Collections = append(t.state.Collections, Collection{Entity: c.Entity, Expected: expected[c.Entity]})
	}
	if p.Progress == nil {
		return t
	}
	latest := make(chan Snapshot, 1)
	t.latest = latest
	t.deliveries.Go(func() {
		for s := range latest {
			p.Progress(s)
		}
	})
	ctx, silence := context.WithCancel(context.Background()) // a cancelled run shows its end, too
	t.silence = silence
	t.deliveries.Go(func() { t.beat(ctx) })
	return t
}

// beat shows that time goes on while the connector waits or hangs.
func (t *tracker) beat(ctx context.Context) {
	for t.clock.Sleep(ctx, heartbeat) == nil {
		t.mu.Lock()
		t.emit(true)
		t.mu.Unlock()
	}
}

// stop delivers the last snapshot and returns when it has been taken.
func (t *tracker) stop() {
	t.mu.Lock()
	t.emit(true)
	if t.latest != nil {
		close(t.latest)
		t.latest = nil
	}
	t.mu.Unlock()
	t.silence()
	t.deliveries.Wait()
}

// update changes the figures and passes them on, if it is time.
func (t *tracker) update(change func(*Snapshot)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.state.Phase
	change(&t.state)
	t.emit(t.state.Phase != before)
}

// page takes what the connector tells.
func (t *tracker) page(p sdk.Progress) {
	t.update(func(s *Snapshot) {
		s.Requests, s.ResourceUnits = p.Requests, p.ResourceUnits
		s.Throttled = time.Duration(p.ThrottledMS) * time.Millisecond
		s.Reason = p.Reason
		t.waits = t.clock.Now().Add(time.Duration(p.WaitingMS) * time.Millisecond)
		for i := range min(len(p.Pages), len(s.Collections)) {
			s.Collections[i].Pages = p.Pages[i]
		}
	})
}

// snapshot returns the figures of this moment.
func (t *tracker) snapshot() Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.figures(t.clock.Now())
}

// mergedRows counts rows that are done; they are too many to look at the clock for
// each.
func (t *tracker) mergedRows(n uint64) {
	t.merged.Add(n)
	t.update(func(*Snapshot) {})
}

// figures returns the figures of this moment; mu is held.
func (t *tracker) figures(now time.Time) Snapshot {
	s := t.state
	s.Elapsed, s.Spooled, s.Merged = now.Sub(t.started), uint64(t.spooled()), t.merged.Load()
	if s.Phase == Reading {
		t.read = s.Elapsed
	}
	if s.Waiting = max(0, t.waits.Sub(now)); s.Waiting == 0 {
		s.Reason = ""
	}
	s.Collections = slices.Clone(s.Collections)
	rows := uint64(0)
	for i := range s.Collections {
		c := &s.Collections[i]
		c.Objects, c.Links = t.counts[i].objects.Load(), t.counts[i].links.Load()
		rows += c.Objects + c.Links
		if s.Phase == Reading {
			s.Remaining = max(s.Remaining, c.remaining(t.read))
		}
	}
	if t.read > 0 {
		s.Rate = float64(rows) / t.read.Seconds()
	}
	return s
}

// remaining estimates when a collection will have as many rows as in the run
// before. Collections are read side by side, so the slowest tells the time.
func (c *Collection) remaining(elapsed time.Duration) time.Duration {
	rows := c.Objects + c.Links
	if c.Ended || rows == 0 || rows >= c.Expected {
		return 0
	}
	return time.Duration(float64(elapsed) * float64(c.Expected-rows) / float64(rows))
}

// emit passes a snapshot on, in place of one that was not taken yet; mu is held.
func (t *tracker) emit(always bool) {
	if t.latest == nil {
		return
	}
	now := t.clock.Now()
	if !always && now.Sub(t.last) < interval {
		return
	}
	t.last = now
	select {
	case <-t.latest:
	default:
	}
	t.latest <- t.figures(now)
}
