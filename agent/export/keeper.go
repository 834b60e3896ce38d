package export

import "github.com/usher-iga/usher/agent/store"

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
