package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// manyOrders are more than most connectors handle at a time.
const manyOrders = 30

// writesNothing fails the test if anything is written until its end.
func (s *suite) writesNothing(t *testing.T) {
	t.Helper()
	if s.Writes == nil {
		return // of an Actor that cannot write
	}
	before := s.Writes()
	t.Cleanup(func() {
		if after := s.Writes(); after != before {
			t.Errorf("%d writes reached the system", after-before)
		}
	})
}

// newOrders makes orders that were never there.
func (s *suite) newOrders(n int) (orders []sdk.Order) {
	for range n {
		orders = append(orders, s.Order(s.orders))
		s.orders++
	}
	return orders
}

// wrongOrders are orders that can never be carried out, by what is wrong.
func (s *suite) wrongOrders() map[string]sdk.Order {
	entity, attribute, operation := s.newOrders(1)[0], s.newOrders(1)[0], s.newOrders(1)[0]
	entity.Entity = wrongName
	attribute.Attributes = append(attribute.Attributes, sdk.OrderAttribute{Path: wrongName, Value: json.RawMessage(`"x"`)})
	operation.Operation = sdk.Update // of an object that has no key
	return map[string]sdk.Order{"an unknown entity": entity, "an unknown attribute": attribute, "an update without a key": operation}
}

// examine: good orders have no problem; each wrong one has a problem that names it and
// says what is wrong. Nothing is written.
func (s *suite) examine(t *testing.T) {
	s.writesNothing(t)
	if problems, err := s.client.Examine(t.Context(), s.newOrders(manyOrders)); err != nil || len(problems) > 0 {
		t.Errorf("good orders have problems: %+v, %v", problems, err)
	}
	for what, order := range s.wrongOrders() {
		problems, err := s.client.Examine(t.Context(), []sdk.Order{s.newOrders(1)[0], order})
		if err != nil || len(problems) == 0 {
			t.Errorf("%s is no problem (%v)", what, err)
		}
		for _, p := range problems {
			if p.Order != order.ID || p.Message == "" {
				t.Errorf("%s: the problem does not name its order, or says nothing: %+v", what, p)
			}
		}
	}
}

