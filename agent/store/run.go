package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"time"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// RunState says how a run ended.
type RunState string

// The states of a run. The store sets all but Failed, Canceled and Done.
const (
	Published RunState = "published" // by Commit.Finish
	Failed    RunState = "failed"
	Canceled  RunState = "canceled"
	Held      RunState = "held"      // by Commit.Hold: it waits for an operator
	Released  RunState = "released"  // it was held and is published
	Discarded RunState = "discarded" // it was held and is not published
	Done      RunState = "done"      // not a run but a command that changed what is known
)

// Run is the record of a run.
type Run struct {
	ID       string    `json:"id"`
	Mode     string    `json:"mode"` // as in the manifest
	State    RunState  `json:"state"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	// Decided is when a held run was released or discarded.
	Decided  time.Time     `json:"decided,omitzero"`
	Counts   []Count       `json:"counts,omitempty"`
	Warnings []sdk.Warning `json:"warnings,omitempty"`
	Restarts []Restart     `json:"restarts,omitempty"`
	// Error is why a run failed, was canceled or held; it stays when a held one is decided on.
	Error    *RunError       `json:"error,omitempty"`
	Manifest json.RawMessage `json:"manifest,omitempty"` // of the set
}

// Count is how many rows a run wrote.
type Count struct {
	Entity     string `json:"entity"`
	Navigation string `json:"navigation,omitempty"` // of links
	Command    string `json:"command"`              // insert, update or delete
	Rows       uint64 `json:"rows"`
}

// Restart is an entity that was listed again.
type Restart struct {
	Entity string `json:"entity"`
	Reason string `json:"reason"`
}

// RunError is why a run failed or is held, without what is secret.
type RunError struct {
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
	Hint    string     `json:"hint,omitempty"`
}

// keptRuns is how many runs are remembered, besides those that are held.
const keptRuns = 200

// Record remembers a run that committed nothing, such as a failed one, or replaces
// the record of its id.
func (s *Store) Record(r Run) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	return s.failed("write", s.guard(func() error {
		return s.db.Update(func(tx *bbolt.Tx) error { return s.putRun(tx, r, s.state) })
	}))
}

// Runs gives the last n runs, the newest first; all that are remembered if n is 0.
func (s *Store) Runs(n int) ([]Run, error) {
	var runs []Run
	err := s.eachRun(func(_ []byte, r Run) bool {
		runs = append(runs, r)
		return len(runs) != n
	})
	return runs, err
}

// Run gives the run of an id. An unknown one is fault.NotFound.
func (s *Store) Run(id string) (Run, error) {
	found := Run{}
	err := s.eachRun(func(_ []byte, r Run) bool {
		if r.ID == id {
			found = r
		}
		return r.ID != id
	})
	if err == nil && found.ID == "" {
		err = s.noRun(id)
	}
	return found, err
}

func (s *Store) noRun(id string) error {
	return fault.Errorf(fault.NotFound, "connection %s has no run %s", s.options.Connection, id).
		WithHint("'usher runs list %s' lists the last runs", s.options.Connection)
}

// eachRun calls each with the runs and their keys, the newest first, until it returns
// false.
func (s *Store) eachRun(each func(key []byte, r Run) bool) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(); err != nil {
		return err
	}
	return s.explain(s.guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error { return s.eachRunIn(tx, each) })
	}))
}

func (s *Store) eachRunIn(tx *bbolt.Tx, each func(key []byte, r Run) bool) error {
	c := tx.Bucket([]byte(runsBucket)).Cursor()
	for k, v := c.Last(); k != nil; k, v = c.Prev() {
		text, ok := unseal(k, v)
		if !ok {
			return s.damaged("the record of a run does not have the checksum that it was written with")
		}
		var r Run
		if err := json.Unmarshal(text, &r); err != nil {
			return s.damaged("the record of a run cannot be read: " + err.Error())
		}
		if !each(k, r) {
			break
		}
	}
	return nil
}

// putRun writes the record of a run and drops the oldest ones that are not held.
func (s *Store) putRun(tx *bbolt.Tx, r Run, in *state) error {
	b := tx.Bucket([]byte(runsBucket))
	var key []byte
	var drop [][]byte
	kept := 0
	err := s.eachRunIn(tx, func(k []byte, old Run) bool {
		switch {
		case old.ID == r.ID:
			key = bytes.Clone(k)
		case in.Held[old.ID] != nil:
		case kept == keptRuns-1:
			drop = append(drop, bytes.Clone(k))
		default:
			kept++
		}
		return true
	})
	if err != nil {
		return err
	}
	for _, k := range drop {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	if key == nil {
		number, err := b.NextSequence()
		if err != nil {
			return err
		}
		key = binary.BigEndian.AppendUint64(nil, number)
	}
	value, err := seal(key, r)
	if err != nil {
		return err
	}
	return b.Put(key, value)
}
