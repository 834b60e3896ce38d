package fulfill

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Preview tells what an input would change, by reading only: emit gets each order with its
// preview, in whatever sequence. Neither the target system nor the journal changes. What is about an
// object that another order of the input makes is told without asking the connector.
//
// The orders are in memory until the end. Errors are those of Accept, of the connector and of
// emit.
func Preview(ctx context.Context, o Options, in Input, emit func(order.Order, sdk.Preview) error) error {
	o = o.withDefaults()
	p := preview{Options: o, emit: emit, byID: map[string]int{}, makers: map[string]string{}}
	if err := p.read(ctx, in); err != nil {
		return err
	}
	for begin := 0; begin < len(p.orders); begin += examinedAtOnce {
		if err := p.some(ctx, p.orders[begin:min(begin+examinedAtOnce, len(p.orders))]); err != nil {
			return err
		}
	}
	return nil
}

type preview struct {
	Options
	emit   func(order.Order, sdk.Preview) error
	orders []order.Order
	byID   map[string]int    // positions
	makers map[string]string // orders that make something, by its natural keys
}

// read takes the orders and refuses what intake would refuse.
func (p *preview) read(ctx context.Context, in Input) error {
	refusal := order.Refusal{Source: in.Source.Name}
	e := examiner{ctx: ctx, fulfiller: p.Fulfiller, refuse: refusal.Add}
	err := in.read(func(got order.Order) error {
		for _, problem := range got.Check() {
			refusal.Add(problem)
		}
		p.byID[got.ID] = len(p.orders)
		p.orders = append(p.orders, got)
		if got.Makes() {
			for _, a := range got.Attributes {
				p.makers[keyOf(a.Path, text(a.Value))] = got.ID
			}
		}
		return e.add(got)
	})
	if err == nil {
		err = e.flush()
	}
	if err != nil {
		return err
	}
	return refusal.Err()
}

func keyOf(attribute, value string) string {
	return strings.ToLower(attribute) + "=" + strings.ToLower(value)
}

// text is a JSON string's text; empty for another value.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// some previews some of the orders.
func (p *preview) some(ctx context.Context, orders []order.Order) error {
	var asked []sdk.Order
	added := map[string][]sdk.AttributeChange{} // what the connector cannot know, by order
	for _, o := range orders {
		maker, err := p.maker(o.Key)
		if err != nil {
			return err
		}
		if maker != "" {
			if err := p.emit(o, p.unasked(&o, maker)); err != nil {
				return err
			}
			continue
		}
		known, unknown, err := p.split(o)
		if err != nil {
			return err
		}
		to := toSDK(&known)
		to.Secrets = hiddenSecrets(&o)
		asked, added[o.ID] = append(asked, to), unknown
	}
	if len(asked) == 0 {
		return nil
	}
	return p.Fulfiller.Preview(ctx, p.Connection, asked, func(got sdk.Preview) error {
		i, known := p.byID[got.Order]
		if !known {
			return fault.Errorf(fault.Connector, "the connector broke the protocol: it previewed the order %q, which it was not given", got.Order)
		}
		if more := added[got.Order]; len(more) > 0 {
			got.Changes, got.Unchanged = append(got.Changes, more...), false
		}
		return p.emit(p.orders[i], got)
	})
}

// maker is the order that is to make an object; empty if the object is there, or should be.
func (p *preview) maker(r order.Ref) (string, error) {
	if r.Order == "" {
		if r.Attribute == "" {
			return "", nil
		}
		return p.makers[keyOf(r.Attribute, r.Value)], nil
	}
	if _, here := p.byID[r.Order]; here {
		return r.Order, nil
	}
	_, result, err := p.Journal.Order(r.Order)
	if err != nil || result.ObjectID != "" {
		return "", err
	}
	return r.Order, nil
}

// resolve names an object by its id if an order has made it.
func (p *preview) resolve(r order.Ref) (order.Ref, error) {
	if r.Order == "" {
		return r, nil
	}
	_, result, err := p.Journal.Order(r.Order)
	return order.Ref{ID: result.ObjectID}, err
}

// split takes out of an order what is about objects that other orders are to make.
func (p *preview) split(o order.Order) (known order.Order, unknown []sdk.AttributeChange, err error) {
	if !o.Key.IsZero() {
		if o.Key, err = p.resolve(o.Key); err != nil {
			return o, nil, err
		}
	}
	links := o.Links
	o.Links = nil
	for _, l := range links {
		rest := order.Link{Navigation: l.Navigation}
		for i, r := range l.Add {
			maker, err := p.maker(r)
			if err != nil {
				return o, nil, err
			}
			if maker != "" {
				unknown = append(unknown, sdk.AttributeChange{Path: l.Navigation, After: quote("new: what order " + maker + " makes")})
				continue
			}
			if r, err = p.resolve(r); err != nil {
				return o, nil, err
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
			if maker, err := p.maker(r); err != nil {
				return o, nil, err
			} else if maker != "" {
				continue // it is not linked yet
			}
			if r, err = p.resolve(r); err != nil {
				return o, nil, err
			}
			rest.Remove = append(rest.Remove, r)
		}
		if len(rest.Add)+len(rest.Remove) > 0 {
			o.Links = append(o.Links, rest)
		}
	}
	return o, unknown, nil
}

// unasked is the preview of an order about an object that another one is to make.
func (p *preview) unasked(o *order.Order, maker string) sdk.Preview {
	v := sdk.Preview{Order: o.ID, Title: "what order " + maker + " makes"}
	for _, a := range o.Attributes {
		v.Changes = append(v.Changes, sdk.AttributeChange{Path: a.Path, After: a.Value})
	}
	for _, l := range o.Links {
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
