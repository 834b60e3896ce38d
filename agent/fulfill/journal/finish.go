package journal

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/usher-iga/usher/agent/fulfill/order"
)

// Finished is an order that has ended.
type Finished struct {
	Seq uint64
	// Result is how it ended. What the journal knows itself is filled in: Order, Operation, Entity,
	// Attempts, Started, Finished, RetriedBy and Retried.
	Result order.Result
	// Wrote says that this attempt or an earlier one wrote to the target system, or may have.
	Wrote bool
}

// Finish notes results. An order that has one keeps it. The secrets of orders that were handed to
// a connector stay until Delivered. Errors are fault.Storage.
func (j *Journal) Finish(all []Finished) error {
	err := j.update("finish orders", func(t *txn) error {
		for _, f := range all {
			if err := t.end(f); err != nil {
				return err
			}
		}
		if err := t.written(all); err != nil {
			return err
		}
		budget := j.options.Chunk
		return t.settle(&budget)
	})
	if err == nil {
		j.tell()
	}
	return err
}

// end gives an order its result.
func (t *txn) end(f Finished) error {
	s, err := t.known(f.Seq)
	if err != nil || s.State.Ended() {
		return err
	}
	o, err := t.order(f.Seq)
	if err != nil {
		return err
	}
	if o == nil {
		return damage("an order that has not ended is missing")
	}
	r := f.Result
	r.Order, r.Operation, r.Entity = o.ID, o.Operation, o.Entity
	r.Attempts, r.Started, r.Finished = s.Attempts, s.First, t.journal.now()
	r.RetriedBy, r.Retried = s.RetriedBy, s.Retried
	if err := t.put(resultsBucket, number(f.Seq), r); err != nil {
		return err
	}
	if err := t.drop(readyBucket, readyKey(s, f.Seq)); err != nil {
		return err
	}
	if err := t.drop(startedBucket, number(f.Seq)); err != nil {
		return err
	}
	if len(s.Sealed) > 0 {
		if err := t.mark(owedBucket, number(f.Seq)); err != nil {
			return err
		}
	}
	s.State = r.State
	if err := t.free(f.Seq, s); err != nil {
		return err
	}
	if err := t.learn(f.Seq, o, &r); err != nil {
		return err
	}
	return t.count(f.Seq, s.Intake, order.Pending, r.State)
}

// free lets those that wait for an order that has ended go on. One that was canceled while it
// waited itself keeps its place until then: who came behind it counts on that.
func (t *txn) free(seq uint64, s *status) error {
	if s.Waiting > 0 {
		return nil
	}
	o, err := t.order(seq)
	if err != nil {
		return err
	}
	if o == nil {
		return damage("an order that holds its place is missing")
	}
	if err := t.leave(seq, o, s); err != nil {
		return err
	}
	if _, waited, err := t.follow(seq, 0); !waited || err != nil {
		return err
	}
	return t.mark(freedBucket, number(seq))
}

// count moves an order to another state in all intakes that it is part of.
func (t *txn) count(seq, own uint64, from, to order.State) error {
	parts := []uint64{own}
	c := t.tx.Bucket(watchBucket).Cursor()
	for key, _ := c.Seek(number(seq)); bytes.HasPrefix(key, number(seq)); key, _ = c.Next() {
		parts = append(parts, binary.BigEndian.Uint64(key[8:]))
	}
	for _, n := range parts {
		in, err := t.intake(n)
		if err != nil {
			return err
		}
		if in == nil {
			continue // it is being received, and was dropped
		}
		if n == own {
			in.count(from, to)
		} else {
			in.share(from, to)
		}
		switch {
		case in.State == IntakeReceiving:
		case in.Pending() == 0:
			in.Finished = t.journal.now()
		case in.Reported || !in.Finished.IsZero(): // an order begins again
			in.Finished, in.Reported = time.Time{}, false
			if err := t.mark(unreportedBucket, number(n)); err != nil {
				return err
			}
		}
	}
	return nil
}
