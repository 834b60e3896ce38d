package sdk

import (
	"context"
	"io"
	"sync"

	"google.golang.org/grpc"

	"github.com/usher-iga/usher/connectors/sdk/fault"
	connectorv1 "github.com/usher-iga/usher/proto/connector/v1"
)

type fulfillerServer struct {
	connectorv1.UnimplementedFulfillerServer
	fulfiller Fulfiller
}

func (s fulfillerServer) Examine(ctx context.Context, req *connectorv1.ExamineRequest) (*connectorv1.ExamineResponse, error) {
	problems, err := s.fulfiller.Examine(ctx, each(req.GetOrders(), orderFromProto))
	if err != nil {
		return nil, toStatus(err)
	}
	return &connectorv1.ExamineResponse{Problems: each(problems, problemToProto)}, nil
}

func (s fulfillerServer) Preview(req *connectorv1.PreviewRequest, stream grpc.ServerStreamingServer[connectorv1.PreviewResponse]) error {
	emit := func(p Preview) error { return stream.Send(previewToProto(p)) }
	return toStatus(s.fulfiller.Preview(stream.Context(), connectionFromProto(req.GetConnection()), each(req.GetOrders(), orderFromProto), emit))
}

func (s fulfillerServer) Resolve(ctx context.Context, req *connectorv1.ResolveRequest) (*connectorv1.ResolveResponse, error) {
	ids, err := s.fulfiller.Resolve(ctx, connectionFromProto(req.GetConnection()), each(req.GetObjects(), namedFromProto))
	if err != nil {
		return nil, toStatus(err)
	}
	return &connectorv1.ResolveResponse{Ids: ids}, nil
}

type fulfillStream = grpc.BidiStreamingServer[connectorv1.FulfillRequest, connectorv1.FulfillResponse]

func (s fulfillerServer) Fulfill(stream fulfillStream) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if first.GetStart() == nil {
		return toStatus(fault.Errorf(fault.Connector, "the agent broke the protocol: a call to fulfil began without its start"))
	}
	call := &fulfillCall{stream: stream, orders: make(chan Order), renewals: make(chan *connectorv1.Renewal, 1)}
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	go func() { cancel(call.read(ctx)) }()
	connection := startFromProto(first.GetStart())
	connection.Renew = newRenewals(func() error {
		return call.send(&connectorv1.FulfillResponse{Event: &connectorv1.FulfillResponse_RenewalNeeded{RenewalNeeded: &connectorv1.RenewalNeeded{}}})
	}, func() (*connectorv1.Renewal, error) {
		select {
		case renewal := <-call.renewals:
			return renewal, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}).ask
	return toStatus(s.fulfiller.Fulfill(ctx, connection, call, call))
}

// fulfillCall is the [OrderSource] and the [OutcomeSink] of one call.
type fulfillCall struct {
	stream   fulfillStream
	orders   chan Order // closed after the last
	renewals chan *connectorv1.Renewal

	mu sync.Mutex // gRPC allows one Send at a time
}

// read sorts what the agent sends. After the last order it goes on, because
// renewals may follow; it returns when the call ends.
func (c *fulfillCall) read(ctx context.Context) error {
	for {
		message, err := c.stream.Recv()
		if err != nil {
			return err
		}
		switch m := message.GetMessage().(type) {
		case *connectorv1.FulfillRequest_Order:
			select {
			case c.orders <- orderFromProto(m.Order):
			case <-ctx.Done():
				return nil
			}
		case *connectorv1.FulfillRequest_Renewal:
			select {
			case c.renewals <- m.Renewal:
			case <-ctx.Done():
				return nil
			}
		case *connectorv1.FulfillRequest_End:
			close(c.orders)
		default:
			return fault.Errorf(fault.Connector, "the agent broke the protocol: it sent something unknown")
		}
	}
}

func (c *fulfillCall) Next(ctx context.Context) (Order, error) {
	select {
	case order, ok := <-c.orders:
		if !ok {
			return Order{}, io.EOF
		}
		return order, nil
	case <-ctx.Done():
		return Order{}, context.Cause(ctx)
	}
}

func (c *fulfillCall) send(resp *connectorv1.FulfillResponse) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stream.Send(resp)
}

func (c *fulfillCall) Done(o Outcome) error {
	return c.send(&connectorv1.FulfillResponse{Event: &connectorv1.FulfillResponse_Outcome{Outcome: outcomeToProto(o)}})
}

func (c *fulfillCall) Progress(p OrderProgress) error {
	return c.send(&connectorv1.FulfillResponse{Event: &connectorv1.FulfillResponse_Progress{Progress: orderProgressToProto(p)}})
}

type actionsServer struct {
	connectorv1.UnimplementedActionsServer
	actor Actor
}

func (s actionsServer) ListActions(context.Context, *connectorv1.ListActionsRequest) (*connectorv1.ListActionsResponse, error) {
	return &connectorv1.ListActionsResponse{Actions: each(s.actor.Actions(), actionToProto)}, nil
}

func (s actionsServer) RunAction(ctx context.Context, req *connectorv1.RunActionRequest) (*connectorv1.RunActionResponse, error) {
	output, err := s.actor.RunAction(ctx, connectionFromProto(req.GetConnection()), req.GetAction(), req.GetInput())
	if err != nil {
		return nil, toStatus(err)
	}
	return &connectorv1.RunActionResponse{Output: output}, nil
}

func (s actionsServer) PrepareAction(ctx context.Context, req *connectorv1.PrepareActionRequest) (*connectorv1.PrepareActionResponse, error) {
	order, err := s.actor.PrepareAction(ctx, req.GetAction(), req.GetInput(), req.GetOrder())
	if err != nil {
		return nil, toStatus(err)
	}
	return &connectorv1.PrepareActionResponse{Order: orderToProto(order)}, nil
}
