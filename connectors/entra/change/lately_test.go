package change_test

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/change"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock/clocktest"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// turns gives each order when the one before is done.
type turns struct {
	orders []sdk.Order
	done   chan struct{}
}

func (s *turns) Next(ctx context.Context) (sdk.Order, error) {
	if len(s.orders) == 0 {
		return sdk.Order{}, io.EOF
	}
	select {
	case <-s.done:
	case <-ctx.Done():
		return sdk.Order{}, ctx.Err()
	}
	next := s.orders[0]
	s.orders = s.orders[1:]
	return next, nil
}

// inTurn carries orders out in one call, one after the other, just after an earlier call has written.
func inTurn(t *testing.T, f *fake, c *clocktest.Still, orders ...sdk.Order) []sdk.Outcome {
	t.Helper()
	return carriedOut(t, f, c, c.Now(), orders...)
}

// carriedOut is inTurn with the time of the last write.
func carriedOut(t *testing.T, f *fake, c *clocktest.Still, lastWrite time.Time, orders ...sdk.Order) (outcomes []sdk.Outcome) {
	t.Helper()
	s := &turns{orders: orders, done: make(chan struct{}, len(orders)+1)}
	s.done <- struct{}{}
	err := change.New(f, c, lastWrite).Fulfill(t.Context(), s, func(o sdk.Outcome) error {
		outcomes = append(outcomes, o)
		s.done <- struct{}{}
		return nil
	})
	if err != nil || len(outcomes) != len(orders) {
		t.Fatalf("%d outcomes, %v", len(outcomes), err)
	}
	return outcomes
}

// updateOf makes an order to update an object.
func updateOf(entity, object string, attributes []sdk.OrderAttribute, links []sdk.LinkChange) sdk.Order {
	return sdk.Order{ID: "u", Operation: sdk.Update, Entity: entity, Key: sdk.ObjectKey{ID: object}, Attributes: attributes, Links: links}
}

func shown(requests []graph.Request) (all []string) {
	for _, r := range requests {
		all = append(all, r.Method()+" "+r.Path())
	}
	return all
}

// lateBy has answer tell, as of a time after the start, what a copy of the directory shows.
func lateBy(c *clocktest.Still, d time.Duration) (seen func() bool) {
	from := c.Now().Add(d)
	return func() bool { return !c.Now().Before(from) }
}

// The request to remove a manager would remove any; so it is sent only if the right one is there.
func TestOnlyTheManagerThatIsNamedIsRemoved(t *testing.T) {
	const gone = "DELETE users/" + ann + "/manager/$ref"
	clock := newClock()
	later := lateBy(clock, 2*time.Second)
	for name, tc := range map[string]struct {
		manager func() (int, string)
		orders  []sdk.Order
		deletes int
		failed  bool
	}{
		"another, and an attribute is written": {
			func() (int, string) { return 200, `{"id":"` + crew + `"}` },
			[]sdk.Order{updateOf("user", ann, values("department", `"Q"`), links("manager", nil, id(bob)))}, 0, false,
		},
		"set by an earlier call, seen late": {
			func() (int, string) {
				if later() {
					return 200, `{"id":"` + bob + `"}`
				}
				return 200, `{"id":"` + crew + `"}`
			},
			[]sdk.Order{updateOf("user", ann, nil, links("manager", nil, id(bob)))}, 1, false,
		},
		"replaced, and a copy does not know": {
			func() (int, string) { return 200, `{"id":"` + crew + `"}` },
			[]sdk.Order{updateOf("user", ann, nil, links("manager", id(bob), nil)), updateOf("user", ann, nil, links("manager", nil, id(crew)))}, 0, false,
		},
		"set, and a copy does not know": {
			func() (int, string) { return 404, missing("manager") },
			[]sdk.Order{updateOf("user", ann, nil, links("manager", id(bob), nil)), updateOf("user", ann, nil, links("manager", nil, id(bob)))}, 1, false,
		},
		"whoever it is": {
			func() (int, string) { return 200, `{"id":"` + crew + `"}` },
			[]sdk.Order{updateOf("user", ann, nil, links("manager", nil, []sdk.ObjectKey{{}}))}, 1, false,
		},
		"who it is may not be read": {
			func() (int, string) { return 403, refusal("Authorization_RequestDenied", "Insufficient privileges") },
			[]sdk.Order{updateOf("user", ann, nil, links("manager", nil, id(bob)))}, 0, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{answer: func(r graph.Request) (int, string) {
				switch {
				case r.IsRead() && strings.Contains(r.Path(), "/manager"):
					return tc.manager()
				case r.IsRead():
					return 200, annNow
				}
				return 204, ""
			}}
			outcomes := inTurn(t, f, clock, tc.orders...)
			last := outcomes[len(outcomes)-1]
			deletes := slices.DeleteFunc(shown(f.writes()), func(r string) bool { return r != gone })
			removed := slices.ContainsFunc(last.Changes, func(c sdk.AttributeChange) bool { return c.Path == "manager" })
			if len(deletes) != tc.deletes || removed != (tc.deletes > 0) || (last.Failure != nil) != tc.failed {
				t.Errorf("sent %v, told %+v", shown(f.writes()), last)
			}
		})
	}
}

