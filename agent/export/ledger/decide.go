package ledger

import (
	"context"
	"encoding/json"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Release publishes a run that is held and makes it what is known. After err it is held
// as before. A warning is what went wrong once the files were published; the next Open
// puts it right.
//
// Errors are fault.NotFound for a run that is not held, fault.Conflict for one that does
// not go on from what is published, and fault.Storage for the disk and for held files that
// somebody has changed.
func (l *Ledger) Release(ctx context.Context, run string) (warning, err error) {
	record, err := l.held(run)
	if err != nil {
		return nil, err
	}
	var m publish.Manifest
	if err := json.Unmarshal(record.Manifest, &m); err != nil {
		return nil, fault.Errorf(fault.Storage, "the manifest of the held run %s cannot be read: %w", run, err).WithHint(discardIt)
	}
	if err := l.releasable(run, m.Mode); err != nil {
		return nil, err
	}
	stage, err := l.output.Restage(ctx, run, m.Files)
	if err != nil {
		return nil, err
	}
	defer func() { warning = both(warning, stage.Discard()) }()
	if warning, err = stage.Publish(m); err != nil {
		return nil, err
	}
	warning = both(warning, l.finish(context.WithoutCancel(ctx), record))
	l.waiting = ""
	return both(warning, l.output.DiscardHeld("")), nil
}

const discardIt = "Discard the run: the next export reads its changes again"

// releasable refuses a run that what is known, or published, has gone past.
func (l *Ledger) releasable(run string, mode publish.Mode) error {
	if err := l.store.Releasable(run); err != nil {
		return err
	}
	gap, err := l.Gap()
	if err != nil || gap == "" || mode == publish.Complete {
		return err
	}
	return fault.Errorf(fault.Conflict, "run %s of connection %s cannot be released: %s", run, l.options.Connection, gap).WithHint(discardIt)
}

// Discard drops a run that is held: the next one reads its changes again. A run that is
// not held is fault.NotFound. A warning is what was not tidied up; the next Open does it.
func (l *Ledger) Discard(run string) (warning, err error) {
	if _, err := l.held(run); err != nil {
		return nil, err
	}
	if err := l.store.Discard(run); err != nil {
		return nil, err
	}
	l.waiting = ""
	return l.output.DiscardHeld(""), nil
}

// held gives the record of a held run.
func (l *Ledger) held(run string) (store.Run, error) {
	record, err := l.store.Run(run)
	if err == nil && record.State != store.Held {
		err = fault.Errorf(fault.NotFound, "run %s of connection %s is not held: it is %s", run, l.options.Connection, record.State).
			WithHint("'usher runs list %s' lists the last runs and their states", l.options.Connection)
	}
	return record, err
}
