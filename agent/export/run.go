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
	"github.com/usher-iga/usher/agent/export/spool"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Run makes a complete export. It puts right first what a killed run left.
//
// Errors are those of the connector, and fault.Invalid for options that cannot
// work, fault.Conflict when the connection is being exported already, fault.Storage
// for the disk, and fault.Canceled when ctx ended. After an error nothing of the run
// is left on disk. It may be called at any time, for several connections side by
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
	spool   *spool.Spool
	tracker *tracker
}

// locked makes the run while it holds the connection.
func (r *run) locked(ctx context.Context) error {
	p := r.plan
	lock, err := acquire(p.Folders.Work, p.Connection, p.RunID, r.report.Started)
	if err != nil {
		return err
	}
	defer lock.release()
	if err := p.output.Recover(); err != nil {
		return err
	}
	previous, err := p.output.Current()
	if err != nil {
		return err
	}
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
	r.tracker = newTracker(p, r.report.Started, r.spool.Written, expected(previous))
	defer r.tracker.stop()

	collections, err := r.read(ctx)
	if err != nil {
		return err
	}
	return r.publish(ctx, collections)
}

// expected counts the objects and links of each entity in the run before.
func expected(m *publish.Manifest) map[string]uint64 {
	counts := map[string]uint64{}
	if m != nil {
		for _, e := range m.Entities {
			counts[e.Name] = e.Objects + e.Links
		}
	}
	return counts
}

// read takes everything from the connector into the spool.
func (r *run) read(ctx context.Context) ([]*collection, error) {
	p := r.plan
	s := newSink(ctx, p, r.spool, r.tracker)
	err := p.Source.Export(ctx, p.Request, s)
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
	r.report.Restarts, r.report.Warnings = s.restarts, s.warnings
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
	m := merger{plan: p, spool: r.spool, tracker: r.tracker, stage: stage, collections: collections}
	files, entities, err := m.merge(ctx)
	if err != nil {
		return err
	}
	r.tracker.update(func(s *Snapshot) { s.Phase = Publishing })
	if err := ctx.Err(); err != nil { // from here on it is a matter of moments
		return err
	}
	warning, err := stage.Publish(publish.Manifest{
		Mode: publish.Complete, Started: r.report.Started, Finished: p.now(),
		Usher: p.Usher, Entities: entities, Files: files,
	})
	if err != nil {
		return err
	}
	r.report.Published, r.report.Manifest = true, p.output.Manifest()
	r.report.Entities, r.report.Files = entities, files
	p.Logger.Info("export published", "connection", p.Connection, "run", p.RunID, "manifest", r.report.Manifest)
	r.warn(warning)
	return nil
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
