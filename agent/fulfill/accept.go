package fulfill

import (
	"context"
	"errors"
	"io"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Decoder reads an input and calls emit for each order, in the sequence of the input, each with its
// Place. It returns an error of emit as it is. What is wrong with the input is a fault of
// code Invalid, with an [order.Refusal] as cause where there is more than one thing to tell; name is
// what the input is called in places. An order's relation to others is not its concern.
type Decoder func(name string, r io.Reader, emit func(order.Order) error) error

// Input is one input of orders, such as a file.
type Input struct {
	Source journal.Source
	Reader io.Reader
	Decode Decoder
}

// read decodes the input. What the decoder itself finds wrong is an order.Refusal.
func (in Input) read(emit func(order.Order) error) error {
	emitted := false // the error is one of emit
	err := in.Decode(in.Source.Name, in.Reader, func(o order.Order) error {
		err := emit(o)
		emitted = emitted || err != nil
		return err
	})
	if _, refused := errors.AsType[*order.Refusal](err); emitted || refused || !fault.Is(err, fault.Invalid) {
		return err
	}
	refusal := order.Refusal{Source: in.Source.Name}
	refusal.Add(order.Problem{Message: err.Error(), Hint: fault.Of(err).Hint})
	return refusal.Err()
}

// examinedAtOnce is how many orders a connector looks at in one call.
const examinedAtOnce = 500

// Accept takes an input into the journal, whole or not at all. An intake beyond a limit is
// held: its State says so, and [Held] makes the error of it.
//
// Something wrong with the input is fault.Invalid with an order.Refusal as cause. Other errors are
// those of the connector, of ctx, of the reader and of the disk.
func Accept(ctx context.Context, o Options, in Input) (journal.Intake, error) {
	o = o.withDefaults()
	counts := newTally(o)
	receipt, err := o.Journal.Begin(ctx, in.Source, counts.add)
	if err != nil {
		return journal.Intake{}, err
	}
	defer receipt.Discard() //nolint:errcheck // what it leaves is dropped when the journal is opened
	e := examiner{ctx: ctx, fulfiller: o.Fulfiller, refuse: receipt.Refuse}
	err = in.read(func(got order.Order) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.add(got); err != nil {
			return err
		}
		return receipt.Add(got)
	})
	if err == nil {
		err = e.flush()
	}
	if err != nil {
		return journal.Intake{}, err
	}
	return receipt.Accept(ctx, counts.exceeded)
}

// examiner lets the connector look at orders, many at once.
type examiner struct {
	ctx       context.Context
	fulfiller Fulfiller
	refuse    func(order.Problem)

	orders []sdk.Order
	places map[string]string // by order
}

func (e *examiner) add(o order.Order) error {
	if len(o.Check()) > 0 {
		return nil // told already, and a connector need not understand it
	}
	if e.places == nil {
		e.places = map[string]string{}
	}
	e.orders, e.places[o.ID] = append(e.orders, toExamine(&o)), o.Place
	if len(e.orders) < examinedAtOnce {
		return nil
	}
	return e.flush()
}

func (e *examiner) flush() error {
	if len(e.orders) == 0 {
		return nil
	}
	problems, err := e.fulfiller.Examine(e.ctx, e.orders)
	if err != nil {
		return err
	}
	for _, p := range problems {
		e.refuse(order.Problem{Place: e.places[p.Order], Order: p.Order, Subject: p.Attribute, Message: p.Message, Hint: p.Hint})
	}
	e.orders = e.orders[:0]
	clear(e.places)
	return nil
}

// Held is the error of an intake that is held.
func Held(connection string, in journal.Intake) *fault.Error {
	return fault.Errorf(fault.Held, "intake %d of connection %s, %s, is held: %s. None of its orders has begun", in.Number, connection, in.Source.Name, in.Reason).
		WithHint("If it is right, 'usher orders release %[1]s %[2]d' lets it begin; if not, 'usher orders cancel %[1]s %[2]d' drops it", connection, in.Number)
}
