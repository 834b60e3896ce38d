package journal

import (
	"context"
	"time"
)

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
	if len(old) == 0 {
		return nil
	}
	return j.shrink()
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
	if err := t.unlearn(seq); err != nil {
		return err
	}
	return t.drop(ordersBucket, number(seq))
}
