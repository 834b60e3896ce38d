package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/fulfill/plan"
)

// Wait is an order for which another one waits.
type Wait struct {
	Order  string      `json:"order"`
	Intake uint64      `json:"intake"` // the one that it came with
	State  order.State `json:"state"`
}

// String says it of the order that waits, such as "it waits for order 7 of intake 2, which is held".
func (w Wait) String() string {
	is := "has not ended"
	if w.State == order.Held {
		is = "is held"
	}
	return fmt.Sprintf("it waits for order %s of intake %d, which %s", w.Order, w.Intake, is)
}

// looks is how much WaitsFor looks at to find out who is to blame: it is asked for many orders, and many can wait
// for each other.
const looks = 50_000

// WaitsFor tells for which order one waits: for one of an intake that is held, also if others stand between them;
// where none is found, for one that has to end before. It is nil for an order that waits for none, or has begun.
// Errors are fault.Storage; an order that does not exist is fault.NotFound.
func (j *Journal) WaitsFor(id string) (wait *Wait, err error) {
	err = j.view(func(t *txn) error {
		seq, _, err := t.find(id)
		if err != nil {
			return err
		}
		wait, err = t.waitsFor(seq)
		return err
	})
	return wait, err
}

// waitsFor is [Journal.WaitsFor], the nearest orders first.
func (t *txn) waitsFor(seq uint64) (first *Wait, err error) {
	budget, met := looks, map[uint64]bool{seq: true}
	for next := []uint64{seq}; len(next) > 0 && budget > 0; next = next[1:] {
		before, err := t.before(next[0], &budget)
		if err != nil {
			return nil, err
		}
		for _, other := range before {
			if met[other] {
				continue
			}
			met[other] = true
			r, err := t.state(other)
			if err != nil {
				return nil, err
			}
			if r.State.Ended() {
				continue // those that waited for it are told soon
			}
			s, err := t.known(other)
			if err != nil {
				return nil, err
			}
			w := &Wait{Order: r.Order, Intake: s.Intake, State: r.State}
			if w.State == order.Held {
				return w, nil
			}
			if first == nil {
				first = w
			}
			next = append(next, other)
		}
	}
	return first, nil
}

// before are the orders for which one waits directly. Edges lead from those to it only, so it looks where they can
// come from: its references, and who else has its objects; budget is how many it may look at.
func (t *txn) before(seq uint64, budget *int) (all []uint64, err error) {
	s, err := t.known(seq)
	if err != nil || s.Waiting == 0 {
		return nil, err
	}
	o, err := t.order(seq)
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, damage("an order that has not ended is missing")
	}
	look := func(other uint64) {
		*budget--
		if t.has(edgesBucket, numbers(other, seq)) {
			all = append(all, other)
		}
	}
	ids := o.DependsOn
	for r := range o.Refs() {
		if r.Order != "" {
			ids = append(ids, r.Order)
		}
	}
	for _, id := range ids {
		known, err := t.identity(id)
		if err != nil {
			return nil, err
		}
		if known != nil {
			look(known.Seq)
		}
	}
	for _, h := range plan.Holds(plan.Claims(o, s.Also)) {
		buckets := [][]byte{exclusiveBucket}
		if h.Exclusive {
			buckets = append(buckets, sharedBucket)
		}
		for _, bucket := range buckets {
			c := t.tx.Bucket(bucket).Cursor()
			for key, value := c.Seek(h.Token[:]); bytes.HasPrefix(key, h.Token[:]) && *budget > 0; key, value = c.Next() {
				look(binary.BigEndian.Uint64(value))
			}
		}
	}
	return all, nil
}
