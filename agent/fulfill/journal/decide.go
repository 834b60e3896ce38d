package journal

import (
	"context"
	"math"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Release lets the orders of a held intake begin. One that does not exist is fault.NotFound,
// one that is not held fault.Conflict. by is who decides, here and below.
func (j *Journal) Release(n uint64, by string) (Intake, error) {
	return j.decide(n, by, DecidedRelease, IntakeOpen)
}

// CancelIntake ends the orders of a held intake as canceled. Errors are those of Release, and
// those of ctx: then the rest of them end later.
func (j *Journal) CancelIntake(ctx context.Context, n uint64, by string) (Intake, error) {
	if _, err := j.decide(n, by, DecidedCancel, IntakeCanceled); err != nil {
		return Intake{}, err
	}
	if err := j.cancelRest(ctx, n); err != nil {
		return Intake{}, err
	}
	return j.Intake(n)
}

// cancelRest ends what is left of an intake if it is canceled.
func (j *Journal) cancelRest(ctx context.Context, n uint64) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		left := false
		err := j.view(func(t *txn) error {
			in, err := t.knownIntake(n)
			left = err == nil && in.State == IntakeCanceled && t.has(openingBucket, number(n))
			return err
		})
		if !left || err != nil {
			return err
		}
		err = j.update("cancel orders", func(t *txn) error {
			in, err := t.knownIntake(n)
			if err != nil {
				return err
			}
			budget := j.options.Chunk
			return t.openIntake(in, &budget)
		})
		if err != nil {
			return err
		}
		j.tell()
	}
}

func (j *Journal) decide(n uint64, by string, what Verb, state IntakeState) (decided Intake, err error) {
	err = j.update("decide", func(t *txn) error {
		in, err := t.intake(n)
		if err != nil {
			return err
		}
		if in == nil || in.State == IntakeReceiving {
			return j.noIntake(n)
		}
		if in.State != IntakeHeld {
			return fault.Errorf(fault.Conflict, "intake %d of connection %s is not held", n, j.options.Connection).
				WithHint("'usher orders list %s' tells the state of each intake", j.options.Connection)
		}
		in.State, in.DecidedBy, in.Decided = state, by, j.now()
		if in.Pending() == 0 {
			in.Finished = j.now()
		}
		decided = in.Intake
		if err := t.mark(openingBucket, number(n)); err != nil {
			return err
		}
		return j.decided(Decision{What: what, By: by, Intake: n, Source: in.Source.Name, Orders: in.Orders, Reason: in.Reason})
	})
	if err == nil {
		j.tell()
	}
	return decided, err
}

// Cancel ends an order that was not begun. One that does not exist is fault.NotFound, one that
// was begun or has ended fault.Conflict.
func (j *Journal) Cancel(id, by string) error {
	err := j.update("cancel", func(t *txn) error {
		seq, s, err := t.find(id)
		if err != nil {
			return err
		}
		if s.State != order.Pending || s.Attempts > 0 {
			return fault.Errorf(fault.Conflict, "order %s cannot be canceled: it was begun already", id).
				WithHint("'usher orders show %s %s' tells how far it is", j.options.Connection, id)
		}
		if err := t.end(Finished{Seq: seq, Result: order.Result{State: order.Canceled, Message: "canceled by " + by}}); err != nil {
			return err
		}
		return j.decided(Decision{What: DecidedCancel, By: by, Order: id})
	})
	if err == nil {
		j.tell()
	}
	return err
}

// Retry lets an order that ended as Errored or Canceled begin again, behind those that deal with
// the same objects. Its earlier outcome is forgotten. One that does not exist is fault.NotFound;
// one that has not ended so, that depends on one that failed, or whose content is forgotten is fault.Conflict.
// Other errors are those of ctx and fault.Storage.
func (j *Journal) Retry(ctx context.Context, id, by string) error {
	select {
	case j.admitting <- struct{}{}: // its place must be one that no order of an intake has
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-j.admitting }()
	var intake uint64
	err := j.view(func(t *txn) error {
		_, s, err := t.find(id)
		if err == nil {
			intake = s.Intake
		}
		return err
	})
	if err != nil {
		return err
	}
	// Its intake is open again afterwards: none of the others that are to be canceled may begin.
	if err := j.cancelRest(ctx, intake); err != nil {
		return err
	}
	err = j.update("retry", func(t *txn) error {
		was, err := t.retry(id, by)
		if err != nil {
			return err
		}
		return j.decided(Decision{What: DecidedRetry, By: by, Order: id, Reason: was})
	})
	if err == nil {
		j.tell()
	}
	return err
}

