// Package spool sorts more rows than fit into memory.
//
// Rows are added to tables in the order in which they arrive and read back in the
// order of their keys. They are kept in blocks of memory that all tables of a spool
// share; when these run low, the largest table is sorted and written to a file (a
// run) in the background. Reading merges the runs. Memory and the number of open
// files stay the same however many rows there are.
package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/usher-iga/usher/agent/durable"
)

// Options of a Spool. Zero values are the defaults; others are for tests.
type Options struct {
	Memory int // bytes of rows held in memory, together; default 16 MiB
	Block  int // bytes of one block of it; default 128 KiB
	FanIn  int // runs of one table that are merged at once; default 128
	Group  int // bytes of a group that are sorted in memory; default 1 MiB
}

const (
	defaultMemory = 16 << 20
	defaultBlock  = 128 << 10
	defaultFanIn  = 128
	defaultGroup  = 1 << 20
)

// Spool is a set of tables with a folder for their runs and a bound on their
// memory. Its methods may be called from several goroutines.
type Spool struct {
	folder    string
	blockSize int
	fanIn     int
	groupSize int

	mu      sync.Mutex
	changed sync.Cond // a spill has ended, or blocks are free again
	limit   int       // of used
	used    int       // blocks in tables and in the spill
	free    [][]byte
	tables  []*Table
	files   int
	written int64
	closed  bool
	err     error // of a spill in the background; every later call returns it

	// The spill: sorting and writing is done for one table at a time.
	spilling bool
	sorter   sorter
	buffer   []byte
}

// New makes a spool in folder, which must not exist yet or be empty: it is deleted
// with all that it holds by Close.
func New(folder string, o Options) (*Spool, error) {
	if o.Memory == 0 {
		o.Memory = defaultMemory
	}
	if o.Block == 0 {
		o.Block = defaultBlock
	}
	if o.FanIn == 0 {
		o.FanIn = defaultFanIn
	}
	if o.Group == 0 {
		o.Group = defaultGroup
	}
	if err := durable.MakeFolder(folder); err != nil {
		return nil, err
	}
	s := &Spool{folder: folder, blockSize: o.Block, fanIn: max(2, o.FanIn), groupSize: o.Group, limit: o.Memory / o.Block}
	s.changed.L = &s.mu
	return s, nil
}

// Close ends what goes on in the background and deletes the folder. Tables cannot
// be used any more; the Rows of its tables must be closed before.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for s.spilling {
		s.changed.Wait()
	}
	s.tables, s.free, s.sorter, s.buffer = nil, nil, sorter{}, nil
	return durable.Fault(os.RemoveAll(s.folder), "delete the folder", s.folder)
}

// Written is the number of bytes written to runs so far.
func (s *Spool) Written() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written
}

// Table makes an empty table.
func (s *Spool) Table() *Table {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &Table{spool: s}
	s.tables = append(s.tables, t)
	// Each table may hold a block that it is filling, which cannot be spilled; as
	// many again keep the tables from waiting for each other.
	s.limit = max(s.limit, 2*len(s.tables)+2)
	return t
}

// exchange takes the full block of t and gives an empty one with room for a row of
// size bytes. It waits while the memory is used up.
func (s *Spool) exchange(t *Table, size int) error {
	need := (size + s.blockSize - 1) / s.blockSize
	s.mu.Lock()
	defer s.mu.Unlock()
	t.keep()
	for {
		if s.err != nil {
			return s.err
		}
		if s.closed || t.discarded {
			return errClosed
		}
		if !s.spilling && s.used+need > s.limit/2 {
			s.spillLargest()
		}
		if s.used+need <= s.limit || !s.spilling { // there may be nothing to wait for, as with a row larger than all memory
			break
		}
		s.changed.Wait()
	}
	s.used += need
	switch n := len(s.free); {
	case need > 1:
		t.block = make([]byte, 0, size)
	case n > 0:
		t.block, s.free = s.free[n-1], s.free[:n-1]
	default:
		t.block = make([]byte, 0, s.blockSize)
	}
	return nil
}

