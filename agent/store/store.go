// Package store keeps what an incremental export of a connection rests on: the
// cookies of the system, the objects and links that were delivered, and the runs.
//
// A store is a folder:
//
//	state.db                   bbolt: the state as one record, what changed since the set files were written, the runs
//	sets/12.set                the sorted keys of one set; see package setfile
//	store.lock, store.holder   who has the store open
//	spool/                     changes of a commit that do not fit into memory
//
// What is known changes by commits only, each of which is one transaction of
// state.db: it points to other set files, which were written and synced before, and
// stores the cookies with them. Wherever a commit is cut off, the store stands as it
// was before, and the next Open deletes what is of no use.
//
// bbolt has no checksums and believes its file. Package boltcheck looks at the file
// first, and what is read from it is sealed by checksums of ours: a damaged store is an
// error, never a wrong answer. It costs one complete export and nothing else, as the
// system has all that is in it.
package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/lock"
	"github.com/usher-iga/usher/agent/store/setfile"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Options say which store to open. Zero values of the fields after Connection are
// the defaults.
type Options struct {
	WorkFolder string
	Connection string

	Clock clock.Clock
	// Wait is how long Open waits for another process to close the store; default 2
	// seconds.
	Wait time.Duration
	// MaxOverlay is how many changes of all sets a commit keeps in state.db, and how
	// many of one set are kept there at all; beyond it the set file is written anew.
	// Default 20,000: that many take a quarter of a second and some 20 MiB of memory.
	MaxOverlay int
	// Cut is for crash tests: it is called before each step that changes the disk, and
	// an error of it fails the step.
	Cut func(step string) error
}

const (
	defaultWait       = 2 * time.Second
	defaultMaxOverlay = 20_000
)

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Wait == 0 {
		o.Wait = defaultWait
	}
	if o.MaxOverlay == 0 {
		o.MaxOverlay = defaultMaxOverlay
	}
	return o
}

// Folder is where the store of a connection stands.
func Folder(workFolder, connection string) string {
	return filepath.Join(workFolder, "Store", strings.ToLower(connection))
}

// Exists reports whether there is a store of a connection. An error is fault.Storage.
func Exists(workFolder, connection string) (bool, error) {
	path := filepath.Join(Folder(workFolder, connection), stateName)
	_, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, durable.Fault(err, "read", path)
}

// Store is an open store. Its methods may be called from several goroutines.
type Store struct {
	options Options
	folder  string
	lock    *lock.Lock

	// mu guards what follows. Who reads the database holds it for reading and looks
	// whether state is still what it started from; a commit changes both together.
	mu      sync.RWMutex
	db      *bbolt.DB // nil when closed
	state   *state    // never changed, only replaced
	broken  error     // a transaction failed and nobody knows what is on disk
	readers map[uint64]*setfile.Reader

	// busy is held by the one commit, compaction or backup under way.
	busy chan struct{}
	// files is the number of the last set file; whoever holds busy counts it up.
	files uint64
}

// Open opens the store of a connection, or makes an empty one, and deletes what
// killed commits left. Close it at the end.
//
// Errors are fault.Conflict when another process has it open, and fault.Storage for
// the disk, for a store that is damaged and for one that a later release wrote.
func Open(ctx context.Context, o Options) (*Store, error) {
	o = o.withDefaults()
	s := &Store{
		options: o, folder: Folder(o.WorkFolder, o.Connection),
		readers: map[uint64]*setfile.Reader{}, busy: make(chan struct{}, 1),
	}
	if err := durable.MakeFolder(s.sets()); err != nil {
		return nil, err
	}
	var err error
	if s.lock, err = acquire(ctx, s.folder, o); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(s.explain(err), s.Close())
	}
	return s, nil
}

