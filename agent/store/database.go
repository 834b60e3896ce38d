package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/store/boltcheck"
	"github.com/usher-iga/usher/agent/store/setfile"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// The buckets of the database. That of overlays holds a bucket for each set that has
// changed since its file was written.
const (
	stateBucket   = "state" // one record, stateKey
	overlayBucket = "overlay"
	runsBucket    = "runs"
	stateKey      = "state"
)

// foreign is how long bbolt waits for its own lock: one attempt, as only a program that
// ignores ours, such as a tool of bbolt, can hold it.
const foreign = time.Millisecond

func openBolt(path string) (*bbolt.DB, error) {
	return bbolt.Open(path, durable.FileMode, &bbolt.Options{
		Timeout: foreign, FreelistType: bbolt.FreelistMapType, NoStatistics: true,
	})
}

// create makes the database of an empty store. It gets its name when it is whole:
// bbolt does not survive a power cut while it makes a file.
func (s *Store) create() error {
	if err := s.step("create"); err != nil {
		return err
	}
	db, err := openBolt(s.path(newStateName))
	if err != nil {
		return durable.Fault(err, "create", s.path(stateName))
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{stateBucket, overlayBucket, runsBucket} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return putState(tx, &state{Version: formatVersion})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return durable.Fault(err, "create", s.path(stateName))
	}
	if err := s.step("name"); err != nil {
		return err
	}
	return durable.Rename(s.path(newStateName), s.path(stateName))
}

// openDatabase opens the database and reads the state.
func (s *Store) openDatabase() error {
	path := s.path(stateName)
	if err := s.checkFile(); err != nil {
		return err
	}
	var content []byte
	err := s.guard(func() (err error) {
		if s.db, err = openBolt(path); err != nil {
			return err
		}
		return s.db.View(func(tx *bbolt.Tx) error {
			for _, name := range []string{overlayBucket, runsBucket} {
				if tx.Bucket([]byte(name)) == nil {
					return s.damaged("it has no bucket " + name)
				}
			}
			b := tx.Bucket([]byte(stateBucket))
			if b == nil {
				return s.damaged("it has no state")
			}
			text, ok := unseal([]byte(stateKey), b.Get([]byte(stateKey)))
			if !ok {
				return s.damaged("the state does not have the checksum that it was written with")
			}
			content = append(content, text...)
			return nil
		})
	})
	if err == nil {
		return s.decode(content)
	}
	if errors.Is(err, bolterrors.ErrTimeout) {
		return fault.Errorf(fault.Conflict, "the file %s is open in another program", path).WithHint("Close that program")
	}
	return s.failed("open", err)
}

// checkFile looks whether bbolt may open the database.
func (s *Store) checkFile() error {
	why, err := boltcheck.Check(s.path(stateName))
	if why != "" {
		err = s.damaged(why)
	}
	return err
}

// decode takes the state as it was read.
func (s *Store) decode(content []byte) error {
	var format struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(content, &format); err != nil {
		return s.damaged("the state cannot be read: " + err.Error())
	}
	if format.Version > formatVersion {
		return fault.Errorf(fault.Storage, "the store %s of connection %s was written by a later release of Usher: it has format %d; this release knows formats up to %d",
			s.folder, s.options.Connection, format.Version, formatVersion).
			WithHint("Use that release, or move the folder aside: the next export is complete then, and nothing is lost")
	}
	st := &state{}
	if err := json.Unmarshal(content, st); err != nil {
		return s.damaged("the state cannot be read: " + err.Error())
	}
	if st.Version < formatVersion {
		st.forgetWorld()
	}
	s.state = st
	return nil
}

// forgetWorld makes a state of an earlier format one of this.
func (s *state) forgetWorld() {
	s.Version, s.World = formatVersion, World{}
	for _, held := range s.Held {
		held.World = nil
	}
}

func putState(tx *bbolt.Tx, st *state) error {
	value, err := seal([]byte(stateKey), st)
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(stateBucket)).Put([]byte(stateKey), value)
}

// guard runs what reads the database. A disk that fails under what bbolt has mapped
// into memory is a fault of the processor, or a panic of bbolt. Here that becomes an
// error.
func (s *Store) guard(work func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = s.damaged(fmt.Sprint(p))
		}
	}()
	return work()
}

// damaged is damage of the database.
func (s *Store) damaged(why string) error { return &setfile.Damage{Path: s.path(stateName), Why: why} }

// explain tells what to do about damage.
func (s *Store) explain(err error) error {
	if d, ok := errors.AsType[*setfile.Damage](err); ok && fault.Of(err) == nil {
		return fault.Errorf(fault.Storage, "the store of connection %s is damaged: %w", s.options.Connection, d).
			WithHint("'usher store check %s' tells what is damaged. To go on, move the folder %s aside: the next export is complete then, and nothing is lost",
				s.options.Connection, s.folder)
	}
	return err
}

// failed explains an error of the database.
func (s *Store) failed(doing string, err error) error {
	return durable.Fault(s.explain(err), doing, s.path(stateName))
}

// view reads the database as it is in a state; after a later commit it fails.
func (s *Store) view(in *state, work func(tx *bbolt.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(); err != nil {
		return err
	}
	if s.state != in {
		return fault.Errorf(fault.Internal, "what was known of connection %s before the last commit is read", s.options.Connection)
	}
	return s.explain(s.guard(func() error { return s.db.View(work) }))
}

// flip makes next the state, in one transaction with what apply does; run is its
// record if there is one. Files that no set needs any more are deleted.
func (s *Store) flip(next *state, run *Run, apply func(tx *bbolt.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	next.Files = s.files // no later commit writes over a file of this one
	if err := s.step("transaction"); err != nil {
		return err
	}
	committing := false
	err := s.guard(func() error {
		return s.db.Update(func(tx *bbolt.Tx) error {
			if err := apply(tx); err != nil {
				return err
			}
			if run != nil {
				if err := s.putRun(tx, *run, next); err != nil {
					return err
				}
			}
			if err := putState(tx, next); err != nil {
				return err
			}
			committing = true
			return nil
		})
	})
	if err != nil {
		err = s.failed("write", err)
		if committing {
			s.broken = err // it may be on disk or not; the next Open finds out
		}
		return err
	}
	old := s.state
	s.state = next
	s.forget(old)
	return nil
}

// forget deletes the files that only an old state needed. What fails is done by the
// next Open.
func (s *Store) forget(old *state) {
	needed := map[uint64]bool{}
	for file := range s.state.files() {
		needed[file.Number] = true
	}
	for file := range old.files() {
		if !needed[file.Number] {
			s.removeSet(file.Number)
		}
	}
}

// removeSet deletes a set file, which may be open; mu is held.
func (s *Store) removeSet(number uint64) {
	if r := s.readers[number]; r != nil {
		_ = r.Close()
		delete(s.readers, number)
	}
	if s.step("delete "+setsName) == nil {
		_ = durable.Remove(s.setPath(number))
	}
}
