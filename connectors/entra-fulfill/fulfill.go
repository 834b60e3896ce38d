package main

import (
	"context"

	"github.com/usher-iga/usher/connectors/entra/change"
	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Examine is part of [sdk.Fulfiller].
func (connector) Examine(_ context.Context, orders []sdk.Order) (problems []sdk.OrderProblem, _ error) {
	for _, order := range orders {
		_, found := schema.Examine(order)
		problems = append(problems, found...)
	}
	return problems, nil
}

// Fulfill is part of [sdk.Fulfiller].
func (c connector) Fulfill(ctx context.Context, connection sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	p := &progress{sink: sink, end: end, clock: c.Clock}
	err := c.with(ctx, connection, p, func(ctx context.Context, r *change.Runner, _ change.Graph) error {
		defer p.last()
		return r.Fulfill(ctx, orders, sink.Done)
	})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// Resolve is part of [sdk.Fulfiller].
func (c connector) Resolve(ctx context.Context, connection sdk.Connection, objects []sdk.NamedObject) (ids []string, err error) {
	err = c.with(ctx, connection, &progress{}, func(ctx context.Context, r *change.Runner, _ change.Graph) error {
		ids, err = r.Resolve(ctx, objects)
		return err
	})
	return ids, err
}

// Preview is part of [sdk.Fulfiller].
func (c connector) Preview(ctx context.Context, connection sdk.Connection, orders []sdk.Order, emit func(sdk.Preview) error) error {
	return c.with(ctx, connection, &progress{}, func(ctx context.Context, r *change.Runner, _ change.Graph) error {
		return r.Preview(ctx, orders, emit)
	})
}
