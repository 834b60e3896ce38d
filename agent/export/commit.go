package export

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// The files and the store change as one: the commit is held in the store first,
// then the manifest is replaced, then the commit is released. A run that is cut off in
// between is settled by the next one: the manifest tells how it ended.

// openStore opens what is known of the connection.
func (p *plan) openStore(ctx context.Context) (*store.Store, error) {
	o := store.Options{WorkFolder: p.Folders.Work, Connection: p.Connection, Clock: p.Clock}
	if p.Cut != nil {
		o.Cut = func(step string) error { return p.Cut("store: " + step) }
	}
	return store.Open(ctx, o)
}

// settle ends the runs that were cut off while they were published. A run that waits
// for an operator is fault.Held, unless everything is exported anew.
func (p *plan) settle(ctx context.Context, s *store.Store) error {
	runs, err := s.Runs(0)
	if err != nil {
		return err
	}
	current, err := p.output.Current()
	if err != nil {
		return err
	}
	waiting := ""
	for _, run := range runs {
		switch {
		case run.State != store.Held:
		case current != nil && current.Run == run.ID:
			err = release(ctx, s, run)
		case run.Error == nil:
			err = s.Discard(run.ID)
			run.State = store.Failed
			run.Error = &store.RunError{Code: fault.Internal, Message: "the run was cut off before its files were published", Hint: "The next run contains its changes"}
			err = errors.Join(err, s.Record(run))
		case p.Complete:
			err = s.Discard(run.ID)
		default:
			waiting = run.ID
		}
		if err != nil {
			return err
		}
	}
	if err := p.output.DiscardHeld(waiting); err != nil || waiting == "" {
		return err
	}
	return fault.Errorf(fault.Held, "connection %s is not exported while run %s is held", p.Connection, waiting).
		WithHint("'usher runs show %[1]s %[2]s' tells why. Decide by 'usher runs release %[1]s %[2]s' or 'usher runs discard %[1]s %[2]s', or export everything anew with --complete", p.Connection, waiting)
}

// release makes the commit of a published run what is known.
func release(ctx context.Context, s *store.Store, run store.Run) error {
	if err := s.Release(ctx, run.ID); err != nil || run.Error != nil {
		return err // a released run is remembered as such
	}
	run.State = store.Published
	return s.Record(run)
}

// remember puts into the commit, beside the sets, what the next run goes on from.
func (r *run) remember(commit *store.Commit, collections []*collection) error {
	p := r.plan
	commit.SetWorld(p.World)
	wanted := map[string]bool{}
	entities := map[string]bool{}
	for i, c := range p.Request.Collections {
		entities[c.Entity] = true
		wanted[objectsSet(c.Entity)], wanted[awaySet(c.Entity)] = true, true
		for _, n := range c.Navigations {
			wanted[linksSet(c.Entity, n)] = true
		}
		if collections[i].cookie == "" {
			commit.DeleteCookie(c.Entity)
			continue
		}
		hash, err := p.cookieHash(c)
		if err != nil {
			return err
		}
		commit.SetCookie(store.Cookie{
			Entity: c.Entity, Hash: hash, Text: secret.New(collections[i].cookie), Obtained: r.report.Started, Run: p.RunID,
		})
	}
	for _, c := range r.known.Cookies() {
		if !entities[c.Entity] {
			commit.DeleteCookie(c.Entity)
		}
	}
	for _, name := range r.known.Names() {
		if !wanted[name] {
			if err := commit.Drop(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// record is the run as the store remembers it.
func (r *run) record() store.Run {
	record := store.Run{
		ID: r.plan.RunID, Mode: string(r.mode), State: store.Published, Started: r.report.Started, Finished: r.plan.now(),
		Counts: r.report.Counts, Warnings: r.report.Warnings,
	}
	for _, restart := range r.report.Restarts {
		record.Restarts = append(record.Restarts, store.Restart(restart))
	}
	return record
}

// commit publishes a set and makes what the run found known.
func (r *run) commit(ctx context.Context, stage *publish.Stage, commit *store.Commit, manifest publish.Manifest) error {
	p := r.plan
	record := r.record()
	var err error
	if record.Files, err = json.Marshal(manifest); err != nil {
		return fault.Errorf(fault.Internal, "write the manifest of run %s: %w", p.RunID, err)
	}
	commit.Record(record)
	if err := commit.Hold(ctx); err != nil {
		return err
	}
	warning, err := stage.Publish(manifest)
	if err != nil {
		if current, unknown := p.output.Current(); unknown == nil && (current == nil || current.Run != p.RunID) {
			err = withCause(err, r.store.Discard(p.RunID))
		}
		return err
	}
	r.report.Published, r.report.Manifest = true, p.output.Manifest()
	r.report.Entities, r.report.Files = manifest.Entities, manifest.Files
	p.Logger.Info("export published", "connection", p.Connection, "run", p.RunID, "manifest", r.report.Manifest)
	r.warn(warning)
	r.warn(release(context.WithoutCancel(ctx), r.store, record)) // the next run does it otherwise
	return nil
}

// withCause keeps the first error and tells the second, which came while the first
// was dealt with.
func withCause(err, second error) error {
	if second == nil {
		return err
	}
	return fault.Errorf(fault.CodeOf(err), "%w; and then: %v", err, second)
}

// failed remembers a run that published nothing.
func (r *run) failed(ctx context.Context, err error) {
	record := r.record()
	record.State = store.Failed
	record.Error = &store.RunError{Code: fault.CodeOf(err), Message: err.Error()}
	if ctx.Err() != nil && !fault.Is(err, fault.Storage) {
		record.State, record.Error.Code = store.Canceled, fault.Canceled
	}
	if f := fault.Of(err); f != nil {
		record.Error.Hint = f.Hint
	}
	r.warn(r.store.Record(record))
}
