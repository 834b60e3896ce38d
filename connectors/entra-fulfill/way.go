package main

import (
	"context"
	"sync"

	"github.com/usher-iga/usher/connectors/entra/change"
	"github.com/usher-iga/usher/connectors/entra/graph/batch"
	"github.com/usher-iga/usher/connectors/sdk"
)

// with has do work on a way to Graph, for as long as that takes.
func (c connector) with(ctx context.Context, connection sdk.Connection, p *progress, do func(context.Context, *change.Runner, change.Graph) error) error {
	conn, problems := c.Open(connection, p.wait)
	if len(problems) > 0 {
		return problems.Err()
	}
	defer conn.Close()
	p.count(conn.Stats)
	batcher := batch.New(conn, batch.Options{Clock: c.Clock, Writes: conn.Writes(), OnWait: p.wait, OnAnswer: p.answer})
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { batcher.Run(ctx) })
	defer running.Wait()
	defer stop()
	return do(ctx, change.New(batcher, c.Clock, connection.LastWrite), batcher)
}
