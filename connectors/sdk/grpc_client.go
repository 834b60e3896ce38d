package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
	connectorv1 "github.com/usher-iga/usher/proto/connector/v1"
)

// Client speaks to a connector over conn; it is the other side of [Register]. It
// trusts nothing that comes: an answer against the protocol is a fault.Connector.
type Client struct {
	connector connectorv1.ConnectorClient
	exporter  connectorv1.ExporterClient
	fulfiller connectorv1.FulfillerClient
	actions   connectorv1.ActionsClient
}

// Capabilities say what a connector can do.
type Capabilities struct{ Export, Fulfill, Actions bool }

// NewClient makes a Client. conn stays the caller's to close.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{
		connector: connectorv1.NewConnectorClient(conn), exporter: connectorv1.NewExporterClient(conn),
		fulfiller: connectorv1.NewFulfillerClient(conn), actions: connectorv1.NewActionsClient(conn),
	}
}

// Describe asks what the connector is and what it can do.
func (c *Client) Describe(ctx context.Context) (d Description, can Capabilities, err error) {
	resp, err := c.connector.Describe(ctx, &connectorv1.DescribeRequest{})
	if err != nil {
		return Description{}, can, fromStatus(err)
	}
	d = Description{
		Name: resp.GetName(), Version: resp.GetVersion(), Title: resp.GetTitle(),
		Settings: each(resp.GetSettings(), settingFromProto), Entities: each(resp.GetEntities(), entityFromProto),
	}
	for _, capability := range resp.GetCapabilities() {
		switch capability {
		case connectorv1.Capability_CAPABILITY_EXPORT:
			can.Export = true
		case connectorv1.Capability_CAPABILITY_FULFILL:
			can.Fulfill = true
		case connectorv1.Capability_CAPABILITY_ACTIONS:
			can.Actions = true
		default: // of a later release
		}
	}
	return d, can, nil
}

// Check is Connector.Check.
func (c *Client) Check(ctx context.Context, req CheckRequest) (CheckReport, error) {
	resp, err := c.connector.Check(ctx, &connectorv1.CheckRequest{
		Connection: connectionToProto(req.Connection), Extent: extents().toProto(req.Extent),
		Collections: each(req.Collections, collectionToProto), Attributes: each(req.Attributes, attributeToProto),
	})
	if err != nil {
		return CheckReport{}, fromStatus(err)
	}
	return reportFromProto(resp), nil
}

// Export is Exporter.Export; sink and the connection's Renew are called from the
// calling goroutine only.
func (c *Client) Export(ctx context.Context, req ExportRequest, sink Sink) error {
	ctx, cancel := context.WithCancel(ctx) // so that an error of sink ends the stream
	defer cancel()
	stream, err := c.exporter.Export(ctx)
	if err != nil {
		return fromStatus(err)
	}
	start := &connectorv1.ExportStart{
		Connection:  connectionToProto(req.Connection),
		Collections: each(req.Collections, collectionToProto), Attributes: each(req.Attributes, attributeToProto),
	}
	send := func(m *connectorv1.ExportRequest) error {
		// An EOF says that the stream has ended: Recv tells why.
		if err := stream.Send(m); err != nil && !errors.Is(err, io.EOF) {
			return fromStatus(err)
		}
		return nil
	}
	if err := send(&connectorv1.ExportRequest{Message: &connectorv1.ExportRequest_Start{Start: start}}); err != nil {
		return err
	}
	in := incoming{req: req, sink: sink, writers: make([]Writer, len(req.Collections)), ended: make([]bool, len(req.Collections))}
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return in.complete()
		}
		if err != nil {
			return fromStatus(err)
		}
		if _, asked := resp.GetEvent().(*connectorv1.ExportResponse_RenewalNeeded); asked {
			err = send(&connectorv1.ExportRequest{Message: &connectorv1.ExportRequest_Renewal{Renewal: renew(ctx, req.Connection)}})
		} else {
			err = in.take(resp)
		}
		if err != nil {
			return err
		}
	}
}

// incoming checks the order of the events of one export and passes them on.
type incoming struct {
	req     ExportRequest
	sink    Sink
	writers []Writer // of the begun collections
	ended   []bool
	object  record.Object
	links   record.Links
}

func (in *incoming) take(resp *connectorv1.ExportResponse) error {
	switch event := resp.GetEvent().(type) {
	case *connectorv1.ExportResponse_Begin:
		return in.begin(event.Begin)
	case *connectorv1.ExportResponse_Records:
		return in.records(event.Records)
	case *connectorv1.ExportResponse_End:
		return in.end(event.End)
	case *connectorv1.ExportResponse_Progress:
		return in.sink.Progress(progressFromProto(event.Progress, len(in.req.Collections)))
	case *connectorv1.ExportResponse_Warning:
		return in.sink.Warn(Warning{Message: event.Warning.GetMessage(), Hint: event.Warning.GetHint()})
	default:
		return broken("an event of an unknown kind")
	}
}

func (in *incoming) begin(e *connectorv1.Begin) error {
	i := int(e.GetCollection())
	if i >= len(in.writers) {
		return broken("the begin of collection %d of %d", i, len(in.writers))
	}
	w, err := in.sink.Begin(i, e.GetComplete(), e.GetReason())
	if err != nil {
		return err
	}
	in.writers[i], in.ended[i] = w, false
	return nil
}

// writer returns the writer of a collection that has begun and not ended.
func (in *incoming) writer(collection uint32, what string) (Writer, error) {
	switch i := int(collection); {
	case i >= len(in.writers):
		return nil, broken("%s of collection %d of %d", what, i, len(in.writers))
	case in.writers[i] == nil:
		return nil, broken("%s of %q before its begin", what, in.req.Collections[i].Entity)
	case in.ended[i]:
		return nil, broken("%s of %q after its end", what, in.req.Collections[i].Entity)
	default:
		return in.writers[i], nil
	}
}

func (in *incoming) records(e *connectorv1.Records) error {
	w, err := in.writer(e.GetCollection(), "records")
	if err != nil {
		return err
	}
	collection := in.req.Collections[e.GetCollection()]
	for b := e.GetObjects(); len(b) > 0; {
		rest, err := record.NextObject(b, len(in.req.Attributes), &in.object)
		if err != nil {
			return broken("of %q a record that cannot be read: %v", collection.Entity, err)
		}
		if err := w.Object(&in.object); err != nil {
			return err
		}
		b = rest
	}
	for b := e.GetLinks(); len(b) > 0; {
		rest, err := record.NextLinks(b, len(collection.Navigations), &in.links)
		if err != nil {
			return broken("of %q links that cannot be read: %v", collection.Entity, err)
		}
		if err := w.Links(&in.links); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

func (in *incoming) end(e *connectorv1.End) error {
	w, err := in.writer(e.GetCollection(), "the end")
	if err != nil {
		return err
	}
	in.ended[e.GetCollection()] = true
	return w.End(e.GetCookie())
}

// complete is the check at the end of the stream: a run that lost data never ends
// as a success (E11).
func (in *incoming) complete() error {
	for i, ended := range in.ended {
		if !ended {
			return broken("success without the end of %q", in.req.Collections[i].Entity)
		}
	}
	return nil
}

func broken(format string, args ...any) error {
	return fault.Errorf(fault.Connector, "the connector broke the protocol: it sent %s", fmt.Sprintf(format, args...)).
		WithHint("Install the connector program and the agent of the same release; if they are, report it to the connector's author")
}
