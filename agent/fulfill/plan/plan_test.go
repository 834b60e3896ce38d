package plan_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/fulfill/plan"
	"github.com/usher-iga/usher/connectors/sdk"
)

func TestClaims(t *testing.T) {
	key := order.Ref{ID: "A"}
	target := []order.Ref{{Attribute: "UserPrincipalName", Value: "Ann"}}
	for name, c := range map[string]struct {
		order order.Order
		want  []string
	}{
		"create": {order.Order{Operation: sdk.Create, Attributes: []order.Attribute{
			{Path: "mailNickname", Value: json.RawMessage(`"Ann"`)}, {Path: "displayName", Value: json.RawMessage(`"Ann"`)}, {Path: "employeeId", Value: json.RawMessage(`null`)},
		}}, []string{"key=mailnickname=ann life"}},
		"update":      {order.Order{Operation: sdk.Update, Key: key}, []string{"id=a change"}},
		"delete":      {order.Order{Operation: sdk.Delete, Key: key}, []string{"id=a life"}},
		"of an order": {order.Order{Operation: sdk.Enable, Key: order.Ref{Order: "7"}}, []string{"order=7 change"}},
		"manager":     {order.Order{Operation: sdk.Update, Key: key, Links: []order.Link{{Navigation: "manager", Add: target}}}, []string{"id=a change", "key=userprincipalname=ann target"}},
		"members":     {order.Order{Operation: sdk.Update, Key: key, Links: []order.Link{{Navigation: "members", Remove: target}}}, []string{"id=a join", "key=userprincipalname=ann target", "link=\x00id=a\x00members\x00key=userprincipalname=ann life"}},
		"found": {order.Order{Operation: sdk.Update, Key: order.Ref{Attribute: "mail", Value: "A@b", Found: "A1"}},
			[]string{"key=mail=a@b change", "id=a1 change", "order=7 change"}},
		"gives a name": {order.Order{Operation: sdk.Update, Key: key, Attributes: []order.Attribute{{Path: "employeeId", Value: json.RawMessage(`"9"`)}}},
			[]string{"id=a change", "key=employeeid=9 life", "id=b change"}},
		"member of": {order.Order{Operation: sdk.Update, Key: key, Links: []order.Link{{Navigation: "memberOf", Add: []order.Ref{{ID: "G"}}}}},
			[]string{"id=a join", "id=g target", "link=\x00id=g\x00members\x00id=a life"}},
		"and a secret": {order.Order{Operation: sdk.Update, Key: key, Secrets: []order.Secret{{}}, Links: []order.Link{{Navigation: "members"}}}, []string{"id=a change"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, claim := range plan.Claims(&c.order, map[string][]string{"id=a1": {"order=7"}, "key=employeeid=9": {"id=b"}}) {
				role := map[plan.Role]string{plan.Target: "target", plan.Join: "join", plan.Change: "change", plan.Life: "life"}[claim.Role]
				got = append(got, claim.Object+" "+role)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Of several claims of one object the strongest counts.
func TestHolds(t *testing.T) {
	claims := []plan.Claim{{Object: "a", Role: plan.Target}, {Object: "a", Role: plan.Change}, {Object: "a", Role: plan.Join}}
	holds := plan.Holds(claims)
	if len(holds) != 2 || holds[0].Exclusive || holds[0].Target || !holds[1].Exclusive {
		t.Errorf("%+v", holds)
	}
	if holds := plan.Holds([]plan.Claim{{Object: "a", Role: plan.Life}, {Object: "b", Role: plan.Target}}); len(holds) != 2 || !holds[0].Exclusive || !holds[1].Target {
		t.Errorf("%+v", holds)
	}
}

func TestCircle(t *testing.T) {
	for name, c := range map[string]struct {
		edges map[uint64][]uint64 // sorted
		want  []uint64
	}{
		"none":    {map[uint64][]uint64{10: {11, 12}, 11: {12}, 12: {13}}, nil},
		"itself":  {map[uint64][]uint64{10: {11}, 11: {11}}, []uint64{11}},
		"behind":  {map[uint64][]uint64{10: {11}, 11: {12}, 12: {13}, 13: {11}}, []uint64{11, 12, 13}},
		"outside": {map[uint64][]uint64{10: {9, 20}, 9: {10}}, nil},
		"diamond": {map[uint64][]uint64{10: {11, 12}, 11: {13}, 12: {13}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := plan.Circle(10, 20, func(node, after uint64) (uint64, bool, error) {
				for _, to := range c.edges[node] {
					if to > after {
						return to, true, nil
					}
				}
				return 0, false, nil
			})
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %d, %v, want %d", got, err, c.want)
			}
		})
	}
	broken := errors.New("broken")
	if _, err := plan.Circle(1, 3, func(uint64, uint64) (uint64, bool, error) { return 0, false, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// A way of any length takes no stack of calls.
func TestLongWay(t *testing.T) {
	const n = 1 << 20
	circle, err := plan.Circle(1, n+1, func(node, after uint64) (uint64, bool, error) {
		next := node%n + 1
		return next, next > after, nil
	})
	if err != nil || len(circle) != n {
		t.Errorf("%d, %v", len(circle), err)
	}
}

func TestPhases(t *testing.T) {
	got := fmt.Sprint(plan.PhaseOf(sdk.Invite), plan.PhaseOf(sdk.Restore), plan.PhaseOf(sdk.SetPassword), plan.PhaseOf(sdk.Delete))
	if got != "0 0 1 2" {
		t.Error(got)
	}
}
