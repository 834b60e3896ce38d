package export

import (
	"context"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// remember puts into the commit, beside the sets, what the next run goes on from.
func (r *run) remember(commit *store.Commit, collections []*collection) error {
	p := r.plan
	commit.SetWorld(p.World)
	entities := map[string]bool{}
	for i, c := range p.Request.Collections {
		entities[c.Entity] = true
		if collections[i].cookie == "" {
			commit.DeleteCookie(c.Entity)
			continue
		}
		hash, text, err := p.basis(c).sum()
		if err != nil {
			return err
		}
		listed := r.report.Started
		if before, ok := r.known.Cookie(c.Entity, hash); ok && r.mode == publish.Incremental {
			listed = before.Listed
		}
		commit.SetCookie(store.Cookie{
			Entity: c.Entity, Hash: hash, Text: secret.New(collections[i].cookie),
			Obtained: r.report.Started, Listed: listed, Run: p.RunID, Basis: text,
		})
	}
	for _, c := range r.known.Cookies() {
		if !entities[c.Entity] {
			commit.DeleteCookie(c.Entity)
		}
	}
	wanted := p.sets()
	for _, name := range r.known.Names() {
		if !wanted[name] {
			if err := commit.Drop(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// sets are the names of the sets that the run knows from then on.
func (p *plan) sets() map[string]bool {
	names := map[string]bool{}
	for _, c := range p.Request.Collections {
		names[objectsSet(c.Entity)], names[awaySet(c.Entity)] = true, true
		for _, n := range c.Navigations {
			names[linksSet(c.Entity, n)] = true
		}
	}
	return names
}

// record is the run as the store remembers it.
func (r *run) record() store.Run {
	return store.Run{
		ID: r.plan.RunID, Mode: string(r.mode), State: store.Published, Started: r.report.Started, Finished: r.plan.now(),
		Counts: r.report.Counts, Warnings: r.report.Warnings, Restarts: r.report.Restarts,
	}
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
	r.warn(r.ledger.Record(record))
}
