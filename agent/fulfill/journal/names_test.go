package journal_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
)

// rename gives an object another userPrincipalName.
func rename(id string, key order.Ref, to string) order.Order {
	o := update(id, key)
	value, _ := json.Marshal(to)
	o.Attributes = []order.Attribute{{Path: "userPrincipalName", Value: value}}
	return o
}

// found is a natural key that led to an id when its order was taken.
func found(name, id string) order.Ref {
	r := upn(name)
	r.Found = id
	return r
}

// Orders about one object keep their sequence, by whatever names they call it.
func TestNames(t *testing.T) {
	refs := func(r ...order.Ref) []order.Ref { return r }
	memberOf := func(id string, user order.Ref, groups ...order.Ref) order.Order {
		o := link(id, user, groups, nil)
		o.Entity, o.Links[0].Navigation = "user", "memberOf"
		return o
	}
	for name, c := range map[string]struct {
		before []order.Order // carried out
		orders []order.Order
		want   []string
	}{
		"key, then id":             {nil, []order.Order{update("1", found("a", "X")), update("2", byID("x"))}, []string{"1", "2"}},
		"id, then key":             {nil, []order.Order{update("1", byID("X")), update("2", found("a", "x"))}, []string{"1", "2"}},
		"two keys":                 {nil, []order.Order{update("1", found("a", "x")), update("2", found("b", "x"))}, []string{"1", "2"}},
		"link, then deletion":      {nil, []order.Order{link("1", byID("g"), refs(found("a", "x")), nil), remove("2", byID("x"))}, []string{"1", "2"}},
		"one link by two names":    {nil, []order.Order{link("1", byID("g"), refs(found("a", "x")), nil), link("2", byID("g"), nil, refs(byID("x")))}, []string{"1", "2"}},
		"one link from both sides": {nil, []order.Order{memberOf("1", byID("x"), byID("g")), link("2", byID("g"), nil, refs(byID("x")))}, []string{"1", "2"}},
		"link of what is made":     {nil, []order.Order{create("1", "a"), link("2", byID("g"), refs(made("1")), nil), link("3", byID("g"), nil, refs(upn("a")))}, []string{"1", "2", "3"}},
		"new name":                 {nil, []order.Order{rename("1", byID("x"), "b"), update("2", upn("b")), update("3", byID("x"))}, []string{"1", "2", "3"}},
		"new name of a key":        {nil, []order.Order{rename("1", found("a", "x"), "b"), update("2", upn("b")), update("3", byID("x"))}, []string{"1", "2", "3"}},
		"name handed on":           {nil, []order.Order{create("1", "a"), rename("2", made("1"), "c"), create("3", "a")}, []string{"1", "2", "3"}},
		"object of an update":      {nil, []order.Order{update("1", byID("x")), update("2", made("1")), update("3", byID("x"))}, []string{"1", "2", "3"}},
		"made just now":            {[]order.Order{create("1", "a")}, []order.Order{update("2", upn("a")), update("3", byID("id-of-1"))}, []string{"2", "3"}},
		"named just now":           {[]order.Order{rename("1", byID("id-of-1"), "b")}, []order.Order{update("2", upn("b")), update("3", byID("id-of-1"))}, []string{"2", "3"}},
		"others":                   {nil, []order.Order{update("1", found("a", "x")), update("2", byID("y")), update("3", upn("b"))}, []string{"1 2 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			j := opened(t)
			accept(t, j, c.before...)
			carryOut(t, j, executed)
			accept(t, j, c.orders...)
			if got := carryOut(t, j, executed); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// What is made has its id before all is done that calls it by the order: who comes then, with the id, waits
// for that.
func TestIDOfWhatIsMade(t *testing.T) {
	j := opened(t)
	accept(t, j, create("1", "a"), update("2", made("1")))
	entries, err := j.Ready(10)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%+v, %v", entries, err)
	}
	if err := j.Finish([]journal.Finished{{Seq: entries[0].Seq, Result: executed("1")}}); err != nil {
		t.Fatal(err)
	}
	accept(t, j, update("3", byID("id-of-1")), update("4", made("1")))
	if got, want := carryOut(t, j, executed), []string{"2", "3", "4"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What an order has told of names is forgotten with what it asked for.
func TestNamesAreForgotten(t *testing.T) {
	j := opened(t)
	in := accept(t, j, create("1", "a"))
	carryOut(t, j, executed)
	if err := j.Reported(in.Number); err != nil {
		t.Fatal(err)
	}
	if err := j.Compact(context.Background(), noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	accept(t, j, update("2", upn("a")), update("3", byID("id-of-1")))
	if got, want := carryOut(t, j, executed), []string{"2 3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Keys that lead elsewhere when an order comes again make it no other order.
func TestFoundIsNoDifference(t *testing.T) {
	j := opened(t)
	o := link("1", found("g", "g1"), []order.Ref{found("a", "x")}, []order.Ref{found("b", "y")})
	accept(t, j, o)
	accept(t, j, link("1", upn("g"), []order.Ref{upn("a")}, []order.Ref{upn("b")}))
	if stored, _, err := j.Order("1"); err != nil || stored.Key.Found != "g1" {
		t.Errorf("%+v, %v", stored, err)
	}
}
