package spool

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/usher-iga/usher/agent/durable"
)

// errClosed tells a writer or reader that came too late: the run has ended.
var errClosed = errors.New("the spool is closed")

// Table holds rows, each a key and a value, in the order in which they were added.
// Add and Finish may be called from one goroutine at a time, each table's from
// another one.
type Table struct {
	spool *Spool
	block []byte // being filled
	rows  int

	// Guarded by spool.mu.
	full      [][]byte
	discarded bool

	runs []run // of whoever spills
}

// A row in a block: the length of the key and of the value, both as 4 bytes, the
// key, the value.
const rowHeader = 8

// Add appends a row; key and value are copied. It waits when memory is used up
// until rows are written to disk. After an error the spool is of no use any more.
func (t *Table) Add(key, value []byte) error {
	size := rowHeader + len(key) + len(value)
	if size > cap(t.block)-len(t.block) {
		if err := t.spool.exchange(t, size); err != nil {
			return err
		}
	}
	t.block = appendRow(t.block, key, value)
	t.rows++
	return nil
}

func appendRow(b, key, value []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(key)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	return append(append(b, key...), value...)
}

// Rows is the number of rows added.
func (t *Table) Rows() int { return t.rows }

// Finish says that no row follows. It must be called before the table is read.
func (t *Table) Finish() {
	t.spool.mu.Lock()
	defer t.spool.mu.Unlock()
	t.keep()
}

// keep puts the block that is being filled to the full ones; spool.mu is held.
func (t *Table) keep() {
	switch {
	case t.block == nil:
	case t.discarded || len(t.block) == 0:
		t.spool.release([][]byte{t.block})
	default:
		t.full = append(t.full, t.block)
	}
	t.block = nil
}

// Discard deletes the table; Add must not be called any more, and its Rows must be
// closed. It may be called twice.
func (t *Table) Discard() error {
	s := t.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.discarded || s.closed {
		return nil
	}
	t.keep()
	t.discarded = true
	s.release(t.full)
	t.full = nil
	for s.spilling {
		s.changed.Wait()
	}
	for _, r := range t.runs {
		if err := durable.Remove(r.path); err != nil {
			return err
		}
	}
	t.runs = nil
	s.tables = slices.DeleteFunc(s.tables, func(other *Table) bool { return other == t })
	return nil
}

// seal writes what is still in memory and leaves at most fanIn runs.
func (t *Table) seal() ([]run, error) {
	s := t.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.spillBegins(); err != nil {
		return nil, err
	}
	defer s.spillEnds()
	blocks := t.full
	t.full = nil
	s.mu.Unlock()
	defer s.mu.Lock()
	if len(blocks) > 0 {
		if err := s.spill(t, blocks); err != nil {
			return nil, err
		}
	}
	if excess := len(t.runs) - s.fanIn; excess > 0 {
		// The youngest runs are the smallest.
		if err := s.mergeRuns(t, len(t.runs)-excess-1); err != nil {
			return nil, err
		}
	}
	return t.runs, nil
}
