package fulfill_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// begin is a site with its journal and options.
func begin(t *testing.T) (*site, *journal.Journal, fulfill.Options) {
	t.Helper()
	s := newSite(t, t.TempDir())
	j := s.open(t, nil)
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, j, s.options(j)
}

// wrong checks an error: its code and parts of its message and hint.
func wrong(tb testing.TB, err error, code fault.Code, parts ...string) {
	tb.Helper()
	f := fault.Of(err)
	if f == nil || f.Code != code {
		tb.Fatalf("got %v, want a fault of code %s", err, code)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error()+"\n"+f.Hint, part) {
			tb.Errorf("%q is not in %q, hint %q", part, err, f.Hint)
		}
	}
}

func TestRun(t *testing.T) {
	s, j, o := begin(t)
	var last fulfill.Snapshot
	o.Progress = func(p fulfill.Snapshot) { last = p }
	s.system.refuse = func(o sdk.Order) *fault.Error {
		if o.ID != "2" {
			return nil
		}
		f := fault.Errorf(fault.Refused, "no licence is left")
		f.SystemCode, f.RequestID, f.Hint = "Request_BadRequest", "r-1", "Buy one"
		return f
	}
	in := accept(t, o, create("1", "ann"), update("2", "b"), update("3", "c", "2"), update("4", "d"))
	report, err := fulfill.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if report.Executed != 2 || report.Errored != 2 || report.Pending != 0 || last.Executed != 2 || last.UnderWay != 0 {
		t.Errorf("%+v, %+v", report, last)
	}
	all := results(t, j, in.Number)
	if r := all["1"]; r.State != order.Executed || r.ObjectID != "id-of-1" || r.Attempts != 1 || r.Finished.IsZero() {
		t.Errorf("%+v", r)
	}
	if r := all["2"]; r.State != order.Errored || r.SystemCode != "Request_BadRequest" || r.RequestID != "r-1" || r.Message != "no licence is left" || r.Hint != "Buy one" {
		t.Errorf("%+v", r)
	}
	if r := all["3"]; r.State != order.Errored || r.Attempts != 0 {
		t.Errorf("%+v", r)
	}
	calls := s.system.calls
	if _, err := fulfill.Run(context.Background(), o); err != nil || s.system.calls != calls {
		t.Errorf("with nothing to do the connector was called: %v", err)
	}
}

// An error of the call leaves orders for the next run; what was under way comes again as uncertain.
func TestCallFails(t *testing.T) {
	s, j, o := begin(t)
	in := accept(t, o, update("1", "a"), update("2", "a"))
	s.system.trouble = func(after bool) error {
		if !after {
			return nil
		}
		return fault.Errorf(fault.Unauthorized, "the secret has ended")
	}
	report, err := fulfill.Run(context.Background(), o)
	wrong(t, err, fault.Unauthorized, "the secret has ended")
	if report.Pending != 2 {
		t.Errorf("%+v", report)
	}
	if all := results(t, j, in.Number); all["1"].State != order.Started || all["2"].State != order.Pending {
		t.Errorf("%+v", all)
	}
	s.system.trouble = func(bool) error { return nil }
	if _, err := fulfill.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	// That it is so already may be the first attempt's work.
	if r := results(t, j, in.Number)["1"]; r.Unchanged || r.Attempts != 2 || len(s.system.wrong) > 0 {
		t.Errorf("%+v, %q", r, s.system.wrong)
	}
}

// A connector that crashes whatever happens is not started for ever.
func TestCrashes(t *testing.T) {
	s, _, o := begin(t)
	accept(t, o, update("1", "a"))
	s.system.trouble = func(bool) error { return fault.Errorf(fault.Connector, "the connector crashed") }
	report, err := fulfill.Run(context.Background(), o)
	wrong(t, err, fault.Connector, "crashed")
	if report.Relaunches != 5 || report.Pending != 1 {
		t.Errorf("%+v", report)
	}
	o.Relaunch = func(context.Context) (fulfill.Fulfiller, error) {
		return nil, fault.Errorf(fault.Invalid, "the program is gone")
	}
	_, err = fulfill.Run(context.Background(), o)
	wrong(t, err, fault.Invalid, "the program is gone")
}

