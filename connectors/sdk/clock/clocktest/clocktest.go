// Package clocktest has a clock for tests.
package clocktest

import (
	"context"
	"sync"
	"time"
)

// Still is a clock that stands still until somebody sleeps: then the time has passed at once. The zero
// value stands at the zero time. It is safe for use by several goroutines.
type Still struct {
	// Slept, if set, is called after each Sleep. Set it while nobody sleeps.
	Slept func()

	mu  sync.Mutex
	now time.Time
}

// At is a clock that stands at a time.
func At(now time.Time) *Still { return &Still{now: now} }

// Now is the time at which it stands.
func (s *Still) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Sleep moves the clock on. Its error is that of ctx.
func (s *Still) Sleep(ctx context.Context, d time.Duration) error {
	s.Forward(d)
	if s.Slept != nil {
		s.Slept()
	}
	return ctx.Err()
}

// Forward moves the clock on without a Sleep.
func (s *Still) Forward(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}
