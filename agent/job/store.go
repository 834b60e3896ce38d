package job

import (
	"context"
	"errors"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/ledger"
	"github.com/usher-iga/usher/agent/store"
)

// WithStore calls work with what is known of a connection, named in any case of
// letters; not where nothing was ever exported, and nothing is made there. Errors are those
// of work, and fault.Conflict while an export has it.
func (r *Runner) WithStore(ctx context.Context, id string, work func(*store.Store) error) (err error) {
	connection, err := r.Settings.Connection(id)
	if err != nil {
		return err
	}
	if exists, err := store.Exists(r.Settings.WorkFolder, connection.ID); !exists {
		return err
	}
	s, err := store.Open(ctx, store.Options{WorkFolder: r.Settings.WorkFolder, Connection: connection.ID, Clock: r.Clock})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return work(s)
}

// Look calls work with the published files of a connection and what is known of them, once
// what a run left that was cut off is put right; not where nothing was ever exported, and
// nothing is made there. Errors are those of work and of [ledger.Open].
func (r *Runner) Look(ctx context.Context, id string, work func(*ledger.Ledger) error) error {
	connection, err := r.Settings.Connection(id)
	if err != nil {
		return err
	}
	if exists, err := store.Exists(r.Settings.WorkFolder, connection.ID); !exists {
		return err
	}
	return r.withCommand(ctx, id, work)
}

// Release publishes a run that is held. Warning and errors are those of
// [ledger.Ledger.Release].
func (r *Runner) Release(ctx context.Context, id, run string) (warning, err error) {
	err = r.withLedger(ctx, id, run, func(l *ledger.Ledger) error {
		var err error
		warning, err = l.Release(ctx, run)
		return err
	})
	return warning, err
}

// Discard drops a run that is held. Warning and errors are those of
// [ledger.Ledger.Discard].
func (r *Runner) Discard(ctx context.Context, id, run string) (warning, err error) {
	err = r.withLedger(ctx, id, run, func(l *ledger.Ledger) error {
		var err error
		warning, err = l.Discard(run)
		return err
	})
	return warning, err
}

// withLedger calls work with the published files of a connection and what is known of
// them, for a run. Errors are those of work and of [ledger.Open].
func (r *Runner) withLedger(ctx context.Context, id, run string, work func(*ledger.Ledger) error) (err error) {
	connection, err := r.Settings.Connection(id)
	if err != nil {
		return err
	}
	l, err := ledger.Open(ctx, ledger.Options{
		Connection: connection.ID, Run: run, Work: r.Settings.WorkFolder, Output: export.Output(r.Settings.TempFolder), Clock: r.Clock,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return work(l)
}