func TestCanceled(t *testing.T) {
	s, _, o := begin(t)
	accept(t, o, update("1", "a"), update("2", "b"), update("3", "c"))
	ctx, cancel := context.WithCancel(context.Background())
	s.system.trouble = func(after bool) error {
		if after {
			cancel()
		}
		return nil
	}
	report, err := fulfill.Run(ctx, o)
	wrong(t, err, fault.Canceled, "orders of connection Contoso was canceled")
	if report.Pending == 3 || report.Pending == 0 {
		t.Errorf("%+v", report)
	}
}

// What a connector must not do is its fault.
func TestBrokenProtocol(t *testing.T) {
	for name, c := range map[string]struct {
		fulfill func(ctx context.Context, orders sdk.OrderSource, sink sdk.OutcomeSink) error
		want    string
	}{
		"an unknown order": {func(_ context.Context, _ sdk.OrderSource, sink sdk.OutcomeSink) error {
			return sink.Done(sdk.Outcome{Order: "9"})
		}, `order "9", which is not under way`},
		"no outcome": {func(ctx context.Context, orders sdk.OrderSource, _ sdk.OutcomeSink) error {
			_, err := orders.Next(ctx)
			return err
		}, "no outcome of 1 orders"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, o := begin(t)
			accept(t, o, update("1", "a"))
			o.Fulfiller, o.Relaunch = calls(c.fulfill), nil
			_, err := fulfill.Run(context.Background(), o)
			wrong(t, err, fault.Connector, c.want)
		})
	}
}

// calls is a connector of one function.
type calls func(ctx context.Context, orders sdk.OrderSource, sink sdk.OutcomeSink) error

func (calls) Examine(context.Context, []sdk.Order) ([]sdk.OrderProblem, error) { return nil, nil }

func (calls) Preview(context.Context, sdk.Connection, []sdk.Order, func(sdk.Preview) error) error {
	return nil
}

func (calls) Resolve(_ context.Context, _ sdk.Connection, objects []sdk.NamedObject) ([]string, error) {
	return make([]string, len(objects)), nil
}

func (c calls) Fulfill(ctx context.Context, _ sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
	return c(ctx, orders, sink)
}

func TestDeadline(t *testing.T) {
	s, j, o := begin(t)
	late, open := update("1", "a"), update("2", "b")
	late.Deadline, open.Deadline = noon.Add(time.Minute), noon.Add(time.Hour)
	in := accept(t, o, late, open)
	s.clock.Forward(noon.Add(2 * time.Minute).Sub(s.clock.Now()))
	if _, err := fulfill.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	all := results(t, j, in.Number)
	if r := all["1"]; r.State != order.Errored || r.Message != "its deadline, 2026-03-01 12:01:00 UTC, had passed before it could begin" || s.system.times["1"] > 0 {
		t.Errorf("%+v", r)
	}
	if r := all["2"]; r.State != order.Executed {
		t.Errorf("%+v", r)
	}
}

// vault is a [fulfill.Secrets] that numbers its secrets.
type vault struct {
	made int
	fail error
}

func (v *vault) Prepare(_ context.Context, o *order.Order) ([]byte, error) {
	if v.fail != nil {
		return nil, v.fail
	}
	v.made++
	return []byte("sealed " + o.Secrets[0].Path), nil
}

func (v *vault) Reveal(_ context.Context, sealed []byte) (map[string]string, error) {
	path, _ := strings.CutPrefix(string(sealed), "sealed ")
	return map[string]string{path: "Pa$$w0rd"}, nil
}

func secret(o order.Order) order.Order {
	o.Secrets = []order.Secret{{Path: "passwordProfile/password"}}
	return o
}

