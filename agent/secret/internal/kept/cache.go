// Package kept remembers what a source of secrets has answered: one load of the settings asks for
// each name once, and a source that fails later leaves its last good answers.
package kept

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// parallel is how many names are asked for at a time.
const parallel = 8

// A Cache holds answers by name, in any case. It is safe for use by several goroutines; those
// that come together wait for each other.
type Cache[V any] struct {
	load    atomic.Int64
	turn    chan struct{} // holds one item while somebody uses what follows, which takes as long as the source
	answers map[string]answer[V]
}

// New makes an empty Cache.
func New[V any]() *Cache[V] {
	return &Cache[V]{turn: make(chan struct{}, 1), answers: map[string]answer[V]{}}
}

// An answer is what the source last said of a name.
type answer[V any] struct {
	value V
	found bool
	load  int64 // in which it was asked last, whether it answered or not
}

// An Ask gets one value. Found is false for a name that the source does not have.
type Ask[V any] func(ctx context.Context, name string) (value V, found bool, err error)

// Get returns the values of the names that the source has. It asks for those alone that were
// not asked for since the last [Cache.Refresh].
//
// A name that cannot be had now keeps its last answer, and a warning says so; one that was never
// had is an error. Those of several names are joined, in order of the names and each reason once. When
// the source as a whole is down, it is not asked for the rest. The error of ctx stands alone.
func (c *Cache[V]) Get(ctx context.Context, names []string, ask Ask[V]) (values map[string]V, warnings []error, err error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	load := c.load.Load()
	failures := c.fetch(ctx, c.missing(names, load), load, ask)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	warnings, err = c.judge(names, failures, load)
	if err != nil {
		return nil, nil, err
	}
	values = make(map[string]V)
	for _, name := range names {
		if a := c.answers[strings.ToLower(name)]; a.found {
			values[name] = a.value
		}
	}
	return values, warnings, nil
}

// Refresh begins a new load: each name is asked for once more. It does not wait for a Get.
func (c *Cache[V]) Refresh() { c.load.Add(1) }

// missing returns the names not asked for in this load, each once.
func (c *Cache[V]) missing(names []string, load int64) []string {
	var missing []string
	seen := map[string]bool{}
	for _, name := range names {
		key := strings.ToLower(name)
		if a, ok := c.answers[key]; ok && a.load == load || seen[key] {
			continue
		}
		seen[key] = true
		missing = append(missing, name)
	}
	return missing
}

// fetch asks for names, notes the answers and returns the failures by name.
func (c *Cache[V]) fetch(ctx context.Context, names []string, load int64, ask Ask[V]) map[string]error {
	var mu sync.Mutex // of what follows and of c.answers
	var down error
	failures := map[string]error{}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, name := range names {
		group.Go(func() error {
			value, found, err := ask(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				c.answers[strings.ToLower(name)] = answer[V]{value, found, load}
			case down != nil:
				failures[name] = down // this one was broken off for it
			case OfSource(err):
				down = err
				cancel()
				fallthrough
			default:
				failures[name] = err
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in failures
	return failures
}

// OfSource reports whether err is about the source as a whole, so that all other names will fail as well.
func OfSource(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Unavailable, fault.Throttled, fault.Unauthorized:
		return true
	}
	return false
}

// judge makes warnings, one for each reason, of the failures of names that had an answer
// before, and an error of the others.
func (c *Cache[V]) judge(names []string, failures map[string]error, load int64) (warnings []error, err error) {
	kept := map[string][]string{} // names with a value, by the text of the reason
	var reasons, fatal []error
	told := map[string]bool{} // texts of fatal
	for _, name := range names {
		failure, failed := failures[name]
		if !failed {
			continue
		}
		last, had := c.answers[strings.ToLower(name)]
		if !had {
			if !told[failure.Error()] {
				fatal = append(fatal, failure)
			}
			told[failure.Error()] = true
			continue
		}
		last.load = load
		c.answers[strings.ToLower(name)] = last
		text := failure.Error()
		if _, known := kept[text]; !known {
			kept[text] = nil
			reasons = append(reasons, failure)
		}
		if last.found {
			kept[text] = append(kept[text], name)
		}
	}
	if len(fatal) > 0 {
		return nil, errors.Join(fatal...)
	}
	for _, reason := range reasons {
		warnings = append(warnings, warning(reason, kept[reason.Error()]))
	}
	return warnings, nil
}

// warning tells why the values of names may be old.
func warning(reason error, names []string) error {
	if len(names) == 0 {
		return reason
	}
	who := names[0]
	if len(names) > 1 {
		who += " and " + strconv.Itoa(len(names)-1) + " more"
	}
	w := &fault.Error{Code: fault.CodeOf(reason), Message: "the last known value of " + who + " is used", Err: reason}
	if f := fault.Of(reason); f != nil {
		w.Hint, w.Setting = f.Hint, f.Setting
	}
	return w
}
