package journal

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/fulfill/plan"
)

// also finds the other names of the objects that an order names: what orders that came before say
// of them, whether they have ended or not.
func (t *txn) also(o *order.Order) (also map[string][]string, err error) {
	for _, name := range plan.Called(o) {
		all := []string{name}
		for i := 0; i < len(all); i++ {
			more, err := t.same(all[i])
			if err != nil {
				return nil, err
			}
			for _, other := range more {
				if !slices.Contains(all, other) {
					all = append(all, other)
				}
			}
		}
		if len(all) == 1 {
			continue
		}
		if also == nil {
			also = map[string][]string{}
		}
		also[name] = all[1:]
	}
	return also, nil
}

// same are names of the object of a name, as far as one order tells.
func (t *txn) same(name string) (others []string, err error) {
	token := plan.Presence(name)
	if learned := t.tx.Bucket(namesBucket).Get(token[:]); learned != nil {
		others = append(others, string(learned[8:]))
	}
	var seq uint64
	switch {
	case plan.IsNatural(name):
		last, held := t.lastHolder(token)
		if !held {
			return others, nil
		}
		if last.maker != "" {
			return append(others, plan.Name(order.Ref{Order: last.maker})), nil
		}
		seq = last.seq // it gives its object the name, or deletes what has it
	case plan.OrderOf(name) != "":
		known, err := t.identity(plan.OrderOf(name))
		if known == nil || err != nil {
			return others, err
		}
		seq = known.Seq
	default:
		return others, nil
	}
	s, err := t.status(seq)
	if s == nil || err != nil {
		return others, err
	}
	o, err := t.order(seq)
	if o == nil || err != nil {
		return others, err
	}
	return append(others, plan.Own(o, s.Also)...), nil
}

// learn notes what an order that has ended tells of names: its object has those that it gave, and is the
// one that others, which have not ended, know by the order. The target system may show it
// later only.
func (t *txn) learn(seq uint64, o *order.Order, r *order.Result) error {
	if r.ObjectID == "" {
		return nil
	}
	id, made := plan.Name(order.Ref{ID: r.ObjectID}), plan.Name(order.Ref{Order: o.ID})
	note := func(name, other string) error {
		token := plan.Presence(name)
		return t.tx.Bucket(namesBucket).Put(token[:], append(number(seq), other...))
	}
	for _, name := range plan.Given(o) {
		if err := note(name, id); err != nil {
			return err
		}
	}
	if !t.isHeld(plan.Presence(made)) {
		return nil
	}
	return note(id, made)
}

// isHeld reports whether an order that has not ended has a token.
func (t *txn) isHeld(token plan.Token) bool {
	for _, bucket := range [][]byte{exclusiveBucket, sharedBucket} {
		if key, _ := t.tx.Bucket(bucket).Cursor().Seek(token[:]); bytes.HasPrefix(key, token[:]) {
			return true
		}
	}
	return false
}

// unlearn forgets what an order has told of names.
func (t *txn) unlearn(seq uint64) error {
	o, err := t.order(seq)
	if o == nil || err != nil {
		return err
	}
	names := plan.Given(o)
	r, err := t.result(seq)
	if err != nil {
		return err
	}
	if r != nil && !t.isHeld(plan.Presence(plan.Name(order.Ref{Order: o.ID}))) {
		names = append(names, plan.Name(order.Ref{ID: r.ObjectID}))
	}
	b := t.tx.Bucket(namesBucket)
	for _, name := range names {
		token := plan.Presence(name)
		if learned := b.Get(token[:]); learned == nil || binary.BigEndian.Uint64(learned) != seq {
			continue // a later order has told since
		}
		if err := b.Delete(token[:]); err != nil {
			return err
		}
	}
	return nil
}

// Settled tells which of orders came before, by id, and which of names, by plan.Name, belong to what an
// order makes that has not ended. Errors are fault.Storage.
func (j *Journal) Settled(orders, names []string) (before, making map[string]bool, err error) {
	before, making = map[string]bool{}, map[string]bool{}
	err = j.view(func(t *txn) error {
		for _, id := range orders {
			before[id] = t.has(idsBucket, []byte(id))
		}
		for _, name := range names {
			last, held := t.lastHolder(plan.Presence(name))
			making[name] = held && last.maker != ""
		}
		return nil
	})
	return before, making, err
}
