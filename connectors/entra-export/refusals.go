package main

import (
	"sync"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// refusals collects which collections Graph does not let the application read, so
// that one run tells all permissions that are missing. Graph tells that with the first
// page; so as soon as each collection has its first page or a refusal, the export
// can end.
type refusals struct {
	mu      sync.Mutex
	open    int            // how many collections have neither
	settled []bool         // by collection
	refused []*fault.Error // by collection
}

func newRefusals(collections int) *refusals {
	return &refusals{open: collections, settled: make([]bool, collections), refused: make([]*fault.Error, collections)}
}

// page notes that a page of a collection has come. Its error ends the export.
func (r *refusals) page(collection int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.settle(collection)
}

// end takes the error that a collection ended with, and returns the one with which
// the export is to end: none for a refusal while others may follow.
func (r *refusals) end(collection int, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.settled[collection] || !fault.Is(err, fault.Forbidden) {
		return err
	}
	r.refused[collection] = fault.Of(err)
	return r.settle(collection)
}

func (r *refusals) settle(collection int) error {
	if r.settled[collection] {
		return nil
	}
	r.settled[collection] = true
	if r.open--; r.open > 0 {
		return nil
	}
	return r.join()
}

// err makes one error of all refusals, or nil if there are none.
func (r *refusals) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.join()
}

func (r *refusals) join() error {
	var refused []*fault.Error
	for _, f := range r.refused {
		if f != nil {
			refused = append(refused, f)
		}
	}
	switch len(refused) {
	case 0:
		return nil
	case 1:
		return refused[0]
	}
	all := fault.Errorf(fault.Forbidden, "Graph refuses %d of %d entities:", len(refused), len(r.refused)).
		WithHint("Grant the application the permissions named, and give admin consent")
	for _, f := range refused {
		all.Message += "\n- " + f.Error() + ". " + f.Hint
	}
	return all
}