// preview: each order is told of once, wrong ones as failures, and nothing is written.
func (s *suite) preview(t *testing.T) {
	s.writesNothing(t)
	orders := s.newOrders(manyOrders)
	wrong := map[string]bool{}
	for _, order := range s.wrongOrders() {
		wrong[order.ID] = true
		orders = append(orders, order)
	}
	seen := map[string]bool{}
	err := s.client.Preview(t.Context(), s.Connection, orders, func(p sdk.Preview) error {
		if seen[p.Order] {
			t.Errorf("the order %s is told of twice", p.Order)
		}
		seen[p.Order] = true
		switch {
		case (p.Failure != nil) != wrong[p.Order]:
			t.Errorf("the order %s has the failure %v", p.Order, p.Failure)
		case p.Failure == nil && (p.Unchanged || len(p.Changes) == 0):
			t.Errorf("the order %s would change nothing", p.Order)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, o := range orders {
		if !seen[o.ID] {
			t.Errorf("nothing is told of the order %s", o.ID)
		}
	}
}

// resolve: a natural key leads to the id of the object that has it, that of nothing and one that is
// none lead nowhere, and each is answered in its place. Nothing is written.
func (s *suite) resolve(t *testing.T) {
	orders := s.newOrders(3)
	made := s.mustFulfill(t, orders...).outcomes
	s.writesNothing(t)
	var objects []sdk.NamedObject
	var want []string
	ask := func(entity, attribute, value, id string) {
		objects = append(objects, sdk.NamedObject{Entity: entity, Key: sdk.ObjectKey{Attribute: attribute, Value: value}})
		want = append(want, id)
	}
	ask(orders[0].Entity, wrongName, wrongName, "")
	ask(wrongName, wrongName, wrongName, "")
	for _, o := range orders {
		i := slices.IndexFunc(o.Attributes, func(a sdk.OrderAttribute) bool { return a.Path == s.NaturalKey })
		if i < 0 {
			continue
		}
		var value string
		if err := json.Unmarshal(o.Attributes[i].Value, &value); err != nil {
			t.Fatalf("the natural key %s of order %s is no text: %v", s.NaturalKey, o.ID, err)
		}
		ask(o.Entity, s.NaturalKey, value, made[o.ID].ObjectID)
		ask(o.Entity, s.NaturalKey, value+wrongName, "")
	}
	if s.NaturalKey != "" && len(objects) != 2+2*len(orders) {
		t.Errorf("the orders of Config.Order do not all have the attribute %s", s.NaturalKey)
	}
	ids, err := s.client.Resolve(t.Context(), s.Connection, objects)
	if err != nil || !slices.EqualFunc(ids, want, strings.EqualFold) {
		t.Errorf("got %q, %v, want %q", ids, err, want)
	}
	if ids, err := s.client.Resolve(t.Context(), s.Connection, nil); err != nil || len(ids) > 0 {
		t.Errorf("of nothing: %q, %v", ids, err)
	}
}

// fulfill: each order is carried out and answered once, with the id of what is new, and
// there is a sign of life.
func (s *suite) fulfill(t *testing.T) {
	before := s.Writes()
	orders := s.newOrders(manyOrders)
	results := s.mustFulfill(t, orders...)
	if results.progress == 0 {
		t.Error("no sign of life: send Progress at least every minute and before each wait")
	}
	ids := map[string]bool{}
	for _, o := range orders {
		outcome := results.outcomes[o.ID]
		good(t, outcome)
		if outcome.ObjectID == "" || ids[outcome.ObjectID] {
			t.Errorf("the order %s has no object of its own: %q", o.ID, outcome.ObjectID)
		}
		if outcome.Unchanged || outcome.Attempts == 0 {
			t.Errorf("the order %s has changed nothing", o.ID)
		}
		ids[outcome.ObjectID] = true
	}
	if s.Writes() == before {
		t.Error("nothing was written")
	}
}

// uncertain: an order that an earlier attempt has carried out is not carried out again, and
// one that it has not is.
func (s *suite) uncertain(t *testing.T) {
	first := clock.System.Now()
	orders := s.newOrders(4)
	done := s.mustFulfill(t, orders[:2]...)
	before := s.Writes()
	for i := range orders {
		orders[i].Uncertain, orders[i].FirstAttempt = true, first
	}
	looked := s.mustFulfill(t, orders[:2]...)
	for _, o := range orders[:2] {
		good(t, looked.outcomes[o.ID])
		if got, want := looked.outcomes[o.ID].ObjectID, done.outcomes[o.ID].ObjectID; got != want {
			t.Errorf("the order %s made %s, and after doubt %s", o.ID, want, got)
		}
	}
	if after := s.Writes(); after != before {
		t.Errorf("what was done already took %d writes", after-before)
	}
	for _, outcome := range s.mustFulfill(t, orders[2:]...).outcomes {
		good(t, outcome)
		if outcome.ObjectID == "" {
			t.Errorf("the order %s, in doubt, made nothing", outcome.Order)
		}
	}
}

// oneAfterTheOther: an order that depends on another is handed over when that is done, so
// a connector must not wait for the last before it begins.
func (s *suite) oneAfterTheOther(t *testing.T) {
	orders := s.newOrders(3)
	results := newOutcomes()
	next := make(chan struct{}, len(orders))
	next <- struct{}{}
	results.onDone = func() { next <- struct{}{} }
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // of a connector that waits for ever
	defer cancel()
	if err := s.call(ctx, &source{orders: orders, next: next}, results); err != nil {
		t.Fatal(err)
	}
	results.all(t, orders)
}

// refusesOrders: an order that cannot be carried out is an outcome, and the others are
// carried out all the same.
func (s *suite) refusesOrders(t *testing.T) {
	for what, wrong := range s.wrongOrders() {
		right := s.newOrders(1)[0]
		results := s.mustFulfill(t, wrong, right)
		if failure := results.outcomes[wrong.ID].Failure; failure == nil || failure.Code != fault.Invalid {
			t.Errorf("%s: got %v, want a failure of the code %q", what, failure, fault.Invalid)
		}
		good(t, results.outcomes[right.ID])
	}
}

// nothing: a call without orders ends well.
func (s *suite) nothing(t *testing.T) {
	s.writesNothing(t)
	s.mustFulfill(t)
}

// cancelledOrders: a call that is cancelled at its first outcome ends, and as cancelled.
// What has no outcome can be handed over again.
func (s *suite) cancelledOrders(t *testing.T) {
	first := clock.System.Now()
	orders := s.newOrders(manyOrders)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	results := newOutcomes()
	results.onDone = cancel
	// The last order never comes, so the call cannot end in another way.
	never := &source{orders: orders, next: make(chan struct{}, manyOrders)}
	for range manyOrders - 1 {
		never.next <- struct{}{}
	}
	err := s.call(ctx, never, results)
	if !fault.Is(err, fault.Canceled) {
		t.Errorf("got %q %v, want %q", fault.CodeOf(err), err, fault.Canceled)
	}
	var left []sdk.Order
	for _, o := range orders {
		if _, ok := results.outcomes[o.ID]; !ok {
			o.Uncertain, o.FirstAttempt = true, first
			left = append(left, o)
		}
	}
	for _, outcome := range s.mustFulfill(t, left...).outcomes {
		good(t, outcome)
	}
}

// hidesSecretsOfOrders: no secret of an order stands in its outcome or preview, and none of
// the connection in the error of a sign-in that is refused.
func (s *suite) hidesSecretsOfOrders(t *testing.T) {
	order := s.newOrders(1)[0]
	var shown []any
	err := s.client.Preview(t.Context(), s.Connection, []sdk.Order{order}, func(p sdk.Preview) error {
		shown = append(shown, p)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	text, err := json.Marshal(append(shown, s.mustFulfill(t, order).outcomes[order.ID]))
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range order.Secrets {
		quoted, _ := json.Marshal(secret) // no string fails
		if bytes.Contains(text, quoted[1:len(quoted)-1]) {
			t.Errorf("outcome or preview show the secret %s", name)
		}
	}
	for name := range s.Connection.Secrets {
		connection := s.Connection
		connection.Secrets = maps.Clone(connection.Secrets)
		connection.Secrets[name] = wrongSecret
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // of a system that does not answer
		err := s.client.Fulfill(ctx, connection, &source{orders: s.newOrders(1)}, newOutcomes())
		cancel()
		if f := fault.Of(err); f != nil && strings.Contains(f.Error()+f.Hint, wrongSecret) {
			t.Errorf("the error shows the secret %s", name)
		}
	}
}

func good(t *testing.T, o sdk.Outcome) {
	t.Helper()
	if o.Failure != nil {
		t.Errorf("the order %s failed: %v", o.Order, o.Failure)
	}
}

func (s *suite) mustFulfill(t *testing.T, orders ...sdk.Order) *outcomes {
	t.Helper()
	results := newOutcomes()
	if err := s.call(t.Context(), &source{orders: orders}, results); err != nil {
		t.Fatal(err)
	}
	results.all(t, orders)
	return results
}

// call makes a call of Fulfill; later ones are told of it.
func (s *suite) call(ctx context.Context, orders *source, results *outcomes) error {
	defer func() { s.Connection.LastWrite = clock.System.Now() }()
	return s.client.Fulfill(ctx, s.Connection, orders, results)
}

// source gives orders, one for each token of next if that is set.
type source struct {
	orders []sdk.Order
	next   chan struct{}
	given  int
}

func (s *source) Next(ctx context.Context) (sdk.Order, error) {
	if s.given == len(s.orders) {
		return sdk.Order{}, io.EOF
	}
	if s.next != nil {
		select {
		case <-s.next:
		case <-ctx.Done():
			return sdk.Order{}, ctx.Err()
		}
	}
	s.given++
	return s.orders[s.given-1], nil
}

// outcomes keeps what is told, as a journal would.
type outcomes struct {
	onDone   func()
	outcomes map[string]sdk.Outcome
	progress int
}

func newOutcomes() *outcomes { return &outcomes{outcomes: map[string]sdk.Outcome{}} }

// all fails the test if an order has no outcome, or one that changed something counts no write: the
// agent would not know when something was written last. That none has two is seen to by the client.
func (r *outcomes) all(t *testing.T, orders []sdk.Order) {
	t.Helper()
	for _, o := range orders {
		outcome, ok := r.outcomes[o.ID]
		switch {
		case !ok:
			t.Errorf("the order %s has no outcome", o.ID)
		case outcome.Failure == nil && !outcome.Unchanged && !o.Uncertain && outcome.Attempts == 0:
			t.Errorf("the order %s has changed something without an attempt", o.ID)
		}
	}
}

func (r *outcomes) Done(o sdk.Outcome) error {
	r.outcomes[o.Order] = o
	if r.onDone != nil {
		r.onDone()
	}
	return nil
}

func (r *outcomes) Progress(sdk.OrderProgress) error {
	r.progress++
	return nil
}