// Members of a property that has to be written as a whole are kept, though a copy does not show them yet.
func TestMembersOfAPropertyAreKept(t *testing.T) {
	clock := newClock()
	later := lateBy(clock, 2*time.Second)
	f := &fake{answer: func(r graph.Request) (int, string) {
		switch {
		case !r.IsRead():
			return 204, ""
		case later() && strings.Contains(r.Path(), ann):
			return 200, `{"employeeOrgData":{"costCenter":"C0","division":null}}` // of an earlier call
		}
		return 200, `{"employeeOrgData":null}`
	}}
	inTurn(t, f, clock, updateOf("user", ann, values("employeeOrgData/division", `"D0"`), nil),
		updateOf("user", bob, values("employeeOrgData/costCenter", `"C1"`), nil), updateOf("user", bob, values("employeeOrgData/division", `"D1"`), nil))
	var bodies []string
	for _, r := range f.writes() {
		bodies = append(bodies, string(r.Shown()))
	}
	if want := []string{
		`{"employeeOrgData":{"costCenter":"C0","division":"D0"}}`, `{"employeeOrgData":{"costCenter":"C1"}}`,
		`{"employeeOrgData":{"costCenter":"C1","division":"D1"}}`,
	}; !slices.Equal(bodies, want) {
		t.Errorf("got  %q\nwant %q", bodies, want)
	}
}

// Nobody is at a name until an order gives it to somebody, who has the old one no more.
func TestNamesThatMove(t *testing.T) {
	clock := newClock()
	f := &fake{}
	f.answer = func(r graph.Request) (int, string) {
		switch {
		case r.IsRead() && strings.HasPrefix(r.Path(), "users/new@"):
			return 404, missing("new@contoso.com")
		case r.IsRead(): // also by the old name, to a copy that is behind
			return 200, annNow
		}
		return 204, ""
	}
	byName := func(name string) sdk.ObjectKey {
		return sdk.ObjectKey{Attribute: "userPrincipalName", Value: name + "@contoso.com"}
	}
	rename := updateOf("user", ann, values("userPrincipalName", `"new@contoso.com"`), nil)
	for _, tc := range []struct {
		name    string
		deleted bool
	}{{"new", true}, {"ann", false}} {
		f.requests = nil
		remove := sdk.Order{ID: "d", Operation: sdk.Delete, Entity: "user", Key: byName(tc.name)}
		enable := sdk.Order{ID: "e", Operation: sdk.Enable, Entity: "user", Key: byName("new")}
		outcomes := inTurn(t, f, clock, enable, rename, remove)
		deleted := slices.Contains(shown(f.writes()), "DELETE users/"+ann)
		if !fault.Is(asError(outcomes[0].Failure), fault.NotFound) || outcomes[2].Failure != nil || deleted != tc.deleted || outcomes[2].Unchanged == tc.deleted {
			t.Errorf("%s: sent %v, told %+v", tc.name, shown(f.writes()), outcomes)
		}
	}
}

// What an earlier call has made may not be seen for as long as what this one makes.
func TestObjectsOfAnEarlierCall(t *testing.T) {
	for name, o := range map[string]sdk.Order{
		"deleted by name": {ID: "d", Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{Attribute: "userPrincipalName", Value: "ann@contoso.com"}},
		"a new group":     updateOf("group", crew, nil, links("members", id(bob), nil)),
		"a new member":    updateOf("group", crew, nil, links("owners", []sdk.ObjectKey{{Attribute: "userPrincipalName", Value: "ann@contoso.com"}}, nil)),
	} {
		clock := newClock()
		seen := lateBy(clock, 35*time.Second)
		f := &fake{answer: func(r graph.Request) (int, string) {
			switch {
			case !seen():
				return 404, missing(crew)
			case r.IsRead():
				return 200, annNow
			}
			return 204, ""
		}}
		if out := inTurn(t, f, clock, o)[0]; out.Failure != nil || out.Unchanged {
			t.Errorf("%s: %+v after %v", name, out, shown(f.writes()))
		}
	}
}

