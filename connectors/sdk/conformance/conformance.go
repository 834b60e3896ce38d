// Package conformance tests a connector against the contract of the SDK. A
// connector author calls [Run] from one test, with a connection to a test system:
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, conformance.Config{Connector: myexport.New(), Connection: ..., ...})
//	}
package conformance

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/usher-iga/usher/connectors/sdk"
)

// Config says what to test. What concerns a capability that the connector lacks stays empty.
type Config struct {
	Connector  sdk.Connector
	Connection sdk.Connection // one that works

	// Of an Exporter. The test system must hold at least one object of the first
	// collection, and must not change while it is exported.
	Collections []sdk.Collection
	Attributes  []sdk.Attribute

	// Of a Fulfiller. Order makes the nth order: it creates an object that is not there
	// yet. NaturalKey is an attribute of those objects, a text, by which orders can name them; empty if
	// there is none. Writes counts the writes that have reached the test system since it began.
	Order      func(n int) sdk.Order
	NaturalKey string
	Writes     func() int
	// Changes makes orders about an object that an order of Order has made, by its id, to be
	// carried out one after the other: updates, links that come and go, a deletion. Each of them changes
	// something. The suite names them. It may be left out.
	Changes func(id string) []sdk.Order

	// Of an Actor: an input for each action, by name, which the test system can serve. Those
	// of actions that write are only turned into orders.
	Inputs map[string]json.RawMessage
}

// Run runs the suite. Each promise of the contract is a sub-test.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	s := &suite{Config: cfg, client: connect(t, cfg.Connector)}
	t.Run("Describe", s.describe)
	t.Run("CheckGood", s.checkGood)
	t.Run("CheckMissing", s.checkMissing)
	if _, ok := cfg.Connector.(sdk.Exporter); ok {
		t.Run("Export", s.export)
		t.Run("ExportSideBySide", s.sideBySide)
		t.Run("ExportRefuses", s.refuses)
		t.Run("ExportCancelled", s.cancelled)
		t.Run("ExportHidesSecrets", s.hidesSecrets)
	}
	if _, ok := cfg.Connector.(sdk.Fulfiller); ok {
		if cfg.Order == nil || cfg.Writes == nil {
			t.Fatal("the connector is a Fulfiller: give Config.Order and Config.Writes")
		}
		t.Run("Examine", s.examine)
		t.Run("Preview", s.preview)
		t.Run("Resolve", s.resolve)
		t.Run("Fulfill", s.fulfill)
		t.Run("FulfillUncertain", s.uncertain)
		if cfg.Changes != nil {
			t.Run("FulfillChanges", s.changes)
			t.Run("FulfillChangesAgain", s.changesAgain)
			t.Run("FulfillUncertainChanges", s.uncertainChanges)
		}
		t.Run("FulfillOneAfterTheOther", s.oneAfterTheOther)
		t.Run("FulfillRefuses", s.refusesOrders)
		t.Run("FulfillNothing", s.nothing)
		t.Run("FulfillCancelled", s.cancelledOrders)
		t.Run("FulfillHidesSecrets", s.hidesSecretsOfOrders)
	}
	if _, ok := cfg.Connector.(sdk.Actor); ok {
		t.Run("Actions", s.actions)
		t.Run("ActionInput", s.actionInput)
		t.Run("ActionRun", s.actionRun)
		t.Run("ActionPrepare", s.actionPrepare)
	}
}

const (
	wrongName   = "noSuchThingAtAll"    // of nothing
	wrongSecret = "wr0ng-s3cret-canary" // no system accepts it
)

type suite struct {
	Config
	client *sdk.Client
	orders int // made so far
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

// checkGood: a working connection has no failed finding and lacks no permission,
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
			if p.Grant == sdk.Missing && !p.Optional {
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
