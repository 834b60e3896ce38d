package folder

import (
	"context"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Watch looks at the folder again and again, carries out what comes, and reports it, until ctx
// ends; then it returns nil when the run that is under way has ended, too. Trouble goes to
// Options.Trouble and is tried again.
func (f *Folder) Watch(ctx context.Context) error {
	ended := make(chan error, 1)
	running := false
	var next time.Time // before that, no run begins
	for ctx.Err() == nil {
		f.try(ctx, f.Look)
		f.try(ctx, f.Report)
		select {
		case err := <-ended:
			running = false
			if err != nil && ctx.Err() == nil {
				f.Trouble(err)
				next = f.Clock.Now().Add(f.RetryAfter)
			}
			f.try(ctx, f.Report)
		default:
		}
		if !running && !f.Clock.Now().Before(next) && f.isDue() {
			running = true
			go func() { ended <- f.Run(ctx) }()
		}
		if f.Clock.Sleep(ctx, f.Interval) != nil {
			break
		}
	}
	if running {
		if err := <-ended; err != nil && !fault.Is(err, fault.Canceled) {
			f.Trouble(err)
		}
	}
	return nil
}

// try does something that is tried again at the next look if it fails.
func (f *Folder) try(ctx context.Context, do func(context.Context) error) {
	if err := do(ctx); err != nil && ctx.Err() == nil {
		f.Trouble(err)
	}
}

// isDue reports whether there are orders to carry out.
func (f *Folder) isDue() bool {
	due, err := f.Journal.Due()
	if err != nil {
		f.Trouble(err)
	}
	return due
}