// A link that was added lately is removed, though a copy does not know it yet.
func TestNewLinksAreRemoved(t *testing.T) {
	const list, assignment = "users/" + ann + "/appRoleAssignments", "DELETE users/" + ann + "/appRoleAssignments/A-1"
	for name, tc := range map[string]struct {
		add, remove sdk.Order
		by          time.Duration // seen so much later
		last        string
	}{
		"app role": {updateOf("user", ann, nil, links("appRoleAssignments", id(bob), nil)),
			updateOf("user", ann, nil, links("appRoleAssignments", nil, id(bob))), 30 * time.Second, assignment},
		"app role of an earlier call": {sdk.Order{}, updateOf("user", ann, nil, links("appRoleAssignments", nil, id(bob))), 5 * time.Second, assignment},
		"member": {updateOf("group", crew, nil, links("members", id(ann), nil)), updateOf("group", crew, nil, links("members", nil, id(ann))),
			30 * time.Second, "DELETE groups/" + crew + "/members/" + ann + "/$ref"},
		"member, from the other side": {updateOf("user", ann, nil, links("memberOf", id(crew), nil)), updateOf("user", ann, nil, links("memberOf", nil, id(crew))),
			30 * time.Second, "DELETE groups/" + crew + "/members/" + ann + "/$ref"},
		"member of an earlier call": {sdk.Order{}, updateOf("group", crew, nil, links("members", nil, id(ann))), 5 * time.Second,
			"DELETE groups/" + crew + "/members/" + ann + "/$ref"},
	} {
		clock := newClock()
		seen := lateBy(clock, tc.by)
		f := &fake{answer: func(r graph.Request) (int, string) {
			switch {
			case r.Method() == "DELETE" && !seen():
				return 404, missing(ann)
			case strings.HasPrefix(r.Path(), list) && r.IsRead() && seen():
				return 200, `{"value":[{"id":"A-1","resourceId":"` + bob + `"}]}`
			case strings.HasPrefix(r.Path(), list) && r.IsRead():
				return 200, `{"value":[]}`
			}
			return 200, "{}" // both ends are there
		}}
		orders := slices.DeleteFunc([]sdk.Order{tc.add, tc.remove}, func(o sdk.Order) bool { return o.ID == "" })
		outcomes := inTurn(t, f, clock, orders...)
		sent := shown(f.writes())
		if last := outcomes[len(outcomes)-1]; last.Failure != nil || last.Unchanged || sent[len(sent)-1] != tc.last || !seen() {
			t.Errorf("%s: %+v after %v", name, last, sent)
		}
	}
}

// To remove a link that is not there takes one request, once an earlier call is long ago.
func TestNoLinkToRemove(t *testing.T) {
	clock := newClock()
	f := &fake{}
	f.answer = func(r graph.Request) (int, string) {
		if r.Method() == "DELETE" {
			return 404, missing(ann)
		}
		return 200, annNow
	}
	wait := updateOf("user", bob, values("employeeOrgData/division", `"D"`), nil) // waits for earlier calls
	out := inTurn(t, f, clock, wait, updateOf("group", crew, nil, links("members", nil, id(ann))))
	if n := len(f.writes()); !out[1].Unchanged || out[1].Failure != nil || n != 2 {
		t.Errorf("%+v after %v", out[1], shown(f.writes()))
	}
}

// What was deleted a moment ago still seems to be there; it is restored all the same.
func TestRestoreOfWhatWasDeletedLately(t *testing.T) {
	clock := newClock()
	binned := lateBy(clock, 3*time.Second)
	f := &fake{answer: func(r graph.Request) (int, string) {
		if strings.HasSuffix(r.Path(), "/restore") && !binned() {
			return 404, missing(ann)
		}
		return 200, annNow
	}}
	restore := sdk.Order{ID: "r", Operation: sdk.Restore, Entity: "user", Key: sdk.ObjectKey{ID: ann}}
	remove := sdk.Order{ID: "d", Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{ID: ann}}
	for _, orders := range [][]sdk.Order{{restore}, {remove, restore}} {
		outcomes := inTurn(t, f, clock, orders...)
		if last := outcomes[len(outcomes)-1]; last.Failure != nil || last.Unchanged {
			t.Errorf("%+v after %v", last, shown(f.writes()))
		}
	}
}

// A deletion whose answer was lost is not believed to be done because a copy does not know the object.
func TestLostDeletionOfSomethingNew(t *testing.T) {
	clock := newClock()
	seen := lateBy(clock, 20*time.Second)
	f := &fake{}
	f.answer = func(r graph.Request) (int, string) {
		switch {
		case r.Method() == "POST":
			return 201, annNow
		case strings.HasPrefix(r.Path(), "directory/deletedItems"), !seen():
			return 404, missing(ann)
		}
		return 204, ""
	}
	f.lost = func(r graph.Request) bool { return r.Method() == "DELETE" }
	made := newUser()
	made.ID = "c"
	out := inTurn(t, f, clock, made, sdk.Order{ID: "d", Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{ID: ann}})
	if !seen() || out[1].Failure != nil || out[1].Unchanged {
		t.Errorf("%+v after %v", out[1], shown(f.writes()))
	}
}

// A 404 that is not Graph's says nothing of an object.
func TestNotFoundByAProxy(t *testing.T) {
	f := &fake{answer: func(graph.Request) (int, string) { return 404, "<html>no such page</html>" }}
	for _, o := range []sdk.Order{
		{Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{ID: ann}},
		{Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{Attribute: "userPrincipalName", Value: "ann@contoso.com"}},
		updateOf("group", crew, nil, links("members", nil, id(ann))),
	} {
		out := fulfill(t, f, o)
		if !fault.Is(asError(out.Failure), fault.Unavailable) || !strings.Contains(out.Failure.Hint, "proxy") {
			text, _ := json.Marshal(out)
			t.Errorf("%s: %s", o.Operation, text)
		}
	}
}
