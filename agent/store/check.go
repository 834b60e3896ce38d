package store

import (
	"context"
	"os"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/agent/durable"
)

// Report tells what is in a store.
type Report struct {
	World   World
	Sets    []SetReport // sorted by name
	Cookies int
	Runs    int
	Held    int
	Bytes   int64 // of all files
}

// SetReport tells what is in a set.
type SetReport struct {
	Name    string
	Keys    int64
	Changes int64 // of them, kept beside the set file
	Bytes   int64 // of the set file
}

// Check reads everything and compares it with its checksums. The first damage is
// fault.Storage and names the file; Open has found some of it already.
func (s *Store) Check(ctx context.Context) (Report, error) {
	k, err := s.Known()
	if err != nil {
		return Report{}, err
	}
	r := Report{World: k.World(), Cookies: len(k.state.Cookies), Held: len(k.state.Held)}
	for file := range k.state.files() {
		reader, err := s.reader(file)
		if err != nil {
			return r, err
		}
		if err := reader.Verify(ctx); err != nil {
			return r, s.explain(err)
		}
		r.Bytes += file.Bytes
	}
	for _, name := range k.Names() {
		known := k.Set(name)
		if err := known.count(ctx); err != nil {
			return r, err
		}
		report := SetReport{Name: name, Keys: known.set.Keys, Changes: known.set.Overlay.Entries}
		if known.set.Base != nil {
			report.Bytes = known.set.Base.Bytes
		}
		r.Sets = append(r.Sets, report)
	}
	if err := s.eachRun(func([]byte, Run) bool { r.Runs++; return true }); err != nil {
		return r, err
	}
	info, err := os.Stat(s.path(stateName))
	if err != nil {
		return r, durable.Fault(err, "read", s.path(stateName))
	}
	r.Bytes += info.Size()
	return r, s.view(k.state, s.checkPages)
}

// checkPages checks the database as bbolt does, once it is known that bbolt can.
func (s *Store) checkPages(tx *bbolt.Tx) error {
	if err := s.checkFile(); err != nil {
		return err
	}
	var first error
	for err := range tx.Check() {
		if first == nil {
			first = s.damaged(err.Error())
		}
	}
	return first
}

// count compares the number of keys with the one that is remembered.
func (s *Set) count(ctx context.Context) error {
	c, n := s.Cursor(), int64(0)
	for ; c.Next(); n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if c.Err() == nil && n != s.set.Keys {
		return s.store.explain(s.store.damaged("the set " + s.name + " does not hold as many keys as it should"))
	}
	return c.Err()
}
