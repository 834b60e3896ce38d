package journal

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/usher-iga/usher/agent/fulfill/order"
)

// Intake tells about an intake. One that does not exist is fault.NotFound.
func (j *Journal) Intake(n uint64) (Intake, error) {
	var found Intake
	err := j.view(func(t *txn) error {
		in, err := t.intake(n)
		if err != nil {
			return err
		}
		if in == nil || in.State == IntakeReceiving {
			return j.noIntake(n)
		}
		found = in.Intake
		return nil
	})
	return found, err
}

// Intakes calls with for each intake, the last ones first, until it returns false. with must not
// use the journal. Errors are fault.Storage.
func (j *Journal) Intakes(with func(Intake) bool) error {
	return j.view(func(t *txn) error {
		return t.eachIntake(func(in *intake) (bool, error) {
			return in.State == IntakeReceiving || with(in.Intake), nil
		})
	})
}

// Unreported returns the intakes whose results were not handed over yet, the first ones first.
// Errors are fault.Storage.
func (j *Journal) Unreported() ([]Intake, error) {
	var found []Intake
	err := j.view(func(t *txn) error {
		c := t.tx.Bucket(unreportedBucket).Cursor()
		for key, _ := c.First(); key != nil; key, _ = c.Next() {
			in, err := t.knownIntake(binary.BigEndian.Uint64(key))
			if err != nil {
				return err
			}
			found = append(found, in.Intake)
		}
		return nil
	})
	return found, err
}

// Left counts the orders that have not ended, each once: those that can be carried out and those
// that are held. Errors are fault.Storage.
func (j *Journal) Left() (pending, held uint64, err error) {
	err = j.view(func(t *txn) error {
		c := t.tx.Bucket(unreportedBucket).Cursor()
		for key, _ := c.First(); key != nil; key, _ = c.Next() {
			in, err := t.knownIntake(binary.BigEndian.Uint64(key))
			if err != nil {
				return err
			}
			if in.State == IntakeHeld {
				held += in.Pending() - in.Shared
			} else {
				pending += in.Pending() - in.Shared
			}
		}
		return nil
	})
	return pending, held, err
}

// Reported notes that the results of an intake were handed over. Errors are those of Intake.
func (j *Journal) Reported(n uint64) error {
	return j.update("report an intake", func(t *txn) error {
		in, err := t.intake(n)
		if err != nil {
			return err
		}
		if in == nil {
			return j.noIntake(n)
		}
		in.Reported = true
		return t.drop(unreportedBucket, number(n))
	})
}

// Order returns an order and how far it is. The order is nil if what it asked for is forgotten.
// One that does not exist is fault.NotFound.
func (j *Journal) Order(id string) (o *order.Order, r order.Result, err error) {
	err = j.view(func(t *txn) error {
		seq, _, err := t.find(id)
		if err != nil {
			return err
		}
		if o, err = t.order(seq); err != nil {
			return err
		}
		r, err = t.state(seq)
		return err
	})
	return o, r, err
}

// state is the result of an order, or how far it is.
func (t *txn) state(seq uint64) (order.Result, error) {
	if r, err := t.result(seq); r != nil || err != nil {
		if err != nil {
			return order.Result{}, err
		}
		return *r, t.tellOwed(seq, r)
	}
	s, err := t.known(seq)
	if err != nil {
		return order.Result{}, err
	}
	o, err := t.order(seq)
	if err != nil {
		return order.Result{}, err
	}
	if o == nil {
		return order.Result{}, damage("an order that has not ended is missing")
	}
	in, err := t.knownIntake(s.Intake)
	if err != nil {
		return order.Result{}, err
	}
	r := order.Result{Order: o.ID, Operation: o.Operation, Entity: o.Entity, State: s.State, Attempts: s.Attempts, Started: s.First,
		RetriedBy: s.RetriedBy, Retried: s.Retried}
	if in.State == IntakeHeld {
		r.State, r.Message = order.Held, in.Reason
	}
	return r, nil
}

// tellOwed adds what became of the secrets of an order that has ended.
func (t *txn) tellOwed(seq uint64, r *order.Result) error {
	if !t.has(owedBucket, number(seq)) {
		return nil
	}
	s, err := t.known(seq)
	if err != nil {
		return err
	}
	if r.Undelivered = s.Undelivered; r.Undelivered == nil {
		r.Undelivered = &order.Undelivered{}
	}
	return nil
}

// Results calls with for each order of an intake, in the sequence of the input, until it returns an
// error, which is returned. with may use the journal. Errors are also those of Intake and of ctx.
func (j *Journal) Results(ctx context.Context, n uint64, with func(order.Result) error) error {
	if _, err := j.Intake(n); err != nil {
		return err
	}
	page := make([]order.Result, 0, j.options.Chunk)
	for next := uint64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		page = page[:0]
		err := j.view(func(t *txn) error {
			c := t.tx.Bucket(itemsBucket).Cursor()
			for key, seq := c.Seek(numbers(n, next)); bytes.HasPrefix(key, number(n)) && len(page) < cap(page); key, seq = c.Next() {
				r, err := t.state(binary.BigEndian.Uint64(seq))
				if err != nil {
					return err
				}
				page = append(page, r)
				next++
			}
			return nil
		})
		if err != nil || len(page) == 0 {
			return err
		}
		if err := j.release(); err != nil {
			return err
		}
		for _, r := range page {
			if err := with(r); err != nil {
				return err
			}
		}
	}
}
