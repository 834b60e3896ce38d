package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"

	connectorv1 "github.com/usher-iga/usher/proto/connector/v1"
)

// Examine is Fulfiller.Examine.
func (c *Client) Examine(ctx context.Context, orders []Order) ([]OrderProblem, error) {
	resp, err := c.fulfiller.Examine(ctx, &connectorv1.ExamineRequest{Orders: each(orders, orderToProto)})
	if err != nil {
		return nil, fromStatus(err)
	}
	return each(resp.GetProblems(), problemFromProto), nil
}

// Preview is Fulfiller.Preview; emit is called from the calling goroutine.
func (c *Client) Preview(ctx context.Context, connection Connection, orders []Order, emit func(Preview) error) error {
	ctx, cancel := context.WithCancel(ctx) // so that an error of emit ends the stream
	defer cancel()
	stream, err := c.fulfiller.Preview(ctx, &connectorv1.PreviewRequest{Connection: connectionToProto(connection), Orders: each(orders, orderToProto)})
	if err != nil {
		return fromStatus(err)
	}
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fromStatus(err)
		}
		if err := emit(previewFromProto(resp)); err != nil {
			return err
		}
	}
}

// Resolve is Fulfiller.Resolve. An answer that leaves objects out is a fault.Connector.
func (c *Client) Resolve(ctx context.Context, connection Connection, objects []NamedObject) ([]string, error) {
	resp, err := c.fulfiller.Resolve(ctx, &connectorv1.ResolveRequest{Connection: connectionToProto(connection), Objects: each(objects, namedToProto)})
	if err != nil {
		return nil, fromStatus(err)
	}
	if n := len(resp.GetIds()); n != len(objects) {
		return nil, broken("%d ids of %d objects", n, len(objects))
	}
	return resp.GetIds(), nil
}

// Fulfill is Fulfiller.Fulfill. The methods of sink and the connection's Renew are
// called from the calling goroutine, those of orders from another one. An outcome of an order
// that is not under way is a fault.Connector, and so is a success without all outcomes.
func (c *Client) Fulfill(ctx context.Context, connection Connection, orders OrderSource, sink OutcomeSink) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stream, err := c.fulfiller.Fulfill(ctx)
	if err != nil {
		return fromStatus(err)
	}
	sender := &orderSender{stream: stream, underWay: map[string]bool{}}
	if err := sender.send(&connectorv1.FulfillRequest{Message: &connectorv1.FulfillRequest_Start{Start: startToProto(connection)}}); err != nil {
		return err
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if err := sender.sendAll(ctx, orders); err != nil {
			cancel(err)
		}
	}()
	defer func() { <-sent }()
	defer cancel(nil)
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return sender.complete()
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return fromStatus(err)
		}
		switch event := resp.GetEvent().(type) {
		case *connectorv1.FulfillResponse_Outcome:
			outcome := outcomeFromProto(event.Outcome)
			if !sender.done(outcome.Order) {
				return broken("an outcome of the order %q, which is not under way", outcome.Order)
			}
			err = sink.Done(outcome)
		case *connectorv1.FulfillResponse_Progress:
			err = sink.Progress(orderProgressFromProto(event.Progress))
		case *connectorv1.FulfillResponse_RenewalNeeded:
			err = sender.send(&connectorv1.FulfillRequest{Message: &connectorv1.FulfillRequest_Renewal{Renewal: renew(ctx, connection)}})
		default:
			err = broken("an event of an unknown kind")
		}
		if err != nil {
			return err
		}
	}
}

// orderSender sends orders and remembers which are under way.
type orderSender struct {
	stream grpc.BidiStreamingClient[connectorv1.FulfillRequest, connectorv1.FulfillResponse]

	mu       sync.Mutex // gRPC allows one Send at a time
	underWay map[string]bool
	ended    bool // no more orders follow
}

func (s *orderSender) send(m *connectorv1.FulfillRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if order := m.GetOrder(); order != nil {
		s.underWay[order.GetId()] = true
	}
	// An EOF says that the stream has ended: Recv tells why.
	if err := s.stream.Send(m); err != nil && !errors.Is(err, io.EOF) {
		return fromStatus(err)
	}
	return nil
}

func (s *orderSender) sendAll(ctx context.Context, orders OrderSource) error {
	for {
		order, err := orders.Next(ctx)
		if errors.Is(err, io.EOF) {
			s.mu.Lock()
			s.ended = true
			s.mu.Unlock()
			return s.send(&connectorv1.FulfillRequest{Message: &connectorv1.FulfillRequest_End{End: &connectorv1.FulfillEnd{}}})
		}
		if err != nil {
			return err
		}
		if err := s.send(&connectorv1.FulfillRequest{Message: &connectorv1.FulfillRequest_Order{Order: orderToProto(order)}}); err != nil {
			return err
		}
	}
}

// done notes the end of an order; false if it is not under way.
func (s *orderSender) done(order string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.underWay[order]
	delete(s.underWay, order)
	return known
}

// complete is the check at the end of the stream.
func (s *orderSender) complete() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.underWay) > 0 || !s.ended {
		return broken("success without the outcomes of all orders: %d are missing", len(s.underWay))
	}
	return nil
}

// Actions is Actor.Actions.
func (c *Client) Actions(ctx context.Context) ([]Action, error) {
	resp, err := c.actions.ListActions(ctx, &connectorv1.ListActionsRequest{})
	if err != nil {
		return nil, fromStatus(err)
	}
	return each(resp.GetActions(), actionFromProto), nil
}

// RunAction is Actor.RunAction.
func (c *Client) RunAction(ctx context.Context, connection Connection, name string, input json.RawMessage) (json.RawMessage, error) {
	resp, err := c.actions.RunAction(ctx, &connectorv1.RunActionRequest{Connection: connectionToProto(connection), Action: name, Input: input})
	if err != nil {
		return nil, fromStatus(err)
	}
	return resp.GetOutput(), nil
}

// PrepareAction is Actor.PrepareAction.
func (c *Client) PrepareAction(ctx context.Context, name string, input json.RawMessage, order string) (Order, error) {
	resp, err := c.actions.PrepareAction(ctx, &connectorv1.PrepareActionRequest{Action: name, Input: input, Order: order})
	if err != nil {
		return Order{}, fromStatus(err)
	}
	return orderFromProto(resp.GetOrder()), nil
}
