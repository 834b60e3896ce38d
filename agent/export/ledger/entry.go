package ledger

import (
	"context"
	"encoding/json"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Entry is what a run enters: the files of a set, and what is known from then on. End it
// by Publish or Hold, and by Discard in any case.
type Entry struct {
	Stage  *publish.Stage
	Commit *store.Commit
	ledger *Ledger
}

// Begin starts the entry of the run for which the ledger is open. It is fault.Conflict for
// a run that has published already.
func (l *Ledger) Begin() (*Entry, error) {
	stage, err := l.output.Stage(l.options.Run)
	if err != nil {
		return nil, err
	}
	commit, err := l.store.Begin(l.options.Run)
	if err != nil {
		return nil, both(err, stage.Discard())
	}
	return &Entry{Stage: stage, Commit: commit, ledger: l}, nil
}

// Discard deletes what was prepared. After Publish or Hold it does nothing, so it can be
// deferred.
func (e *Entry) Discard() error { return both(e.Stage.Discard(), e.Commit.Discard()) }

// Publish replaces the published files and makes the commit what is known. After err both
// are as they were. A warning is what went wrong once the files were published; the next
// Open puts it right.
func (e *Entry) Publish(ctx context.Context, run store.Run, m publish.Manifest) (warning, err error) {
	if err := e.record(run, m); err != nil {
		return nil, err
	}
	if err := e.Commit.Hold(ctx); err != nil {
		return nil, err
	}
	l := e.ledger
	warning, err = e.Stage.Publish(m)
	if err != nil {
		if current, unknown := l.output.Current(); unknown == nil && (current == nil || current.Run != l.options.Run) {
			err = both(err, l.store.Discard(l.options.Run))
		}
		return nil, err
	}
	run.ID = l.options.Run
	return both(warning, l.finish(context.WithoutCancel(ctx), run)), nil
}

// Hold keeps the entry until somebody releases or discards the run, whose record says
// why. What is published and known stays as it is.
func (e *Entry) Hold(ctx context.Context, run store.Run, m publish.Manifest) error {
	if err := e.record(run, m); err != nil {
		return err
	}
	return e.Stage.Hold(func() error { return e.Commit.Hold(ctx) })
}

// record puts the record of the run into the commit, with the manifest that is to be
// published.
func (e *Entry) record(run store.Run, m publish.Manifest) (err error) {
	if m, err = e.Stage.Manifest(m); err != nil {
		return err
	}
	if run.Manifest, err = json.Marshal(m); err != nil {
		return fault.Errorf(fault.Internal, "write the manifest of run %s: %w", e.ledger.options.Run, err)
	}
	e.Commit.Record(run)
	return nil
}
