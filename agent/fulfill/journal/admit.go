package journal

import (
	"bytes"
	"encoding/binary"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/fulfill/plan"
)

// admission takes orders into an intake, in one transaction.
type admission struct {
	*txn
	intake   *intake
	refusal  *order.Refusal
	admitted func(*order.Order)
	forward  bool
}

// admit takes one order.
func (a *admission) admit(o order.Order) error {
	hash, err := o.Hash()
	if err != nil {
		return err
	}
	known, err := a.identity(o.ID)
	if err != nil {
		return err
	}
	if known != nil {
		return a.repeat(&o, known, hash[:])
	}
	if o.RequestedBy == "" {
		o.RequestedBy = a.intake.Source.RequestedBy
	}
	o.Connection, o.Received = a.journal.options.Connection, a.intake.Received
	o.SubmittedBy = a.intake.Source.RequestedBy
	seq, err := a.tx.Bucket(ordersBucket).NextSequence()
	if err != nil {
		return err
	}
	s := &status{State: order.Pending, Intake: a.intake.Number, Phase: plan.PhaseOf(o.Operation), Place: seq}
	a.keep(seq, s)
	if err := a.put(idsBucket, []byte(o.ID), identity{Seq: seq, Hash: hash[:]}); err != nil {
		return err
	}
	if err := a.item(seq); err != nil {
		return err
	}
	a.intake.Next = seq + 1
	if err := a.depend(seq, &o, s); err != nil {
		return err
	}
	s.Pack = plan.Pack(&o)
	if err := a.found(seq, o.ID); err != nil {
		return err
	}
	if err := a.put(ordersBucket, number(seq), o); err != nil {
		return err
	}
	a.admitted(&o)
	forward, err := a.queue(seq, a.intake.First, &o, s)
	a.forward = a.forward || forward
	return err
}

// item makes an order part of the intake.
func (a *admission) item(seq uint64) error {
	key := numbers(a.intake.Number, a.intake.Orders)
	a.intake.Orders++
	return a.tx.Bucket(itemsBucket).Put(key, number(seq))
}

// repeat deals with an order that has come before: the first result counts.
func (a *admission) repeat(o *order.Order, known *identity, hash []byte) error {
	if !bytes.Equal(known.Hash, hash) {
		a.refusal.Add(different(o.Place, o.ID, ""))
		return nil
	}
	if known.Seq >= a.intake.First {
		return nil // twice in one intake
	}
	if a.has(watchBucket, numbers(known.Seq, a.intake.Number)) {
		return nil
	}
	s, err := a.known(known.Seq)
	if err != nil {
		return err
	}
	// Also of one that has ended: the mark keeps it from being counted twice.
	if err := a.mark(watchBucket, numbers(known.Seq, a.intake.Number)); err != nil {
		return err
	}
	a.intake.Shared++
	a.intake.share(order.Pending, s.State)
	if s.State.Ended() {
		r, err := a.state(known.Seq)
		if err != nil {
			return err
		}
		a.intake.Answered = a.intake.Answered.with(r.Finished)
	}
	return a.item(known.Seq)
}

// depend makes an order wait for those that it says it depends on, and for those that make what
// it names.
func (a *admission) depend(seq uint64, o *order.Order, s *status) error {
	for r := range o.Refs() {
		if r.Order == "" {
			continue
		}
		object, err := a.dependOn(seq, r.Order, s)
		if err != nil {
			return err
		}
		if object != "" {
			*r = order.Ref{ID: object}
		}
	}
	for _, id := range o.DependsOn {
		if _, err := a.dependOn(seq, id, s); err != nil {
			return err
		}
	}
	return nil
}

// dependOn makes an order wait for another one, if that has not ended; if it has, object is
// what it made.
func (a *admission) dependOn(seq uint64, id string, s *status) (object string, err error) {
	known, err := a.identity(id)
	if err != nil {
		return "", err
	}
	if known == nil {
		return "", a.mark(missingBucket, append(append([]byte(id), 0), number(seq)...))
	}
	other, err := a.known(known.Seq)
	if err != nil {
		return "", err
	}
	switch {
	case !other.State.Ended():
		a.forward = a.forward || known.Seq == seq
		return "", a.edge(known.Seq, seq, fails)
	case other.State != order.Executed:
		s.Doom = id
		return "", nil
	}
	r, err := a.result(known.Seq)
	if r == nil || err != nil {
		return "", err
	}
	return r.ObjectID, nil
}

// found makes the orders that named an id before there was such an order wait for it.
func (a *admission) found(seq uint64, id string) error {
	prefix := append([]byte(id), 0)
	c := a.tx.Bucket(missingBucket).Cursor()
	for key, _ := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = c.Next() {
		a.forward = true
		if err := a.edge(seq, binary.BigEndian.Uint64(key[len(prefix):]), fails); err != nil {
			return err
		}
	}
	return a.clear(missingBucket, prefix)
}
