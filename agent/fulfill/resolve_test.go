package fulfill_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func byName(object string) order.Ref {
	return order.Ref{Attribute: "userPrincipalName", Value: "name-of-" + object}
}

// idOf leads from the name of an object to its id.
func idOf(o sdk.NamedObject) (string, error) {
	return strings.TrimPrefix(strings.ToLower(o.Key.Value), "name-of-"), nil
}

// Of two orders about one object the later one has the last word, though the first one calls the object
// by a natural key and the second by its id.
func TestSequenceWhateverTheName(t *testing.T) {
	s, _, o := begin(t)
	s.system.resolve = idOf
	var orders []order.Order
	for n := range 40 {
		object := fmt.Sprint("object", n)
		first, second := update(fmt.Sprint("first", n), object), update(fmt.Sprint("second", n), object)
		first.Key = byName(object)
		if n%2 == 1 {
			first.Key, second.Key = second.Key, byName(strings.ToUpper(object))
		}
		orders = append(orders, first, second)
	}
	accept(t, o, orders...)
	if report, err := fulfill.Run(context.Background(), o); err != nil || report.Executed != 80 {
		t.Fatalf("%+v, %v", report, err)
	}
	for n := range 40 {
		first := slices.Index(s.system.applied, fmt.Sprint("first", n))
		if second := slices.Index(s.system.applied, fmt.Sprint("second", n)); second < first {
			t.Errorf("second%d came before first%d", n, n)
		}
	}
	if len(s.system.wrong) > 0 {
		t.Errorf("%q", s.system.wrong)
	}
}

// Only what is not known is looked up, and once.
func TestLookedUp(t *testing.T) {
	s, j, o := begin(t)
	s.system.resolve = idOf
	accept(t, o, create("made", "name-of-before"))
	members := order.Order{ID: "members", Operation: sdk.Update, Entity: "group", Key: order.Ref{ID: "g"}, Links: []order.Link{{
		Navigation: "members", Add: []order.Ref{byName("a"), byName("before"), {ID: "x"}}, Remove: []order.Ref{byName("A"), byName("new")},
	}}}
	own := update("own", "")
	own.Key = byName("a")
	accept(t, o, update("id", "a"), members, own, create("new", "name-of-new"))
	want := []string{"group members userPrincipalName name-of-a", "user  userPrincipalName name-of-a"}
	if !slices.Equal(s.system.resolved, want) {
		t.Errorf("looked up %q, want %q", s.system.resolved, want)
	}
	if got, _, err := j.Order("members"); err != nil || got.Links[0].Add[0].Found != "a" || got.Links[0].Remove[0].Found != "A" && got.Links[0].Remove[0].Found != "a" || got.Links[0].Add[1].Found != "" {
		t.Errorf("%+v, %v", got, err)
	}
	accept(t, o, members, own) // as before
	if !slices.Equal(s.system.resolved, want) {
		t.Errorf("what came before was looked up: %q", s.system.resolved)
	}
}

// An input that cannot be looked up is not taken.
func TestCannotLookUp(t *testing.T) {
	s, j, o := begin(t)
	s.system.resolve = func(sdk.NamedObject) (string, error) {
		return "", fault.Errorf(fault.Unavailable, "the tenant does not answer")
	}
	key := update("2", "")
	key.Key = byName("a")
	_, err := fulfill.Accept(context.Background(), o, input(update("1", "a"), key))
	wrong(t, err, fault.Unavailable, "the tenant does not answer")
	if all, err := j.Unreported(); err != nil || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
	accept(t, o, update("1", "a")) // needs no look
}

// However many orders and keys there are, they come in their sequence, each with what it led to.
func TestLookUpMany(t *testing.T) {
	s, j, o := begin(t)
	s.system.resolve = idOf
	var orders []order.Order
	for n := range 4500 {
		u := update(fmt.Sprint(n), "")
		u.Key = byName(fmt.Sprint("object", n))
		orders = append(orders, u)
	}
	many := order.Order{ID: "many", Operation: sdk.Update, Entity: "group", Key: order.Ref{ID: "g"}, Links: []order.Link{{Navigation: "members"}}}
	for n := range 6000 {
		many.Links[0].Add = append(many.Links[0].Add, byName(fmt.Sprint("member", n)))
	}
	in := accept(t, o, append(orders, many)...)
	n := 0
	err := j.Results(context.Background(), in.Number, func(r order.Result) error {
		if n < 4500 && r.Order != fmt.Sprint(n) {
			return fmt.Errorf("order %s is the %dth", r.Order, n)
		}
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := j.Order("4499"); err != nil || got.Key.Found != "object4499" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, _, err := j.Order("many"); err != nil || got.Links[0].Add[5999].Found != "member5999" {
		t.Errorf("%v", err)
	}
}
