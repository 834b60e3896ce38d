package export

import (
	"bytes"

	"github.com/usher-iga/usher/agent/store"
)

// comparison counts what a complete list changes of what is known: the rows that an
// incremental run would write. The zero comparison counts nothing.
type comparison struct {
	tally
	old     *store.Cursor // nil: nothing is counted
	hasOld  bool
	isLinks bool
}

// begin makes c count the changes of a set, which is one of links or of objects.
func (c *comparison) begin(known *store.Set, isLinks bool) error {
	c.old, c.isLinks = known.Cursor(), isLinks
	return c.next()
}

func (c *comparison) next() error {
	c.hasOld = c.old.Next()
	for c.hasOld && c.isLinks && len(c.old.Value()) > 0 { // it is withheld
		c.hasOld = c.old.Next()
	}
	return c.old.Err()
}

// found takes a key of the list; keys come in ascending order.
func (c *comparison) found(key, value []byte) error {
	if c.old == nil {
		return nil
	}
	if err := c.vanish(key); err != nil {
		return err
	}
	if !c.hasOld || !bytes.Equal(c.old.Key(), key) {
		c.count(inserts)
		return nil
	}
	if !sameRow(value, c.old.Value()) {
		c.count(updates)
	}
	return c.next()
}

// vanish counts what is known before a key and not in the list; nil: all that is left.
func (c *comparison) vanish(until []byte) error {
	for c.hasOld && (until == nil || bytes.Compare(c.old.Key(), until) < 0) {
		c.count(deletes)
		if err := c.next(); err != nil {
			return err
		}
	}
	return nil
}