// open makes the store ready while the lock is held.
func (s *Store) open() error {
	if err := s.removeUnfinished(); err != nil {
		return err
	}
	if _, err := os.Stat(s.path(stateName)); errors.Is(err, os.ErrNotExist) {
		if err := s.create(); err != nil {
			return err
		}
	}
	if err := s.openDatabase(); err != nil {
		return err
	}
	for file := range s.state.files() {
		if info, err := os.Stat(s.setPath(file.Number)); err != nil || info.Size() != file.Bytes {
			return &setfile.Damage{Path: s.setPath(file.Number), Why: "it is missing or was cut off"}
		}
	}
	s.files = s.state.Files
	return s.removeUnreferenced()
}

// Close gives the store back. A commit that is under way must be discarded before.
// It may be called twice.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, r := range s.readers {
		errs = append(errs, r.Close())
	}
	clear(s.readers)
	if s.db != nil {
		errs = append(errs, durable.Fault(s.db.Close(), "close", s.path(stateName)))
		s.db = nil
	}
	s.lock.Release()
	return errors.Join(errs...)
}

// The names in the folder of a store.
const (
	stateName    = "state.db"
	newStateName = "state.new"
	setsName     = "sets"
	spoolName    = "spool"
	setEnding    = ".set"
)

func (s *Store) path(name string) string { return filepath.Join(s.folder, name) }
func (s *Store) sets() string            { return s.path(setsName) }

func (s *Store) setPath(number uint64) string { return setPath(s.sets(), number) }

func setPath(folder string, number uint64) string {
	return filepath.Join(folder, strconv.FormatUint(number, 10)+setEnding)
}

func (s *Store) step(name string) error {
	if s.options.Cut == nil {
		return nil
	}
	return s.options.Cut(name)
}

// removeUnfinished deletes what a killed process was about to write.
func (s *Store) removeUnfinished() error {
	if err := durable.Remove(s.path(newStateName)); err != nil {
		return err
	}
	return durable.Fault(os.RemoveAll(s.path(spoolName)), "delete the folder", s.path(spoolName))
}

// removeUnreferenced deletes the set files that the state does not know.
func (s *Store) removeUnreferenced() error {
	known := map[string]bool{}
	for file := range s.state.files() {
		known[filepath.Base(s.setPath(file.Number))] = true
	}
	entries, err := os.ReadDir(s.sets())
	if err != nil {
		return durable.Fault(err, "list", s.sets())
	}
	for _, entry := range entries {
		name := entry.Name()
		finished, unfinished := strings.HasSuffix(name, setEnding), strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".tmp")
		if known[name] || !finished && !unfinished {
			continue
		}
		if err := s.step("delete " + setsName); err != nil {
			return err
		}
		if err := durable.Remove(filepath.Join(s.sets(), name)); err != nil {
			return err
		}
	}
	return nil
}

// reader gives an open set file.
func (s *Store) reader(file setfile.Info) (*setfile.Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readerLocked(file)
}

// readerLocked is reader while mu is held.
func (s *Store) readerLocked(file setfile.Info) (*setfile.Reader, error) {
	if s.db == nil {
		return nil, s.closed()
	}
	if r := s.readers[file.Number]; r != nil {
		return r, nil
	}
	r, err := setfile.Open(s.setPath(file.Number), file)
	if err != nil {
		return nil, s.explain(err)
	}
	s.readers[file.Number] = r
	return r, nil
}

// usable tells why the database cannot be used, if so; mu is held.
func (s *Store) usable() error {
	if s.broken != nil {
		return s.broken
	}
	if s.db == nil {
		return s.closed()
	}
	return nil
}

func (s *Store) closed() error {
	return fault.Errorf(fault.Internal, "the store of connection %s is closed", s.options.Connection)
}

// take makes the caller the one who may change the store, until it calls give.
func (s *Store) take() error {
	select {
	case s.busy <- struct{}{}:
		return nil
	default:
		return fault.Errorf(fault.Conflict, "the store of connection %s is being changed already", s.options.Connection).
			WithHint("Wait until that has ended")
	}
}

func (s *Store) give() { <-s.busy }
