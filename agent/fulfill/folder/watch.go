package folder

import (
	"context"
	"errors"
	"time"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Watch looks at the folder again and again, carries out what comes, and reports it, until ctx
// ends; then it returns nil when the run that is under way has ended, too. It opens the journal when a file
// is to be taken, when another process has changed the journal, and when a run is to be tried again; while
// there is nothing to do others can have it. Trouble goes to Options.Trouble and is tried again.
func (f *Folder) Watch(ctx context.Context) error {
	w := watch{Folder: f, again: f.Clock.Now()} // an earlier process may have left something
	for waited := error(nil); waited == nil && ctx.Err() == nil; waited = f.Clock.Sleep(ctx, f.Interval) {
		f.try(ctx, w.look)
	}
	return nil
}

// watch is one call of Watch.
type watch struct {
	*Folder
	// again is when to open the journal although nothing is new, and no run begins before it. Zero: nothing is
	// left to do.
	again time.Time
	// taking is when files are taken again after one could not be, such as while the target system is not there.
	taking time.Time
	// busy counts the looks one after the other that found the journal with another process.
	busy int
}

// patience is after how many looks it is told that another process has the journal: mostly that is
// somebody's command, which ends soon.
const patience = 5

// look looks at the folder, and does what is to be done with the journal.
func (w *watch) look(ctx context.Context) error {
	due, err := w.due(ctx)
	if err != nil {
		return err
	}
	isTime := !w.again.IsZero() && !w.Clock.Now().Before(w.again)
	if len(due) == 0 && w.busy == 0 && !isTime && !w.Changed() {
		return nil
	}
	j, err := w.Open(ctx)
	if err == nil {
		w.busy = 0
		w.work(ctx, j, due)
	}
	if fault.Is(err, fault.Conflict) {
		if w.busy++; w.busy != patience {
			err = nil
		}
	}
	return errors.Join(err, w.Close())
}

// due finds the files that are to be taken now.
func (w *watch) due(ctx context.Context) ([]string, error) {
	due, err := w.scan(ctx)
	if w.Clock.Now().Before(w.taking) {
		due = nil
	}
	return due, err
}

// handle takes the files that are due, and reports those whose orders have ended. If there are many, it takes
// some: their orders are to begin, and what has ended is to be told, before the last one is read.
func (w *watch) handle(ctx context.Context, j *journal.Journal, due []string) error {
	err := w.takeAll(ctx, j, due, w.Clock.Now().Add(w.Interval))
	if err != nil && !fault.Is(err, fault.Conflict) { // a file that is being written is taken when it is whole
		w.taking = w.Clock.Now().Add(w.RetryAfter)
	}
	return errors.Join(err, w.Report(ctx, j))
}

// work takes the files that are due, carries out what there is, and reports. While orders are carried out it
// goes on to take files.
func (w *watch) work(ctx context.Context, j *journal.Journal, due []string) {
	w.try(ctx, func(ctx context.Context) error { return w.handle(ctx, j, due) })
	isDue := w.isDue(j)
	if ctx.Err() != nil || isDue && w.Clock.Now().Before(w.again) {
		return
	}
	w.again = time.Time{}
	if !isDue {
		return
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		defer stop()
		ended <- w.Run(ctx)
	}()
	for w.Clock.Sleep(running, w.Interval) == nil {
		w.try(ctx, func(ctx context.Context) error {
			due, err := w.due(ctx)
			if err != nil {
				return err
			}
			return w.handle(ctx, j, due)
		})
	}
	err := <-ended
	switch {
	case err == nil:
		if w.isDue(j) { // orders that came at its end
			w.again = w.Clock.Now()
		}
	case ctx.Err() == nil:
		w.Trouble(err)
		w.again = w.Clock.Now().Add(w.RetryAfter)
	case !fault.Is(err, fault.Canceled):
		w.Trouble(err)
	}
	w.try(ctx, func(ctx context.Context) error { return w.Report(ctx, j) })
}

// try does something that is tried again at the next look if it fails.
func (f *Folder) try(ctx context.Context, do func(context.Context) error) {
	if err := do(ctx); err != nil && ctx.Err() == nil {
		f.Trouble(err)
	}
}

// isDue reports whether there are orders to carry out.
func (f *Folder) isDue(j *journal.Journal) bool {
	due, err := j.Due()
	if err != nil {
		f.Trouble(err)
	}
	return due
}
