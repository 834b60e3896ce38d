package order_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func sample() order.Order {
	return order.Order{
		ID: "1", Operation: sdk.Update, Entity: "group", Key: order.Ref{ID: "g"},
		Attributes: []order.Attribute{{Path: "a", Value: json.RawMessage(`{"x":1,"y":[2]}`)}, {Path: "b", Value: json.RawMessage(`"t"`)}},
		Links: []order.Link{{
			Navigation: "members", Add: []order.Ref{{ID: "1"}, {ID: "2"}}, Remove: []order.Ref{{ID: "3"}, {Order: "9"}},
			Details: []json.RawMessage{nil, json.RawMessage(`{"role":1}`)},
		}},
		Secrets:   []order.Secret{{Path: "p", Sealed: []byte("abc")}},
		DependsOn: []string{"8", "9"},
	}
}

func hash(t *testing.T, o order.Order) string {
	t.Helper()
	h, err := o.Hash()
	if err != nil {
		t.Fatal(err)
	}
	return string(h[:])
}

// What does not matter leaves the hash as it is, and everything else changes it.
func TestHash(t *testing.T) {
	want := hash(t, sample())
	for name, c := range map[string]struct {
		change func(o *order.Order)
		same   bool
	}{
		"nothing":    {func(*order.Order) {}, true},
		"requester":  {func(o *order.Order) { o.RequestedBy, o.Place, o.Connection = "x", "y", "z" }, true},
		"sequence":   {func(o *order.Order) { slices.Reverse(o.Attributes); slices.Reverse(o.DependsOn) }, true},
		"spaces":     {func(o *order.Order) { o.Attributes[0].Value = json.RawMessage("{ \"y\": [2.0],\n\"x\": 1 }") }, true},
		"ciphertext": {func(o *order.Order) { o.Secrets[0].Sealed = []byte("other") }, true},
		"links turned": {func(o *order.Order) {
			l := &o.Links[0]
			slices.Reverse(l.Add)
			slices.Reverse(l.Remove)
			slices.Reverse(l.Details)
		}, true},
		"detail":     {func(o *order.Order) { l := &o.Links[0]; slices.Reverse(l.Details) }, false},
		"value":      {func(o *order.Order) { o.Attributes[1].Value = json.RawMessage(`"u"`) }, false},
		"generated":  {func(o *order.Order) { o.Secrets[0].Sealed = nil }, false},
		"operation":  {func(o *order.Order) { o.Operation = sdk.Create }, false},
		"key":        {func(o *order.Order) { o.Key = order.Ref{Order: "g"} }, false},
		"target":     {func(o *order.Order) { o.Links[0].Remove[0].ID = "4" }, false},
		"dependency": {func(o *order.Order) { o.DependsOn = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := sample()
			c.change(&o)
			before, _ := json.Marshal(o)
			if got := hash(t, o) == want; got != c.same {
				t.Errorf("same: %v", got)
			}
			if after, _ := json.Marshal(o); string(after) != string(before) {
				t.Errorf("the order became %s", after)
			}
		})
	}
	o := sample()
	o.Attributes[0].Value = json.RawMessage("{")
	if _, err := o.Hash(); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

func TestDisables(t *testing.T) {
	for _, c := range []struct {
		operation   sdk.Operation
		path, value string
		want        bool
	}{
		{sdk.Disable, "", "", true},
		{sdk.Update, "accountEnabled", "false", true},
		{sdk.Update, "AccountEnabled", `"False"`, true},
		{sdk.Update, "accountEnabled", `"0"`, true},
		{sdk.Update, "accountEnabled", `"\u0066alse"`, true},
		{sdk.Update, "accountEnabled", `" FALSE\t"`, true},
		{sdk.Update, "accountEnabled", " false\n", true},
		{sdk.Update, "accountEnabled", "true", false},
		{sdk.Update, "accountEnabled", `"1"`, false},
		{sdk.Update, "accountEnabled", "null", false},
		{sdk.Update, "jobTitle", "false", false},
		{sdk.Create, "accountEnabled", "false", false},
	} {
		o := order.Order{Operation: c.operation}
		if c.path != "" {
			o.Attributes = []order.Attribute{{Path: c.path, Value: json.RawMessage(c.value)}}
		}
		if o.Disables() != c.want {
			t.Errorf("%+v", c)
		}
	}
}

func TestRefusal(t *testing.T) {
	r := order.Refusal{Source: "orders.json"}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	for range order.MaxProblems + 5 {
		r.Add(order.Problem{Place: "orders.json:1:2", Order: "7", Subject: "key", Message: "it is missing", Hint: "Give one"})
	}
	err := r.Err()
	if f := fault.Of(err); f == nil || f.Code != fault.Invalid || f.Hint != "Give one" {
		t.Fatalf("%v", err)
	}
	if want := "orders.json:1:2: order 7: key: it is missing (and 104 more)"; !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v", err)
	}
	if got, ok := errors.AsType[*order.Refusal](err); !ok || len(got.Problems) != order.MaxProblems || got.Count != 105 {
		t.Errorf("%+v", got)
	}
}

// Problems come in the sequence of the input, wherever they were found; the first ones are told.
func TestProblemsAreSorted(t *testing.T) {
	places := func(r *order.Refusal) (all []string) {
		for _, p := range r.Problems {
			all = append(all, p.Place+" "+p.Message)
		}
		return all
	}
	r, other := order.Refusal{}, order.Refusal{Partial: true}
	for _, place := range []string{"b.json:2:1", "a.json:10:1", "a.json:9:20", "a.json:9:3", "", `C:\x:1:1`, "odd"} {
		r.Add(order.Problem{Place: place, Message: "1"})
	}
	other.Add(order.Problem{Place: "a.json:9:3", Message: "2"})
	other.Count += 3 // that are not told
	r.Merge(&other)
	want := []string{" 1", `C:\x:1:1 1`, "a.json:9:3 1", "a.json:9:3 2", "a.json:9:20 1", "a.json:10:1 1", "b.json:2:1 1", "odd 1"}
	if got := places(&r); !slices.Equal(got, want) || r.Count != 11 || !r.Partial {
		t.Errorf("%q, %+v", got, r)
	}
	many := order.Refusal{}
	for n := 3 * order.MaxProblems; n > 0; n-- {
		many.Add(order.Problem{Place: fmt.Sprintf("a.json:%d:1", n)})
	}
	if n := len(many.Problems); n != order.MaxProblems || many.Problems[0].Place != "a.json:1:1" || many.Problems[n-1].Place != "a.json:100:1" || many.Count != 3*n {
		t.Errorf("%d of %d, %+v", n, many.Count, many.Problems)
	}
}

// A result has the text of a fault without the ids, which it has by themselves.
func TestFail(t *testing.T) {
	f := fault.Errorf(fault.Refused, "it failed")
	f.SystemCode, f.RequestID, f.Err = "Code", "r", errors.New("because")
	var r order.Result
	r.Fail(f)
	if r.State != order.Errored || r.Message != "it failed: because" || r.SystemCode != "Code" || r.RequestID != "r" {
		t.Errorf("%+v", r)
	}
	link := order.FailLink(sdk.FailedLink{Navigation: "members", Key: sdk.ObjectKey{ID: "x"}, Removal: true, Failure: f})
	if link.Target.ID != "x" || !link.Removal || link.Message != "it failed: because" || link.Code != fault.Refused {
		t.Errorf("%+v", link)
	}
}
