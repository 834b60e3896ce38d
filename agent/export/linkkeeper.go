package export

import (
	"bytes"
	"errors"

	"github.com/usher-iga/usher/agent/export/csvfile"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// linkKeeper compares the links of one navigation with those that are known, writes
// the difference, and keeps what is known from now on. A link is known under its
// owner's id, a zero byte and its target's, with a value if it is withheld.
type linkKeeper struct {
	dialect *csvfile.Dialect
	tally   tally
	key     []byte
	start   []byte // of the rows of startOf, of a complete run
	startOf []byte

	// Of a complete run: what is there, and what changes with it.
	anew    *store.SetWriter
	against comparison

	// Of an incremental one.
	known    *store.Set
	changes  changes
	listed   bool                    // all links were listed, not the changes alone
	departed map[string]record.State // owners that the list says are not there
	fates    fates
	targets  []*objectKeeper // by collection
	old      *store.Cursor   // of known where all of it has to be looked at
	hasOld   bool
}

// scan makes k go through all that is known. Otherwise it looks links up one by one,
// which is enough where only changes are said and no object is gone.
func (k *linkKeeper) scan() error {
	k.old = k.known.Cursor()
	return k.nextOld()
}

func (k *linkKeeper) nextOld() error {
	k.hasOld = k.old.Next()
	return k.old.Err()
}

// said takes what was said last of a link; links come in the order of their keys. of is the
// position of the target's collection plus one; 0: not known.
func (k *linkKeeper) said(out *csvfile.Writer, owner, target []byte, of byte, removed bool) error {
	if k.anew != nil && removed {
		return nil
	}
	k.key = append(append(append(k.key[:0], owner...), 0), target...)
	if k.anew != nil {
		if err := errors.Join(k.against.found(k.key, nil), k.anew.Add(k.key, nil)); err != nil {
			return err
		}
		return k.writeInsert(out, owner, target)
	}
	was, isKnown, err := k.take(out)
	if err != nil {
		return err
	}
	its := k.fates[string(target)]
	if its == 0 && of > 0 && !isKnown && !removed {
		isMissing, err := k.targets[of-1].misses(target)
		if err != nil {
			return err
		}
		if isMissing {
			its = withheld
		}
	}
	return k.settle(out, owner, target, its, was, isKnown, removed)
}

// settle writes what changes of the link of key, which was known with a value or not,
// and is there now or removed. its is the target's fate.
func (k *linkKeeper) settle(out *csvfile.Writer, owner, target []byte, its fate, was []byte, isKnown, removed bool) error {
	wasDelivered := isKnown && len(was) == 0
	isWithheldNow := its == withheld || isKnown && !wasDelivered && its != back
	there := !removed && its != gone && k.fates[string(owner)] != gone
	var err error
	switch {
	case !there && isKnown:
		err = k.changes.delete(k.key)
	case there && isWithheldNow && (wasDelivered || !isKnown):
		err = k.changes.put(k.key, isWithheld)
	case there && !isWithheldNow && !wasDelivered:
		err = k.changes.put(k.key, delivered)
	}
	isDelivered := there && !isWithheldNow
	switch {
	case err != nil || isDelivered == wasDelivered:
		return err
	case isDelivered:
		return k.write(out, inserts, owner, target)
	default:
		return k.write(out, deletes, owner, target)
	}
}

// take gives the value of the link of key, if it is known.
func (k *linkKeeper) take(out *csvfile.Writer) (was []byte, isKnown bool, err error) {
	if k.old == nil {
		return k.known.Get(k.key)
	}
	if err := k.pass(out, k.key); err != nil || !k.hasOld || !bytes.Equal(k.old.Key(), k.key) {
		return nil, false, err
	}
	was = bytes.Clone(k.old.Value())
	return was, true, k.nextOld()
}

// pass goes through the known links before until, of which nothing was said; nil:
// through all that are left.
func (k *linkKeeper) pass(out *csvfile.Writer, until []byte) error {
	for k.hasOld && (until == nil || bytes.Compare(k.old.Key(), until) < 0) {
		old := k.old.Key()
		owner, target, _ := bytes.Cut(old, []byte{0})
		owners, its := k.fates[string(owner)], k.fates[string(target)]
		if k.listed || owners != 0 || its != 0 {
			// A list leaves out the links of what can be restored, and they stay.
			isMissing := k.listed && k.departed[string(owner)] != record.Suspended
			said := k.key
			k.key = old
			err := k.settle(out, owner, target, its, k.old.Value(), true, isMissing || owners.isRelisted())
			k.key = said
			if err != nil {
				return err
			}
		}
		if err := k.nextOld(); err != nil {
			return err
		}
	}
	return nil
}

func (k *linkKeeper) write(out *csvfile.Writer, c command, owner, target []byte) error {
	out.Field([]byte(k.tally.count(c)))
	out.Field(owner)
	out.Field(target)
	return out.EndRow()
}

// writeInsert is write for many links of one owner.
func (k *linkKeeper) writeInsert(out *csvfile.Writer, owner, target []byte) error {
	if !bytes.Equal(owner, k.startOf) {
		k.startOf = append(k.startOf[:0], owner...)
		k.start = k.dialect.Encode(k.start[:0], []byte(inserts), owner)
	}
	k.tally.inserts++
	out.Encoded(k.start)
	out.Field(target)
	return out.EndRow()
}

// end goes through what is left.
func (k *linkKeeper) end(out *csvfile.Writer) error {
	if k.anew != nil {
		return errors.Join(k.against.vanish(nil), k.anew.Close())
	}
	return k.pass(out, nil)
}

// change counts what the run changes of what is known.
func (k *linkKeeper) change() tally {
	if k.anew != nil {
		return k.against.tally
	}
	return k.tally
}
