package pluginhost

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	connectorv1 "github.com/usher-iga/usher/proto/connector/v1"
)

// idleWatch ends a context when an export or the like stays silent for too long. Only time
// spent waiting for the connector counts, not the agent's own work on what came,
// nor a wait that the connector announced.
type idleWatch struct {
	clock   clock.Clock
	timeout time.Duration
	cancel  context.CancelCauseFunc
	timer   *time.Timer
}

type idleWatchKey struct{}

// watchIdle returns a context for one streaming call over a connection that has
// the interceptor [interceptIdle]. Its cause tells a hang from other ends.
func watchIdle(ctx context.Context, clk clock.Clock, timeout time.Duration, name string) (context.Context, *idleWatch) {
	ctx, cancel := context.WithCancelCause(ctx)
	hang := fault.Errorf(fault.Connector, "the connector %s hangs: it gave no sign of life for %v", name, timeout).
		WithHint("Run it again; if the target system is known to be slow, raise Connectors.IdleTimeout")
	w := &idleWatch{clock: clk, timeout: timeout, cancel: cancel, timer: time.AfterFunc(timeout, func() { cancel(hang) })}
	return context.WithValue(ctx, idleWatchKey{}, w), w
}

func (w *idleWatch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// interceptIdle lets an idleWatch in the call's context see each message.
func interceptIdle(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
	streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := streamer(ctx, desc, cc, method, opts...)
	if w, ok := ctx.Value(idleWatchKey{}).(*idleWatch); ok && err == nil {
		return &watchedStream{ClientStream: stream, watch: w}, nil
	}
	return stream, err
}

type watchedStream struct {
	grpc.ClientStream
	watch *idleWatch
	quiet time.Time // the latest end of a wait that was announced
}

func (s *watchedStream) RecvMsg(m any) error {
	s.watch.timer.Reset(s.watch.timeout + max(0, s.quiet.Sub(s.watch.clock.Now())))
	err := s.ClientStream.RecvMsg(m)
	s.watch.timer.Stop()
	if wait := announced(m); err == nil && wait > 0 {
		if end := s.watch.clock.Now().Add(wait); end.After(s.quiet) {
			s.quiet = end
		}
	}
	return err
}

// announced is the wait that a message announces.
func announced(m any) time.Duration {
	var ms uint64
	switch resp := m.(type) {
	case *connectorv1.ExportResponse:
		ms = resp.GetProgress().GetWaitingMs()
	case *connectorv1.FulfillResponse:
		ms = resp.GetProgress().GetWaitingMs()
	}
	return time.Duration(ms) * time.Millisecond
}
