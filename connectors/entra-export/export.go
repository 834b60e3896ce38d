package main

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/entra/delta"
	"github.com/usher-iga/usher/connectors/sdk"
)

// maxChains bounds the rounds that are read side by side: each holds some pages in memory.
const maxChains = 8

// Export is part of [sdk.Exporter]: it reads a delta round of each collection,
// side by side. The first error ends them all.
func (c *connector) Export(ctx context.Context, req sdk.ExportRequest, sink sdk.Sink) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	progress := &progress{sink: sink, cancel: cancel, pages: make([]uint64, len(req.Collections))}

	conn, problems := c.dial(req.Connection, progress.wait)
	p, more := plan(req.Connection, req.Collections, req.Attributes)
	if problems = append(problems, more...); len(problems) > 0 {
		return problems.Err()
	}
	defer conn.Close()
	progress.count(conn.Stats)

	rounds, roundsCtx := errgroup.WithContext(ctx)
	rounds.SetLimit(maxChains)
	for i, collection := range p.Collections {
		rounds.Go(func() error {
			round := delta.Round{
				Source: conn, Collection: collection, Cookie: req.Collections[i].Cookie,
				Begin:  func(complete bool, reason string) (sdk.Writer, error) { return sink.Begin(i, complete, reason) },
				OnPage: func() error { return progress.page(i) },
			}
			return round.Run(roundsCtx)
		})
	}
	err := rounds.Wait()
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
