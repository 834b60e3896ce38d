package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/fulfill/plan"
)

// Copy returns a journal that says what j says, to try out what would become of an input: what is
// done to the copy happens nowhere else, and Close deletes it. j must stay open until then; it has one
// copy at a time. Errors are fault.Storage.
func (j *Journal) Copy() (*Journal, error) {
	c := &Journal{
		options: j.options, folder: j.folder, file: copyName,
		admitting: make(chan struct{}, 1), news: make(chan struct{}, 1),
	}
	c.options.Cut, c.options.Decided = nil, nil
	path := c.path(copyName)
	err := durable.Remove(path)
	if err == nil {
		err = j.view(func(t *txn) error { return t.tx.CopyFile(path, durable.FileMode) })
	}
	if err == nil {
		err = c.openDatabase()
	}
	if err != nil {
		return nil, errors.Join(durable.Fault(err, "write", path), c.Close())
	}
	c.db.NoSync = true
	return c, nil
}

func (j *Journal) isCopy() bool { return j.file == copyName }

// Planned is an order of an intake as it would be carried out.
type Planned struct {
	Entry // its references to what was made are resolved

	// Answer is the result that the order has already, or says that it came before and is held; nil if it
	// would be carried out. If what the order asks for is forgotten, Order has what its result tells.
	Answer *order.Result

	makers map[order.Ref]string
}

// Maker is the order that has not ended and is to make the object that r names; empty if the object
// is there, or should be.
func (p *Planned) Maker(r order.Ref) string { return p.makers[r] }

// Plan calls with for the orders of an intake, some at a time, in the sequence of the input, until it
// returns an error, which is returned. with may use the journal. Errors are also those of Intake and of
// ctx.
func (j *Journal) Plan(ctx context.Context, n uint64, with func([]Planned) error) error {
	if _, err := j.Intake(n); err != nil {
		return err
	}
	for next := uint64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var page []Planned
		err := j.view(func(t *txn) error {
			for ; len(page) < j.options.Chunk; next++ {
				seq := t.tx.Bucket(itemsBucket).Get(numbers(n, next))
				if seq == nil {
					return nil
				}
				p, err := t.planned(binary.BigEndian.Uint64(seq), n)
				if err != nil {
					return err
				}
				page = append(page, p)
			}
			return nil
		})
		if err != nil || len(page) == 0 {
			return err
		}
		if err := j.release(); err != nil {
			return err
		}
		if err := with(page); err != nil {
			return err
		}
	}
}

// planned reads an order of an intake.
func (t *txn) planned(seq, intake uint64) (Planned, error) {
	s, err := t.known(seq)
	if err != nil {
		return Planned{}, err
	}
	o, err := t.order(seq)
	if err != nil {
		return Planned{}, err
	}
	r, err := t.result(seq)
	if err != nil {
		return Planned{}, err
	}
	switch {
	case o != nil:
	case r == nil:
		return Planned{}, damage("an order that has not ended is missing")
	default:
		o = &order.Order{ID: r.Order, Operation: r.Operation, Entity: r.Entity}
	}
	if s.Intake != intake {
		o.Place = "" // it is that in an earlier input
		in, err := t.knownIntake(s.Intake)
		if err != nil {
			return Planned{}, err
		}
		if r == nil && in.State == IntakeHeld {
			r = &order.Result{Order: o.ID, State: order.Held, Message: in.Reason}
		}
	}
	p := Planned{Entry: Entry{Seq: seq, Order: *o, Attempts: s.Attempts, First: s.First, Sealed: s.Sealed, Given: s.Given}}
	switch {
	case r != nil:
		p.Answer = r
		return p, nil
	case s.Doom != "":
		p.Verdict = doomed(s.Doom)
		return p, nil
	}
	return p, t.resolve(&p, s)
}

// resolve names by their ids the objects that orders have made, and finds the makers of those that
// are still to be made.
func (t *txn) resolve(p *Planned, s *status) error {
	for r := range p.Order.Refs() {
		entity := "" // of a target: who knows
		if r == &p.Order.Key {
			entity = p.Order.Entity
		}
		maker, object, err := t.maker(*r, entity, s.Place)
		switch {
		case err != nil:
			return err
		case object != "":
			*r = order.Ref{ID: object}
		case maker != "":
			if p.makers == nil {
				p.makers = map[order.Ref]string{}
			}
			p.makers[*r] = maker
		case r.Order != "":
			p.Verdict = madeNone(r.Order)
			return nil
		}
	}
	return nil
}

// maker is the order that has not ended and makes what an order at a place names, of an entity if that
// is given; or the object, if an order has made it. Both are empty if the object should be there.
func (t *txn) maker(r order.Ref, entity string, place uint64) (maker, object string, err error) {
	switch {
	case r.Order != "":
		known, err := t.identity(r.Order)
		if known == nil || err != nil {
			return "", "", err
		}
		result, err := t.result(known.Seq)
		switch {
		case err != nil:
			return "", "", err
		case result != nil:
			return "", result.ObjectID, nil
		}
		return r.Order, "", nil
	case r.Attribute == "":
		return "", "", nil
	}
	// Its queue tells: who makes the object holds its place there, before those that need it.
	token := plan.Presence(plan.Name(r))
	c := t.tx.Bucket(exclusiveBucket).Cursor()
	back := c.Prev
	if key, _ := c.Seek(laneKey(token, place)); key == nil {
		back = c.Last
	}
	key, value := back()
	if !bytes.HasPrefix(key, token[:]) || len(value) == 8 {
		return "", "", nil
	}
	if o, err := t.order(binary.BigEndian.Uint64(value)); o == nil || err != nil || entity != "" && !strings.EqualFold(o.Entity, entity) {
		return "", "", err
	}
	return string(value[8:]), "", nil
}
