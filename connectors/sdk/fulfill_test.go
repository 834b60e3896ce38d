package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	connectorv1 "github.com/usher-iga/usher/proto/connector/v1"
)

// clerk is a Fulfiller and an Actor that answers with all fields set.
type clerk struct {
	mirror
	orders  []sdk.Order
	fulfill func(context.Context, sdk.Connection, sdk.OrderSource, sdk.OutcomeSink) error
}

func (c *clerk) Examine(_ context.Context, orders []sdk.Order) ([]sdk.OrderProblem, error) {
	c.orders = orders
	return []sdk.OrderProblem{{Order: "1", Attribute: "mail", Message: "m", Hint: "h"}}, nil
}

func (c *clerk) Fulfill(ctx context.Context, connection sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
	return c.fulfill(ctx, connection, orders, sink)
}

func (c *clerk) Preview(_ context.Context, _ sdk.Connection, orders []sdk.Order, emit func(sdk.Preview) error) error {
	for _, o := range orders {
		if err := emit(preview(o.ID)); err != nil {
			return err
		}
	}
	return nil
}

// Resolve tells what it was asked.
func (c *clerk) Resolve(_ context.Context, connection sdk.Connection, objects []sdk.NamedObject) (ids []string, err error) {
	for _, o := range objects {
		if o.Key.Value == "" {
			return nil, nil // none of all
		}
		ids = append(ids, strings.Join([]string{connection.ID, o.Entity, o.Navigation, o.Key.Attribute, o.Key.Value}, " "))
	}
	return ids, nil
}

func (c *clerk) Actions() []sdk.Action {
	return []sdk.Action{{
		Name: "n", Title: "t", Description: "d", InputSchema: json.RawMessage("{}"), OutputSchema: json.RawMessage("true"),
		Writes: true, Permissions: []string{"p"},
	}}
}

func (c *clerk) RunAction(_ context.Context, connection sdk.Connection, name string, input json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage(fmt.Sprintf("%q", connection.ID+name+string(input))), nil
}

func (c *clerk) PrepareAction(_ context.Context, name string, _ json.RawMessage, order string) (sdk.Order, error) {
	if name == "" {
		return sdk.Order{}, fault.Errorf(fault.Invalid, "no name")
	}
	return anOrder(order), nil
}

func anOrder(id string) sdk.Order {
	return sdk.Order{
		ID: id, Operation: sdk.SetPassword, Entity: "user", Key: sdk.ObjectKey{Attribute: "userPrincipalName", Value: "a@b"},
		Attributes: []sdk.OrderAttribute{{Path: "mail", Value: json.RawMessage(`["x",null]`)}},
		Links: []sdk.LinkChange{{
			Navigation: "memberOf", Add: []sdk.ObjectKey{{ID: "1"}}, Remove: []sdk.ObjectKey{{ID: "2"}}, Details: []json.RawMessage{json.RawMessage("{}")},
		}},
		Uncertain: true, FirstAttempt: time.Unix(1_700_000_000, 0).UTC(), Secrets: map[string]string{"p": "s"},
	}
}

func anOutcome(id string) sdk.Outcome {
	failure := &fault.Error{Code: fault.Refused, Message: "m", Hint: "h", SystemCode: "c", RequestID: "r", ClientRequestID: "q"}
	return sdk.Outcome{
		Order: id, Failure: failure, Unchanged: true, ObjectID: "o", Attempts: 3,
		Exchanges:   []sdk.Exchange{{Method: "PATCH", Path: "p", Body: json.RawMessage("1"), Status: 400, RequestID: "r", ClientRequestID: "q", ErrorCode: "e", Time: time.UnixMilli(5).UTC()}},
		Changes:     []sdk.AttributeChange{{Path: "p", Before: json.RawMessage("1"), After: json.RawMessage("2")}},
		FailedLinks: []sdk.FailedLink{{Navigation: "n", Key: sdk.ObjectKey{ID: "1"}, Removal: true, Failure: failure}},
		Details:     map[string]string{"inviteRedeemUrl": "u"},
	}
}

