// Package export makes one export run of one connection: rows of a connector go to
// a spool on disk, are sorted and merged there into CSV files, and these replace
// the published ones as a set.
//
// Whatever fails, and wherever the run is cancelled or killed, the files published
// last stay as they were. Memory stays flat however large the tenant is.
package export

import (
	"context"
	"os"
	"time"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/spool"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Run makes an export: incremental where cookies of earlier runs allow it, else
// complete. It puts right first what a killed run left.
//
// Errors are those of the connector, and fault.Invalid for options that cannot
// work, fault.Conflict when the connection is being exported already, fault.Storage
// for the disk, fault.Held for a run that waits for an operator, and fault.Canceled
// when ctx ended. After another error nothing of the run is left on disk. It may be called at any time, for several connections side by
// side.
func Run(ctx context.Context, o Options) (Report, error) {
	r := &run{report: Report{Connection: o.Connection, Run: o.RunID}}
	p, err := o.check()
	if err != nil {
		return r.report, err
	}
	r.plan = p
	r.report.Started = p.now()
	err = r.locked(ctx)
	r.report.Finished = p.now()
	if err != nil && ctx.Err() != nil && !fault.Is(err, fault.Storage) { // a disk in trouble is worse
		err = canceled(ctx, p.Connection)
	}
	return r.report, err
}

// canceled tells why ctx ended, in the words of who ended it if there are any.
func canceled(ctx context.Context, connection string) error {
	cause := context.Cause(ctx)
	if fault.Of(cause) != nil {
		return cause
	}
	return fault.Errorf(fault.Canceled, "the export of connection %s was cancelled; the files published last are unchanged: %w", connection, cause)
}

// now is the time as reports and manifests give it.
func (p *plan) now() time.Time { return p.Clock.Now().UTC().Truncate(time.Millisecond) }

func (p *plan) step(name string) error {
	if p.Cut == nil {
		return nil
	}
	return p.Cut(name)
}

// run is one run.
type run struct {
	plan    *plan
	report  Report
	store   *store.Store
	known   *store.Known
	mode    publish.Mode
	asked   []sdk.Collection // with cookies
	spool   *spool.Spool
	tracker *tracker
}

// locked makes the run while it holds the connection.
func (r *run) locked(ctx context.Context) (err error) {
	p := r.plan
	held, err := acquire(p.Folders.Work, p.Connection, p.RunID, r.report.Started)
	if err != nil {
		return err
	}
	defer held.Release()
	if err := p.output.Recover(); err != nil {
		return err
	}
	if r.store, err = p.openStore(ctx); err != nil {
		return err
	}
	defer func() { r.warn(r.store.Close()) }()
	if err := p.settle(ctx, r.store); err != nil {
		return err
	}
	if r.known, err = r.store.Known(); err != nil {
		return err
	}
	if err := r.choose(); err != nil {
		return err
	}
	if err := r.export(ctx); err != nil {
		if !fault.Is(err, fault.Held) {
			r.failed(ctx, err)
		}
		return err
	}
	return nil
}

// export makes the run.
func (r *run) export(ctx context.Context) (err error) {
	p := r.plan
	if err := os.RemoveAll(p.spoolFolder()); err != nil { // of a killed run
		return durable.Fault(err, "delete the folder", p.spoolFolder())
	}
	if r.spool, err = spool.New(p.spoolFolder(), p.Spool); err != nil {
		return err
	}
	defer func() {
		r.report.Spooled = uint64(r.spool.Written())
		r.warn(r.spool.Close())
	}()
	r.tracker = newTracker(p, r.report.Started, r.spool.Written, r.expected())
	defer r.tracker.stop()

	collections, err := r.read(ctx)
	if err != nil {
		return err
	}
	return r.publish(ctx, collections)
}

// expected counts the objects and links of each entity that a complete run will
// find, by what is known.
func (r *run) expected() map[string]uint64 {
	counts := map[string]uint64{}
	if r.mode != publish.Complete {
		return counts
	}
	for _, c := range r.plan.Request.Collections {
		counts[c.Entity] = uint64(r.known.Set(objectsSet(c.Entity)).Len())
		for _, n := range c.Navigations {
			counts[c.Entity] += uint64(r.known.Set(linksSet(c.Entity, n)).Len())
		}
	}
	return counts
}

// read takes everything from the connector into the spool.
func (r *run) read(ctx context.Context) ([]*collection, error) {
	p := r.plan
	request := p.Request
	request.Collections = r.asked
	s := newSink(ctx, p, r.asked, r.spool, r.tracker)
	err := p.Source.Export(ctx, request, s)
	if err == nil {
		err = ctx.Err() // a connector that was cut off may not know it
	}
	if err == nil {
		err = s.complete()
	}
	shown := r.tracker.snapshot()
	r.report.Requests, r.report.ResourceUnits, r.report.Throttled = shown.Requests, shown.ResourceUnits, shown.Throttled
	s.mu.Lock()
	defer s.mu.Unlock()
	r.report.Restarts = append(r.report.Restarts, s.restarts...)
	r.report.Warnings = append(r.report.Warnings, s.warnings...)
	if err != nil {
		return nil, err
	}
	for _, c := range s.collections {
		r.report.Cookies = append(r.report.Cookies, c.cookie)
	}
	return s.collections, nil
}

// publish makes files of the spool and lets them replace the published ones.
func (r *run) publish(ctx context.Context, collections []*collection) error {
	p := r.plan
	r.tracker.update(func(s *Snapshot) {
		s.Phase = Merging
		for _, c := range collections {
			s.ToMerge += c.rows()
		}
	})
	stage, err := p.output.Stage(p.RunID)
	if err != nil {
		return err
	}
	defer func() { r.warn(stage.Discard()) }()
	commit, err := r.store.Begin(p.RunID)
	if err != nil {
		return err
	}
	defer func() { r.warn(commit.Discard()) }()
	m := merger{
		plan: p, mode: r.mode, spool: r.spool, tracker: r.tracker, stage: stage,
		known: r.known, commit: commit, collections: collections,
	}
	files, err := m.merge(ctx)
	if err != nil {
		return err
	}
	r.tracker.update(func(s *Snapshot) { s.Phase = Publishing })
	if err := ctx.Err(); err != nil { // from here on it is a matter of moments
		return err
	}
	r.report.Counts = m.counts()
	manifest := publish.Manifest{
		Mode: r.mode, Started: r.report.Started, Finished: p.now(),
		Usher: p.Usher, Entities: m.entities(), Files: files,
	}
	if err := r.remember(commit, collections); err != nil {
		return err
	}
	if why := r.exceeded(&m); why != "" {
		return r.hold(ctx, stage, commit, manifest, why)
	}
	return r.commit(ctx, stage, commit, manifest)
}

// warn puts what could not be tidied up into the report: it is no reason to fail.
func (r *run) warn(err error) {
	if err == nil {
		return
	}
	w := sdk.Warning{Message: err.Error(), Hint: "The next run tries to tidy up again"}
	if f := fault.Of(err); f != nil && f.Hint != "" {
		w.Hint = f.Hint
	}
	r.report.Warnings = append(r.report.Warnings, w)
}
