// Package journal keeps the orders of one connection, from their intake to their results, in a
// folder that no crash can damage:
//
//	journal.db                     bbolt: everything
//	journal.lock, journal.holder   who has the journal open
//	journal.new, journal.copy, sorting   of work under way; deleted when the journal is opened
//
// Whatever it says it has, is on disk. An order moves on by transactions only: it is accepted with
// all others of its intake or not at all, it is noted as started before a connector gets it, and its
// result is noted before anybody is told. Many orders share a transaction, so that their number and
// not the disk's patience sets the pace.
//
// Nothing here grows in memory with the number of orders. What waits for what is found at
// intake and kept on disk as a number of others that an order waits for; an order with none left
// stands in a list of those that are ready, and the end of an order goes through those that wait for
// it a few thousand at a time.
package journal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/lock"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Options say which journal to open. Zero values of the fields after Connection are the
// defaults.
type Options struct {
	WorkFolder string
	Connection string

	Clock clock.Clock
	// Wait is how long Open waits for another process to close the journal; default 2
	// seconds.
	Wait time.Duration
	// Waiting is told once, after a second, that another process has the journal, such as " by process 7
	// since ..."; empty if it is not known which. May be nil.
	Waiting func(by string)
	// Chunk is how many orders, and how many that wait for others, one transaction goes
	// through where there may be any number; default 500. Memory grows with it, as their
	// entries lie on as many pages.
	Chunk int
	// Decided is told each decision of an operator, for the audit, before it takes effect: an error of
	// it, which is returned, keeps it from that. After a crash there may be one told that did not take
	// effect. It must not use the journal. May be nil.
	Decided func(Decision) error
	// Cut is for crash tests: it is called before each step that changes the disk, and an
	// error of it fails the step.
	Cut func(step string) error
}

const (
	defaultWait  = 2 * time.Second
	defaultChunk = 500
)

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Wait == 0 {
		o.Wait = defaultWait
	}
	if o.Chunk == 0 {
		o.Chunk = defaultChunk
	}
	return o
}

// Folder is where the journal of a connection stands.
func Folder(workFolder, connection string) string {
	return filepath.Join(workFolder, "Orders", strings.ToLower(connection))
}

// Journal is an open journal. Its methods may be called from several goroutines.
type Journal struct {
	options Options
	folder  string
	file    string     // the name of the database in it
	lock    *lock.Lock // nil: it is a copy, which nobody else opens

	// admitting is held by the one intake or retry under way.
	admitting chan struct{}
	// leftover is an intake that could not be dropped, or 0; whoever holds admitting uses it.
	leftover uint64
	// news holds a value after a transaction that may have made orders ready.
	news chan struct{}

	mu     sync.RWMutex
	db     *bbolt.DB // nil when closed
	broken error     // a transaction failed and nobody knows what is on disk

	updates int // transactions for writing; mu guards it
}

// Open opens the journal of a connection, or makes an empty one, and drops an intake that was cut
// off. Close it at the end.
//
// Errors are fault.Conflict when another process has it open, and fault.Storage for the
// disk, for a journal that is damaged and for one that a later release wrote.
func Open(ctx context.Context, o Options) (*Journal, error) {
	o = o.withDefaults()
	j := &Journal{
		options: o, folder: Folder(o.WorkFolder, o.Connection), file: fileName,
		admitting: make(chan struct{}, 1), news: make(chan struct{}, 1),
	}
	if err := durable.MakeFolder(j.folder); err != nil {
		return nil, err
	}
	var err error
	if j.lock, err = acquire(ctx, j.folder, o); err != nil {
		return nil, err
	}
	if err := j.open(); err != nil {
		return nil, errors.Join(j.explain(err), j.Close())
	}
	return j, nil
}

// open makes the journal ready while the lock is held.
func (j *Journal) open() error {
	for _, left := range []string{newName, copyName} {
		if err := durable.Remove(j.path(left)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(j.path(sortName)); err != nil {
		return durable.Fault(err, "delete", j.path(sortName))
	}
	if _, err := os.Stat(j.path(fileName)); errors.Is(err, os.ErrNotExist) {
		if err := j.create(); err != nil {
			return err
		}
	}
	if err := j.openDatabase(); err != nil {
		return err
	}
	if err := j.dropUnfinished(); err != nil {
		return err
	}
	return j.shrink() // also where an earlier attempt was cut off
}

// Close gives the journal back; of a copy, nothing stays. It may be called twice.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	if j.db != nil {
		err = durable.Fault(j.db.Close(), "close", j.path(j.file))
		j.db = nil
	}
	if j.isCopy() {
		return errors.Join(err, durable.Remove(j.path(j.file)))
	}
	j.lock.Release()
	return err
}

// Connection is the name of the connection whose orders these are.
func (j *Journal) Connection() string { return j.options.Connection }

// News gives a value when orders may have become ready since the last one was taken.
func (j *Journal) News() <-chan struct{} { return j.news }

func (j *Journal) tell() {
	select {
	case j.news <- struct{}{}:
	default:
	}
}

// The names in the folder of a journal.
const (
	fileName = "journal.db"
	newName  = "journal.new"
	copyName = "journal.copy"
	sortName = "sorting" // a folder
)

func (j *Journal) path(name string) string { return filepath.Join(j.folder, name) }

func (j *Journal) step(name string) error {
	if j.options.Cut == nil {
		return nil
	}
	return j.options.Cut(name)
}

func (j *Journal) now() time.Time { return j.options.Clock.Now().UTC().Truncate(time.Millisecond) }

const (
	// pause is the time between two attempts to get the lock.
	pause = 50 * time.Millisecond
	// quiet is how long Open waits before it tells so: mostly nobody sees it.
	quiet = time.Second
)

// acquire takes the lock of a journal, or says who holds it as fault.Conflict.
func acquire(ctx context.Context, folder string, o Options) (*lock.Lock, error) {
	began := o.Clock.Now()
	for told := o.Waiting == nil; ; {
		l, by, err := lock.Try(filepath.Join(folder, "journal"), "", o.Clock.Now())
		if err != nil || l != nil {
			return l, err
		}
		waited := o.Clock.Now().Sub(began)
		if !told && waited >= quiet {
			told = true
			o.Waiting(by)
		}
		if waited >= o.Wait {
			return nil, fault.Errorf(fault.Conflict, "the orders of connection %s are in use%s", o.Connection, by).
				WithHint("Wait until the command or service that uses them has ended")
		}
		if err := o.Clock.Sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}
