package store

import (
	"bytes"

	"github.com/usher-iga/usher/agent/store/setfile"
)

// Cursor goes through a set in the order of the keys, with buffers of fixed size. It
// is used like bufio.Scanner, from one goroutine, and holds nothing that must be
// closed.
type Cursor struct {
	set   *Set
	key   []byte
	entry []byte // of the overlay; nil when the value is base's
	err   error

	base    *setfile.Cursor // nil: there is no file
	overlay *overlay        // nil: nothing has changed since the file was written
	// hasBase and hasOverlay say that each stands at a key; next that it has been
	// used and is to go on.
	hasBase, hasOverlay   bool
	nextBase, nextOverlay bool
}

// Cursor makes a cursor before the first key.
func (s *Set) Cursor() *Cursor {
	c := &Cursor{set: s}
	if s.set.Base != nil {
		r, err := s.file()
		if err != nil {
			c.err = err
			return c
		}
		c.base, c.nextBase = r.Cursor(), true
	}
	if s.set.Overlay.Entries > 0 {
		c.overlay, c.nextOverlay = &overlay{set: s}, true
	}
	return c
}

// Next goes to the next key. It returns false at the end or after an error.
func (c *Cursor) Next() bool {
	for c.advance() {
		if c.entry == nil || c.entry[0] == present {
			return true
		}
	}
	return false
}

// advance goes to the next key of the file and the overlay together, which may be a
// deleted one.
func (c *Cursor) advance() bool {
	if c.err != nil {
		return false
	}
	if c.nextBase {
		c.nextBase = false
		if c.hasBase = c.base.Next(); !c.hasBase && c.base.Err() != nil {
			c.err = c.set.store.explain(c.base.Err())
			return false
		}
	}
	if c.nextOverlay {
		c.nextOverlay = false
		if c.hasOverlay, c.err = c.overlay.next(); c.err != nil {
			return false
		}
	}
	if !c.hasBase && !c.hasOverlay {
		return false
	}
	order := -1 // of the file's key and the overlay's
	switch {
	case !c.hasBase:
		order = 1
	case c.hasOverlay:
		order = bytes.Compare(c.base.Key(), c.overlay.key())
	}
	if order < 0 {
		c.key, c.entry, c.nextBase = c.base.Key(), nil, true
		return true
	}
	c.key, c.entry = c.overlay.key(), c.overlay.entry()
	c.nextBase, c.nextOverlay = order == 0, true
	return true
}

// Key is the current key; a view, valid until Next.
func (c *Cursor) Key() []byte { return c.key }

// Value is the value of the current key; a view, valid until Next.
func (c *Cursor) Value() []byte {
	if c.entry != nil {
		return c.entry[1:]
	}
	return c.base.Value()
}

// Err is what ended the keys early, if anything did.
func (c *Cursor) Err() error { return c.err }
