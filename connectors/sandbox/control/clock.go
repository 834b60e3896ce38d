package control

import (
	"sync/atomic"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/faults"
)

// Clock is a clock that can be put wrong. It may be used by many goroutines.
type Clock struct {
	now    func() time.Time
	offset atomic.Int64
}

// NewClock makes a clock that is right, by the time that now tells.
func NewClock(now func() time.Time) *Clock { return &Clock{now: now} }

// Now is the time by this clock.
func (c *Clock) Now() time.Time { return c.now().Add(time.Duration(c.offset.Load())) }

// ClockSettings say how wrong a clock is.
type ClockSettings struct {
	// Offset is how far it is ahead, such as "1h" or "-90s".
	Offset faults.Duration `json:"offset"`
}

// Settings returns how wrong the clock is.
func (c *Clock) Settings() ClockSettings { return ClockSettings{faults.Duration(c.offset.Load())} }

// Set puts the clock wrong, or right. It has no error.
func (c *Clock) Set(s ClockSettings) error {
	c.offset.Store(int64(s.Offset))
	return nil
}
