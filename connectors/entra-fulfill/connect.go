package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/entra/change"
	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/graph/batch"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/graph/governor"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// config says how to reach the tenant of a connection.
func (c *connector) config(connection sdk.Connection, onWait func(time.Duration, string)) dial.Config {
	config := dial.ConfigOf(connection)
	config.UserAgent, config.Priority = "usher-entra-fulfill/"+c.version, "normal"
	config.Logger, config.Clock, config.OnWait = c.logger, c.clock, onWait
	return config
}

// dial makes a client of a connection; it sends nothing yet. The caller closes it.
// What is wrong with the settings comes beside: then there is no client.
func (c *connector) dial(config dial.Config) (*dial.Conn, directory.Problems) {
	if problems := config.Application.Validate(); len(problems) > 0 {
		return nil, problems
	}
	conn, err := c.dialer.Dial(config)
	if err == nil {
		return conn, nil
	}
	problem := fault.Of(err)
	if problem == nil {
		problem = fault.Errorf(fault.Internal, "%w", err)
	}
	return nil, directory.Problems{problem}
}

// with has do work on a way to Graph, for as long as that takes.
func (c *connector) with(ctx context.Context, connection sdk.Connection, p *progress, do func(context.Context, *change.Runner, change.Graph) error) error {
	config := c.config(connection, p.wait)
	conn, problems := c.dial(config)
	if len(problems) > 0 {
		return problems.Err()
	}
	defer conn.Close()
	p.count(conn.Stats)
	batcher := batch.New(conn, batch.Options{
		Clock: c.clock, OnWait: p.wait, OnAnswer: p.answer,
		Writes: c.quotas.of(conn.Endpoints.BaseURL, config.Application.TenantID, config.Application.ClientID, c.clock),
	})
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { batcher.Run(ctx) })
	defer running.Wait()
	defer stop()
	return do(ctx, change.New(batcher, c.clock), batcher)
}

// quotas are the quotas of writes that calls share. The zero value is ready.
type quotas struct {
	mu    sync.Mutex
	known map[string]*governor.Writes
}

// of returns the quota of an application in a tenant.
func (q *quotas) of(baseURL, tenant, application string, c clock.Clock) *governor.Writes {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := strings.ToLower(baseURL + "\n" + tenant + "\n" + application)
	if q.known == nil {
		q.known = map[string]*governor.Writes{}
	}
	if q.known[key] == nil {
		q.known[key] = governor.NewWrites(c)
	}
	return q.known[key]
}