// retry tells what became of the order before.
func (t *txn) retry(id, by string) (before string, err error) {
	seq, s, err := t.find(id)
	if err != nil {
		return "", err
	}
	if s.State != order.Errored && s.State != order.Canceled {
		return "", fault.Errorf(fault.Conflict, "order %s cannot be retried: it is %s", id, s.State).
			WithHint("Only orders that ended as Errored or Canceled can be retried")
	}
	o, err := t.order(seq)
	if err != nil {
		return "", err
	}
	if o == nil {
		return "", fault.Errorf(fault.Conflict, "order %s cannot be retried: it ended so long ago that what it asked for is forgotten", id).
			WithHint("Give it again under a new id")
	}
	// What waited for its end must know of it before it begins anew.
	budget := math.MaxInt
	if err := t.settle(&budget); err != nil {
		return "", err
	}
	was := s.State
	in, err := t.knownIntake(s.Intake)
	if err != nil {
		return "", err
	}
	s.State = order.Pending
	if s.Waiting == 0 {
		if err := t.requeue(seq, in, o, s); err != nil {
			return "", err
		}
	}
	if s.Doom != "" {
		return "", fault.Errorf(fault.Conflict, "order %s cannot be retried: order %s, on which it depends, failed", id, s.Doom).
			WithHint("Retry that one first")
	}
	r, err := t.result(seq)
	if err != nil {
		return "", err
	}
	if r != nil {
		before = r.Message
	}
	s.RetriedBy, s.Retried, s.Undelivered = by, t.journal.now(), nil
	for _, bucket := range [][]byte{resultsBucket, owedBucket} {
		if err := t.drop(bucket, number(seq)); err != nil {
			return "", err
		}
	}
	if err := t.count(seq, s.Intake, was, order.Pending); err != nil {
		return "", err
	}
	if in.State == IntakeCanceled {
		in.State = IntakeOpen
	}
	if s.Waiting > 0 || seq >= in.Opened {
		return before, nil
	}
	return before, t.mark(readyBucket, readyKey(s, seq))
}

// requeue puts an order that has ended behind those that deal with the same objects.
func (t *txn) requeue(seq uint64, in *intake, o *order.Order, s *status) (err error) {
	s.Doom = ""
	if s.Place, err = t.tx.Bucket(ordersBucket).NextSequence(); err != nil {
		return err
	}
	a := admission{txn: t, intake: in}
	if err := a.depend(seq, o, s); err != nil {
		return err
	}
	if err := t.put(ordersBucket, number(seq), o); err != nil { // with what others have made since
		return err
	}
	// No order that came before waits for this one: all who did have been told of its end.
	_, err = t.queue(seq, math.MaxUint64, o, s)
	return err
}

// find looks up an order that was accepted.
func (t *txn) find(id string) (uint64, *status, error) {
	missing := fault.Errorf(fault.NotFound, "connection %s has no order %s", t.journal.options.Connection, id).
		WithHint("'usher orders list %[1]s' lists the intakes, 'usher orders show %[1]s INTAKE' the orders of one", t.journal.options.Connection)
	known, err := t.identity(id)
	if err != nil {
		return 0, nil, err
	}
	if known == nil {
		return 0, nil, missing
	}
	s, err := t.known(known.Seq)
	if err != nil {
		return 0, nil, err
	}
	in, err := t.knownIntake(s.Intake)
	if err != nil {
		return 0, nil, err
	}
	if in.State == IntakeReceiving {
		return 0, nil, missing
	}
	return known.Seq, s, nil
}

func (j *Journal) noIntake(n uint64) error {
	return fault.Errorf(fault.NotFound, "connection %s has no intake %d", j.options.Connection, n).
		WithHint("'usher orders list %s' lists the intakes", j.options.Connection)
}
