package job

import (
	"context"
	"errors"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/folder"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/connectors/sdk"
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

// Watch carries out the orders of files that are put into the folder of a connection, and those
// that are left, until ctx ends; then it returns nil. The files move to Completed or Errored below it, with
// their results.
//
// Errors are those of [Runner.Fulfill] before the watch begins; afterwards trouble is told and what was
// not done is tried again.
func (r *Runner) Watch(ctx context.Context, id string, events WatchEvents) (err error) {
	f, err := r.openFulfillment(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	return f.watch(ctx, events)
}

func (f *fulfillment) watch(ctx context.Context, events WatchEvents) error {
	trouble := func(err error) {
		if events.Trouble != nil {
			events.Trouble(err)
		}
	}
	watched, err := folder.New(folder.Options{
		Path: f.connection.Fulfillment.OrdersFolder, Journal: f.journal, Clock: f.runner.Clock, Decode: f.decode, Trouble: trouble,
		Accept: func(ctx context.Context, in fulfill.Input) (journal.Intake, error) {
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
			var done Fulfilled
			return errors.Join(locate(f.connection, err), f.conclude(ctx, &done))
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
