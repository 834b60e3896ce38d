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
	"slices"
	"time"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/export/ledger"
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
// when ctx ended. After another error nothing of the run is left on disk. It may be called
// at any time, for several connections side by side.
func Run(ctx context.Context, o Options) (Report, error) {
	r := &run{report: Report{Connection: o.Connection, Run: o.RunID, Warnings: slices.Clone(o.Warnings)}}
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
	ledger  *ledger.Ledger
	known   *store.Known
	mode    publish.Mode
	asked   []sdk.Collection // with cookies
	spool   *spool.Spool
	tracker *tracker

	// measured says that thresholds hold for a complete run: nobody has asked for it, and
	// something is known.
	measured bool
	held     bool // it waits for an operator
}

// locked makes the run while it holds the connection.
func (r *run) locked(ctx context.Context) (err error) {
	if r.ledger, err = ledger.Open(ctx, r.plan.ledger()); err != nil {
		return err
	}
	defer func() { r.warn(r.ledger.Close()) }()
	if !r.plan.Complete { // which is a decision against a run that waits for one
		if err := r.ledger.Refuse("it is not exported"); err != nil {
			return err
		}
	}
	if r.known, err = r.ledger.Known(); err != nil {
		return err
	}
	if err := r.choose(); err != nil {
		return err
	}
	err = r.export(ctx)
	if err != nil && !r.held {
		r.failed(ctx, err)
	}
	return err
}

// attempt makes the run, or finds out which entities lack something.
func (r *run) attempt(ctx context.Context) (err error) {
	p := r.plan
	if err := os.RemoveAll(p.spoolFolder()); err != nil { // of a killed run
		return durable.Fault(err, "delete the folder", p.spoolFolder())
	}
	if r.spool, err = spool.New(p.spoolFolder(), p.Spool); err != nil {
		return err
	}
	defer func() {
		r.report.Spooled += uint64(r.spool.Written())
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
	r.report.Requests += shown.Requests
	r.report.ResourceUnits += shown.ResourceUnits
	r.report.Throttled += shown.Throttled
	s.mu.Lock()
	defer s.mu.Unlock()
	r.report.Restarts = append(r.report.Restarts, s.restarts...)
	r.report.Warnings = append(r.report.Warnings, s.warnings...)
	if err != nil {
		return nil, err
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
	entry, err := r.ledger.Begin()
	if err != nil {
		return err
	}
	defer func() { r.warn(entry.Discard()) }()
	m := merger{
		plan: p, mode: r.mode, spool: r.spool, tracker: r.tracker, stage: entry.Stage,
		known: r.known, measured: r.measured, commit: entry.Commit, collections: collections,
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
	if err := r.remember(entry.Commit, collections); err != nil {
		return err
	}
	if why := r.exceeded(&m); len(why) > 0 {
		return r.hold(ctx, entry, manifest, why)
	}
	return r.commit(ctx, entry, manifest)
}

// commit publishes the set and makes what the run found known.
func (r *run) commit(ctx context.Context, entry *ledger.Entry, m publish.Manifest) error {
	warning, err := entry.Publish(ctx, r.record(), m)
	if err != nil {
		return err
	}
	r.report.Published, r.report.Manifest = true, r.ledger.Manifest()
	r.report.Entities, r.report.Files = m.Entities, m.Files
	r.plan.Logger.Info("export published", "connection", r.plan.Connection, "run", r.plan.RunID, "manifest", r.report.Manifest)
	r.warn(warning)
	r.replaceHeld()
	return nil
}

// replaceHeld drops the run that waited for an operator: there is nothing that it would go
// on from any more.
func (r *run) replaceHeld() {
	waiting := r.ledger.Waiting()
	if waiting == "" {
		return
	}
	warning, err := r.ledger.Discard(waiting)
	r.warn(warning)
	if r.warn(err); err == nil {
		r.report.Discarded = waiting
	}
}

// hold keeps the run for an operator and returns why, as fault.Held. One run can wait at a
// time.
func (r *run) hold(ctx context.Context, entry *ledger.Entry, m publish.Manifest, why []string) error {
	p := r.plan
	reason := r.reason(why)
	if waiting := r.ledger.Waiting(); waiting != "" {
		return fault.Errorf(fault.Held, "run %s of connection %s is not published: %s. Run %s is held as before", p.RunID, p.Connection, reason, waiting).
			WithHint("See that the target system is in order, and run again; or decide on run %s, see 'usher runs show %s %[1]s'", waiting, p.Connection)
	}
	record := r.record()
	record.Error = &store.RunError{Code: fault.Held, Message: reason, Hint: decide(p.Connection, p.RunID)}
	if err := entry.Hold(ctx, record, m); err != nil {
		return err
	}
	r.held = true
	return fault.Errorf(fault.Held, "run %s of connection %s is held: %s. The published files are unchanged; those of the run are in %s",
		p.RunID, p.Connection, reason, r.ledger.HeldFolder(p.RunID)).
		WithHint("'usher runs show %s %s' tells more. %s", p.Connection, p.RunID, decide(p.Connection, p.RunID))
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
