package store

import (
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/agent/durable"
)

// Compact writes what has changed into the set files and the database anew, which
// gives space back. What is known stays the same, and so do held runs; a [Known] must
// be asked for again. While a commit is under way it is fault.Conflict.
func (s *Store) Compact(ctx context.Context) error {
	c, err := s.Begin("")
	if err != nil {
		return err
	}
	if err := c.mergeAll(ctx); err != nil {
		return errors.Join(err, c.Discard())
	}
	return errors.Join(s.compactDatabase(), c.end())
}

// mergeAll writes a new file of each set that has an overlay.
func (c *Commit) mergeAll(ctx context.Context) error {
	next := c.on.clone()
	var gone []string
	for name, known := range c.on.Sets {
		if known.Overlay.Entries == 0 {
			continue
		}
		merged, err := c.merge(ctx, name, source{rows: func() (changeRows, error) { return noRows{}, nil }})
		if err != nil {
			return err
		}
		next.Sets[name] = merged
		gone = append(gone, name)
	}
	return c.store.flip(next, nil, func(tx *bbolt.Tx) error {
		for _, name := range gone {
			if err := dropOverlay(tx, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// compactMemory is how many bytes of the database are copied in one transaction.
const compactMemory = 1 << 20

// compactDatabase copies the database and lets the copy take its place. A crash
// leaves one of them whole under the name.
func (s *Store) compactDatabase() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if err := s.step("compact"); err != nil {
		return err
	}
	fresh := s.path(newStateName)
	err := durable.Remove(fresh) // of a compaction that failed
	if err == nil {
		err = s.guard(func() error { return copyDatabase(fresh, s.db) })
	}
	if err == nil {
		err = s.step("replace")
	}
	if err != nil {
		return errors.Join(s.failed("compact", err), durable.Remove(fresh))
	}
	err = s.db.Close() // Windows replaces no open file
	s.db = nil
	if err == nil {
		err = durable.Rename(fresh, s.path(stateName))
	}
	return s.failed("replace", errors.Join(err, s.openDatabase()))
}

func copyDatabase(path string, from *bbolt.DB) error {
	to, err := openBolt(path)
	if err != nil {
		return err
	}
	return errors.Join(bbolt.Compact(to, from, compactMemory), to.Close())
}

// noRows are no changes.
type noRows struct{}

func (noRows) Next() bool    { return false }
func (noRows) Key() []byte   { return nil }
func (noRows) Value() []byte { return nil }
func (noRows) Err() error    { return nil }
func (noRows) Close()        {}
