package journal

import (
	"encoding/binary"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Owed is an order that has ended and whose secrets are to be delivered.
type Owed struct {
	Seq    uint64
	Order  order.Order
	Result order.Result
	Sealed []byte
}

// Owed returns up to n orders with secrets to deliver, with numbers beyond after. Errors are
// fault.Storage.
func (j *Journal) Owed(after uint64, n int) ([]Owed, error) {
	var all []Owed
	err := j.view(func(t *txn) error {
		c := t.tx.Bucket(owedBucket).Cursor()
		for key, _ := c.Seek(number(after + 1)); key != nil && len(all) < n; key, _ = c.Next() {
			owed, err := t.owed(binary.BigEndian.Uint64(key))
			if err != nil {
				return err
			}
			all = append(all, owed)
		}
		return nil
	})
	return all, err
}

// OwedOf returns one order with secrets to deliver. Errors are those of Readdress.
func (j *Journal) OwedOf(id string) (owed Owed, err error) {
	err = j.view(func(t *txn) error {
		seq, _, err := t.findOwed(id)
		if err == nil {
			owed, err = t.owed(seq)
		}
		return err
	})
	return owed, err
}

func (t *txn) owed(seq uint64) (Owed, error) {
	e, err := t.entry(seq)
	if err != nil {
		return Owed{}, err
	}
	r, err := t.result(seq)
	if err != nil {
		return Owed{}, err
	}
	if r == nil {
		return Owed{}, damage("an order whose secrets are to be delivered has no result")
	}
	return Owed{Seq: seq, Order: e.Order, Result: *r, Sealed: e.Sealed}, nil
}

// Delivered erases the secrets of an order that has ended, also those that it came with unless it may
// be retried and needs them then. If the order has made an object, that has the secrets now: they are not
// made again when the order is retried. Errors are fault.Storage.
func (j *Journal) Delivered(seq uint64) error {
	return j.update("erase secrets", func(t *txn) error { return t.eraseSecrets(seq) })
}

func (t *txn) eraseSecrets(seq uint64) error {
	s, err := t.known(seq)
	if err != nil || !s.State.Ended() {
		return err
	}
	r, err := t.result(seq)
	if err != nil {
		return err
	}
	o, err := t.order(seq)
	if err != nil {
		return err
	}
	s.Sealed, s.Undelivered = nil, nil
	s.Given = o != nil && o.Makes() && r != nil && r.ObjectID != ""
	if o != nil && (s.State == order.Executed || s.Given) {
		for i := range o.Secrets {
			o.Secrets[i].Sealed = nil
		}
		if err := t.put(ordersBucket, number(seq), o); err != nil {
			return err
		}
	}
	return t.drop(owedBucket, number(seq))
}

// NotDelivered notes why secrets could not be delivered; they are kept. Errors are fault.Storage.
func (j *Journal) NotDelivered(seq uint64, why error) error {
	return j.update("note what was not delivered", func(t *txn) error {
		s, err := t.known(seq)
		if err != nil || !t.has(owedBucket, number(seq)) {
			return err
		}
		u := order.Undelivered{Tries: 1, Last: j.now(), Message: why.Error()}
		if f := fault.Of(why); f != nil {
			u.Code, u.Hint = f.Code, f.Hint
		}
		if s.Undelivered != nil {
			u.Tries += s.Undelivered.Tries
		}
		s.Undelivered = &u
		return nil
	})
}

// Readdress lets the secrets of an order be delivered anew, as seal encrypts them for somebody else. An order
// that does not exist is fault.NotFound, one without secrets to deliver fault.Conflict; other errors are those of seal.
func (j *Journal) Readdress(id, by string, seal func(Owed) ([]byte, error)) error {
	return j.update("readdress secrets", func(t *txn) error {
		seq, s, err := t.findOwed(id)
		if err != nil {
			return err
		}
		owed, err := t.owed(seq)
		if err != nil {
			return err
		}
		if s.Sealed, err = seal(owed); err != nil {
			return err
		}
		d := Decision{What: DecidedReaddress, By: by, Order: id, Reason: s.Undelivered.Why()}
		s.Undelivered = nil
		return j.decided(d)
	})
}

// DropSecrets erases the secrets of an order without their having been delivered. Errors are those of Readdress.
func (j *Journal) DropSecrets(id, by string) error {
	return j.update("drop secrets", func(t *txn) error {
		seq, s, err := t.findOwed(id)
		if err != nil {
			return err
		}
		d := Decision{What: DecidedDrop, By: by, Order: id, Reason: s.Undelivered.Why()}
		if err := t.eraseSecrets(seq); err != nil {
			return err
		}
		return j.decided(d)
	})
}

// findOwed looks up an order whose secrets are to be delivered.
func (t *txn) findOwed(id string) (uint64, *status, error) {
	seq, s, err := t.find(id)
	if err == nil && !t.has(owedBucket, number(seq)) {
		err = fault.Errorf(fault.Conflict, "order %s of connection %s has no password that is to be delivered", id, t.journal.options.Connection).
			WithHint("'usher orders show %s %s' tells how far it is", t.journal.options.Connection, id)
	}
	return seq, s, err
}
