package sdk

import (
	"context"
	"sync"

	"google.golang.org/grpc"

	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
	connectorv1 "github.com/usher-iga/usher/proto/connector/v1"
)

// MaxMessageSize bounds one message on the plugin boundary, on both sides. Batches
// of rows stay far below it.
const MaxMessageSize = 16 << 20

// batchSize is when rows are sent: large enough that the cost of a message does
// not count, small enough that memory stays flat.
const batchSize = 128 << 10

// Register offers c, with the capabilities that it has, on server.
func Register(server grpc.ServiceRegistrar, c Connector) {
	connectorv1.RegisterConnectorServer(server, connectorServer{connector: c})
	if e, ok := c.(Exporter); ok {
		connectorv1.RegisterExporterServer(server, exporterServer{exporter: e})
	}
	if f, ok := c.(Fulfiller); ok {
		connectorv1.RegisterFulfillerServer(server, fulfillerServer{fulfiller: f})
	}
	if a, ok := c.(Actor); ok {
		connectorv1.RegisterActionsServer(server, actionsServer{actor: a})
	}
}

type connectorServer struct {
	connectorv1.UnimplementedConnectorServer
	connector Connector
}

func (s connectorServer) Describe(context.Context, *connectorv1.DescribeRequest) (*connectorv1.DescribeResponse, error) {
	d := s.connector.Describe()
	resp := &connectorv1.DescribeResponse{
		Name: d.Name, Version: d.Version, Title: d.Title,
		Settings: each(d.Settings, settingToProto), Entities: each(d.Entities, entityToProto),
	}
	for _, offered := range []struct {
		ok         bool
		capability connectorv1.Capability
	}{
		{is[Exporter](s.connector), connectorv1.Capability_CAPABILITY_EXPORT},
		{is[Fulfiller](s.connector), connectorv1.Capability_CAPABILITY_FULFILL},
		{is[Actor](s.connector), connectorv1.Capability_CAPABILITY_ACTIONS},
	} {
		if offered.ok {
			resp.Capabilities = append(resp.Capabilities, offered.capability)
		}
	}
	return resp, nil
}

func is[T any](c Connector) bool {
	_, ok := c.(T)
	return ok
}

func (s connectorServer) Check(ctx context.Context, req *connectorv1.CheckRequest) (*connectorv1.CheckResponse, error) {
	report, err := s.connector.Check(ctx, CheckRequest{
		Connection: connectionFromProto(req.GetConnection()), Extent: extents().fromProto(req.GetExtent()),
		Collections: each(req.GetCollections(), collectionFromProto),
		Attributes:  each(req.GetAttributes(), attributeFromProto),
	})
	if err != nil {
		return nil, toStatus(err)
	}
	return reportToProto(report), nil
}

type exporterServer struct {
	connectorv1.UnimplementedExporterServer
	exporter Exporter
}

func (s exporterServer) Export(stream grpc.BidiStreamingServer[connectorv1.ExportRequest, connectorv1.ExportResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	start := first.GetStart()
	if start == nil {
		return toStatus(fault.Errorf(fault.Connector, "the agent broke the protocol: an export began without its start"))
	}
	sink := &streamSink{stream: stream, ended: make([]bool, len(start.GetCollections()))}
	connection := connectionFromProto(start.GetConnection())
	connection.Renew = newRenewals(func() error {
		return sink.send(&connectorv1.ExportResponse{Event: &connectorv1.ExportResponse_RenewalNeeded{RenewalNeeded: &connectorv1.RenewalNeeded{}}})
	}, func() (*connectorv1.Renewal, error) {
		message, err := stream.Recv()
		return message.GetRenewal(), err
	}).ask
	err = s.exporter.Export(stream.Context(), ExportRequest{
		Connection:  connection,
		Collections: each(start.GetCollections(), collectionFromProto),
		Attributes:  each(start.GetAttributes(), attributeFromProto),
	}, sink)
	if err == nil {
		err = sink.complete(start)
	}
	return toStatus(err)
}

// streamSink sends what an export finds. gRPC allows one Send at a time.
type streamSink struct {
	mu     sync.Mutex
	stream grpc.BidiStreamingServer[connectorv1.ExportRequest, connectorv1.ExportResponse]
	ended  []bool
}

func (s *streamSink) send(resp *connectorv1.ExportResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stream.Send(resp)
}

// complete makes sure that an export that says it succeeded did.
func (s *streamSink) complete(start *connectorv1.ExportStart) error {
	for i, ended := range s.ended {
		if !ended {
			return fault.Errorf(fault.Connector, "the connector finished without the end of %q", start.GetCollections()[i].GetEntity())
		}
	}
	return nil
}

func (s *streamSink) Begin(collection int, complete bool, reason string) (Writer, error) {
	s.mu.Lock()
	s.ended[collection] = false
	s.mu.Unlock()
	err := s.send(&connectorv1.ExportResponse{Event: &connectorv1.ExportResponse_Begin{Begin: &connectorv1.Begin{
		Collection: uint32(collection), Complete: complete, Reason: reason,
	}}})
	if err != nil {
		return nil, err
	}
	return &streamWriter{sink: s, collection: collection}, nil
}

func (s *streamSink) Progress(p Progress) error {
	return s.send(&connectorv1.ExportResponse{Event: &connectorv1.ExportResponse_Progress{Progress: progressToProto(p)}})
}

func (s *streamSink) Warn(w Warning) error {
	return s.send(&connectorv1.ExportResponse{Event: &connectorv1.ExportResponse_Warning{
		Warning: &connectorv1.Warning{Message: w.Message, Hint: w.Hint},
	}})
}

// streamWriter batches the rows of one collection. Objects and links of one batch
// do not contradict each other, so their order within it does not matter.
type streamWriter struct {
	sink           *streamSink
	collection     int
	objects, links []byte
}

func (w *streamWriter) Object(o *record.Object) error {
	w.objects = o.AppendTo(w.objects)
	return w.flush(batchSize)
}

func (w *streamWriter) Links(l *record.Links) error {
	w.links = l.AppendTo(w.links)
	return w.flush(batchSize)
}

func (w *streamWriter) flush(limit int) error {
	if size := len(w.objects) + len(w.links); size < limit || size == 0 {
		return nil
	}
	err := w.sink.send(&connectorv1.ExportResponse{Event: &connectorv1.ExportResponse_Records{Records: &connectorv1.Records{
		Collection: uint32(w.collection), Objects: w.objects, Links: w.links,
	}}})
	w.objects, w.links = w.objects[:0], w.links[:0]
	return err
}

func (w *streamWriter) End(cookie string) error {
	if err := w.flush(0); err != nil {
		return err
	}
	err := w.sink.send(&connectorv1.ExportResponse{Event: &connectorv1.ExportResponse_End{
		End: &connectorv1.End{Collection: uint32(w.collection), Cookie: cookie},
	}})
	if err != nil {
		return err
	}
	w.sink.mu.Lock()
	defer w.sink.mu.Unlock()
	w.sink.ended[w.collection] = true
	return nil
}
