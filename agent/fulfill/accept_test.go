package fulfill_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// What the decoder, the connector and the intake find wrong refuses an input whole.
func TestRefused(t *testing.T) {
	s, j, o := begin(t)
	s.system.examine = func(o sdk.Order) []sdk.OrderProblem {
		if o.Entity != "device" {
			return nil
		}
		return []sdk.OrderProblem{{Order: o.ID, Attribute: "jobTitle", Message: "a device has none", Hint: "Leave it out"}}
	}
	device := update("2", "b")
	device.Entity, device.Place = "device", "orders.json:7:3"
	_, err := fulfill.Accept(context.Background(), o, input(update("1", "a"), device, update("", "c")))
	wrong(t, err, fault.Invalid, "orders.json is refused, nothing of it was accepted", "and 1 more")
	refusal, ok := errors.AsType[*order.Refusal](err)
	if !ok || refusal.Count != 2 || !slices.ContainsFunc(refusal.Problems, func(p order.Problem) bool {
		return p.String() == "orders.json:7:3: order 2: jobTitle: a device has none"
	}) {
		t.Errorf("%+v", refusal)
	}
	in := input()
	in.Decode = func(string, io.Reader, func(order.Order) error) error {
		return fault.Errorf(fault.Invalid, "orders.json:1:5: a comma is missing")
	}
	_, err = fulfill.Accept(context.Background(), o, in)
	if _, ok := errors.AsType[*order.Refusal](err); !ok {
		t.Errorf("%v", err)
	}
	in.Decode = func(string, io.Reader, func(order.Order) error) error { return fault.Errorf(fault.Storage, "no disk") }
	if _, err = fulfill.Accept(context.Background(), o, in); !fault.Is(err, fault.Storage) {
		t.Errorf("%v", err)
	}
	if all, err := j.Unreported(); err != nil || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

// An intake that does more than is allowed is held; repetitions do not count.
func TestLimits(t *testing.T) {
	off := update("3", "c")
	off.Attributes = []order.Attribute{{Path: "accountEnabled", Value: json.RawMessage(`"False"`)}}
	unlink := order.Order{ID: "4", Operation: sdk.Update, Entity: "group", Key: order.Ref{ID: "g"},
		Links: []order.Link{{Navigation: "members", Remove: []order.Ref{{ID: "a"}, {ID: "b"}}}}}
	orders := []order.Order{remove("1", "a"), remove("2", "b"), off, unlink}
	for name, c := range map[string]struct {
		limits fulfill.Limits
		want   string
	}{
		"none":              {fulfill.Limits{}, ""},
		"at the limit":      {fulfill.Limits{Deletes: fulfill.Limit{Count: 2, Percent: 20}, Disables: fulfill.Limit{Count: 1}, Removals: fulfill.Limit{Count: 2}}, ""},
		"deletes":           {fulfill.Limits{Deletes: fulfill.Limit{Count: 1}}, "it deletes 2 objects, and 1 are allowed at once"},
		"per cent":          {fulfill.Limits{Deletes: fulfill.Limit{Percent: 19}}, "it deletes 2 of 10 user objects, and 19 % are allowed at once"},
		"disables":          {fulfill.Limits{Disables: fulfill.Limit{Percent: 9}}, "it disables 1 of 10 user objects, and 9 % are allowed at once"},
		"removals":          {fulfill.Limits{Removals: fulfill.Limit{Count: 1}}, "it removes 2 links, and 1 are allowed at once"},
		"per cent of links": {fulfill.Limits{Removals: fulfill.Limit{Percent: 1}}, "it removes 2 of 100 members of group, and 1 % are allowed at once"},
	} {
		t.Run(name, func(t *testing.T) {
			_, j, o := begin(t)
			o.Limits = c.limits
			o.Known = func(entity, navigation string) uint64 {
				return map[string]uint64{"user": 10, "groupmembers": 100}[entity+navigation]
			}
			in := accept(t, o, orders...)
			if in.Reason != c.want || (in.State == journal.IntakeHeld) != (c.want != "") {
				t.Fatalf("%+v", in)
			}
			if c.want == "" {
				return
			}
			wrong(t, fulfill.Held("Contoso", in), fault.Held, c.want, "'usher orders release Contoso 1'")
			if report, err := fulfill.Run(context.Background(), o); err != nil || report.Executed > 0 || report.Held != 4 {
				t.Errorf("%+v, %v", report, err)
			}
			if _, err := j.Release(in.Number, "ann"); err != nil {
				t.Fatal(err)
			}
			if report, err := fulfill.Run(context.Background(), o); err != nil || report.Executed != 4 {
				t.Errorf("%+v, %v", report, err)
			}
			if again := accept(t, o, orders...); again.State != journal.IntakeOpen || !again.Complete() {
				t.Errorf("%+v", again)
			}
		})
	}
}

func TestWriteResults(t *testing.T) {
	s, j, o := begin(t)
	s.system.refuse = func(o sdk.Order) *fault.Error {
		if o.ID != "2" {
			return nil
		}
		f := fault.Errorf(fault.Refused, `the name "b, c" is taken`)
		f.SystemCode, f.RequestID, f.Hint = "ObjectConflict", "r-1", "Choose another one"
		return f
	}
	in := accept(t, o, update("1", "a"), update("2", "b"))
	if _, err := fulfill.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "orders.json")
	for range 2 { // again, it replaces them
		if err := fulfill.WriteResults(context.Background(), j, in.Number, path); err != nil {
			t.Fatal(err)
		}
	}
	const want = "OrderId,Operation,State,Message,ObjectId,SystemCode,RequestId,Attempts,Started,Finished\r\n" +
		"1,update,Executed,,id-of-1,,,1,2026-03-01T12:00:00Z,2026-03-01T12:00:00Z\r\n" +
		"2,update,Errored,\"the name \"\"b, c\"\" is taken. Choose another one\",id-of-2,ObjectConflict,r-1,1,2026-03-01T12:00:00Z,2026-03-01T12:00:00Z\r\n"
	if got := content(t, path+".results.csv"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var parsed struct {
		Connection string
		Errored    int
		Results    []order.Result
	}
	if err := json.Unmarshal([]byte(content(t, path+".results.json")), &parsed); err != nil {
		t.Fatal(err)
	}
	if parsed.Connection != "Contoso" || parsed.Errored != 1 || len(parsed.Results) != 2 || parsed.Results[1].SystemCode != "ObjectConflict" {
		t.Errorf("%+v", parsed)
	}
}

// A spreadsheet takes no text of others for a formula; the JSON file is exact.
func TestResultsHoldNoFormulas(t *testing.T) {
	const id = `=cmd|' /C calc'!A0`
	refusal := order.Refusal{Source: "orders.json"}
	for _, first := range []string{id, "+1", "-1", "@a", "\ta", "\ra", "a=1", "é"} {
		refusal.Add(order.Problem{Order: first, Message: "it is wrong"})
	}
	path := filepath.Join(t.TempDir(), "orders.json")
	if err := fulfill.WriteRefusal(path, "Contoso", "orders.json", refusal.Err()); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(content(t, path+".results.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows[1:] {
		got = append(got, row[0])
	}
	if want := []string{"'" + id, "'+1", "'-1", "'@a", "'\ta", "'a", "a=1", "é"}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	var parsed struct{ Problems []order.Problem }
	if err := json.Unmarshal([]byte(content(t, path+".results.json")), &parsed); err != nil || parsed.Problems[0].Order != id {
		t.Errorf("%+v, %v", parsed, err)
	}
}

func TestWriteRefusal(t *testing.T) {
	refusal := order.Refusal{Source: "orders.json"}
	refusal.Add(order.Problem{Place: "orders.json:3:1", Order: "7", Subject: "key", Message: "the key is missing", Hint: "Give one"})
	path := filepath.Join(t.TempDir(), "orders.json")
	for _, c := range []struct {
		why  error
		want string
	}{
		{refusal.Err(), "7,,Errored,orders.json:3:1: key: the key is missing. Give one,"},
		{fault.Errorf(fault.Invalid, "no JSON").WithHint("Write JSON"), ",,Errored,no JSON. Write JSON,"},
	} {
		if err := fulfill.WriteRefusal(path, "Contoso", "orders.json", c.why); err != nil {
			t.Fatal(err)
		}
		if got := content(t, path+".results.csv"); !strings.Contains(got, c.want) {
			t.Errorf("%q is not in %s", c.want, got)
		}
		if got := content(t, path+".results.json"); !json.Valid([]byte(got)) || !strings.Contains(got, `"state":"Refused"`) {
			t.Errorf("%s", got)
		}
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
