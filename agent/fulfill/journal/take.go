package journal

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Entry is an order whose turn it is.
type Entry struct {
	Seq   uint64 // its number in the journal
	Order order.Order
	Size  int // of the order as it is stored, in bytes
	// Attempts is how often it was handed to a connector before; First is when that began, or begins
	// now.
	Attempts int
	First    time.Time
	CutOff   bool   // the last of them was begun and has no result
	Sealed   []byte // its secrets, encrypted; nil if they are not made yet
	Given    bool   // its secrets are with the object that it has made already: none are made again
	// Verdict is why it cannot be carried out whatever a connector says; nil: it can be.
	Verdict *fault.Error
}

// Uncertain reports whether an earlier attempt may have been carried out in whole or in part.
func (e *Entry) Uncertain() bool { return e.Attempts > 0 }

// gathered is how many orders are made ready ahead, if there are so many: the more, the more of
// them that go well together are found.
const gathered = 20_000

// takenBytes is how much of orders, as they are stored, is read at once, but for one order more.
const takenBytes = 4 << 20

// Ready returns up to n orders that wait for nothing, fewer if they are large: those that make
// objects first and those that delete last, otherwise those of earlier intakes first, and of one intake
// those together that go well together; see plan.Pack. It changes nothing about them: the same ones
// come again until Start or Finish. Errors are fault.Storage.
func (j *Journal) Ready(n int) ([]Entry, error) {
	for again := true; again; {
		var err error
		if again, err = j.advance(max(n, gathered)); err != nil {
			return nil, err
		}
	}
	var entries []Entry
	err := j.view(func(t *txn) (err error) {
		c := t.tx.Bucket(readyBucket).Cursor()
		first, _ := c.First()
		entries, err = t.take(c, first, n)
		return err
	})
	return entries, err
}

// take reads up to n orders, fewer if they are large: those whose numbers end the keys of c from
// key on.
func (t *txn) take(c *bbolt.Cursor, key []byte, n int) (entries []Entry, err error) {
	for size := 0; key != nil && len(entries) < n && size < takenBytes; key, _ = c.Next() {
		e, err := t.entry(binary.BigEndian.Uint64(key[len(key)-8:]))
		if err != nil {
			return nil, err
		}
		entries, size = append(entries, e), size+e.Size
	}
	return entries, nil
}

// Due reports whether there is an order that could be carried out now, or may turn out to be
// one. Errors are fault.Storage.
func (j *Journal) Due() (due bool, err error) {
	err = j.view(func(t *txn) error {
		for _, bucket := range [][]byte{freedBucket, openingBucket, readyBucket, startedBucket} {
			due = due || !t.isEmpty(bucket)
		}
		return nil
	})
	return due, err
}

// advance looks for orders that have become ready, as far as one transaction goes; again says that
// there may be more.
func (j *Journal) advance(n int) (again bool, err error) {
	due := false
	err = j.view(func(t *txn) error {
		switch {
		case !t.isEmpty(freedBucket):
			due = true
		case !t.isEmpty(openingBucket):
			ready, c := 0, t.tx.Bucket(readyBucket).Cursor()
			for key, _ := c.First(); key != nil && ready < n; key, _ = c.Next() {
				ready++
			}
			due = ready < n
		}
		return nil
	})
	if err != nil || !due {
		return false, err
	}
	return true, j.update("make ready", func(t *txn) error {
		budget := j.options.Chunk
		if err := t.settle(&budget); err != nil {
			return err
		}
		return t.open(&budget)
	})
}

// Interrupted returns up to n orders that were started and have not ended, fewer if they are large,
// with numbers beyond after. They are handed over again; see Start. Errors are fault.Storage.
func (j *Journal) Interrupted(after uint64, n int) ([]Entry, error) {
	var entries []Entry
	err := j.view(func(t *txn) (err error) {
		c := t.tx.Bucket(startedBucket).Cursor()
		first, _ := c.Seek(number(after + 1))
		entries, err = t.take(c, first, n)
		return err
	})
	return entries, err
}

// entry reads an order with its references resolved.
func (t *txn) entry(seq uint64) (Entry, error) {
	s, err := t.known(seq)
	if err != nil {
		return Entry{}, err
	}
	o, err := t.order(seq)
	if err != nil {
		return Entry{}, err
	}
	if o == nil {
		return Entry{}, damage("an order that has not ended is missing")
	}
	e := Entry{Seq: seq, Order: *o, Size: len(t.tx.Bucket(ordersBucket).Get(number(seq))), Attempts: s.Attempts, First: s.First, CutOff: s.State == order.Started, Sealed: s.Sealed, Given: s.Given}
	if s.Doom != "" {
		e.Verdict = doomed(s.Doom)
		return e, nil
	}
	for r := range e.Order.Refs() {
		if r.Order == "" {
			continue
		}
		made, err := t.made(r.Order)
		if err != nil {
			return Entry{}, err
		}
		if made == "" {
			e.Verdict = madeNone(r.Order)
			return e, nil
		}
		*r = order.Ref{ID: made}
	}
	return e, nil
}

