package sdk

import (
	"context"

	"github.com/usher-iga/usher/connectors/sdk/fault"
	connectorv1 "github.com/usher-iga/usher/proto/connector/v1"
)

// renewals asks the agent for a connection resolved anew, one at a time.
type renewals struct {
	request func() error
	receive func() (*connectorv1.Renewal, error)
	turn    chan struct{} // holds one element while an answer is awaited
}

// newRenewals makes renewals that ask by request and wait for the answer by receive.
func newRenewals(request func() error, receive func() (*connectorv1.Renewal, error)) *renewals {
	return &renewals{request: request, receive: receive, turn: make(chan struct{}, 1)}
}

// ask is [Connection.Renew].
func (r *renewals) ask(ctx context.Context) (Connection, error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return Connection{}, ctx.Err()
	}
	type answer struct {
		renewal *connectorv1.Renewal
		err     error
	}
	answered := make(chan answer, 1)
	// The answer belongs to this turn even if ctx ends first, so the turn ends with it.
	go func() {
		defer func() { <-r.turn }()
		if err := r.request(); err != nil {
			answered <- answer{err: err}
			return
		}
		renewal, err := r.receive()
		answered <- answer{renewal, err}
	}()
	select {
	case <-ctx.Done():
		return Connection{}, ctx.Err()
	case a := <-answered:
		switch {
		case a.err != nil:
			return Connection{}, a.err
		case a.renewal.GetFailure() != nil:
			return Connection{}, faultOf(a.renewal.GetFailure())
		case a.renewal.GetConnection() == nil:
			return Connection{}, fault.Errorf(fault.Connector, "the agent broke the protocol: it sent no renewal")
		}
		renewed := connectionFromProto(a.renewal.GetConnection())
		renewed.Renew = r.ask
		return renewed, nil
	}
}

// renew resolves a connection anew for the connector: the agent's side.
func renew(ctx context.Context, c Connection) *connectorv1.Renewal {
	if c.Renew == nil {
		return &connectorv1.Renewal{Connection: connectionToProto(c)}
	}
	renewed, err := c.Renew(ctx)
	if err != nil {
		return &connectorv1.Renewal{Failure: failureOf(err)}
	}
	return &connectorv1.Renewal{Connection: connectionToProto(renewed)}
}
