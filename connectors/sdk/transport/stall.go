package transport

import (
	"context"
	"errors"
	"io"
	"time"
)

// watched is an answer's body that fails when no byte comes for a while: a
// silent connection would otherwise hold a chain of pages for ever. Time counts
// only during Read, so a slow reader does no harm.
type watched struct {
	body   io.ReadCloser
	ctx    context.Context // of the request; cancelled when the time is up
	cancel context.CancelCauseFunc
	limit  time.Duration
	timer  *time.Timer
}

var errStalled = errors.New("no more data came")

func watch(ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser, limit time.Duration) *watched {
	w := &watched{body: body, ctx: ctx, cancel: cancel, limit: limit}
	w.timer = time.AfterFunc(limit, func() { cancel(errStalled) })
	w.timer.Stop()
	return w
}

func (w *watched) Read(p []byte) (int, error) {
	w.timer.Reset(w.limit)
	n, err := w.body.Read(p)
	w.timer.Stop()
	// An end counts for nothing either once the time was up: a server that sees us hang up may
	// still close the answer in good order, as if it were whole.
	if err != nil && errors.Is(context.Cause(w.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}

func (w *watched) Close() error {
	w.timer.Stop()
	err := w.body.Close()
	w.cancel(nil)
	return err
}
