package export

import (
	"bytes"
	"errors"
	"sync"

	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// objectKeeper compares the objects of one collection with those that are known, and
// keeps what is known from now on.
type objectKeeper struct {
	tally tally
	fates fates // shared by all collections

	// Of a complete run: what is there and what is away, and what changes with it.
	anew, awayAnew *store.SetWriter
	against        comparison

	// Of an incremental one.
	known   *store.Set
	changes changes
	old     *store.Cursor // of known where the collection was listed again; nil: its changes were read
	hasOld  bool          // old stands at a key that was not found yet

	lacking []byte // the first object that came without attributes that it had; nil: none

	away     *store.Set
	leaving  changes         // of away
	unlisted map[string]bool // away with its links delivered, and not found in the list so far
	arrived  *idSet          // in the list and not known before, be it to restore; nil: changes were read
	mu       sync.Mutex      // of leaving while links are merged
}

// change counts what the run changes of what is known.
func (k *objectKeeper) change() tally {
	if k.anew != nil {
		return k.against.tally
	}
	return k.tally
}

// list makes k compare a complete list.
func (k *objectKeeper) list() error {
	k.unlisted, k.arrived = map[string]bool{}, newIDSet()
	away := k.away.Cursor()
	for away.Next() {
		if len(away.Value()) == 0 {
			k.unlisted[string(away.Key())] = true
		}
	}
	if err := away.Err(); err != nil {
		return err
	}
	k.old = k.known.Cursor()
	return k.nextOld()
}

// end settles what is away and not in the list. Then links can be.
func (k *objectKeeper) end() error {
	if k.anew != nil {
		return errors.Join(k.against.vanish(nil), k.anew.Close(), k.awayAnew.Close())
	}
	if k.arrived != nil {
		k.arrived.sort()
	}
	for id := range k.unlisted {
		k.fates[id] = withheld
		if err := k.leaving.put([]byte(id), isWithheld); err != nil {
			return err
		}
	}
	return nil
}

// move notes where an object is that was not there, or is not there any more.
func (k *objectKeeper) move(id []byte, state record.State) error {
	delete(k.unlisted, string(id))
	if k.arrived != nil && state != record.Gone {
		k.arrived.add(id)
	}
	was, isAway, err := k.away.Get(id)
	switch {
	case err != nil:
		return err
	case state == record.Suspended && isAway:
		return nil
	case state == record.Suspended:
		return k.leaving.put(id, delivered)
	case state == record.Gone:
		k.fates[string(id)] = gone
	}
	if !isAway {
		return nil
	}
	if state == record.Present {
		k.fates[string(id)] = restored
		if len(was) > 0 {
			k.fates[string(id)] = back
		}
	}
	return k.leaving.delete(id)
}

// misses reports whether the target of a new link, of which the collection says nothing
// else, is none of its objects: it was listed again, and the list does not have it. Such a
// target came, was linked and was gone for good before the list, or it came after it. So it
// counts as away with its links withheld, and if it comes they are delivered. Links may be
// merged side by side.
func (k *objectKeeper) misses(id []byte) (bool, error) {
	if k.arrived == nil || k.arrived.has(id) {
		return false, nil
	}
	if _, isKnown, err := k.known.Get(id); err != nil || isKnown {
		return false, err
	}
	was, isAway, err := k.away.Get(id)
	if err != nil || isAway {
		return len(was) > 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return true, k.leaving.put(id, isWithheld)
}

// object is what a run says of an object in the end.
type object struct {
	state  record.State
	row    []byte // of a present one, without its command
	told   marks  // the attributes of which something was said, be it null
	filled marks  // those that are not empty
}

// found tells which row an object makes. Where the collection was listed again, all that
// is known before it must have vanished.
func (k *objectKeeper) found(id []byte, o object) (command, error) {
	if k.anew != nil {
		return k.foundAnew(id, o)
	}
	before, isKnown, err := k.take(id)
	if err != nil {
		return "", err
	}
	if o.state != record.Present || !isKnown {
		if err := k.move(id, o.state); err != nil {
			return "", err
		}
	}
	if o.state != record.Present {
		if !isKnown {
			return "", nil
		}
		return k.tally.count(deletes), k.changes.delete(id)
	}
	if isKnown && k.old == nil && !k.isWhole(id, filledIn(before), o.told) {
		return "", nil
	}
	now := newFingerprint(o.row, o.filled)
	switch {
	case !isKnown:
		return k.tally.count(inserts), k.changes.put(id, now[:])
	case !sameRow(now[:], before):
		return k.tally.count(updates), k.changes.put(id, now[:])
	}
	return "", nil
}

// foundAnew is found of a complete run.
func (k *objectKeeper) foundAnew(id []byte, o object) (command, error) {
	switch o.state {
	case record.Suspended:
		return "", k.awayAnew.Add(id, delivered)
	case record.Gone:
		return "", nil
	}
	now := newFingerprint(o.row, o.filled)
	if err := k.against.found(id, now[:]); err != nil {
		return "", err
	}
	return k.tally.count(inserts), k.anew.Add(id, now[:])
}

// isWhole reports whether a change tells a whole row. Systems promise no more than what
// has changed: an attribute that had a value and of which nothing is said has one still,
// but its text is not known here. Where nothing is said at all, nothing has changed.
func (k *objectKeeper) isWhole(id []byte, had, told marks) bool {
	if had&^told == 0 {
		return true
	}
	if told != 0 && k.lacking == nil {
		k.lacking = bytes.Clone(id)
	}
	return false
}

// take gives the fingerprint of a known object.
func (k *objectKeeper) take(id []byte) (before []byte, isKnown bool, err error) {
	if k.old == nil {
		return k.known.Get(id)
	}
	if !k.hasOld || !bytes.Equal(k.old.Key(), id) {
		return nil, false, nil
	}
	before = bytes.Clone(k.old.Value())
	return before, true, k.nextOld()
}

// vanish deletes the known object at which old stands.
func (k *objectKeeper) vanish() error {
	k.tally.count(deletes)
	k.fates[string(k.old.Key())] = withheld
	if err := k.leaving.put(k.old.Key(), isWithheld); err != nil {
		return err
	}
	if err := k.changes.delete(k.old.Key()); err != nil {
		return err
	}
	return k.nextOld()
}

func (k *objectKeeper) nextOld() error {
	k.hasOld = k.old.Next()
	return k.old.Err()
}
