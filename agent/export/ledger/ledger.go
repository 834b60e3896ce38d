// Package ledger keeps what stands of a connection: the published files and what is
// known of them. They change as one: the commit of a run is held in the store first,
// then the manifest is replaced, then the commit is released. Wherever that is cut off,
// the manifest tells the next one who opens the ledger how it ended.
package ledger

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/lock"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Options say whose ledger to open.
type Options struct {
	Connection string
	Run        string // for which it is opened; others are told while it is open
	Work       string // folder of locks and stores
	Output     string // folder of the published files
	Clock      clock.Clock

	// Cut is for crash tests: it is called before each step that changes the disk, and
	// an error of it fails the step.
	Cut func(step string) error
}

// Ledger is an open ledger. Nobody else works on its connection until it is closed. It is
// used from one goroutine.
type Ledger struct {
	options Options
	lock    *lock.Lock
	output  publish.Output
	store   *store.Store
	waiting string
}

// Open takes the connection, and puts right what a run left that was cut off. Close it at
// the end.
//
// Errors are fault.Conflict while another process works on the connection, and
// fault.Storage for the disk and for a manifest or a store that cannot be read.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	l := &Ledger{options: o, output: publish.Output{Folder: o.Output, Connection: o.Connection, Cut: o.Cut}}
	if err := l.open(ctx); err != nil {
		return nil, both(err, l.Close())
	}
	return l, nil
}

func (l *Ledger) open(ctx context.Context) (err error) {
	if err := l.acquire(); err != nil {
		return err
	}
	if err := l.output.Recover(); err != nil {
		return err
	}
	o := store.Options{WorkFolder: l.options.Work, Connection: l.options.Connection, Clock: l.options.Clock}
	if l.options.Cut != nil {
		o.Cut = func(step string) error { return l.options.Cut("store: " + step) }
	}
	if l.store, err = store.Open(ctx, o); err != nil {
		return err
	}
	if err := l.settle(ctx); err != nil {
		return err
	}
	return l.count()
}

// acquire takes the lock of the connection.
func (l *Ledger) acquire() error {
	o := l.options
	folder := filepath.Join(o.Work, "locks")
	if err := durable.MakeFolder(folder); err != nil {
		return err
	}
	held, by, err := lock.Try(filepath.Join(folder, strings.ToLower(o.Connection)), o.Run, o.Clock.Now())
	if err == nil && held == nil {
		err = fault.Errorf(fault.Conflict, "connection %s is being worked on already%s", o.Connection, by).
			WithHint("Wait until that has ended, or end it")
	}
	l.lock = held
	return err
}

// settle ends the runs that were cut off while they were published, and finds the one
// that waits for an operator.
func (l *Ledger) settle(ctx context.Context) error {
	runs, err := l.store.Runs(0)
	if err != nil {
		return err
	}
	current, err := l.output.Current()
	if err != nil {
		return err
	}
	for _, run := range runs {
		switch {
		case run.State != store.Held:
		case current != nil && current.Run == run.ID:
			err = l.finish(ctx, run)
		case run.Error == nil: // its files were to be published at once
			err = l.store.Discard(run.ID)
			run.State = store.Failed
			run.Error = &store.RunError{Code: fault.Internal, Message: "the run was cut off before its files were published", Hint: "The next run contains its changes"}
			err = both(err, l.store.Record(run))
		case fault.Is(l.store.Releasable(run.ID), fault.Conflict): // it was replaced
			err = l.store.Discard(run.ID)
		default:
			l.waiting = run.ID
		}
		if err != nil {
			return err
		}
	}
	return l.output.DiscardHeld(l.waiting)
}

// finish makes the commit of a published run what is known.
func (l *Ledger) finish(ctx context.Context, run store.Run) error {
	if err := l.store.Release(ctx, run.ID); err != nil {
		return err
	}
	if run.Error == nil { // a released run is remembered as such
		run.State = store.Published
		if err := l.store.Record(run); err != nil {
			return err
		}
	}
	return l.count()
}

// Close gives the connection back. It may be called twice.
func (l *Ledger) Close() error {
	var err error
	if l.store != nil {
		err = l.store.Close()
	}
	if l.lock != nil {
		l.lock.Release()
	}
	return err
}

// Waiting is the run that is held for an operator; empty if there is none.
func (l *Ledger) Waiting() string { return l.waiting }

// HeldFolder is where the files of a held run are.
func (l *Ledger) HeldFolder(run string) string { return l.output.HeldFolder(run) }

// Refuse is fault.Held while a run waits for an operator: what goes on from what is known
// has to wait with it.
func (l *Ledger) Refuse(what string) error {
	if l.waiting == "" {
		return nil
	}
	return fault.Errorf(fault.Held, "connection %s: %s while run %s is held", l.options.Connection, what, l.waiting).
		WithHint("'usher runs show %[1]s %[2]s' tells why. Decide by 'usher runs release %[1]s %[2]s' or 'usher runs discard %[1]s %[2]s', or export everything anew with --complete", l.options.Connection, l.waiting)
}

// Manifest is the path of the manifest.
func (l *Ledger) Manifest() string { return l.output.Manifest() }

// Known gives what is known now.
func (l *Ledger) Known() (*store.Known, error) { return l.store.Known() }

// Runs gives the last n runs, the newest first; all that are remembered if n is 0.
func (l *Ledger) Runs(n int) ([]store.Run, error) { return l.store.Runs(n) }

// Run gives the run of an id. An unknown one is fault.NotFound.
func (l *Ledger) Run(id string) (store.Run, error) { return l.store.Run(id) }

// Record remembers a run that changed nothing, such as a failed one.
func (l *Ledger) Record(run store.Run) error { return l.store.Record(run) }

// Gap says why changes of what is known would not go on from what is published; nothing
// if they would. There is a gap where the manifest is lost, or a backup of the store was
// put back: who loads the changes then would miss some.
func (l *Ledger) Gap() (string, error) {
	known, err := l.store.Known()
	if err != nil {
		return "", err
	}
	current, err := l.output.Current()
	if err != nil {
		return "", err
	}
	if known.IsEmpty() && current != nil {
		return fmt.Sprintf("nothing is known of run %s, which is published: the store was lost", current.Run), nil
	}
	for _, c := range known.Cookies() {
		switch {
		case current == nil:
			return fmt.Sprintf("the manifest of run %s, from which it would go on, is not there", c.Run), nil
		case c.Run != current.Run:
			return fmt.Sprintf("what is known is of run %s, and published is run %s", c.Run, current.Run), nil
		}
	}
	return "", nil
}

// both keeps the first error and tells the second, which came while the first was dealt
// with. Either may be nil.
func both(first, second error) error {
	switch {
	case second == nil:
		return first
	case first == nil:
		return second
	}
	return fault.Errorf(fault.CodeOf(first), "%w; and then: %v", first, second)
}
