package sdk_test

import (
	"context"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
	connectorv1 "github.com/usher-iga/usher/proto/connector/v1"
)

// dial serves what register offers, in this process.
func dial(t *testing.T, register func(grpc.ServiceRegistrar)) *sdk.Client {
	t.Helper()
	return sdk.NewClient(dialConn(t, register))
}

func dialConn(t *testing.T, register func(grpc.ServiceRegistrar)) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	register(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:test",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// script is an exporter service that sends given events, whatever they are.
type script struct {
	connectorv1.UnimplementedExporterServer
	events []*connectorv1.ExportResponse
}

func (s script) Export(stream grpc.BidiStreamingServer[connectorv1.ExportRequest, connectorv1.ExportResponse]) error {
	for _, event := range s.events {
		if err := stream.Send(event); err != nil {
			return err
		}
	}
	return nil
}

func begin(i uint32) *connectorv1.ExportResponse {
	return &connectorv1.ExportResponse{Event: &connectorv1.ExportResponse_Begin{Begin: &connectorv1.Begin{Collection: i}}}
}

func end() *connectorv1.ExportResponse {
	return &connectorv1.ExportResponse{Event: &connectorv1.ExportResponse_End{End: &connectorv1.End{}}}
}

func objects(i uint32, b []byte) *connectorv1.ExportResponse {
	return &connectorv1.ExportResponse{Event: &connectorv1.ExportResponse_Records{Records: &connectorv1.Records{Collection: i, Objects: b}}}
}

func links(i uint32, b []byte) *connectorv1.ExportResponse {
	return &connectorv1.ExportResponse{Event: &connectorv1.ExportResponse_Records{Records: &connectorv1.Records{Collection: i, Links: b}}}
}

// null takes everything; fail, if set, is what it answers.
type null struct{ fail error }

func (n null) Begin(int, bool, string) (sdk.Writer, error) { return n, nil }
func (n null) Progress(sdk.Progress) error                 { return n.fail }
func (n null) Warn(sdk.Warning) error                      { return n.fail }
func (n null) Object(*record.Object) error                 { return n.fail }
func (n null) Links(*record.Links) error                   { return n.fail }
func (n null) End(string) error                            { return n.fail }

// What breaks the protocol is a fault of the connector, whatever order it comes in.
func TestClientTrustsNothing(t *testing.T) {
	var o record.Object
	o.SetID([]byte("1"))
	object := o.AppendTo(nil)
	o.Null(7)
	foreign := o.AppendTo(nil)
	var l record.Links
	l.SetOwner([]byte("1"))
	l.Add([]byte("2"), false)

	for _, tc := range []struct {
		name   string
		events []*connectorv1.ExportResponse
		want   string
	}{
		{"good", []*connectorv1.ExportResponse{begin(0), objects(0, object), begin(0), objects(0, object), end()}, ""},
		{"nothing", nil, `success without the end of "user"`},
		{"no end", []*connectorv1.ExportResponse{begin(0)}, `success without the end of "user"`},
		{"end voided", []*connectorv1.ExportResponse{begin(0), end(), begin(0)}, `success without the end of "user"`},
		{"no begin", []*connectorv1.ExportResponse{objects(0, object)}, `records of "user" before its begin`},
		{"after the end", []*connectorv1.ExportResponse{begin(0), end(), objects(0, object)}, `records of "user" after its end`},
		{"two ends", []*connectorv1.ExportResponse{begin(0), end(), end()}, `the end of "user" after its end`},
		{"begin beyond", []*connectorv1.ExportResponse{begin(1)}, "collection 1 of 1"},
		{"records beyond", []*connectorv1.ExportResponse{objects(4_000_000_000, object)}, "collection 4000000000 of 1"},
		{"cut", []*connectorv1.ExportResponse{begin(0), objects(0, object[:2])}, "cannot be read"},
		{"column beyond", []*connectorv1.ExportResponse{begin(0), objects(0, foreign)}, "attribute 7 was not asked for"},
		{"links", []*connectorv1.ExportResponse{begin(0), links(0, l.AppendTo(nil))}, "were not asked for"},
		{"empty event", []*connectorv1.ExportResponse{{}}, "unknown kind"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := dial(t, func(s grpc.ServiceRegistrar) { connectorv1.RegisterExporterServer(s, script{events: tc.events}) })
			err := client.Export(t.Context(), sdk.ExportRequest{
				Collections: []sdk.Collection{{Entity: "user"}}, Attributes: []sdk.Attribute{{Path: "id"}},
			}, null{})
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !fault.Is(err, fault.Connector) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q %v, want %q", fault.CodeOf(err), err, tc.want)
			}
		})
	}
}