// doomed is why an order fails that depends on one that failed.
func doomed(by string) *fault.Error {
	return fault.Errorf(fault.Invalid, "order %s, on which it depends, failed", by).
		WithHint("See why that order failed. When it has been executed, retry this one")
}

// madeNone is why an order fails that refers to the object of one that made none.
func madeNone(id string) *fault.Error {
	return fault.Errorf(fault.NotFound, "order %s, to whose object it refers, made none", id).
		WithHint("Refer to the object by its id or by a natural key")
}

// made is the id of the object that an order made.
func (t *txn) made(id string) (object string, err error) {
	known, err := t.identity(id)
	if known == nil || err != nil {
		return "", err
	}
	r, err := t.result(known.Seq)
	if r == nil || err != nil {
		return "", err
	}
	return r.ObjectID, nil
}

// Start notes that orders are handed to a connector, before they are, with their secrets. It
// returns those that still may be: an operator may have cancelled others. Errors are fault.Storage.
func (j *Journal) Start(entries []Entry) (started []Entry, err error) {
	now := j.now()
	err = j.update("start orders", func(t *txn) error {
		for _, e := range entries {
			s, err := t.known(e.Seq)
			if err != nil {
				return err
			}
			if s.State.Ended() {
				continue
			}
			if err := t.drop(readyBucket, readyKey(s, e.Seq)); err != nil {
				return err
			}
			if err := t.mark(startedBucket, number(e.Seq)); err != nil {
				return err
			}
			s.State, s.Sealed = order.Started, e.Sealed
			s.Attempts++
			if s.First.IsZero() {
				s.First = now
			}
			e.First = s.First
			started = append(started, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return started, nil
}

func readyKey(s *status, seq uint64) []byte {
	return slices.Concat([]byte{byte(s.Phase)}, numbers(s.Intake, s.Pack), number(seq))
}

// settle tells those that wait for orders that have ended, up to budget of them.
func (t *txn) settle(budget *int) error {
	for *budget > 0 {
		key, _ := t.tx.Bucket(freedBucket).Cursor().First()
		if key == nil {
			return nil
		}
		seq := binary.BigEndian.Uint64(key)
		s, err := t.known(seq)
		if err != nil {
			return err
		}
		for ; *budget > 0; *budget-- {
			waiter, ok, err := t.follow(seq, 0)
			if err != nil {
				return err
			}
			if !ok {
				if err := t.drop(freedBucket, number(seq)); err != nil {
					return err
				}
				break
			}
			if err := t.release(seq, waiter, s.State == order.Executed); err != nil {
				return err
			}
		}
	}
	return nil
}

// release makes an order not wait for another one any more.
func (t *txn) release(ended, waiter uint64, well bool) error {
	b, key := t.tx.Bucket(edgesBucket), numbers(ended, waiter)
	kind := b.Get(key)[0]
	if err := b.Delete(key); err != nil {
		return err
	}
	s, err := t.status(waiter)
	if s == nil || err != nil {
		return err // it was dropped with its intake
	}
	if kind == fails && !well && s.Doom == "" {
		o, err := t.order(ended)
		if err != nil {
			return err
		}
		s.Doom = o.ID
	}
	s.Waiting--
	switch {
	case s.Waiting > 0:
		return nil
	case s.State.Ended(): // it was canceled
		return t.free(waiter, s)
	}
	in, err := t.knownIntake(s.Intake)
	if err != nil {
		return err
	}
	if in.State != IntakeOpen || waiter >= in.Opened {
		return nil // it comes up when the intake is opened
	}
	return t.mark(readyBucket, readyKey(s, waiter))
}

// open goes on through intakes whose orders may begin, or are cancelled, up to budget orders.
func (t *txn) open(budget *int) error {
	for *budget > 0 {
		key, _ := t.tx.Bucket(openingBucket).Cursor().First()
		if key == nil {
			return nil
		}
		in, err := t.knownIntake(binary.BigEndian.Uint64(key))
		if err != nil {
			return err
		}
		if err := t.openIntake(in, budget); err != nil {
			return err
		}
	}
	return nil
}

// openIntake is open for one intake.
func (t *txn) openIntake(in *intake, budget *int) error {
	for ; *budget > 0 && in.Opened < in.Next; *budget-- {
		seq := in.Opened
		in.Opened++
		if err := t.openOrder(in, seq); err != nil {
			return err
		}
	}
	if in.Opened < in.Next {
		return nil
	}
	return t.drop(openingBucket, number(in.Number))
}

func (t *txn) openOrder(in *intake, seq uint64) error {
	s, err := t.status(seq)
	if s == nil || err != nil || s.State != order.Pending {
		return err
	}
	if in.State == IntakeCanceled {
		return t.end(Finished{Seq: seq, Result: order.Result{
			State: order.Canceled, Message: fmt.Sprintf("canceled by %s", in.DecidedBy),
		}})
	}
	if s.Waiting > 0 {
		return nil
	}
	return t.mark(readyBucket, readyKey(s, seq))
}
