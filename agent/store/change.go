package store

import (
	"bytes"

	"github.com/usher-iga/usher/agent/spool"
	"github.com/usher-iga/usher/agent/store/setfile"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// SetWriter writes a set anew. It is used from one goroutine.
type SetWriter struct {
	store *Store
	name  string
	file  *setfile.Writer
	info  *setfile.Info // nil before Close
}

// Add appends a key and its value, which are copied. Keys must come in ascending
// order of bytes.Compare, each once; anything else is fault.Internal.
func (w *SetWriter) Add(key, value []byte) error {
	if err := checkEntry(w.name, key, value); err != nil {
		return err
	}
	return w.file.Add(key, value)
}

// Close ends the set and makes it safe from a power cut. It must be called before the
// commit is finished, once.
func (w *SetWriter) Close() error {
	if err := w.store.step("write set " + w.name); err != nil {
		return err
	}
	info, err := w.file.Commit()
	if err != nil {
		return err
	}
	w.info = &info
	return nil
}

func checkEntry(set string, key, value []byte) error {
	if len(key) == 0 || len(key) > MaxKey || len(value) > MaxValue {
		return fault.Errorf(fault.Storage, "the set %s cannot hold a key of %d bytes with a value of %d", set, len(key), len(value)).
			WithHint("Keys have 1 to %d bytes, values up to %d", MaxKey, MaxValue)
	}
	return nil
}

// Changes are those of one set. The last one of a key counts. It is used from one
// goroutine and needs no closing.
type Changes struct {
	store *Store
	name  string
	table *spool.Table
	entry []byte
}

// Put adds a key, or gives it another value. Both are copied.
func (c *Changes) Put(key, value []byte) error {
	if err := checkEntry(c.name, key, value); err != nil {
		return err
	}
	c.entry = append(append(c.entry[:0], present), value...)
	return c.table.Add(key, c.entry)
}

// Delete removes a key, which need not be there.
func (c *Changes) Delete(key []byte) error {
	if err := checkEntry(c.name, key, nil); err != nil {
		return err
	}
	return c.table.Add(key, []byte{deleted})
}

// changeRows are the changes of a set, sorted by key, each key once, with entries as
// in an overlay.
type changeRows interface {
	Next() bool
	Key() []byte
	Value() []byte
	Err() error
	Close()
}

// lastRows gives the last of the rows of each key.
type lastRows struct {
	*spool.Rows
	more       bool
	key, value []byte
}

func newLastRows(rows *spool.Rows) *lastRows { return &lastRows{Rows: rows, more: rows.Next()} }

func (l *lastRows) Next() bool {
	if !l.more {
		return false
	}
	l.key = append(l.key[:0], l.Rows.Key()...)
	for l.more && bytes.Equal(l.Rows.Key(), l.key) {
		l.value = append(l.value[:0], l.Rows.Value()...)
		l.more = l.Rows.Next()
	}
	return l.Err() == nil
}

func (l *lastRows) Key() []byte   { return l.key }
func (l *lastRows) Value() []byte { return l.value }

// fileRows are changes that a held commit wrote to a file.
type fileRows struct{ *setfile.Cursor }

// Close does nothing: the store keeps the file open.
func (fileRows) Close() {}