func preview(order string) sdk.Preview {
	return sdk.Preview{
		Order: order, Failure: fault.Errorf(fault.NotFound, "m"), Unchanged: true, ObjectID: "o", Title: "t",
		Changes: []sdk.AttributeChange{{Path: "p", Before: json.RawMessage("1"), After: json.RawMessage("2")}},
	}
}

// desk gives the orders 1 to n and keeps the outcomes.
type desk struct {
	next, n  int
	outcomes []sdk.Outcome
	progress []sdk.OrderProgress
	fail     error
}

func (d *desk) Next(context.Context) (sdk.Order, error) {
	if d.next == d.n {
		return sdk.Order{}, io.EOF
	}
	d.next++
	return anOrder(fmt.Sprint(d.next)), nil
}

func (d *desk) Done(o sdk.Outcome) error {
	d.outcomes = append(d.outcomes, o)
	return d.fail
}

func (d *desk) Progress(p sdk.OrderProgress) error {
	d.progress = append(d.progress, p)
	return nil
}

func dialClerk(t *testing.T, c *clerk) *sdk.Client {
	t.Helper()
	return dial(t, func(s grpc.ServiceRegistrar) { sdk.Register(s, c) })
}

// Orders, outcomes, previews and actions reach the other side whole.
func TestOrdersCrossTheBoundary(t *testing.T) {
	figures := sdk.OrderProgress{Requests: 1, Writes: 2, ThrottledMS: 3, WaitingMS: 4, Reason: "r"}
	var writes []time.Time
	c := &clerk{fulfill: func(ctx context.Context, connection sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
		writes = append(writes, connection.LastWrite)
		for {
			order, err := orders.Next(ctx)
			if errors.Is(err, io.EOF) {
				// Credentials can be renewed after the last order, too.
				if renewed, err := connection.Renew(ctx); err != nil || renewed.ID != "renewed" {
					return fmt.Errorf("renewed %v: %w", renewed, err)
				}
				return sink.Progress(figures)
			}
			if err != nil {
				return err
			}
			if !reflect.DeepEqual(order, anOrder(order.ID)) {
				return fmt.Errorf("arrived as %+v", order)
			}
			if err := sink.Done(anOutcome(order.ID)); err != nil {
				return err
			}
		}
	}}
	client := dialClerk(t, c)
	d := &desk{n: 3}
	written := time.UnixMilli(1_700_000_000_001).UTC()
	connection := sdk.Connection{
		ID: "c", LastWrite: written,
		Renew: func(context.Context) (sdk.Connection, error) { return sdk.Connection{ID: "renewed"}, nil },
	}
	if err := client.Fulfill(t.Context(), connection, d, d); err != nil {
		t.Fatal(err)
	}
	connection.LastWrite = time.Time{}
	if err := client.Fulfill(t.Context(), connection, &desk{}, &desk{}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(writes, []time.Time{written, {}}) {
		t.Errorf("the last writes arrived as %v", writes)
	}
	if len(d.outcomes) != 3 || !reflect.DeepEqual(d.outcomes[2], anOutcome("3")) || !reflect.DeepEqual(d.progress, []sdk.OrderProgress{figures}) {
		t.Errorf("got %+v, %+v", d.outcomes, d.progress)
	}

	problems, err := client.Examine(t.Context(), []sdk.Order{anOrder("1")})
	if err != nil || !reflect.DeepEqual(c.orders, []sdk.Order{anOrder("1")}) || len(problems) != 1 || problems[0].Hint != "h" {
		t.Errorf("examined %+v as %+v: %v", c.orders, problems, err)
	}
	var previews []sdk.Preview
	err = client.Preview(t.Context(), connection, []sdk.Order{anOrder("1"), anOrder("2")}, func(p sdk.Preview) error {
		previews = append(previews, p)
		return nil
	})
	if err != nil || len(previews) != 2 || previews[1].Failure.Message != "m" || previews[1].Title != "t" || string(previews[1].Changes[0].After) != "2" {
		t.Errorf("previewed %+v: %v", previews, err)
	}
	manager := sdk.NamedObject{Entity: "user", Navigation: "manager", Key: sdk.ObjectKey{Attribute: "mail", Value: "x"}}
	if ids, err := client.Resolve(t.Context(), connection, []sdk.NamedObject{manager}); err != nil || !reflect.DeepEqual(ids, []string{"c user manager mail x"}) {
		t.Errorf("resolved to %q: %v", ids, err)
	}
	if _, err := client.Resolve(t.Context(), connection, []sdk.NamedObject{{}}); !fault.Is(err, fault.Connector) {
		t.Errorf("resolved nothing of one: %v", err)
	}
	actions, err := client.Actions(t.Context())
	if err != nil || !reflect.DeepEqual(actions, c.Actions()) {
		t.Errorf("actions %+v: %v", actions, err)
	}
	if output, err := client.RunAction(t.Context(), connection, "n", json.RawMessage("1")); err != nil || string(output) != `"cn1"` {
		t.Errorf("ran to %s: %v", output, err)
	}
	if order, err := client.PrepareAction(t.Context(), "n", nil, "7"); err != nil || !reflect.DeepEqual(order, anOrder("7")) {
		t.Errorf("prepared %+v: %v", order, err)
	}
	if _, err := client.PrepareAction(t.Context(), "", nil, "7"); !fault.Is(err, fault.Invalid) {
		t.Errorf("prepared without a name: %v", err)
	}
	if _, can, err := client.Describe(t.Context()); err != nil || can != (sdk.Capabilities{Export: true, Fulfill: true, Actions: true}) {
		t.Errorf("can %+v: %v", can, err)
	}
}

// What breaks the protocol, and what the agent itself cannot go on from, ends the call.
func TestFulfillEnds(t *testing.T) {
	full := fault.Errorf(fault.Storage, "the disk is full")
	for name, tc := range map[string]struct {
		desk    desk
		fulfill func(context.Context, sdk.Connection, sdk.OrderSource, sdk.OutcomeSink) error
		want    string
	}{
		"without outcomes": {desk{n: 1}, func(ctx context.Context, _ sdk.Connection, orders sdk.OrderSource, _ sdk.OutcomeSink) error {
			_, err := orders.Next(ctx)
			return err
		}, "success without the outcomes"},
		"foreign outcome": {desk{n: 1}, func(ctx context.Context, _ sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
			_, _ = orders.Next(ctx)
			_ = sink.Done(anOutcome("other"))
			<-ctx.Done()
			return ctx.Err()
		}, "not under way"},
		"full disk": {desk{n: 1, fail: full}, func(ctx context.Context, _ sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
			_, _ = orders.Next(ctx)
			_ = sink.Done(anOutcome("1"))
			<-ctx.Done()
			return ctx.Err()
		}, "disk is full"},
		"own failure": {desk{n: 0}, func(context.Context, sdk.Connection, sdk.OrderSource, sdk.OutcomeSink) error {
			return fault.Errorf(fault.Unauthorized, "refused")
		}, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			err := dialClerk(t, &clerk{fulfill: tc.fulfill}).Fulfill(t.Context(), sdk.Connection{}, &tc.desk, &tc.desk)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A call without its start is refused.
func TestFulfillWithoutStart(t *testing.T) {
	conn := dialConn(t, func(s grpc.ServiceRegistrar) { sdk.Register(s, &clerk{}) })
	stream, err := connectorv1.NewFulfillerClient(conn).Fulfill(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&connectorv1.FulfillRequest{Message: &connectorv1.FulfillRequest_End{End: &connectorv1.FulfillEnd{}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err == nil || !strings.Contains(err.Error(), "without its start") {
		t.Errorf("got %v", err)
	}
}
