package change

import (
	"context"
	"strings"
	"sync"
)

// claims see to it that no two orders of a call take one object for their own, where objects
// may be alike. They are made by newClaims.
type claims struct {
	mu    sync.Mutex
	taken map[string]bool          // ids
	busy  map[string]chan struct{} // by what the objects have alike; closed when its order is done
}

func newClaims() *claims {
	return &claims{taken: map[string]bool{}, busy: map[string]chan struct{}{}}
}

// take notes that an object is an order's own, and reports whether it was nobody's before.
func (c *claims) take(id string) bool {
	id = strings.ToLower(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken[id] {
		return false
	}
	c.taken[id] = true
	return true
}

// enter waits until no other order makes an object of that name: while an answer is under way, nobody
// knows whose an object is. Leave ends that. The error is that of ctx.
func (c *claims) enter(ctx context.Context, name string) (leave func(), err error) {
	name = strings.ToLower(name)
	for {
		c.mu.Lock()
		busy := c.busy[name]
		if busy == nil {
			mine := make(chan struct{})
			c.busy[name] = mine
			c.mu.Unlock()
			return func() { c.leave(name, mine) }, nil
		}
		c.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *claims) leave(name string, mine chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, name)
	close(mine)
}
