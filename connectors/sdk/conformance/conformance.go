// Package conformance tests a connector against the contract of the SDK. A
// connector author calls [Run] from one test, with a connection to a test system:
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, conformance.Config{Connector: myexport.New(), Connection: ..., ...})
//	}
package conformance

import (
	"context"
	"fmt"
	"maps"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// Config says what to test. The test system must hold at least one object of the
// first collection, and must not change during the test.
type Config struct {
	Connector   sdk.Connector
	Connection  sdk.Connection // one that works
	Collections []sdk.Collection
	Attributes  []sdk.Attribute
}

// Run runs the suite. Each promise of the contract is a sub-test.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	s := &suite{Config: cfg, client: connect(t, cfg.Connector)}
	t.Run("Describe", s.describe)
	t.Run("CheckGood", s.checkGood)
	t.Run("CheckMissing", s.checkMissing)
	if _, ok := cfg.Connector.(sdk.Exporter); !ok {
		return
	}
	t.Run("Export", s.export)
	t.Run("ExportSideBySide", s.sideBySide)
	t.Run("ExportRefuses", s.refuses)
	t.Run("ExportCancelled", s.cancelled)
	t.Run("ExportHidesSecrets", s.hidesSecrets)
}

type suite struct {
	Config
	client *sdk.Client
}

// connect runs the connector behind real gRPC, in this process.
func connect(t *testing.T, c sdk.Connector) *sdk.Client {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(grpc.MaxRecvMsgSize(sdk.MaxMessageSize), grpc.MaxSendMsgSize(sdk.MaxMessageSize))
	sdk.Register(server, c)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Stop
	}()
	conn, err := grpc.NewClient("passthrough:conformance",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(sdk.MaxMessageSize)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
		<-served
	})
	return sdk.NewClient(conn)
}

func (s *suite) request() sdk.ExportRequest {
	return sdk.ExportRequest{Connection: s.Connection, Collections: slices.Clone(s.Collections), Attributes: slices.Clone(s.Attributes)}
}

// describe: the same answer each time; names are there and unique, in any case of
// letters; every setting has a kind and a help text; a choice has choices.
func (s *suite) describe(t *testing.T) {
	d, _, err := s.client.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := s.client.Describe(t.Context()); err != nil || !reflect.DeepEqual(d, again) {
		t.Errorf("described twice in two ways: %+v and %+v (%v)", d, again, err)
	}
	if d.Name == "" || d.Version == "" || d.Title == "" {
		t.Errorf("name, version or title is missing: %+v", d)
	}
	seen := map[string]bool{}
	for _, setting := range d.Settings {
		switch key := strings.ToLower(setting.Name); {
		case key == "" || seen[key]:
			t.Errorf("setting %q: no name, or a second one of that name", setting.Name)
		case setting.Kind == "":
			t.Errorf("setting %s has no kind", setting.Name)
		case setting.Help == "":
			t.Errorf("setting %s has no help", setting.Name)
		case (setting.Kind == sdk.Choice) != (len(setting.Choices) > 0):
			t.Errorf("setting %s: choices go with the kind Choice", setting.Name)
		case setting.Secret && setting.Default != "":
			t.Errorf("secret %s has a default", setting.Name)
		}
		seen[strings.ToLower(setting.Name)] = true
	}
	for _, collection := range s.Collections {
		entity := d.Entity(collection.Entity)
		if entity == nil {
			t.Errorf("entity %s is exported but not described", collection.Entity)
			continue
		}
		for _, navigation := range collection.Navigations {
			if !slices.Contains(entity.Navigations, navigation) {
				t.Errorf("navigation %s of %s is exported but not described", navigation, collection.Entity)
			}
		}
	}
}

// checkGood: a working connection has no failed finding and no missing permission,
// however far the check goes.
func (s *suite) checkGood(t *testing.T) {
	for _, extent := range []sdk.Extent{sdk.Offline, sdk.Credentials, sdk.Full} {
		report, err := s.client.Check(t.Context(), sdk.CheckRequest{
			Connection: s.Connection, Extent: extent, Collections: s.Collections, Attributes: s.Attributes,
		})
		if err != nil {
			t.Fatalf("%s: %v", extent, err)
		}
		for _, f := range report.Findings {
			if f.Subject == "" || f.State == "" {
				t.Errorf("finding without subject or state: %+v", f)
			}
			if f.State == sdk.Failed {
				t.Errorf("%s: %s: %s", extent, f.Subject, f.Message)
			}
		}
		for _, p := range report.Permissions {
			if p.Name == "" || p.Purpose == "" {
				t.Errorf("permission without name or purpose: %+v", p)
			}
			if p.Grant == sdk.Missing {
				t.Errorf("%s: the permission %s is missing", extent, p.Name)
			}
		}
	}
}

// checkMissing: a required setting that is missing is a failed finding that names
// it, offline too.
func (s *suite) checkMissing(t *testing.T) {
	for _, setting := range s.Connector.Describe().Settings {
		if !setting.Required {
			continue
		}
		connection := s.Connection
		connection.Settings, connection.Secrets = maps.Clone(connection.Settings), maps.Clone(connection.Secrets)
		delete(connection.Settings, setting.Name)
		delete(connection.Secrets, setting.Name)
		report, err := s.client.Check(t.Context(), sdk.CheckRequest{Connection: connection, Extent: sdk.Offline})
		if err != nil {
			t.Errorf("without %s: %v", setting.Name, err)
			continue
		}
		if !slices.ContainsFunc(report.Findings, func(f sdk.Finding) bool { return f.State == sdk.Failed && f.Setting == setting.Name }) {
			t.Errorf("without %s there is no failed finding that names it: %+v", setting.Name, report.Findings)
		}
	}
}

