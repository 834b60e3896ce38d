package batch

import (
	"context"
	"sync"
)

// lanes let those through one at a time that name the same object. The zero value is ready.
type lanes struct {
	mu   sync.Mutex
	busy map[string]*lane
}

type lane struct {
	turn  chan struct{} // holds one value while the lane is free
	users int
}

// enter waits for the lane of that name, which leave sets free. Without a name there is
// nothing to wait for. Its error is that of ctx.
func (l *lanes) enter(ctx context.Context, name string) (leave func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	l.mu.Lock()
	if l.busy == nil {
		l.busy = map[string]*lane{}
	}
	own := l.busy[name]
	if own == nil {
		own = &lane{turn: make(chan struct{}, 1)}
		own.turn <- struct{}{}
		l.busy[name] = own
	}
	own.users++
	l.mu.Unlock()

	select {
	case <-own.turn:
		return func() {
			own.turn <- struct{}{}
			l.done(name, own)
		}, nil
	case <-ctx.Done():
		l.done(name, own)
		return nil, ctx.Err()
	}
}

func (l *lanes) done(name string, own *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(l.busy, name)
	}
}
