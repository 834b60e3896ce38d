package spool

import (
	"bytes"
	"errors"
	"io"
)

// Rows reads the rows of tables in the order of their keys; equal keys in the order
// of the tables, and those of one table in the order in which they were added. It
// is used like bufio.Scanner, from one goroutine, and closed at the end.
type Rows struct {
	heap []*source // heap[0] is the current row
	read bool      // the current row was given
	err  error
}

// source is one run in a merge.
type source struct {
	*runReader
	table int
	age   int // its place among the runs of all tables
}

func (a *source) before(b *source) bool {
	c := bytes.Compare(a.key, b.key)
	return c < 0 || c == 0 && a.age < b.age
}

const (
	mergeMemory = 1 << 20 // for the read buffers of one merge
	minBuffer   = 8 << 10
	maxBuffer   = 128 << 10
)

// Merge reads tables, which must be finished. It may be called several times for a
// table, also side by side.
func (s *Spool) Merge(tables ...*Table) (*Rows, error) {
	runs := make([][]run, len(tables))
	for i, t := range tables {
		var err error
		if runs[i], err = t.seal(); err != nil {
			return nil, err
		}
	}
	return openRows(runs)
}

// openRows merges the runs of tables.
func openRows(tables [][]run) (*Rows, error) {
	count := 0
	for _, runs := range tables {
		count += len(runs)
	}
	buffer := min(max(mergeMemory/max(count, 1), minBuffer), maxBuffer)
	rows := &Rows{}
	age := 0
	for table, runs := range tables {
		for _, r := range runs {
			reader, err := openRun(r, buffer)
			if err != nil {
				rows.Close()
				return nil, err
			}
			rows.heap = append(rows.heap, &source{runReader: reader, table: table, age: age})
			age++
			if err := reader.next(); err != nil { // no run is empty
				rows.Close()
				return nil, err
			}
		}
	}
	for i := len(rows.heap)/2 - 1; i >= 0; i-- {
		rows.down(i)
	}
	return rows, nil
}

// Next goes to the next row. It returns false at the end or after an error.
func (r *Rows) Next() bool {
	if r.err != nil || len(r.heap) == 0 {
		return false
	}
	if !r.read {
		r.read = true
		return true
	}
	top := r.heap[0]
	if err := top.next(); err != nil {
		top.close()
		last := len(r.heap) - 1
		r.heap[0], r.heap[last] = r.heap[last], nil
		r.heap = r.heap[:last]
		if !errors.Is(err, io.EOF) {
			r.err = err
			return false
		}
	}
	r.down(0)
	return len(r.heap) > 0
}

// down lets the source at i sink to its place in the heap.
func (r *Rows) down(i int) {
	for {
		least := 2*i + 1
		if least >= len(r.heap) {
			return
		}
		if right := least + 1; right < len(r.heap) && r.heap[right].before(r.heap[least]) {
			least = right
		}
		if !r.heap[least].before(r.heap[i]) {
			return
		}
		r.heap[i], r.heap[least] = r.heap[least], r.heap[i]
		i = least
	}
}

// Key is the key of the current row; a view, valid until Next.
func (r *Rows) Key() []byte { return r.heap[0].key }

// Value is the value of the current row; a view, valid until Next.
func (r *Rows) Value() []byte { return r.heap[0].value }

// Table is the position of the current row's table among those given to Merge.
func (r *Rows) Table() int { return r.heap[0].table }

// Err is what ended the rows early, if anything did.
func (r *Rows) Err() error { return r.err }

// Close gives the files back. It may be called twice.
func (r *Rows) Close() {
	for _, s := range r.heap {
		s.close()
	}
	r.heap = nil
}