// export: every collection begins and ends; ids are there; the first collection
// has objects; a second export finds the same.
func (s *suite) export(t *testing.T) {
	first := s.mustExport(t)
	for i, c := range first.collections {
		if !c.ended {
			t.Errorf("%s has not ended", s.Collections[i].Entity)
		}
	}
	if len(first.collections[0].objects) == 0 {
		t.Errorf("no object of %s was found", s.Collections[0].Entity)
	}
	if first.progress == 0 {
		t.Error("no sign of life: send Progress with each page")
	}
	if second := s.mustExport(t); !reflect.DeepEqual(first.state(), second.state()) {
		t.Error("two exports of an unchanged system differ")
	}
}

func (s *suite) sideBySide(t *testing.T) {
	var wg sync.WaitGroup
	var states [3]string
	for i := range states {
		wg.Go(func() {
			sink := newSink(len(s.Collections))
			if err := s.client.Export(t.Context(), s.request(), sink); err != nil {
				t.Error(err)
			}
			states[i] = sink.state()
		})
	}
	wg.Wait()
	if states[0] != states[1] || states[0] != states[2] {
		t.Error("exports that run side by side differ")
	}
}

// refuses: what cannot be delivered is fault.Invalid and names it.
func (s *suite) refuses(t *testing.T) {
	const wrong = "noSuchThingAtAll"
	for _, tc := range []struct {
		name   string
		change func(*sdk.ExportRequest)
	}{
		{"entity", func(r *sdk.ExportRequest) { r.Collections[0].Entity = wrong }},
		{"navigation", func(r *sdk.ExportRequest) { r.Collections[0].Navigations = []string{wrong} }},
		{"attribute", func(r *sdk.ExportRequest) { r.Attributes = append(r.Attributes, sdk.Attribute{Path: wrong}) }},
	} {
		req := s.request()
		tc.change(&req)
		sink := newSink(len(req.Collections))
		err := s.client.Export(t.Context(), req, sink)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("an unknown %s: got %q %v, want %q and its name", tc.name, fault.CodeOf(err), err, fault.Invalid)
		}
		if sink.rows > 0 {
			t.Errorf("an unknown %s: rows came before the refusal", tc.name)
		}
	}
}

// cancelled: an export that is cancelled at its first event ends, and as cancelled.
func (s *suite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sink := newSink(len(s.Collections))
	sink.onBegin = cancel
	if err := s.client.Export(ctx, s.request(), sink); err == nil {
		t.Log("the export was complete before the cancellation reached it")
	} else if !fault.Is(err, fault.Canceled) {
		t.Errorf("got %q %v, want %q", fault.CodeOf(err), err, fault.Canceled)
	}
}

// hidesSecrets: no secret stands in the error of a sign-in that is refused.
func (s *suite) hidesSecrets(t *testing.T) {
	for name := range s.Connection.Secrets {
		const wrong = "wr0ng-s3cret-canary"
		req := s.request()
		req.Connection.Secrets = maps.Clone(req.Connection.Secrets)
		req.Connection.Secrets[name] = wrong
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := s.client.Export(ctx, req, newSink(len(req.Collections)))
		cancel()
		if f := fault.Of(err); f != nil && strings.Contains(f.Error()+f.Hint, wrong) {
			t.Errorf("the error shows the secret %s", name)
		}
	}
}

func (s *suite) mustExport(t *testing.T) *sink {
	t.Helper()
	sink := newSink(len(s.Collections))
	if err := s.client.Export(t.Context(), s.request(), sink); err != nil {
		t.Fatal(err)
	}
	return sink
}

// sink keeps the last state of everything, as a consumer would.
type sink struct {
	collections []*collection
	onBegin     func()
	progress    int
	rows        int
}

type collection struct {
	objects map[string]string
	links   map[string]bool
	ended   bool
}

func newSink(collections int) *sink { return &sink{collections: make([]*collection, collections)} }

func (s *sink) state() string {
	var b strings.Builder
	for i, c := range s.collections {
		for _, id := range slices.Sorted(maps.Keys(c.objects)) {
			fmt.Fprintf(&b, "%d %s %s\n", i, id, c.objects[id])
		}
		for _, link := range slices.Sorted(maps.Keys(c.links)) {
			fmt.Fprintf(&b, "%d %s\n", i, link)
		}
	}
	return b.String()
}

func (s *sink) Begin(i int, _ bool, _ string) (sdk.Writer, error) {
	if s.onBegin != nil {
		s.onBegin()
	}
	s.collections[i] = &collection{objects: map[string]string{}, links: map[string]bool{}}
	return writer{sink: s, collection: s.collections[i]}, nil
}

func (s *sink) Progress(sdk.Progress) error {
	s.progress++
	return nil
}

func (s *sink) Warn(sdk.Warning) error { return nil }

type writer struct {
	sink *sink
	*collection
}

func (w writer) Object(o *record.Object) error {
	w.sink.rows++
	id := string(o.ID())
	if o.State() != record.Present {
		delete(w.objects, id)
		return nil
	}
	values := map[int]string{}
	for v := range o.Values() {
		var texts []string
		for text := range v.Texts() {
			texts = append(texts, string(text))
		}
		values[v.Attribute] = strings.Join(texts, "\n")
	}
	w.objects[id] = fmt.Sprint(values)
	return nil
}

func (w writer) Links(l *record.Links) error {
	w.sink.rows++
	for id, removed := range l.All() {
		key := fmt.Sprintf("%s -%d-> %s", l.Owner(), l.Navigation(), id)
		if removed {
			delete(w.links, key)
		} else {
			w.links[key] = true
		}
	}
	return nil
}

func (w writer) End(string) error {
	w.ended = true
	return nil
}