// release takes blocks back.
func (s *Spool) release(blocks [][]byte) {
	for _, b := range blocks {
		s.used -= (cap(b) + s.blockSize - 1) / s.blockSize
		if cap(b) == s.blockSize {
			s.free = append(s.free, b[:0])
		}
	}
	s.changed.Broadcast()
}

// spillLargest starts a spill of the table with the most full blocks, if any.
func (s *Spool) spillLargest() {
	if len(s.tables) == 0 {
		return
	}
	largest := slices.MaxFunc(s.tables, func(a, b *Table) int { return len(a.full) - len(b.full) })
	if len(largest.full) == 0 {
		return
	}
	blocks := largest.full
	largest.full = nil
	s.spilling = true
	go func() {
		err := s.spill(largest, blocks)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err == nil {
			s.err = err
		}
		s.spillEnds()
	}()
}

// spillBegins waits until no spill is under way and starts one; mu is held.
func (s *Spool) spillBegins() error {
	for s.spilling {
		s.changed.Wait()
	}
	if s.err != nil {
		return s.err
	}
	if s.closed {
		return errClosed
	}
	s.spilling = true
	return nil
}

func (s *Spool) spillEnds() {
	s.spilling = false
	s.changed.Broadcast()
}

// spill writes the blocks of t as a run, oldest row first among equal keys, and
// merges runs where there are many. Only one goroutine at a time is in here; mu is
// not held.
func (s *Spool) spill(t *Table, blocks [][]byte) error {
	w, err := s.newRun(0)
	if err != nil {
		return err
	}
	s.sorter.load(blocks)
	if err := s.sorter.each(w.add); err != nil {
		w.discard()
		return err
	}
	s.sorter.blocks = nil
	s.mu.Lock()
	s.release(blocks)
	s.mu.Unlock()
	written, err := s.finish(w)
	if err != nil {
		return err
	}
	t.runs = append(t.runs, written)
	return s.compact(t)
}

// compact merges the last runs of t into one as soon as there are fanIn of the same
// level. Runs stay in the order of time, so equal keys do too.
func (s *Spool) compact(t *Table) error {
	for {
		last := len(t.runs) - s.fanIn
		if last < 0 || t.runs[last].level != t.runs[len(t.runs)-1].level {
			return nil
		}
		if err := s.mergeRuns(t, last); err != nil {
			return err
		}
	}
}

// mergeRuns replaces the runs of t from the given one on by one of the next level.
func (s *Spool) mergeRuns(t *Table, from int) error {
	old := t.runs[from:]
	rows, err := openRows([][]run{old})
	if err != nil {
		return err
	}
	defer rows.Close()
	w, err := s.newRun(old[0].level + 1)
	if err != nil {
		return err
	}
	for i := 0; rows.Next(); i++ {
		if i%checkEvery == 0 && s.isClosed() {
			w.discard()
			return errClosed
		}
		if err := w.add(rows.Key(), rows.Value()); err != nil {
			w.discard()
			return err
		}
	}
	if err := rows.Err(); err != nil {
		w.discard()
		return err
	}
	merged, err := s.finish(w)
	if err != nil {
		return err
	}
	rows.Close() // Windows deletes no open file
	for _, r := range old {
		if err := durable.Remove(r.path); err != nil {
			return err
		}
	}
	t.runs = append(t.runs[:from], merged)
	return nil
}

// checkEvery is after how many rows a long merge looks whether it is still wanted.
const checkEvery = 4096

func (s *Spool) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Spool) newRun(level int) (*runWriter, error) {
	s.mu.Lock()
	s.files++
	path := filepath.Join(s.folder, fmt.Sprintf("%06d.run", s.files))
	s.mu.Unlock()
	return createRun(path, level, s.buffer)
}

func (s *Spool) finish(w *runWriter) (run, error) {
	r, size, err := w.finish()
	s.buffer = w.buffer
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written += size
	return r, err
}
