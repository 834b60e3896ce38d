package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/fulfill/plan"
)

// chunkBytes is how much of an intake, as JSON, is written at once.
const chunkBytes = 1 << 20

// Receipt is an intake that is being received. End it by Accept or Discard. It is not safe
// for concurrent use.
type Receipt struct {
	journal  *Journal
	intake   uint64
	admitted func(*order.Order)
	refusal  order.Refusal
	forward  bool // an order waits for a later one: there may be a circle

	chunk []order.Order
	bytes int
	ended bool
}

// Begin starts an intake. Only one is received at a time: it waits for others, or for
// ctx. admitted is told each order that did not come before, until Accept returns; it may be
// nil. Errors are those of ctx and fault.Storage.
func (j *Journal) Begin(ctx context.Context, from Source, admitted func(*order.Order)) (*Receipt, error) {
	if err := j.admit(ctx); err != nil {
		return nil, err
	}
	if admitted == nil {
		admitted = func(*order.Order) {}
	}
	r := &Receipt{journal: j, admitted: admitted, refusal: order.Refusal{Source: from.Name}}
	if err := r.begin(from); err != nil {
		r.end()
		return nil, err
	}
	return r, nil
}

// admit waits until no other intake is received. Take from admitting when it has ended.
func (j *Journal) admit(ctx context.Context) error {
	select {
	case j.admitting <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *Receipt) begin(from Source) error {
	j := r.journal
	if j.leftover != 0 {
		if err := j.dropIntake(j.leftover); err != nil {
			return err
		}
		j.leftover = 0
	}
	return j.update("begin an intake", func(t *txn) error {
		n, err := t.tx.Bucket(intakesBucket).NextSequence()
		if err != nil {
			return err
		}
		next := t.tx.Bucket(ordersBucket).Sequence() + 1
		r.intake = n
		t.keepIntake(&intake{
			Intake: Intake{Number: n, Source: from, State: IntakeReceiving, Received: j.now()},
			First:  next, Next: next, Opened: next,
		})
		return nil
	})
}

// Add takes an order into the intake. What is wrong with the order is told by Accept, with
// what is wrong with others; an error is fault.Storage and ends the intake.
func (r *Receipt) Add(o order.Order) error {
	problems := r.journal.Check(&o)
	for _, p := range problems {
		r.refusal.Add(p)
	}
	if len(problems) > 0 {
		return nil
	}
	r.chunk = append(r.chunk, o)
	r.bytes += o.Weight()
	if r.bytes < chunkBytes && len(r.chunk) < r.journal.options.Chunk {
		return nil
	}
	return r.flush()
}

// Check tells what is wrong with an order by itself, whatever came before and comes with it.
func (j *Journal) Check(o *order.Order) []order.Problem {
	problems := o.Check()
	if o.Connection != "" && !strings.EqualFold(o.Connection, j.options.Connection) {
		problems = append(problems, order.Problem{
			Place: o.Place, Order: o.ID, Message: fmt.Sprintf("it is for the connection %s, not for %s", o.Connection, j.options.Connection),
			Hint: "Give orders to the connection that they name",
		})
	}
	return problems
}

// flush writes what was added.
func (r *Receipt) flush() error {
	var found order.Refusal
	forward := false
	err := r.journal.update("receive orders", func(t *txn) error {
		in, err := t.knownIntake(r.intake)
		if err != nil {
			return err
		}
		a := admission{txn: t, intake: in, refusal: &found, admitted: r.admitted}
		for i := range r.chunk {
			if err := a.admit(r.chunk[i]); err != nil {
				return err
			}
		}
		forward = a.forward
		return nil
	})
	if err != nil {
		return err
	}
	r.forward = r.forward || forward
	r.refusal.Merge(&found)
	r.chunk, r.bytes = r.chunk[:0], 0
	return nil
}

// Accept makes the intake one that is carried out, or one that waits for an operator if
// hold, which is asked last, says why. It is durable then. An intake of which everything has
// ended already does not wait.
//
// If something is wrong with it, the error is fault.Invalid with an order.Refusal as cause, and
// nothing of it was accepted. Other errors are those of ctx and fault.Storage.
func (r *Receipt) Accept(ctx context.Context, hold func() string) (Intake, error) {
	if err := r.flush(); err != nil {
		return Intake{}, errors.Join(err, r.Discard())
	}
	if err := r.examine(ctx); err != nil {
		return Intake{}, errors.Join(err, r.Discard())
	}
	if err := r.refusal.Err(); err != nil {
		return Intake{}, errors.Join(err, r.Discard())
	}
	var accepted Intake
	err := r.journal.update("accept an intake", func(t *txn) error {
		in, err := t.knownIntake(r.intake)
		if err != nil {
			return err
		}
		in.State = IntakeOpen
		why := hold()
		switch {
		case in.Pending() == 0:
			in.Finished = r.journal.now()
		case why != "":
			in.State, in.Reason = IntakeHeld, why
		default:
			err = t.mark(openingBucket, number(in.Number))
		}
		accepted = in.Intake
		return errors.Join(err, t.mark(unreportedBucket, number(in.Number)))
	})
	if err != nil {
		return Intake{}, errors.Join(err, r.Discard())
	}
	r.end()
	r.journal.tell()
	return accepted, nil
}

func (r *Receipt) end() {
	if !r.ended {
		r.ended = true
		<-r.journal.admitting
	}
}

// Discard gives the intake up; nothing of it stays, and the disk gets its space back. After Accept
// or Discard it does nothing. What an error leaves is dropped by the next Begin or Open.
func (r *Receipt) Discard() error {
	if r.ended {
		return nil
	}
	defer r.end()
	if err := r.journal.dropIntake(r.intake); err != nil {
		r.journal.leftover = r.intake
		return err
	}
	return r.journal.shrink()
}

// examine looks at what can be judged only when all orders are there.
func (r *Receipt) examine(ctx context.Context) error {
	err := r.journal.view(func(t *txn) error {
		c := t.tx.Bucket(missingBucket).Cursor()
		for key, _ := c.First(); key != nil; key, _ = c.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			id, seq, _ := bytes.Cut(key, []byte{0})
			o, err := t.order(binary.BigEndian.Uint64(seq))
			if err != nil {
				return err
			}
			r.refusal.Add(missing(o.Place, o.ID, string(id)))
		}
		return nil
	})
	if err != nil || !r.forward || r.refusal.Count > 0 {
		return err
	}
	return r.journal.view(func(t *txn) error {
		in, err := t.knownIntake(r.intake)
		if err != nil {
			return err
		}
		circle, err := plan.Circle(in.First, in.Next, func(node, after uint64) (uint64, bool, error) {
			if err := ctx.Err(); err != nil {
				return 0, false, err
			}
			return t.follow(node, after)
		})
		if err != nil || circle == nil {
			return err
		}
		problem, err := t.circular(circle)
		if err == nil {
			r.refusal.Add(problem)
		}
		return err
	})
}
