package fulfill

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Rehearsal tells what inputs would change, by reading only: neither the target system nor the
// journal changes. An input is accepted as by [Accept], but into a copy of the journal; what comes later
// can refer to it. Close it. It is not safe for concurrent use.
type Rehearsal struct {
	options Options
	copy    *journal.Journal
	told    map[uint64]bool // orders that emit was called for, by their numbers in the copy
}

// Previewed is what would become of one order.
type Previewed struct {
	Order order.Order
	// Preview is what it would change. A Failure in it is why the order would fail.
	Preview sdk.Preview
	// Answer is the result that the order has already, or says that it is held: it came before, and
	// nothing would be done. nil: it would be carried out.
	Answer *order.Result
}

// Rehearse makes a rehearsal. Errors are fault.Storage.
func Rehearse(o Options) (*Rehearsal, error) {
	o = o.withDefaults()
	c, err := o.Journal.Copy()
	if err != nil {
		return nil, err
	}
	o.Journal = c
	return &Rehearsal{options: o, copy: c, told: map[uint64]bool{}}, nil
}

// Close ends the rehearsal. It may be called twice.
func (r *Rehearsal) Close() error { return r.copy.Close() }

// Input tells what would become of an input, and calls emit for each order, in the sequence of the input,
// but for those that an earlier input of this rehearsal has, too: they are carried out once.
// The intake is what Accept would return, without a number. What an order does about
// an object that another one has yet to make is told without asking the connector.
//
// Errors are those of Accept, of the connector and of emit. An input that is refused changes nothing for
// later ones.
func (r *Rehearsal) Input(ctx context.Context, in Input, emit func(Previewed) error) (journal.Intake, error) {
	intake, err := Accept(ctx, r.options, in)
	if err != nil {
		return journal.Intake{}, err
	}
	number := intake.Number
	intake.Number = 0
	return intake, r.copy.Plan(ctx, number, func(page []journal.Planned) error {
		page = slices.DeleteFunc(page, func(p journal.Planned) bool {
			again := r.told[p.Seq]
			r.told[p.Seq] = true
			return again
		})
		return r.page(ctx, page, emit)
	})
}

// page previews some orders.
func (r *Rehearsal) page(ctx context.Context, page []journal.Planned, emit func(Previewed) error) error {
	all := make([]Previewed, len(page))
	var asked []sdk.Order
	positions := map[string]int{}               // of the orders that are asked
	added := map[string][]sdk.AttributeChange{} // what the connector cannot know
	for i := range page {
		p := &page[i]
		all[i] = Previewed{Order: p.Order, Answer: p.Answer, Preview: sdk.Preview{Order: p.Order.ID}}
		if p.Answer != nil {
			all[i].Preview.ObjectID, all[i].Preview.Unchanged = p.Answer.ObjectID, true
			continue
		}
		verdict, err := r.options.prepare(ctx, &p.Entry)
		switch {
		case err != nil:
			return err
		case verdict != nil:
			all[i].Preview.Failure = verdict
		case p.Maker(p.Order.Key) != "":
			all[i].Preview = unasked(p)
		default:
			known, unknown := split(p)
			asked = append(asked, known)
			positions[p.Order.ID], added[p.Order.ID] = i, unknown
		}
	}
	if err := r.ask(ctx, asked, positions, all); err != nil {
		return err
	}
	for id, more := range added {
		if v := &all[positions[id]].Preview; len(more) > 0 {
			v.Changes, v.Unchanged = append(v.Changes, more...), false
		}
	}
	for _, v := range all {
		if err := emit(v); err != nil {
			return err
		}
	}
	return nil
}

// ask lets the connector preview orders, which stand at positions of all.
func (r *Rehearsal) ask(ctx context.Context, asked []sdk.Order, positions map[string]int, all []Previewed) error {
	if len(asked) == 0 {
		return nil
	}
	told := 0
	err := r.options.Fulfiller.Preview(ctx, r.options.Connection, asked, func(got sdk.Preview) error {
		i, known := positions[got.Order]
		if !known {
			return fault.Errorf(fault.Connector, "the connector broke the protocol: it previewed the order %q, which it was not given", got.Order)
		}
		all[i].Preview = got
		told++
		return nil
	})
	if err == nil && told < len(asked) {
		return fault.Errorf(fault.Connector, "the connector broke the protocol: it previewed %d of %d orders", told, len(asked))
	}
	return err
}

// split parts an order into what the connector can look at and what is about objects that other
// orders are to make.
func split(p *journal.Planned) (known sdk.Order, unknown []sdk.AttributeChange) {
	o := p.Order
	o.Links = nil
	for _, l := range p.Order.Links {
		rest := order.Link{Navigation: l.Navigation}
		for i, r := range l.Add {
			if maker := p.Maker(r); maker != "" {
				unknown = append(unknown, sdk.AttributeChange{Path: l.Navigation, After: quote("what order " + maker + " makes")})
				continue
			}
			rest.Add = append(rest.Add, r)
			if i < len(l.Details) {
				for len(rest.Details) < len(rest.Add)-1 {
					rest.Details = append(rest.Details, nil)
				}
				rest.Details = append(rest.Details, l.Details[i])
			}
		}
		for _, r := range l.Remove {
			if p.Maker(r) == "" { // else it is not linked yet
				rest.Remove = append(rest.Remove, r)
			}
		}
		if len(rest.Add)+len(rest.Remove) > 0 {
			o.Links = append(o.Links, rest)
		}
	}
	known = toSDK(&o)
	known.Secrets = hiddenSecrets(&o)
	return known, unknown
}

// unasked is the preview of an order about an object that another one is to make.
func unasked(p *journal.Planned) sdk.Preview {
	v := sdk.Preview{Order: p.Order.ID, Title: "what order " + p.Maker(p.Order.Key) + " makes"}
	for _, a := range p.Order.Attributes {
		v.Changes = append(v.Changes, sdk.AttributeChange{Path: a.Path, After: a.Value})
	}
	for _, l := range p.Order.Links {
		for _, r := range l.Add {
			v.Changes = append(v.Changes, sdk.AttributeChange{Path: l.Navigation, After: quote(r.String())})
		}
	}
	return v
}

func quote(s string) json.RawMessage {
	text, _ := json.Marshal(s) // a string always has one
	return text
}
