package fulfill_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// rehearse tells what would become of inputs, in their sequence.
func rehearse(t *testing.T, o fulfill.Options, inputs ...[]order.Order) (all []fulfill.Previewed, intakes []journal.Intake) {
	t.Helper()
	r, err := fulfill.Rehearse(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, orders := range inputs {
		in, err := r.Input(t.Context(), input(orders...), func(p fulfill.Previewed) error {
			all = append(all, p)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		intakes = append(intakes, in)
	}
	return all, intakes
}

// seen has the connector note what it is asked, and answer that it is so already.
func seen(s *system) map[string]sdk.Order {
	asked := map[string]sdk.Order{}
	s.preview = func(o sdk.Order) sdk.Preview {
		asked[o.ID] = o
		return sdk.Preview{Order: o.ID, Unchanged: true}
	}
	return asked
}

// A rehearsal asks the connector about what is there and tells the rest itself; it writes nothing.
func TestRehearsal(t *testing.T) {
	s, j, o := begin(t)
	accept(t, o, create("0", "zoe"))
	if _, err := fulfill.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	o.Secrets = &vault{}
	asked := seen(s.system)
	members := order.Order{ID: "3", Operation: sdk.Update, Entity: "group", Key: order.Ref{ID: "g"}, Links: []order.Link{{Navigation: "members", Add: []order.Ref{
		{Order: "1"}, {Attribute: "userPrincipalName", Value: "ANN"}, {Order: "0"}, {ID: "x"},
	}, Details: []json.RawMessage{nil, nil, json.RawMessage(`1`)}, Remove: []order.Ref{{Order: "1"}, {ID: "y"}}}}}
	own := update("2", "")
	own.Key = order.Ref{Order: "1"}
	own.Links = []order.Link{{Navigation: "manager", Add: []order.Ref{{ID: "m"}}}}
	// The second input refers to the first one.
	got, intakes := rehearse(t, o, []order.Order{secret(create("1", "ann"))}, []order.Order{own, members})
	if ids := []string{got[0].Order.ID, got[1].Order.ID, got[2].Order.ID}; !slices.Equal(ids, []string{"1", "2", "3"}) {
		t.Errorf("in the sequence %q", ids)
	}
	if len(asked) != 2 || asked["1"].Secrets["passwordProfile/password"] != "[hidden]" {
		t.Errorf("%+v", asked)
	}
	link := asked["3"].Links[0]
	if len(link.Add) != 2 || link.Add[0].ID != "id-of-0" || link.Add[1].ID != "x" || string(link.Details[0]) != "1" {
		t.Errorf("%+v", link.Add)
	}
	if len(link.Remove) != 1 || link.Remove[0].ID != "y" {
		t.Errorf("%+v", link.Remove)
	}
	if p := got[2].Preview; p.Unchanged || len(p.Changes) != 2 || string(p.Changes[0].After) != `"what order 1 makes"` {
		t.Errorf("%+v", p)
	}
	if p := got[1].Preview; p.Title != "what order 1 makes" || len(p.Changes) != 2 {
		t.Errorf("%+v", p)
	}
	if intakes[1].State != journal.IntakeOpen || intakes[1].Orders != 2 || intakes[1].Number != 0 {
		t.Errorf("%+v", intakes[1])
	}
	if _, _, err := j.Order("1"); !fault.Is(err, fault.NotFound) {
		t.Errorf("the journal has it: %v", err)
	}
}

// A natural key names what an order makes if it is one, and of the same entity.
func TestRehearsalOfNaturalKeys(t *testing.T) {
	s, _, o := begin(t)
	asked := seen(s.system)
	user := create("1", "ann")
	user.Attributes = append(user.Attributes, order.Attribute{Path: "displayName", Value: json.RawMessage(`"Directory Readers"`)},
		order.Attribute{Path: "mailNickname", Value: json.RawMessage(`"readers"`)})
	about := func(id, entity, attribute, value string) order.Order {
		return order.Order{ID: id, Operation: sdk.Update, Entity: entity, Key: order.Ref{Attribute: attribute, Value: value}}
	}
	got, _ := rehearse(t, o, []order.Order{
		about("2", "directoryRole", "displayName", "Directory Readers"), about("3", "group", "mailNickname", "readers"),
		user, about("4", "user", "mailNickname", "Readers"),
	})
	if len(asked) != 3 || got[3].Preview.Title != "what order 1 makes" {
		t.Errorf("asked %v, got %+v", asked, got[3].Preview)
	}
}

// What the run would not carry out is told as the run would tell it.
func TestRehearsalOfWhatIsNotCarriedOut(t *testing.T) {
	s, _, o := begin(t)
	s.system.refuse = func(o sdk.Order) *fault.Error {
		if o.ID != "2" {
			return nil
		}
		return fault.Errorf(fault.Refused, "it is frozen")
	}
	accept(t, o, update("1", "a"), update("2", "b"))
	if _, err := fulfill.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	asked := seen(s.system)
	late := update("3", "c")
	late.Deadline = noon.Add(-time.Hour)
	got, intakes := rehearse(t, o, []order.Order{update("1", "a"), update("2", "b"), late, secret(update("4", "d")), update("5", "e", "2")})
	if len(asked) > 0 {
		t.Errorf("asked %v", asked)
	}
	if a := got[0].Answer; a == nil || a.State != order.Executed || a.Finished != noon {
		t.Errorf("%+v", a)
	}
	if a := got[1].Answer; a == nil || a.State != order.Errored || a.Message != "it is frozen" {
		t.Errorf("%+v", a)
	}
	if a := intakes[0].Answered; a.Orders != 2 || a.Dates() != "2026-03-01" {
		t.Errorf("%+v", a)
	}
	in := accept(t, o, update("1", "a"), update("2", "b"), late, secret(update("4", "d")), update("5", "e", "2"))
	if _, err := fulfill.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for id, r := range results(t, o.Journal, in.Number) {
		i := slices.IndexFunc(got, func(p fulfill.Previewed) bool { return p.Order.ID == id })
		if f := got[i].Preview.Failure; got[i].Answer == nil && (f == nil || f.Message != r.Message || f.Hint != r.Hint) {
			t.Errorf("order %s: the rehearsal says %v, the run %s", id, f, r.Message)
		}
	}
}

// An order that stands in two inputs is told once, as it is carried out once.
func TestRehearsalOfAnOrderInTwoInputs(t *testing.T) {
	s, _, o := begin(t)
	asked := seen(s.system)
	got, intakes := rehearse(t, o, []order.Order{update("1", "a"), update("2", "b")}, []order.Order{update("2", "b")}, []order.Order{update("2", "b"), update("3", "c")})
	var told []string
	for _, p := range got {
		told = append(told, p.Order.ID)
	}
	if want := []string{"1", "2", "3"}; !slices.Equal(told, want) || len(asked) != 3 {
		t.Errorf("told %q, asked %v", told, asked)
	}
	if intakes[2].Orders != 2 {
		t.Errorf("%+v", intakes[2])
	}
}

// An input beyond a limit is said to be held, and its orders are shown.
func TestRehearsalOfHeld(t *testing.T) {
	s, _, o := begin(t)
	seen(s.system)
	o.Limits.Deletes.Count = 1
	got, intakes := rehearse(t, o, []order.Order{remove("1", "a"), remove("2", "b")}, []order.Order{remove("3", "c")})
	if in := intakes[0]; in.State != journal.IntakeHeld || in.Reason != "it deletes 2 objects, and 1 are allowed at once" {
		t.Errorf("%+v", in)
	}
	if in := intakes[1]; in.State != journal.IntakeOpen || len(got) != 3 {
		t.Errorf("%+v, %d orders", in, len(got))
	}
	// Again, they wait for the operator still.
	accept(t, o, remove("1", "a"), remove("2", "b"))
	got, intakes = rehearse(t, o, []order.Order{remove("1", "a")})
	if a := got[0].Answer; a == nil || a.State != order.Held || a.Message == "" || intakes[0].Answered.Orders > 0 {
		t.Errorf("%+v, %+v", a, intakes[0])
	}
}

// A connector that forgets an order breaks the protocol.
func TestRehearsalWithoutAnAnswer(t *testing.T) {
	s, _, o := begin(t)
	for _, other := range []string{"", "9"} {
		o.Fulfiller = forgetful{s.system, other}
		r, err := fulfill.Rehearse(o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Input(t.Context(), input(update("1", "a")), func(fulfill.Previewed) error { return nil })
		wrong(t, err, fault.Connector, "broke the protocol")
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// forgetful previews another order than it is asked about, or none.
type forgetful struct {
	*system
	other string
}

func (f forgetful) Preview(_ context.Context, _ sdk.Connection, _ []sdk.Order, emit func(sdk.Preview) error) error {
	if f.other == "" {
		return nil
	}
	return emit(sdk.Preview{Order: f.other})
}
