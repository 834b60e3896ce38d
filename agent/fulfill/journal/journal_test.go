package journal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock/clocktest"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func options(folder string) journal.Options {
	return journal.Options{WorkFolder: folder, Connection: "Contoso", Clock: clocktest.At(noon)}
}

// fataler is a testing.TB or a rapid.T.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func open(tb fataler, o journal.Options) *journal.Journal {
	tb.Helper()
	j, err := journal.Open(context.Background(), o)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

func shut(tb fataler, j *journal.Journal) {
	tb.Helper()
	if err := j.Close(); err != nil {
		tb.Fatal(err)
	}
}

// opened is a journal in a folder of its own.
func opened(t *testing.T) *journal.Journal {
	t.Helper()
	j := open(t, options(t.TempDir()))
	t.Cleanup(func() { shut(t, j) })
	return j
}

// receive gives orders to a journal.
func receive(j *journal.Journal, hold string, orders ...order.Order) (journal.Intake, error) {
	r, err := j.Begin(context.Background(), journal.Source{Name: "orders.json", RequestedBy: "hr"}, nil)
	if err != nil {
		return journal.Intake{}, err
	}
	defer r.Discard() //nolint:errcheck // after Accept it does nothing
	for _, o := range orders {
		if err := r.Add(o); err != nil {
			return journal.Intake{}, err
		}
	}
	return r.Accept(context.Background(), func() string { return hold })
}

func accept(tb fataler, j *journal.Journal, orders ...order.Order) journal.Intake {
	tb.Helper()
	in, err := receive(j, "", orders...)
	if err != nil {
		tb.Fatal(err)
	}
	return in
}

// carryOut ends all orders that become ready, as outcome says, and returns their ids in rounds.
func carryOut(tb fataler, j *journal.Journal, outcome func(id string) order.Result) (rounds []string) {
	tb.Helper()
	for {
		entries, err := j.Ready(1000)
		if err != nil {
			tb.Fatal(err)
		}
		if len(entries) == 0 {
			return rounds
		}
		var ids []string
		var ends []journal.Finished
		for _, e := range entries {
			f := journal.Finished{Seq: e.Seq, Result: outcome(e.Order.ID)}
			id := e.Order.ID
			if e.Verdict != nil {
				f.Result = order.Result{}
				f.Result.Fail(e.Verdict)
				id += "!"
			}
			ids, ends = append(ids, id), append(ends, f)
		}
		if _, err := j.Start(entries); err != nil {
			tb.Fatal(err)
		}
		if err := j.Finish(ends); err != nil {
			tb.Fatal(err)
		}
		rounds = append(rounds, strings.Join(ids, " "))
	}
}

func executed(id string) order.Result {
	return order.Result{State: order.Executed, ObjectID: "id-of-" + id}
}

// create makes a user of that name.
func create(id, upn string) order.Order {
	value, _ := json.Marshal(upn)
	return order.Order{ID: id, Operation: sdk.Create, Entity: "user",
		Attributes: []order.Attribute{{Path: "userPrincipalName", Value: value}}}
}

func upn(name string) order.Ref { return order.Ref{Attribute: "userPrincipalName", Value: name} }

func made(id string) order.Ref { return order.Ref{Order: id} }

func byID(id string) order.Ref { return order.Ref{ID: id} }

func update(id string, key order.Ref, depends ...string) order.Order {
	return order.Order{ID: id, Operation: sdk.Update, Entity: "user", Key: key, DependsOn: depends,
		Attributes: []order.Attribute{{Path: "jobTitle", Value: json.RawMessage(`"x"`)}}}
}

func remove(id string, key order.Ref) order.Order {
	return order.Order{ID: id, Operation: sdk.Delete, Entity: "user", Key: key}
}

// link changes the members of a group.
func link(id string, group order.Ref, add, remove []order.Ref) order.Order {
	return order.Order{ID: id, Operation: sdk.Update, Entity: "group", Key: group,
		Links: []order.Link{{Navigation: "members", Add: add, Remove: remove}}}
}