// A secret is made once, comes to the connector in each attempt, and is delivered when the order has
// ended; where that fails, by the next run.
func TestSecrets(t *testing.T) {
	s, j, o := begin(t)
	v := &vault{}
	var delivered []string
	down := true
	o.Secrets = v
	o.Deliver = func(_ context.Context, owed journal.Owed) error {
		if down {
			return fault.Errorf(fault.Unavailable, "the mail server is down")
		}
		delivered = append(delivered, owed.Order.ID+" "+string(owed.Sealed)+" "+string(owed.Result.State))
		return nil
	}
	accept(t, o, secret(create("1", "a")), secret(create("2", "b")), create("3", "c"))
	crashes := 1
	s.system.trouble = func(after bool) error {
		if crashes--; crashes == 0 {
			return fault.Errorf(fault.Connector, "the connector crashed")
		}
		return nil
	}
	report, err := fulfill.Run(context.Background(), o)
	if err != nil || report.Owed != 1 || !fault.Is(report.OwedError, fault.Unavailable) || report.Relaunches != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	if v.made != 2 || s.system.secrets["1"] != "map[passwordProfile/password:Pa$$w0rd]" || s.system.secrets["3"] != "" {
		t.Errorf("%d made, %q", v.made, s.system.secrets)
	}
	if _, r, err := j.Order("1"); err != nil || r.Undelivered == nil || r.Undelivered.Tries != 1 || r.Undelivered.Message != "the mail server is down" {
		t.Errorf("%+v, %v", r, err)
	}
	down = false
	if report, err = fulfill.Run(context.Background(), o); err != nil || report.Owed > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if want := []string{"1 sealed passwordProfile/password Executed", "2 sealed passwordProfile/password Executed"}; !slices.Equal(delivered, want) {
		t.Errorf("%q", delivered)
	}
	if _, err := fulfill.Run(context.Background(), o); err != nil || len(delivered) != 2 {
		t.Errorf("%q, %v", delivered, err)
	}
}

func TestSecretsFail(t *testing.T) {
	_, j, o := begin(t)
	in := accept(t, o, secret(create("1", "a")), create("2", "b"))
	v := &vault{fail: fault.Errorf(fault.Unavailable, "the certificate cannot be read")}
	o.Secrets = v
	_, err := fulfill.Run(context.Background(), o)
	wrong(t, err, fault.Unavailable, "certificate")
	v.fail = fault.Errorf(fault.Invalid, "there is no setting Strong")
	if _, err := fulfill.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	all := results(t, j, in.Number)
	if r := all["1"]; r.State != order.Errored || r.Message != "there is no setting Strong" {
		t.Errorf("%+v", r)
	}
	if r := all["2"]; r.State != order.Executed {
		t.Errorf("%+v", r)
	}
	accept(t, o, secret(create("3", "c")))
	o.Secrets = nil
	if _, err := fulfill.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if _, r, err := j.Order("3"); err != nil || !strings.Contains(r.Message, "no settings say how passwords are made") {
		t.Errorf("%+v, %v", r, err)
	}
}

// The audit is told of each answer before its result is in the journal, which attempt it is of, and whether one
// was cut off before.
func TestRecord(t *testing.T) {
	_, j, o := begin(t)
	accept(t, o, update("1", "a"))
	full := errors.New("the disk is full")
	var told []string
	o.Record = func(_ context.Context, done []fulfill.Done) error {
		for _, d := range done {
			_, r, err := j.Order(d.Order.ID)
			if err != nil {
				return err
			}
			told = append(told, fmt.Sprint(d.Order.ID, " ", r.State, " ", d.Result.State, " ", d.Outcome.ObjectID, " ", d.Result.Attempts, " ", d.CutOff))
		}
		return full
	}
	if _, err := fulfill.Run(context.Background(), o); !errors.Is(err, full) {
		t.Fatal(err)
	}
	full = nil
	if _, err := fulfill.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if want := []string{"1 Started Executed id-of-1 1 false", "1 Started Executed id-of-1 2 true"}; !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}

// Large orders are with the connector in smaller number.
func TestWindowOfLargeOrders(t *testing.T) {
	_, _, o := begin(t)
	large, err := json.Marshal(strings.Repeat("x", 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	var orders []order.Order
	for n := range 40 {
		order := update(fmt.Sprint(n), fmt.Sprint("u", n))
		order.Attributes[0].Value = large
		orders = append(orders, order)
	}
	accept(t, o, orders...)
	most := 0
	o.Fulfiller = calls(func(ctx context.Context, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
		taken := make(chan string, 40)
		go func() {
			defer close(taken)
			for {
				o, err := orders.Next(ctx)
				if err != nil {
					return
				}
				taken <- o.ID
			}
		}()
		for id := range taken {
			most = max(most, len(taken)+1)
			if err := sink.Done(sdk.Outcome{Order: id}); err != nil {
				return err
			}
		}
		return nil
	})
	if report, err := fulfill.Run(t.Context(), o); err != nil || report.Executed != 40 || most > 20 {
		t.Errorf("up to %d orders at a time: %+v, %v", most, report, err)
	}
}
