package fulfill

import (
	"context"
	"errors"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Run carries out all orders of the journal that are not held, also those that arrive
// meanwhile.
//
// Errors are those of the connector's call, such as a refused sign-in, those of Options' functions,
// fault.Storage, and fault.Canceled when ctx ended. Then orders are left for the next run. An order
// that fails is no error of the run. It may be called at any time, once at a time for a journal.
func Run(ctx context.Context, o Options) (Report, error) {
	o = o.withDefaults()
	r := &run{Options: o, report: Report{Started: o.Clock.Now().UTC()}}
	pending, _, err := o.Journal.Left()
	if err != nil {
		return r.report, err
	}
	r.tracker = newTracker(o, r.report.Started, pending)
	r.post = startPost(ctx, o)
	err = r.calls(ctx)
	r.report.Owed, r.report.OwedError = r.post.end()
	r.tracker.fill(&r.report)
	r.report.Finished = o.Clock.Now().UTC()
	if err != nil && ctx.Err() != nil && !fault.Is(err, fault.Storage) { // a disk in trouble is worse
		err = canceled(ctx, o.Connection.ID)
	}
	pending, held, countErr := o.Journal.Left()
	r.report.Pending, r.report.Held = pending, held
	return r.report, errors.Join(err, countErr)
}

// canceled tells why ctx ended, in the words of who ended it if there are any.
func canceled(ctx context.Context, connection string) error {
	cause := context.Cause(ctx)
	if fault.Of(cause) != nil {
		return cause
	}
	return fault.Errorf(fault.Canceled, "carrying out the orders of connection %s was canceled; the next run goes on with what is left: %w", connection, cause)
}

// run is one run.
type run struct {
	Options
	report  Report
	tracker *tracker
	post    *post
}

const (
	// maxCrashes is how often a connector may crash one time after the other without an
	// order's having ended.
	maxCrashes = 5
	// crashPause is the wait after the first of such crashes; it grows with each.
	crashPause = time.Second
)

// calls calls the connector until nothing is left to do, again if it crashes.
func (r *run) calls(ctx context.Context) error {
	for crashes := 0; ; {
		ended := r.tracker.ended()
		err := newCall(r).carryOut(ctx)
		if err == nil || ctx.Err() != nil || !fault.Is(err, fault.Connector) || r.Relaunch == nil {
			return err
		}
		if crashes++; r.tracker.ended() > ended {
			crashes = 1
		}
		if crashes > maxCrashes {
			return err
		}
		r.report.Relaunches++
		r.Logger.Warn("the connector is started anew", "connection", r.Connection.ID, "error", err)
		if err := r.Clock.Sleep(ctx, time.Duration(crashes-1)*crashPause); err != nil {
			return err
		}
		if r.Fulfiller, err = r.Relaunch(ctx); err != nil {
			return err
		}
	}
}
