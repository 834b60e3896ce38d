package job

import (
	"context"
	"errors"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/folder"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// WatchEvents are told what a watch does. Their calls do not overlap but for those of Progress and Ran,
// which run beside the others. Each may be nil.
type WatchEvents struct {
	Watching func(path string, warnings []sdk.Warning)
	Taken    func(journal.Intake) // a file was accepted; it may be held
	Progress func(fulfill.Snapshot)
	Ran      func(fulfill.Report, []sdk.Warning) // orders were carried out
	Trouble  func(error)                         // a file is refused, or something is tried again
}

// watchedBy asks for orders that do not say who does: who may write into the folder is for its access rights to say.
const watchedBy = "the watched folder"

// Watch carries out the orders of files that are put into the folder of a connection, and those
// that are left, until ctx ends; then it returns nil. The files move to Completed or Errored below it, with
// their results, whoever carried them out. It has the journal only while it takes files and while orders are carried
// out; what others do to the journal in between is seen by its next look.
//
// Errors are those of [Runner.Fulfill] before the watch begins, but that it waits for another process that has the
// journal; afterwards trouble is told and what was not done is tried again.
func (r *Runner) Watch(ctx context.Context, id string, events WatchEvents) (err error) {
	f, err := r.prepareFulfillment(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	// What is damaged is told now, and not to whoever reads the log some day.
	if err := errors.Join(f.open(ctx, atOnce), f.release()); err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	return f.watch(ctx, events)
}

func (f *fulfillment) watch(ctx context.Context, events WatchEvents) error {
	trouble := func(err error) {
		if events.Trouble != nil {
			events.Trouble(err)
		}
	}
	watched, err := folder.New(folder.Options{
		Path: f.connection.Fulfillment.OrdersFolder, Clock: f.runner.Clock, Decode: f.decode, Trouble: trouble,
		Open: func(ctx context.Context) (*journal.Journal, error) {
			err := f.open(ctx, atOnce)
			return f.journal, err
		},
		Close: f.release, Changed: f.changed,
		Accept: func(ctx context.Context, in fulfill.Input) (journal.Intake, error) {
			in.Source.RequestedBy = watchedBy
			taken, err := f.accept(ctx, in)
			if err == nil && events.Taken != nil {
				events.Taken(taken)
			}
			return taken, err
		},
		Run: func(ctx context.Context) error {
			report, err := f.run(ctx, events.Progress)
			if events.Ran != nil {
				events.Ran(report, notDelivered(report))
			}
			ended := context.WithoutCancel(ctx)
			return errors.Join(locate(f.connection, err), f.reportFiles(ended), f.forget(ended))
		},
	})
	if err != nil {
		return err
	}
	if events.Watching != nil {
		events.Watching(watched.Path, f.warnings)
	}
	return watched.Watch(ctx)
}

// changed reports whether somebody may have changed the journal since it was released.
func (f *fulfillment) changed() bool {
	now, err := journal.StampOf(f.runner.Settings.WorkFolder, f.connection.ID)
	return err != nil || now != f.stamp
}
