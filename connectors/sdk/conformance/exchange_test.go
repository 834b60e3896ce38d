package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/conformance"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// exchange is a phone book that can be written to; docs/connectors.md shows it. What a real
// connector writes to is another system: it holds nothing itself.
type exchange struct {
	phoneBook
	mu     sync.Mutex
	lines  map[string]string // id by number
	writes int
}

// Examine is what can be told without the system. The other methods use it, too.
func (x *exchange) Examine(_ context.Context, orders []sdk.Order) (problems []sdk.OrderProblem, _ error) {
	for _, o := range orders {
		if f := examine(o); f != nil {
			problems = append(problems, sdk.OrderProblem{Order: o.ID, Message: f.Message, Hint: f.Hint})
		}
	}
	return problems, nil
}

func examine(o sdk.Order) *fault.Error {
	if o.Entity != "subscriber" || o.Operation != sdk.Create {
		return fault.Errorf(fault.Invalid, "an exchange connects new subscribers, it does not %s a %s", o.Operation, o.Entity).
			WithHint("Order to create a subscriber")
	}
	if len(o.Attributes) != 1 || o.Attributes[0].Path != "number" {
		return fault.Errorf(fault.Invalid, "a subscriber has a number and nothing else").WithHint("Give the attribute number")
	}
	return nil
}

// Fulfill takes one order after the other. An order that cannot be carried out is an
// outcome; the error of a source or a sink goes back as it is.
func (x *exchange) Fulfill(ctx context.Context, _ sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
	for n := uint64(1); ; n++ {
		o, err := orders.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := sink.Done(x.connect(o)); err != nil {
			return err
		}
		if err := sink.Progress(sdk.OrderProgress{Requests: n}); err != nil {
			return err
		}
	}
}

// connect carries out one order. It looks before it writes if the order is uncertain.
func (x *exchange) connect(o sdk.Order) sdk.Outcome {
	if f := examine(o); f != nil {
		return sdk.Outcome{Order: o.ID, Failure: f}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	number := string(o.Attributes[0].Value)
	id, there := x.lines[number]
	switch {
	case there && o.Uncertain:
		return sdk.Outcome{Order: o.ID, ObjectID: id, Unchanged: true}
	case there:
		return sdk.Outcome{Order: o.ID, Failure: fault.Errorf(fault.Conflict, "the number %s is taken", number)}
	}
	id = fmt.Sprint("line ", len(x.lines))
	x.lines[number] = id
	x.writes++
	return sdk.Outcome{Order: o.ID, ObjectID: id, Attempts: 1}
}

// Preview reads only.
func (x *exchange) Preview(_ context.Context, _ sdk.Connection, orders []sdk.Order, emit func(sdk.Preview) error) error {
	for _, o := range orders {
		p := sdk.Preview{Order: o.ID, Failure: examine(o)}
		if p.Failure == nil {
			p.Changes = []sdk.AttributeChange{{Path: "number", Before: json.RawMessage("null"), After: o.Attributes[0].Value}}
		}
		if err := emit(p); err != nil {
			return err
		}
	}
	return nil
}

// Resolve looks numbers up, which are natural keys of subscribers.
func (x *exchange) Resolve(_ context.Context, _ sdk.Connection, objects []sdk.NamedObject) ([]string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	ids := make([]string, len(objects))
	for i, o := range objects {
		if number, err := json.Marshal(o.Key.Value); err == nil && o.Key.Attribute == "number" {
			ids[i] = x.lines[string(number)]
		}
	}
	return ids, nil
}

func (x *exchange) Actions() []sdk.Action {
	number := json.RawMessage(`{"type":"object","required":["number"],"additionalProperties":false,"properties":{"number":{"type":"string"}}}`)
	subscriber := json.RawMessage(`{"type":"object","required":["objectId"]}`)
	return []sdk.Action{
		{Name: "find", Title: "Find a subscriber", Description: "Finds who has a number", InputSchema: number, OutputSchema: subscriber},
		{Name: "connect", Title: "Connect a subscriber", Description: "Gives out a number", InputSchema: number, OutputSchema: subscriber, Writes: true},
	}
}

func (x *exchange) RunAction(_ context.Context, _ sdk.Connection, name string, input json.RawMessage) (json.RawMessage, error) {
	number, err := read(name, "find", input)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return json.Marshal(map[string]string{"objectId": x.lines[number]})
}

func (x *exchange) PrepareAction(_ context.Context, name string, input json.RawMessage, order string) (sdk.Order, error) {
	number, err := read(name, "connect", input)
	return newSubscriber(order, number), err
}

// read reads the input of an action, which has to be the one wanted.
func read(name, want string, input json.RawMessage) (string, error) {
	if name != want {
		return "", fault.Errorf(fault.Invalid, "there is no such action as %s here, only %s", name, want)
	}
	var in struct{ Number *string }
	d := json.NewDecoder(bytes.NewReader(input))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil || in.Number == nil {
		return "", fault.Errorf(fault.Invalid, "the input of %s is a number", name).WithHint(`Give {"number":"4711"}`)
	}
	return *in.Number, nil
}

func newSubscriber(order, number string) sdk.Order {
	value, _ := json.Marshal(number) // no string fails
	return sdk.Order{ID: order, Operation: sdk.Create, Entity: "subscriber", Attributes: []sdk.OrderAttribute{{Path: "number", Value: value}}}
}

func TestConformanceOfAFulfiller(t *testing.T) {
	x := &exchange{lines: map[string]string{}}
	conformance.Run(t, conformance.Config{
		Connector:   x,
		Connection:  sdk.Connection{ID: "Town", Settings: map[string]string{"Area": "0211"}},
		Collections: []sdk.Collection{{Entity: "subscriber"}},
		Attributes:  []sdk.Attribute{{Path: "number"}},
		Order:       func(n int) sdk.Order { return newSubscriber(fmt.Sprint("order ", n), fmt.Sprint(4711+n)) },
		NaturalKey:  "number",
		Writes:      func() int { return x.writes },
		Inputs:      map[string]json.RawMessage{"find": json.RawMessage(`{"number":"4711"}`), "connect": json.RawMessage(`{"number":"1"}`)},
	})
}
