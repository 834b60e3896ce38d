package journal

import (
	"errors"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/agent/durable"
)

const (
	// smallEnough is how large the file may be whatever is in it.
	smallEnough = 8 << 20
	// shrinkMemory is how many bytes are copied in one transaction.
	shrinkMemory = 1 << 20
)

// shrink writes the database anew if most of its file is empty, as after a large intake that was
// refused: bbolt never makes a file smaller. A crash leaves the old or the new file whole under the name.
func (j *Journal) shrink() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(); err != nil {
		return err
	}
	if j.isCopy() {
		return nil
	}
	hollow, err := j.isHollow()
	if !hollow || err != nil {
		return err
	}
	if err := j.step("shrink"); err != nil {
		return err
	}
	fresh := j.path(newName)
	if err := durable.Remove(fresh); err != nil { // of an attempt that failed
		return err
	}
	err = guard(func() error { return copyDatabase(fresh, j.db) })
	if err != nil {
		if err := durable.Remove(fresh); err != nil {
			return err
		}
		if _, ok := errors.AsType[damage](err); ok {
			return j.explain(err)
		}
		return nil // there is no room for it now, and the old file is as good
	}
	if err := j.step("replace"); err != nil {
		return err
	}
	err = j.db.Close() // Windows replaces no open file
	j.db = nil
	if err == nil {
		err = durable.Rename(fresh, j.path(fileName))
	}
	return j.failed("replace", errors.Join(err, j.openDatabase()))
}

// isHollow reports whether most of a large file is empty; mu is held.
func (j *Journal) isHollow() (bool, error) {
	tx, err := j.db.Begin(true) // when one for writing has ended, bbolt knows how much is free
	if err != nil {
		return false, j.failed("read", err)
	}
	size := tx.Size()
	if err := tx.Rollback(); err != nil {
		return false, j.failed("read", err)
	}
	return size > smallEnough && int64(j.db.Stats().FreeAlloc) > size/2, nil
}

func copyDatabase(path string, from *bbolt.DB) error {
	to, err := openBolt(path)
	if err != nil {
		return err
	}
	return errors.Join(bbolt.Compact(to, from, shrinkMemory), to.Close())
}
