package store

import (
	"bytes"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/agent/store/setfile"
)

// The limits of what a set holds.
const (
	MaxKey   = setfile.MaxKey // bytes of a key, which has at least one
	MaxValue = 255            // bytes of a value, which may be empty
)

// Set is one set of what is known: sorted keys, each with a value. Its methods may be
// called from several goroutines. It holds nothing that must be closed.
type Set struct {
	store *Store
	state *state
	name  string
	set   set

	base    atomic.Pointer[setfile.Reader] // nil until it is needed
	checked atomic.Bool                    // the overlay is what was written
}

// Len is the number of keys.
func (s *Set) Len() int64 { return s.set.Keys }

// Get returns a copy of the value of a key, and whether the key is in the set.
func (s *Set) Get(key []byte) (value []byte, ok bool, err error) {
	if s.set.Overlay.Entries > 0 {
		var entry []byte
		err := s.view(func(b *bbolt.Bucket) error {
			entry = bytes.Clone(b.Get(key))
			return nil
		})
		if err != nil {
			return nil, false, err
		}
		if len(entry) > 0 {
			return entry[1:], entry[0] == present, nil
		}
	}
	if s.set.Base == nil {
		return nil, false, nil
	}
	r, err := s.file()
	if err != nil {
		return nil, false, err
	}
	value, ok, err = r.Get(key)
	return value, ok, s.store.explain(err)
}

// file gives the set file, which there must be.
func (s *Set) file() (*setfile.Reader, error) {
	if r := s.base.Load(); r != nil {
		return r, nil
	}
	r, err := s.store.reader(*s.set.Base)
	if err == nil {
		s.base.Store(r)
	}
	return r, err
}

// view reads the overlay, which there must be. Its first use compares the overlay
// with what was written, as bbolt has no checksums.
func (s *Set) view(work func(b *bbolt.Bucket) error) error {
	return s.store.view(s.state, func(tx *bbolt.Tx) error {
		b := overlayOf(tx, s.name)
		if b == nil || !s.checked.Load() && tallyOf(b) != s.set.Overlay {
			return s.store.damaged("the changes of the set " + s.name + " are not those that were written")
		}
		s.checked.Store(true)
		return work(b)
	})
}
