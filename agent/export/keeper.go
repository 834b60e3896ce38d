package export

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// command is what the first column of a row says; empty: there is no row.
type command string

// The commands.
const (
	inserts command = "insert"
	updates command = "update"
	deletes command = "delete"
)

// tally counts rows by command.
type tally struct{ inserts, updates, deletes uint64 }

func (t *tally) count(c command) command {
	switch c {
	case inserts:
		t.inserts++
	case updates:
		t.updates++
	case deletes:
		t.deletes++
	}
	return c
}

func (t *tally) add(other tally) {
	t.inserts += other.inserts
	t.updates += other.updates
	t.deletes += other.deletes
}

func (t *tally) rows() uint64 { return t.inserts + t.updates + t.deletes }

// The names of the sets in the store. Entities and navigations are plain names, so
// they hold no slash.
func objectsSet(entity string) string           { return "objects/" + entity }
func awaySet(entity string) string              { return "away/" + entity }
func linksSet(entity, navigation string) string { return "links/" + entity + "/" + navigation }

// fingerprint tells rows apart: eight bytes of SHA-256 of the row without its
// command. An object has few states in its life, so two of the same are out of
// question.
func fingerprint(row []byte) [8]byte {
	sum := sha256.Sum256(row)
	return [8]byte(sum[:8])
}

// fate is what a run does to all links to and from an object.
type fate byte

// An object that can be restored is away. While the system says so, its links stay as
// they were delivered. A complete list does not tell what is away from what is gone:
// then its links are withheld, which is delivered as a deletion, and delivered again
// should the object come back.
const (
	gone     fate = 'g' // for good: its links are deleted
	withheld fate = 'w' // away, or gone: its links are deleted, and remembered
	back     fate = 'b' // withheld, and there again; what is said of its own links is all of them
	restored fate = 'r' // away, and there again; the same holds for its own links
)

// isRelisted reports whether all links of an owner of this fate are said anew: systems
// tell everything of a restored object, and nothing of what became of its links before
// it was deleted.
func (f fate) isRelisted() bool { return f == back || f == restored }

// fates holds the ids of objects whose links are concerned. They are few as a rule;
// each takes about 100 bytes.
type fates map[string]fate

// isWithheld and delivered are values of known links, and of the sets of objects that
// are away: whether their links are withheld.
var (
	isWithheld = []byte{byte(withheld)}
	delivered  []byte
)

// changes are those of a set in a commit. They begin with the first one: a set that
// does not change costs nothing.
type changes struct {
	commit *store.Commit
	name   string
	begun  *store.Changes
}

func (c *changes) begin() (err error) {
	if c.begun == nil {
		c.begun, err = c.commit.Change(c.name)
	}
	return err
}

func (c *changes) put(key, value []byte) error {
	if err := c.begin(); err != nil {
		return err
	}
	return c.begun.Put(key, value)
}

func (c *changes) delete(key []byte) error {
	if err := c.begin(); err != nil {
		return err
	}
	return c.begun.Delete(key)
}

// objectKeeper compares the objects of one collection with those that are known, and
// keeps what is known from now on.
type objectKeeper struct {
	tally tally
	fates fates // shared by all collections

	// Of a complete run: what is there, and what is away.
	anew, awayAnew *store.SetWriter

	// Of an incremental one.
	known   *store.Set
	changes changes
	old     *store.Cursor // of known where the collection was listed again; nil: its changes were read
	hasOld  bool          // old stands at a key that was not found yet

	away     *store.Set
	leaving  changes         // of away
	unlisted map[string]bool // away with its links delivered, and not found in the list so far
}

// list makes k compare a complete list.
func (k *objectKeeper) list() error {
	k.unlisted = map[string]bool{}
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

// end settles what is away and not in the list.
func (k *objectKeeper) end() error {
	if k.anew != nil {
		return errors.Join(k.anew.Close(), k.awayAnew.Close())
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

// found tells which row an object makes; row is that of a present one. Where the
// collection was listed again, all that is known before it must have vanished.
func (k *objectKeeper) found(id []byte, state record.State, row []byte) (command, error) {
	if k.anew != nil {
		switch state {
		case record.Suspended:
			return "", k.awayAnew.Add(id, delivered)
		case record.Gone:
			return "", nil
		}
		now := fingerprint(row)
		return k.tally.count(inserts), k.anew.Add(id, now[:])
	}
	before, isKnown, err := k.take(id)
	if err != nil {
		return "", err
	}
	if state != record.Present || !isKnown {
		if err := k.move(id, state); err != nil {
			return "", err
		}
	}
	if state != record.Present {
		if !isKnown {
			return "", nil
		}
		return k.tally.count(deletes), k.changes.delete(id)
	}
	now := fingerprint(row)
	switch {
	case !isKnown:
		return k.tally.count(inserts), k.changes.put(id, now[:])
	case !bytes.Equal(now[:], before):
		return k.tally.count(updates), k.changes.put(id, now[:])
	}
	return "", nil
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
