// Package replica delays what readers see of a tenant's changes, as a
// directory does that answers from copies of itself.
package replica

import (
	"sync"
	"time"
)

// Lag is how long a change stays hidden. Both parts must have passed.
type Lag struct {
	// Time is how long after the change.
	Time time.Duration
	// DeltaCalls is after how many further delta requests.
	DeltaCalls int
}

// Replica knows which version of a tenant readers see. It may be used by many
// goroutines.
type Replica struct {
	now func() time.Time
	lag func() Lag

	mu      sync.Mutex
	calls   int
	visible uint64
	hidden  []commit // in rising order
}

// commit is a version that readers may not see yet.
type commit struct {
	version uint64
	at      time.Time
	calls   int
}

// New makes a replica of a tenant at version 0. lag is asked each time, so that
// it can change; a change that was seen is never hidden again.
func New(now func() time.Time, lag func() Lag) *Replica {
	return &Replica{now: now, lag: lag}
}

// Committed tells that the tenant has reached a version.
func (r *Replica) Committed(version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hidden = append(r.hidden, commit{version, r.now(), r.calls})
}

// Visible is the version that readers see. deltaCall says that it is asked for
// a delta request.
func (r *Replica) Visible(deltaCall bool) uint64 {
	lag, now := r.lag(), r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.hidden) > 0 {
		c := r.hidden[0]
		if now.Sub(c.at) < lag.Time || r.calls-c.calls < lag.DeltaCalls {
			break
		}
		r.visible, r.hidden = max(r.visible, c.version), r.hidden[1:]
	}
	if deltaCall {
		r.calls++
	}
	return r.visible
}