// What waits for what: the rounds in which orders become ready.
func TestSequence(t *testing.T) {
	refs := func(r ...order.Ref) []order.Ref { return r }
	for name, c := range map[string]struct {
		orders []order.Order
		want   []string
	}{
		"side by side":            {[]order.Order{update("1", byID("a")), update("2", byID("b"))}, []string{"1 2"}},
		"one lane":                {[]order.Order{update("1", byID("a")), update("2", byID("A")), update("3", byID("a"))}, []string{"1", "2", "3"}},
		"dependency":              {[]order.Order{update("1", byID("a"), "2"), update("2", byID("b"))}, []string{"2", "1"}},
		"phases":                  {[]order.Order{remove("1", byID("a")), update("2", byID("b")), create("3", "c")}, []string{"3 2 1"}},
		"made by a later order":   {[]order.Order{update("1", made("2")), create("2", "b")}, []string{"2", "1"}},
		"its object's lane":       {[]order.Order{create("1", "a"), update("2", made("1")), update("3", upn("A"))}, []string{"1", "2", "3"}},
		"link before its target":  {[]order.Order{link("1", byID("g"), refs(upn("a")), nil), create("2", "a")}, []string{"2", "1"}},
		"then its deletion":       {[]order.Order{link("1", byID("g"), refs(upn("a")), nil), create("2", "a"), remove("3", upn("a"))}, []string{"2", "1", "3"}},
		"links before a deletion": {[]order.Order{link("1", byID("g"), refs(byID("a")), nil), link("2", byID("g"), refs(byID("b")), nil), remove("3", byID("a")), remove("4", byID("b"))}, []string{"1 2", "3 4"}},
		"rehire":                  {[]order.Order{remove("1", upn("a")), create("2", "a"), link("3", byID("g"), refs(upn("a")), nil)}, []string{"1", "2", "3"}},
		"rename, then a new one":  {[]order.Order{update("1", upn("a")), create("2", "a")}, []string{"1", "2"}},
		"target may change":       {[]order.Order{update("1", byID("a")), link("2", byID("g"), refs(byID("a")), nil)}, []string{"1 2"}},
		"links side by side":      {[]order.Order{link("1", byID("g"), refs(byID("a")), nil), link("2", byID("g"), nil, refs(byID("b")))}, []string{"2 1"}},
		"one link in order":       {[]order.Order{link("1", byID("g"), refs(byID("a")), nil), link("2", byID("g"), nil, refs(byID("a")))}, []string{"1", "2"}},
		"change after links":      {[]order.Order{link("1", byID("g"), refs(byID("a")), nil), link("2", byID("g"), refs(byID("b")), nil), update("3", byID("g")), link("4", byID("g"), refs(byID("c")), nil)}, []string{"1 2", "3", "4"}},
		"two makers of one key":   {[]order.Order{create("1", "a"), create("2", "a")}, []string{"1", "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			j := opened(t)
			accept(t, j, c.orders...)
			if got := carryOut(t, j, executed); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Additions to one group come one after the other, however far apart an input has them; what came in an
// earlier input is not behind a later one for that.
func TestAdditionsToOneGroupComeTogether(t *testing.T) {
	j := opened(t)
	var inputs [2][]order.Order
	for n := range 300 {
		o := link(fmt.Sprint(n), byID(fmt.Sprint("g", n%3)), []order.Ref{byID(fmt.Sprint("u", n))}, nil)
		if n%2 == 0 { // said from the user's side
			o.Entity, o.Key = "user", byID(fmt.Sprint("u", n))
			o.Links = []order.Link{{Navigation: "memberOf", Add: []order.Ref{byID(fmt.Sprint("g", n%3))}}}
		}
		inputs[n/200] = append(inputs[n/200], o)
	}
	accept(t, j, inputs[0]...)
	accept(t, j, inputs[1]...)
	entries, err := j.Ready(1000)
	if err != nil || len(entries) != 300 {
		t.Fatal(len(entries), err)
	}
	changes, last := 0, ""
	for i, e := range entries {
		group := e.Order.Key.ID
		if e.Order.Entity == "user" {
			group = e.Order.Links[0].Add[0].ID
		}
		if group != last {
			changes, last = changes+1, group
		}
		if early := e.Seq <= 200; early != (i < 200) {
			t.Fatalf("the order %s is the %dth", e.Order.ID, i)
		}
	}
	if changes != 6 {
		t.Errorf("the group changes %d times", changes)
	}
}

// However many orders are asked for, not more is read at once than fits into memory well.
func TestFewLargeOrdersAtOnce(t *testing.T) {
	j := opened(t)
	large, err := json.Marshal(strings.Repeat("x", 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	var orders []order.Order
	for n := range 10 {
		o := update(fmt.Sprint(n), byID(fmt.Sprint("u", n)))
		o.Attributes[0].Value = large
		orders = append(orders, o)
	}
	accept(t, j, orders...)
	entries, err := j.Ready(1000)
	if err != nil || len(entries) != 4 || entries[0].Size < 1<<20 {
		t.Fatalf("%d orders, %v", len(entries), err)
	}
	if _, err := j.Start(entries); err != nil {
		t.Fatal(err)
	}
	if entries, err = j.Interrupted(1, 1000); err != nil || len(entries) != 3 {
		t.Errorf("%d orders, %v", len(entries), err)
	}
}

// What depends on a failed order fails with its name; what only came after it does not.
func TestFailure(t *testing.T) {
	j := opened(t)
	accept(t, j, create("1", "a"), update("2", made("1")), update("3", byID("x"), "2"), update("4", upn("a")), update("5", byID("y")))
	failed := func(id string) order.Result {
		r := executed(id)
		if id == "1" {
			r.Fail(fault.Errorf(fault.Refused, "no licence left"))
		}
		return r
	}
	if got, want := carryOut(t, j, failed), []string{"1 5", "2!", "3! 4"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	_, r, err := j.Order("3")
	if err != nil || r.State != order.Errored || r.Message != "order 2, on which it depends, failed" || r.Hint == "" {
		t.Errorf("%+v, %v", r, err)
	}
}

// A reference to an order becomes the id of what it made, whether that came before or in the
// same intake.
func TestReferences(t *testing.T) {
	j := opened(t)
	accept(t, j, create("1", "a"))
	carryOut(t, j, executed)
	accept(t, j, create("2", "b"), link("3", made("1"), []order.Ref{made("2")}, nil))
	entries, err := j.Ready(10)
	if err != nil || len(entries) != 1 || entries[0].Order.ID != "2" {
		t.Fatalf("%+v, %v", entries, err)
	}
	if err := j.Finish([]journal.Finished{{Seq: entries[0].Seq, Result: executed("2")}}); err != nil {
		t.Fatal(err)
	}
	entries, err = j.Ready(10)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%+v, %v", entries, err)
	}
	o := entries[0].Order
	if o.Key != byID("id-of-1") || o.Links[0].Add[0] != byID("id-of-2") {
		t.Errorf("%+v", o)
	}
}

// The same order again has the first result; the same id for something else is refused.
func TestRepetition(t *testing.T) {
	j := opened(t)
	first := accept(t, j, update("1", byID("a")), update("2", byID("b")))
	again := accept(t, j, update("1", byID("a")), update("3", byID("c")), update("1", byID("a")))
	if again.Orders != 2 {
		t.Errorf("%+v", again)
	}
	if got := carryOut(t, j, executed); !slices.Equal(got, []string{"1 2 3"}) {
		t.Errorf("%q", got)
	}
	for _, n := range []uint64{first.Number, again.Number} {
		if in, err := j.Intake(n); err != nil || !in.Complete() || in.Executed != 2 || in.Finished != noon {
			t.Errorf("%+v, %v", in, err)
		}
	}
	last := accept(t, j, update("1", byID("a")))
	if !last.Complete() || last.Executed != 1 || last.Answered.Orders != 1 || last.Answered.Dates() != "2026-03-01" {
		t.Errorf("%+v", last)
	}
	if first.Answered.Orders+again.Answered.Orders > 0 {
		t.Errorf("answered before an answer was there: %+v, %+v", first, again)
	}
	_, err := receive(j, "", update("4", byID("d")), update("1", byID("b")))
	wrong(t, err, fault.Invalid, "orders.json is refused", "order 1", "asked for something else")
	if _, _, err := j.Order("4"); !fault.Is(err, fault.NotFound) {
		t.Errorf("order 4: %v", err)
	}
	accept(t, j, update("4", byID("e"))) // its id was never taken
}

// An order that several inputs have is left once.
func TestLeft(t *testing.T) {
	j := opened(t)
	left := func(pending, held uint64) {
		t.Helper()
		if p, h, err := j.Left(); err != nil || p != pending || h != held {
			t.Errorf("%d pending, %d held, %v; want %d, %d", p, h, err, pending, held)
		}
	}
	accept(t, j, update("1", byID("a")), update("2", byID("b")))
	for range 3 {
		accept(t, j, update("1", byID("a")), update("2", byID("b")))
	}
	left(2, 0)
	held, err := receive(j, "many", update("1", byID("a")), update("3", byID("c")))
	if err != nil {
		t.Fatal(err)
	}
	left(2, 1)
	carryOut(t, j, func(id string) order.Result {
		r := executed(id)
		if id == "1" {
			r.Fail(fault.Errorf(fault.Refused, "no licence left"))
		}
		return r
	})
	left(0, 1)
	if err := j.Retry(t.Context(), "1", "bob"); err != nil {
		t.Fatal(err)
	}
	left(1, 1)
	if _, err := j.Release(held.Number, "ann"); err != nil {
		t.Fatal(err)
	}
	left(2, 0)
	carryOut(t, j, executed)
	left(0, 0)
}

// Intakes that are refused whole, with the reason.
func TestRefused(t *testing.T) {
	placed := func(o order.Order, place string) order.Order { o.Place = place; return o }
	for name, c := range map[string]struct {
		orders []order.Order
		want   []string
	}{
		"circle":         {[]order.Order{update("1", byID("a"), "2"), update("2", byID("b"), "3"), update("3", byID("c"), "1")}, []string{"wait for each other in a circle", "in a circle: 1 depends on 2; 2 depends on 3; 3 depends on 1"}},
		"itself":         {[]order.Order{update("1", byID("a"), "1")}, []string{"circle: 1 depends on 1"}},
		"by lane":        {[]order.Order{update("1", byID("a"), "2"), update("2", byID("a"))}, []string{"circle: 1 depends on 2; 2 stands behind 1, about the same object"}},
		"makers":         {[]order.Order{with(create("1", "a"), upn("b")), with(create("2", "b"), upn("a"))}, []string{"1 names by a natural key what 2 makes"}},
		"unknown order":  {[]order.Order{placed(update("1", made("x")), "f:3:1")}, []string{"f:3:1: order 1: it refers to the order x, which does not exist"}},
		"no key":         {[]order.Order{update("1", order.Ref{})}, []string{"the key is missing"}},
		"two ways":       {[]order.Order{update("1", order.Ref{ID: "1", Order: "2"})}, []string{"named in two ways"}},
		"own object":     {[]order.Order{update("1", made("1"))}, []string{"the object that it makes itself"}},
		"operation":      {[]order.Order{{ID: "1", Operation: "fly", Entity: "user", Key: byID("a")}}, []string{"the operation fly is not known"}},
		"connection":     {[]order.Order{{ID: "1", Connection: "Other", Operation: sdk.Delete, Entity: "user", Key: byID("a")}}, []string{"for the connection Other, not for Contoso"}},
		"several":        {[]order.Order{update("", byID("a")), update("2", order.Ref{})}, []string{"the id is missing", "(and 1 more)"}},
		"attribute":      {[]order.Order{{ID: "1", Operation: sdk.Update, Entity: "user", Key: byID("a"), Attributes: []order.Attribute{{Path: "x", Value: json.RawMessage("1")}, {Path: "X", Value: json.RawMessage("{")}}}}, []string{"given twice"}},
		"natural key":    {[]order.Order{update("1", order.Ref{Attribute: "mail"})}, []string{"needs an attribute and a value"}},
		"makes what is":  {[]order.Order{{ID: "1", Operation: sdk.Create, Entity: "user", Key: byID("a")}}, []string{"it makes an object, and has a key"}},
		"too many words": {[]order.Order{link("1", byID("g"), nil, []order.Ref{{}})}, []string{"named by nothing"}},
	} {
		t.Run(name, func(t *testing.T) {
			j := opened(t)
			_, err := receive(j, "", c.orders...)
			wrong(t, err, fault.Invalid, c.want...)
			if f := fault.Of(err); f.Hint == "" {
				t.Error("no hint")
			}
			if entries, err := j.Ready(10); err != nil || len(entries) > 0 {
				t.Errorf("%v, %v", entries, err)
			}
			if err := j.Intakes(func(in journal.Intake) bool { t.Errorf("%+v", in); return true }); err != nil {
				t.Error(err)
			}
		})
	}
}

func with(o order.Order, target order.Ref) order.Order {
	o.Links = []order.Link{{Navigation: "manager", Add: []order.Ref{target}}}
	return o
}

// A circle is found however many orders are around it.
func TestLargeCircle(t *testing.T) {
	o := options(t.TempDir())
	o.Chunk = 100
	j := open(t, o)
	defer shut(t, j)
	var orders []order.Order
	for i := range 1000 {
		orders = append(orders, update(fmt.Sprint(i), byID(fmt.Sprint(i)), fmt.Sprint((i+1)%1000)))
	}
	_, err := receive(j, "", orders...)
	wrong(t, err, fault.Invalid, "980 more")
	orders[999].DependsOn = nil
	accept(t, j, orders...)
	if rounds := carryOut(t, j, executed); len(rounds) != 1000 || rounds[0] != "999" {
		t.Errorf("%d rounds", len(rounds))
	}
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
