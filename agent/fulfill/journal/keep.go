package journal

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/usher-iga/usher/agent/fulfill/order"
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
			seq := binary.BigEndian.Uint64(key)
			e, err := t.entry(seq)
			if err != nil {
				return err
			}
			r, err := t.result(seq)
			if err != nil {
				return err
			}
			if r == nil {
				return damage("an order whose secrets are to be delivered has no result")
			}
			all = append(all, Owed{Seq: seq, Order: e.Order, Result: *r, Sealed: e.Sealed})
		}
		return nil
	})
	return all, err
}

// Delivered erases the secrets of an order that has ended. Errors are fault.Storage. If the
// order has made an object, that has the secrets now: they are not made again when the
// order is retried.
func (j *Journal) Delivered(seq uint64) error {
	return j.update("erase secrets", func(t *txn) error {
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
		s.Sealed, s.Given = nil, o != nil && o.Makes() && r != nil && r.ObjectID != ""
		return t.drop(owedBucket, number(seq))
	})
}

// Compact forgets what was asked for in intakes whose results were handed over and that ended
// before a time. The ids of their orders and the results stay, so that a repetition is still
// answered. Errors are fault.Storage and those of ctx; then the rest is left for the next time.
func (j *Journal) Compact(ctx context.Context, before time.Time) error {
	var old []intake
	err := j.view(func(t *txn) error {
		return t.eachIntake(func(in *intake) (bool, error) {
			if in.Complete() && in.Reported && !in.Compact && in.Finished.Before(before) {
				old = append(old, *in)
			}
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	for _, in := range old {
		if err := j.compact(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) compact(ctx context.Context, in intake) error {
	for next := in.First; next < in.Next; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := j.update("forget orders", func(t *txn) error {
			for range j.options.Chunk {
				if next == in.Next {
					return nil
				}
				if err := t.forget(next); err != nil {
					return err
				}
				next++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return j.update("note what is forgotten", func(t *txn) error {
		now, err := t.knownIntake(in.Number)
		if err == nil {
			now.Compact = now.Complete()
		}
		return err
	})
}

// forget drops what an order asked for, unless it is needed.
func (t *txn) forget(seq uint64) error {
	s, err := t.status(seq)
	if s == nil || err != nil || !s.State.Ended() || s.Waiting > 0 {
		return err
	}
	if t.has(owedBucket, number(seq)) || t.has(freedBucket, number(seq)) {
		return nil
	}
	return t.drop(ordersBucket, number(seq))
}
