package export

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// hold keeps the run for an operator and returns why, as fault.Held.
func (r *run) hold(ctx context.Context, stage *publish.Stage, commit *store.Commit, manifest publish.Manifest, why string) error {
	p := r.plan
	because := heldBecause(p.Connection, p.RunID, why)
	record := r.record()
	record.Error = &store.RunError{Code: because.Code, Message: because.Message, Hint: because.Hint}
	var err error
	if record.Files, err = json.Marshal(manifest); err != nil {
		return fault.Errorf(fault.Internal, "write the manifest of run %s: %w", p.RunID, err)
	}
	commit.Record(record)
	if err := stage.Hold(func() error { return commit.Hold(ctx) }); err != nil {
		return err
	}
	return because
}

// Release publishes a run that is held and makes it what is known. Of the options
// it needs Connection, Folders and Clock. A run that is not held is fault.NotFound; a
// connection that is being exported is fault.Conflict. A warning is what went wrong once
// the files were published; the next run puts it right.
func Release(ctx context.Context, o Options, run string) (warning, err error) {
	err = o.place().decide(ctx, run, func(p *plan, s *store.Store, r store.Run) error {
		var manifest publish.Manifest
		if err := json.Unmarshal(r.Files, &manifest); err != nil {
			return fault.Errorf(fault.Storage, "the manifest of the held run %s cannot be read: %w", run, err).
				WithHint("Discard the run: the next export reads the changes again")
		}
		var err error
		if warning, err = p.output.Held(run).Publish(manifest); err != nil {
			return err
		}
		if late := release(context.WithoutCancel(ctx), s, r); late != nil {
			warning = late
		}
		return nil
	})
	return warning, err
}

// Discard drops a run that is held: the next one reads its changes again. Options and
// errors are those of Release.
func Discard(ctx context.Context, o Options, run string) error {
	return o.place().decide(ctx, run, func(p *plan, s *store.Store, _ store.Run) error {
		return errors.Join(s.Discard(run), p.output.DiscardHeld(""))
	})
}

// decide calls how with a held run while it holds the connection.
func (p *plan) decide(ctx context.Context, run string, how func(*plan, *store.Store, store.Run) error) (err error) {
	held, err := acquire(p.Folders.Work, p.Connection, run, p.now())
	if err != nil {
		return err
	}
	defer held.Release()
	if err := p.output.Recover(); err != nil {
		return err
	}
	s, err := p.openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := p.settle(ctx, s); err != nil && !fault.Is(err, fault.Held) {
		return err
	}
	r, err := s.Run(run)
	if err != nil {
		return err
	}
	if r.State != store.Held {
		return fault.Errorf(fault.NotFound, "run %s of connection %s is not held: it is %s", run, p.Connection, r.State).
			WithHint("'usher runs list %s' lists the last runs and their states", p.Connection)
	}
	return how(p, s, r)
}
