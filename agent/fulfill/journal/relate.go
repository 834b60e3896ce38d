package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/spool"
)

// Relations looks at how the orders of an input relate to each other and to those that came before:
// ids that stand for two orders, references to orders that do not exist. Nothing of the input is in
// the journal for that. Close it. It is not safe for concurrent use.
type Relations struct {
	journal *Journal
	spool   *spool.Spool
	rows    *spool.Table // by id: the orders that have it, and then those that refer to it
	added   uint64
	looked  uint64 // for orders that came before
}

// lookedAtOnce is after how many looks for an order mapped memory is given back.
const lookedAtOnce = 5000

// Relate begins to look at an input. As Begin does, it waits for others, or for ctx. Errors are those
// of ctx and fault.Storage.
func (j *Journal) Relate(ctx context.Context) (*Relations, error) {
	if err := j.admit(ctx); err != nil {
		return nil, err
	}
	s, err := spool.New(j.path(sortName), spool.Options{})
	if err != nil {
		<-j.admitting
		return nil, err
	}
	return &Relations{journal: j, spool: s, rows: s.Table()}, nil
}

// Close deletes what was sorted. Call it once.
func (r *Relations) Close() error {
	defer func() { <-r.journal.admitting }()
	return r.spool.Close()
}

// The kinds of a row.
const (
	has byte = iota
	refers
)

// Add notes an order; sound says that nothing is wrong with it by itself. Errors are
// fault.Storage.
func (r *Relations) Add(o *order.Order, sound bool) error {
	var hash []byte // none: what it asks for is not known
	if sound {
		sum, err := o.Hash()
		if err != nil {
			return err
		}
		hash = sum[:]
	}
	if err := r.add(o.ID, has, o, hash); err != nil || !sound {
		return err
	}
	for ref := range o.Refs() {
		if ref.Order != "" {
			if err := r.add(ref.Order, refers, o, nil); err != nil {
				return err
			}
		}
	}
	for _, id := range o.DependsOn {
		if err := r.add(id, refers, o, nil); err != nil {
			return err
		}
	}
	return nil
}

// tailLength is that of what follows the id in a key: 0, so that no id is the beginning of another one, the kind,
// and the position in the input.
const tailLength = 1 + 1 + 8

func (r *Relations) add(id string, kind byte, o *order.Order, hash []byte) error {
	r.added++
	key := binary.BigEndian.AppendUint64(append([]byte(id), 0, kind), r.added)
	value := append([]byte{byte(len(hash))}, hash...)
	value = append(append(append(value, o.ID...), 0), o.Place...)
	return r.rows.Add(key, value)
}

// Judge tells what is wrong, when all orders were added, to a refusal that has what is wrong with
// the orders by themselves. Of an input that could not be read to its end nobody knows which orders it
// would have had. Errors are fault.Storage and those of ctx.
func (r *Relations) Judge(ctx context.Context, refusal *order.Refusal) error {
	unread := map[string]bool{} // orders of the input that were not added, as they cannot be read
	for _, p := range refusal.Problems {
		unread[p.Order] = true
	}
	whole := !refusal.Partial && refusal.Count == len(refusal.Problems)
	r.rows.Finish()
	rows, err := r.spool.Merge(r.rows)
	if err != nil {
		return err
	}
	defer rows.Close()
	g := related{}
	for rows.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		key := rows.Key()
		id, kind := key[:len(key)-tailLength], key[len(key)-tailLength+1]
		if !g.begun || !bytes.Equal(id, g.id) {
			if g, err = r.begin(id); err != nil {
				return err
			}
		}
		value := rows.Value()
		hash, rest := value[1:1+value[0]], value[1+value[0]:]
		from, place, _ := bytes.Cut(rest, []byte{0})
		switch {
		case kind == has:
			g.there = true
			if g.hash == nil && len(hash) > 0 {
				g.hash, g.place = bytes.Clone(hash), string(place)
			}
			if len(hash) > 0 && !bytes.Equal(hash, g.hash) {
				refusal.Add(different(string(place), string(from), g.place))
			}
		case !g.there && whole && !unread[string(id)]:
			refusal.Add(missing(string(place), string(from), string(id)))
		}
	}
	return rows.Err()
}

// related is what is known of an id.
type related struct {
	begun bool
	id    []byte
	hash  []byte // of the first order that has it
	place string // of that order, if it is of this input
	there bool   // an order has it
}

// begin looks for an order that came before.
func (r *Relations) begin(id []byte) (related, error) {
	if r.looked++; r.looked%lookedAtOnce == 0 {
		if err := r.journal.release(); err != nil {
			return related{}, err
		}
	}
	g := related{begun: true, id: bytes.Clone(id)}
	err := r.journal.view(func(t *txn) error {
		known, err := t.identity(string(id))
		if known == nil || err != nil {
			return err
		}
		s, err := t.known(known.Seq)
		if err != nil {
			return err
		}
		in, err := t.knownIntake(s.Intake)
		if err == nil && in.State != IntakeReceiving {
			g.there, g.hash = true, known.Hash
		}
		return err
	})
	return g, err
}

// different is the problem of an order with an id that stands for another one, which stands at first if it is of
// the same input.
func different(place, id, first string) order.Problem {
	message := "an order of this id came before and asked for something else"
	if first != "" {
		message = "the order of this id at " + first + " asks for something else"
	}
	return order.Problem{
		Place: place, Order: id, Message: message,
		Hint: "Give the order an id of its own; to repeat an order, repeat it as it was",
	}
}

// missing is the problem of an order that refers to one that does not exist.
func missing(place, id, to string) order.Problem {
	return order.Problem{
		Place: place, Order: id, Message: fmt.Sprintf("it refers to the order %s, which does not exist", to),
		Hint: "Put that order into the same input, or give it before",
	}
}
