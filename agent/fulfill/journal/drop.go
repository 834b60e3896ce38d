package journal

import (
	"encoding/binary"
	"errors"
)

// dropUnfinished deletes intakes that were cut off while they were received.
func (j *Journal) dropUnfinished() error {
	var unfinished []uint64
	err := j.view(func(t *txn) error {
		return t.eachIntake(func(in *intake) (bool, error) {
			if in.State == IntakeReceiving {
				unfinished = append(unfinished, in.Number)
			}
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	for _, n := range unfinished {
		if err := j.dropIntake(n); err != nil {
			return err
		}
	}
	return nil
}

// dropIntake deletes an intake that is not accepted: some orders at a time, the last ones
// first, and the intake itself last. Cut off, it can be called again.
func (j *Journal) dropIntake(n uint64) error {
	for done := false; !done; {
		err := j.update("drop an intake", func(t *txn) (err error) {
			in, err := t.knownIntake(n)
			if err != nil {
				return err
			}
			done, err = t.dropSome(in)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) dropSome(in *intake) (done bool, err error) {
	budget := t.journal.options.Chunk
	for ; budget > 0 && in.Next > in.First; budget-- {
		in.Next--
		if err := t.dropOrder(in.Next); err != nil {
			return false, err
		}
	}
	for ; budget > 0 && in.Orders > 0; budget-- {
		in.Orders--
		key := numbers(in.Number, in.Orders)
		seq := binary.BigEndian.Uint64(t.tx.Bucket(itemsBucket).Get(key))
		if err := errors.Join(t.drop(watchBucket, numbers(seq, in.Number)), t.drop(itemsBucket, key)); err != nil {
			return false, err
		}
	}
	if in.Next > in.First || in.Orders > 0 {
		return false, nil
	}
	if err := t.tx.DeleteBucket(missingBucket); err != nil {
		return false, err
	}
	if _, err := t.tx.CreateBucket(missingBucket); err != nil {
		return false, err
	}
	delete(t.intakes, in.Number)
	return true, t.drop(intakesBucket, number(in.Number))
}

// dropOrder deletes all about an order. That it waits for earlier ones stays noted: their end finds
// nobody there.
func (t *txn) dropOrder(seq uint64) error {
	s, err := t.status(seq)
	if s == nil || err != nil {
		return err
	}
	o, err := t.order(seq)
	if o == nil || err != nil {
		return err
	}
	if err := t.leave(seq, o, s); err != nil {
		return err
	}
	if err := t.clear(edgesBucket, number(seq)); err != nil {
		return err
	}
	delete(t.statuses, seq)
	for _, b := range [][]byte{statesBucket, ordersBucket} {
		if err := t.drop(b, number(seq)); err != nil {
			return err
		}
	}
	return t.drop(idsBucket, []byte(o.ID))
}

// eachIntake calls with for each intake, the last ones first, until it returns false.
func (t *txn) eachIntake(with func(*intake) (bool, error)) error {
	c := t.tx.Bucket(intakesBucket).Cursor()
	for key, value := c.Last(); key != nil; key, value = c.Prev() {
		in := &intake{}
		if err := unseal(key, value, in); err != nil {
			return err
		}
		if again, err := with(in); !again || err != nil {
			return err
		}
	}
	return nil
}
