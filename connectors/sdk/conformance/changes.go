package conformance

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// newChanges makes an object and orders that change it.
func (s *suite) newChanges(t *testing.T) []sdk.Order {
	t.Helper()
	creation := s.newOrders(1)[0]
	id := s.mustFulfill(t, creation).outcomes[creation.ID].ObjectID
	orders := s.Changes(id)
	for i := range orders {
		orders[i].ID = fmt.Sprintf("%s, change %d", creation.ID, i+1)
	}
	return orders
}

// changes: orders about one object, each handed over when the one before is done, do what they
// say; none takes what another has just written for something that was so already.
func (s *suite) changes(t *testing.T) {
	orders := s.newChanges(t)
	results := newOutcomes()
	next := make(chan struct{}, len(orders)+1)
	next <- struct{}{}
	results.onDone = func() { next <- struct{}{} }
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // of a connector that waits for ever
	defer cancel()
	if err := s.client.Fulfill(ctx, s.Connection, &source{orders: orders, next: next}, results); err != nil {
		t.Fatal(err)
	}
	results.all(t, orders)
	for _, o := range orders {
		changed(t, o, results.outcomes[o.ID])
	}
}

// changesAgain: what is so already is no failure.
func (s *suite) changesAgain(t *testing.T) {
	for _, o := range s.newChanges(t) {
		changed(t, o, s.mustFulfill(t, o).outcomes[o.ID])
		o.ID += ", again"
		good(t, s.mustFulfill(t, o).outcomes[o.ID])
	}
}

// uncertainChanges: an order of which an earlier attempt may have been carried out ends well if it
// was, and is carried out if it was not.
func (s *suite) uncertainChanges(t *testing.T) {
	doubt := func(o sdk.Order) sdk.Order {
		o.Uncertain, o.FirstAttempt = true, clock.System.Now()
		return o
	}
	for _, o := range s.newChanges(t) {
		changed(t, o, s.mustFulfill(t, o).outcomes[o.ID])
		good(t, s.mustFulfill(t, doubt(o)).outcomes[o.ID])
	}
	for _, o := range s.newChanges(t) {
		before := s.Writes()
		good(t, s.mustFulfill(t, doubt(o)).outcomes[o.ID])
		if s.Writes() == before {
			t.Errorf("the order %s (%s), in doubt, has written nothing", o.ID, describe(o))
		}
	}
}

func changed(t *testing.T, o sdk.Order, outcome sdk.Outcome) {
	t.Helper()
	good(t, outcome)
	if outcome.Failure == nil && outcome.Unchanged {
		t.Errorf("the order %s (%s) says that it was so already", o.ID, describe(o))
	}
}

// describe names what an order does.
func describe(o sdk.Order) string {
	words := []string{string(o.Operation)}
	for _, a := range o.Attributes {
		words = append(words, a.Path)
	}
	for _, l := range o.Links {
		words = append(words, fmt.Sprintf("%s +%d -%d", l.Navigation, len(l.Add), len(l.Remove)))
	}
	return strings.Join(words, " ")
}
