package journal

import (
	"bytes"
	"encoding/binary"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/fulfill/plan"
)

// The values of an edge.
const (
	waits byte = iota
	fails      // it fails with the other one, too
)

// edge makes an order wait for another one of its own intake or an earlier one. An order
// that is to wait for itself is an edge too: the smallest circle.
func (t *txn) edge(of, waiter uint64, kind byte) error {
	key := numbers(of, waiter)
	b := t.tx.Bucket(edgesBucket)
	old := b.Get(key)
	if old == nil {
		s, err := t.known(waiter)
		if err != nil {
			return err
		}
		s.Waiting++
	} else if old[0] == fails {
		return nil
	}
	return b.Put(key, []byte{kind})
}

// follow is plan.Follow over the edges.
func (t *txn) follow(node, after uint64) (to uint64, ok bool, err error) {
	key, _ := t.tx.Bucket(edgesBucket).Cursor().Seek(numbers(node, after+1))
	if !bytes.HasPrefix(key, number(node)) {
		return 0, false, nil
	}
	return binary.BigEndian.Uint64(key[8:]), true, nil
}

// queue puts an order behind those that deal with the same objects. It tells whether one that
// came before, in the same intake, which begins at first, now waits for it.
func (t *txn) queue(seq, first uint64, o *order.Order, s *status) (forward bool, err error) {
	if s.Also, err = t.also(o); err != nil {
		return false, err
	}
	for _, h := range plan.Holds(plan.Claims(o, s.Also)) {
		if !h.Exclusive {
			err = t.share(seq, h, s)
		} else {
			var turned bool
			turned, err = t.exclude(seq, first, h.Token, o, s)
			forward = forward || turned
		}
		if err != nil {
			return false, err
		}
	}
	return forward, nil
}

// holder is an order that holds a token.
type holder struct {
	place uint64 // its place, or that of the first order that waits for it
	seq   uint64
	maker string // the id of the order, if it makes the object
}

// lastHolder is the last one that has a token for itself.
func (t *txn) lastHolder(token plan.Token) (holder, bool) {
	c := t.tx.Bucket(exclusiveBucket).Cursor()
	back := c.Prev
	if key, _ := c.Seek(end(token[:])); key == nil {
		back = c.Last
	}
	key, value := back()
	if !bytes.HasPrefix(key, token[:]) {
		return holder{}, false
	}
	return holder{binary.BigEndian.Uint64(key[len(token):]), binary.BigEndian.Uint64(value), string(value[8:])}, true
}

func laneKey(token plan.Token, place uint64) []byte { return append(token[:], number(place)...) }

// share takes a token that others may have as well.
func (t *txn) share(seq uint64, h plan.Hold, s *status) error {
	if last, ok := t.lastHolder(h.Token); ok {
		if err := t.edge(last.seq, seq, waits); err != nil {
			return err
		}
	}
	value := append(number(seq), 0)
	if h.Target {
		value[8] = 1
	}
	return t.tx.Bucket(sharedBucket).Put(laneKey(h.Token, s.Place), value)
}

// exclude takes a token that nobody else may have. Where o makes the object and others of its
// intake that came before need it to be there, they wait for it instead; forward tells.
func (t *txn) exclude(seq, first uint64, token plan.Token, o *order.Order, s *status) (forward bool, err error) {
	place := s.Place
	last, follows := t.lastHolder(token)
	if follows {
		if err := t.edge(last.seq, seq, waits); err != nil {
			return false, err
		}
	}
	c := t.tx.Bucket(sharedBucket).Cursor()
	for key, value := c.Seek(laneKey(token, last.place)); bytes.HasPrefix(key, token[:]); key, value = c.Next() {
		other := binary.BigEndian.Uint64(value)
		if o.Makes() && !follows && other >= first && value[8] == 1 {
			if !forward {
				// Who comes next finds those that wait for it behind it.
				place, forward = binary.BigEndian.Uint64(key[len(token):])-1, true
			}
			err = t.edge(seq, other, waits)
		} else {
			err = t.edge(other, seq, waits)
		}
		if err != nil {
			return false, err
		}
	}
	value := number(seq)
	if o.Makes() {
		value = append(value, o.ID...)
	}
	return forward, t.tx.Bucket(exclusiveBucket).Put(laneKey(token, place), value)
}

// leave gives back the tokens of an order.
func (t *txn) leave(seq uint64, o *order.Order, s *status) error {
	for _, h := range plan.Holds(plan.Claims(o, s.Also)) {
		if err := t.drop(sharedBucket, laneKey(h.Token, s.Place)); err != nil {
			return err
		}
		if !h.Exclusive {
			continue
		}
		c := t.tx.Bucket(exclusiveBucket).Cursor()
		for key, value := c.Seek(h.Token[:]); bytes.HasPrefix(key, h.Token[:]); key, value = c.Next() {
			if binary.BigEndian.Uint64(value) == seq {
				if err := c.Delete(); err != nil {
					return err
				}
				break
			}
		}
	}
	s.Also = nil
	return nil
}