func TestClientReturnsTheSinksError(t *testing.T) {
	full := fault.Errorf(fault.Storage, "the disk is full")
	client := dial(t, func(s grpc.ServiceRegistrar) {
		connectorv1.RegisterExporterServer(s, script{events: []*connectorv1.ExportResponse{begin(0), end()}})
	})
	err := client.Export(t.Context(), sdk.ExportRequest{Collections: []sdk.Collection{{Entity: "user"}}}, null{fail: full})
	if !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
}

// mirror notes what it was asked and answers with all fields set.
type mirror struct {
	check  sdk.CheckRequest
	export sdk.ExportRequest
}

func (m *mirror) Describe() sdk.Description {
	return sdk.Description{
		Name: "mirror", Version: "1", Title: "Mirror",
		Settings: []sdk.Setting{{Name: "A", Kind: sdk.Choice, Required: true, Default: "x", Choices: []string{"x", "y"}, Help: "h"}, {Name: "B", Kind: sdk.Text, Secret: true, Help: "s"}},
		Entities: []sdk.Entity{{Name: "user", Navigations: []string{"manager"}}},
	}
}

func (m *mirror) Check(_ context.Context, req sdk.CheckRequest) (sdk.CheckReport, error) {
	m.check = req
	return m.report(), nil
}

func (m *mirror) report() sdk.CheckReport {
	return sdk.CheckReport{
		Findings: []sdk.Finding{
			{State: sdk.Warned, Subject: "s", Message: "m", Hint: "h", Setting: "A", Ends: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)},
			{State: sdk.OK, Subject: "never ends"},
		},
		Permissions: []sdk.Permission{
			{Name: "n", ID: "i", Purpose: "p", Grant: sdk.Granted, GrantedBy: "w", Instead: []string{"w"}},
			{Name: "n", Grant: sdk.Missing},
			{Name: "n"},
		},
		ConsentURL: "https://consent",
	}
}

func (m *mirror) Export(_ context.Context, req sdk.ExportRequest, _ sdk.Sink) error {
	m.export = req
	m.export.Connection.Renew = nil // functions cannot be compared
	return &fault.Error{Code: fault.Throttled, Message: "slow", Hint: "wait", SystemCode: "429", RequestID: "r"}
}

// Everything that one side says reaches the other side whole.
func TestBoundaryIsTransparent(t *testing.T) {
	m := &mirror{}
	client := dial(t, func(s grpc.ServiceRegistrar) { sdk.Register(s, m) })

	d, can, err := client.Describe(t.Context())
	if err != nil || can != (sdk.Capabilities{Export: true}) || !reflect.DeepEqual(d, m.Describe()) {
		t.Errorf("described as %+v (%v)", d, err)
	}
	connection := sdk.Connection{
		ID: "c", Settings: map[string]string{"A": "x"}, Secrets: map[string]string{"B": "s"},
		Network: sdk.Network{Proxy: "p", NoProxy: []string{"n"}, TrustedCertificates: []byte("PEM")},
	}
	check := sdk.CheckRequest{
		Connection: connection, Extent: sdk.Credentials,
		Collections: []sdk.Collection{{Entity: "user", Navigations: []string{"manager"}, Cookie: "k"}},
		Attributes:  []sdk.Attribute{{Path: "mail", Entities: []string{"user"}}},
	}
	report, err := client.Check(t.Context(), check)
	if err != nil || !reflect.DeepEqual(m.check, check) {
		t.Errorf("asked %+v, arrived %+v (%v)", check, m.check, err)
	}
	if !reflect.DeepEqual(report, m.report()) {
		t.Errorf("found %+v", report)
	}

	export := sdk.ExportRequest{Connection: connection, Collections: check.Collections, Attributes: check.Attributes}
	err = client.Export(t.Context(), export, null{})
	if !reflect.DeepEqual(m.export, export) {
		t.Errorf("asked %+v, arrived %+v", export, m.export)
	}
	want := &fault.Error{Code: fault.Throttled, Message: "slow", Hint: "wait", SystemCode: "429", RequestID: "r"}
	if got := fault.Of(err); !reflect.DeepEqual(got, want) {
		t.Errorf("failed with %+v, want %+v", got, want)
	}
}
