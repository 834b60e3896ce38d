package main

import (
	"context"
	"encoding/json"

	"github.com/usher-iga/usher/connectors/entra/change"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Actions is part of [sdk.Actor].
func (c connector) Actions() []sdk.Action { return c.actions.Actions() }

// RunAction is part of [sdk.Actor].
func (c connector) RunAction(ctx context.Context, connection sdk.Connection, name string, input json.RawMessage) (output json.RawMessage, err error) {
	err = c.with(ctx, connection, &progress{}, func(ctx context.Context, r *change.Runner, g change.Graph) error {
		output, err = c.actions.Run(ctx, struct {
			*change.Runner
			change.Graph
		}{r, g}, name, input)
		return err
	})
	return output, err
}

// PrepareAction is part of [sdk.Actor].
func (c connector) PrepareAction(_ context.Context, name string, input json.RawMessage, order string) (sdk.Order, error) {
	return c.actions.Prepare(name, input, order)
}
