package fulfill

import (
	"sync"
	"time"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// interval is the least time between two snapshots.
const interval = 250 * time.Millisecond

// tracker collects figures of a run.
type tracker struct {
	clock   clock.Clock
	started time.Time
	tell    func(Snapshot) // may be nil

	mu        sync.Mutex
	state     Snapshot
	unchanged uint64
	before    sdk.OrderProgress // of the calls that have ended
	current   sdk.OrderProgress
	waits     time.Time // until when the connector said that nothing will come
	last      time.Time // of the last snapshot
}

func newTracker(o Options, started time.Time, pending uint64) *tracker {
	return &tracker{clock: o.Clock, started: started, tell: o.Progress, state: Snapshot{Pending: pending}}
}

// ended counts the orders that have ended.
func (t *tracker) ended() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state.Executed + t.state.Errored
}

// refused notes orders that failed without a connector.
func (t *tracker) refused(n int) {
	t.update(func() {
		t.state.Errored += uint64(n)
		t.state.Pending -= min(uint64(n), t.state.Pending)
	})
}

// handed notes that an order went to the connector.
func (t *tracker) handed() { t.update(func() { t.state.UnderWay++ }) }

// done notes results.
func (t *tracker) done(all []journal.Finished) {
	t.update(func() {
		for _, f := range all {
			if f.Result.State == order.Executed {
				t.state.Executed++
			} else {
				t.state.Errored++
			}
			if f.Result.Unchanged {
				t.unchanged++
			}
		}
		n := uint64(len(all))
		t.state.UnderWay -= min(n, t.state.UnderWay)
		t.state.Pending -= min(n, t.state.Pending) // more may have arrived
	})
}

// progress notes what a connector says.
func (t *tracker) progress(p sdk.OrderProgress) {
	t.update(func() {
		t.current = p
		t.state.Reason = p.Reason
		t.waits = t.clock.Now().Add(time.Duration(p.WaitingMS) * time.Millisecond)
	})
}

// callEnded begins to count anew what a connector counts by call.
func (t *tracker) callEnded() {
	t.update(func() {
		t.before.Requests += t.current.Requests
		t.before.Writes += t.current.Writes
		t.before.ThrottledMS += t.current.ThrottledMS
		t.current = sdk.OrderProgress{}
		t.state.UnderWay = 0
	})
}

// update changes the figures and tells them if it is time.
func (t *tracker) update(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
	if now := t.clock.Now(); t.tell != nil && now.Sub(t.last) >= interval {
		t.last = now
		t.tell(t.snapshot(now))
	}
}

func (t *tracker) snapshot(now time.Time) Snapshot {
	s := t.state
	s.Elapsed = now.Sub(t.started)
	s.Requests = t.before.Requests + t.current.Requests
	s.Writes = t.before.Writes + t.current.Writes
	s.Throttled = time.Duration(t.before.ThrottledMS+t.current.ThrottledMS) * time.Millisecond
	if s.Waiting = t.waits.Sub(now); s.Waiting <= 0 {
		s.Waiting, s.Reason = 0, ""
	}
	return s
}

// fill puts the figures into a report, and tells them a last time.
func (t *tracker) fill(r *Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.snapshot(t.clock.Now())
	r.Executed, r.Errored, r.Unchanged = s.Executed, s.Errored, t.unchanged
	r.Requests, r.Writes, r.Throttled = s.Requests, s.Writes, s.Throttled
	if t.tell != nil {
		t.tell(s)
	}
}
