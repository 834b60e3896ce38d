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
// side by side. The first error ends them all, but for missing permissions, which are
// collected: see [refusals].
func (c connector) Export(ctx context.Context, req sdk.ExportRequest, sink sdk.Sink) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	progress := &progress{sink: sink, cancel: cancel, pages: make([]uint64, len(req.Collections))}

	conn, problems := c.Open(req.Connection, progress.wait)
	p, more := plan(req.Connection, req.Collections, req.Attributes)
	if problems = append(problems, more...); len(problems) > 0 {
		return problems.Err()
	}
	defer conn.Close()
	progress.count(conn.Stats)

	rounds, roundsCtx := errgroup.WithContext(ctx)
	rounds.SetLimit(maxChains)
	refusals := newRefusals(len(p.Collections))
	for i, collection := range p.Collections {
		rounds.Go(func() error {
			round := delta.Round{
				Source: conn, Collection: collection, Cookie: req.Collections[i].Cookie,
				Begin: func(complete bool, reason string) (sdk.Writer, error) { return sink.Begin(i, complete, reason) },
				OnPage: func() error {
					if err := refusals.page(i); err != nil {
						return err
					}
					return progress.page(i)
				},
				Warn: sink.Warn,
			}
			return refusals.end(i, round.Run(roundsCtx))
		})
	}
	err := rounds.Wait()
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if refused := refusals.err(); refused != nil {
		return refused
	}
	return err
}
