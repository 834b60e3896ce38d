package fulfill

import (
	"context"
	"errors"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
)

// screen reads an input and tells everything that is wrong with it, but for circles: what its decoder
// finds, what is wrong with an order by itself and in the eyes of the connector, and how orders relate.
// It writes nothing into the journal, which a large input would make large, and takes as much memory for
// a large input as for a small one.
func screen(ctx context.Context, o Options, in Input) (digest string, err error) {
	relations, err := o.Journal.Relate(ctx)
	if err != nil {
		return "", err
	}
	defer func() {
		if failed := relations.Close(); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	all := &order.Refusal{Source: in.Source.Name}
	e := examiner{ctx: ctx, fulfiller: o.Fulfiller, refuse: all.Add}
	digest, refusal, err := in.read(func(got order.Order) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return look(o.Journal, &got, all, &e, relations)
	})
	if err == nil {
		err = e.flush()
	}
	if err != nil {
		return "", err
	}
	if refusal != nil {
		all.Merge(refusal)
	}
	if err := relations.Judge(ctx, all); err != nil {
		return "", err
	}
	return digest, all.Err()
}

// look looks at one order.
func look(j *journal.Journal, o *order.Order, all *order.Refusal, e *examiner, relations *journal.Relations) error {
	problems := j.Check(o)
	for _, p := range problems {
		all.Add(p)
	}
	if err := relations.Add(o, len(problems) == 0); err != nil {
		return err
	}
	if len(problems) > 0 {
		return nil // a connector need not understand it
	}
	return e.add(o)
}

// examinedAtOnce is how many orders a connector looks at in one call.
const examinedAtOnce = 500

// examiner lets the connector look at orders, many at once.
type examiner struct {
	ctx       context.Context
	fulfiller Fulfiller
	refuse    func(order.Problem)

	orders []sdk.Order
	places map[string]string // by order
}

func (e *examiner) add(o *order.Order) error {
	if e.places == nil {
		e.places = map[string]string{}
	}
	e.orders, e.places[o.ID] = append(e.orders, toExamine(o)), o.Place
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
