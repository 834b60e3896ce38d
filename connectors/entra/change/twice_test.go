package change_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/change"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func newUnit() sdk.Order {
	return sdk.Order{Operation: sdk.Create, Entity: "administrativeUnit", Attributes: values("displayName", `"Sales"`)}
}

// An administrative unit that was there before is not taken for the one that an order makes.
func TestUnitThatWasThere(t *testing.T) {
	const old, made = `{"id":"` + crew + `","displayName":"Sales"}`, `{"id":"` + ann + `","displayName":"Sales"}`
	for name, tc := range map[string]struct {
		arrives int // the attempt that is carried out
		answers int // the first attempt that is answered
		posts   int
	}{"the creation never arrived": {2, 2, 2}, "its answer was lost": {1, 9, 1}} {
		posts := 0
		f := &fake{answer: func(r graph.Request) (int, string) {
			switch {
			case r.IsRead() && posts >= tc.arrives:
				return 200, `{"value":[` + old + "," + made + `]}`
			case r.IsRead():
				return 200, `{"value":[` + old + `]}`
			}
			if posts++; posts < tc.answers {
				return 0, ""
			}
			return 201, made
		}}
		if out := fulfill(t, f, newUnit()); out.ObjectID != ann || out.Failure != nil || posts != tc.posts {
			t.Errorf("%s: %+v after %d attempts", name, out, posts)
		}
	}
}

// directory is a Graph in which groups can be alike. Some creations are lost before or after they are
// carried out.
type directory struct {
	mu           sync.Mutex
	groups       []string
	before, once map[int]bool // creations lost before, and after they were carried out
	posts        int
}

func (d *directory) answer(r graph.Request) (int, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.IsRead() {
		return 200, `{"value":[` + strings.Join(d.groups, ",") + `]}`
	}
	d.posts++
	if d.before[d.posts] {
		return 0, ""
	}
	group := strings.Replace(crewNow, crew, fmt.Sprintf("cccccccc-0000-0000-0000-%012d", len(d.groups)+1), 1)
	d.groups = append(d.groups, group)
	if d.once[d.posts] {
		return 0, ""
	}
	return 201, group
}

// Each of several orders for equal groups makes one of its own, whatever is lost.
func TestEqualGroups(t *testing.T) {
	for _, d := range []*directory{
		{before: map[int]bool{2: true}},
		{before: map[int]bool{1: true, 3: true}, once: map[int]bool{2: true, 5: true}},
	} {
		var orders []sdk.Order
		for n := range 4 {
			o := newGroup()
			o.ID = fmt.Sprint(n)
			orders = append(orders, o)
		}
		ids := map[string]bool{}
		err := change.New(&fake{answer: d.answer}, newClock(), time.Time{}).Fulfill(t.Context(), &source{orders}, func(o sdk.Outcome) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			ids[o.ObjectID] = true
			return nil
		})
		if err != nil || len(ids) != 4 || len(d.groups) != 4 {
			t.Errorf("4 orders have %d groups of %d, %v", len(ids), len(d.groups), err)
		}
	}
}

// A group that has the uniqueName is not touched, unless an earlier attempt has made it.
func TestUniqueNameThatIsInUse(t *testing.T) {
	theirs := strings.Replace(crewNow, "Crew", "Payroll", 1)
	old := strings.Replace(crewNow, "2026-05-01", "2020-05-01", 1)
	ours := strings.Replace(crewNow, `"displayName"`, `"uniqueName":"crew-1","displayName"`, 1)
	created := "201" + ours
	for name, tc := range map[string]struct {
		uncertain, lost bool
		reads           []string // the last one for ever
		upsert          string
		code            fault.Code
		writes          int
	}{
		"free":                       {false, false, []string{""}, created, "", 1},
		"somebody's":                 {false, false, []string{ours}, "", fault.Conflict, 0},
		"lost and done":              {false, true, []string{"", "", ours}, "204", "", 1},
		"somebody's, a moment later": {false, false, []string{"", ours}, "204", fault.Conflict, 1},
		"earlier and done":           {true, false, []string{ours}, "", "", 0},
		"earlier and not done":       {true, false, []string{""}, created, "", 1},
		"earlier, seen late":         {true, false, []string{"", "", ours}, "204", "", 1},
		"earlier, somebody's":        {true, false, []string{theirs}, "", fault.Conflict, 0},
		"earlier, an old one":        {true, false, []string{strings.Replace(old, `"displayName"`, `"uniqueName":"crew-1","displayName"`, 1)}, "", fault.Conflict, 0},
	} {
		f := &fake{lost: func(r graph.Request) bool { return tc.lost && !r.IsRead() }}
		f.answer = func(r graph.Request) (int, string) {
			if !r.IsRead() {
				return int(tc.upsert[0]-'0')*100 + int(tc.upsert[2]-'0'), tc.upsert[3:]
			}
			now := tc.reads[0]
			if len(tc.reads) > 1 {
				tc.reads = tc.reads[1:]
			}
			if now == "" {
				return 404, missing("crew-1")
			}
			return 200, now
		}
		o := newGroup()
		o.Attributes = append(o.Attributes, values("uniqueName", `"crew-1"`)...)
		if o.Uncertain = tc.uncertain; tc.uncertain {
			o.FirstAttempt = time.Date(2026, 5, 1, 7, 59, 0, 0, time.UTC)
		}
		out := fulfill(t, f, o)
		if fault.CodeOf(asError(out.Failure)) != tc.code || len(f.writes()) != tc.writes || out.Unchanged {
			t.Errorf("%s: %+v after %v", name, out, shown(f.writes()))
		}
		if tc.code == "" && out.ObjectID != crew || tc.code != "" && !strings.Contains(out.Failure.Message, crew) {
			t.Errorf("%s: the object is %q, %v", name, out.ObjectID, out.Failure)
		}
	}
}

// Entra adds the sign-in name to the identities of a user that an order has given.
func TestOwnUserWithIdentities(t *testing.T) {
	const given = `{"signInType":"emailAddress","issuer":"contoso.com","issuerAssignedId":"A@x.com"}`
	now := strings.Replace(annNow, `"displayName"`,
		`"identities":[`+strings.ToLower(given)+`,{"signInType":"userPrincipalName","issuer":"contoso.com","issuerAssignedId":"ann@contoso.com"}],"displayName"`, 1)
	now = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(now, "signintype", "signInType"), "issuerassignedid", "issuerAssignedId"), "emailaddress", "emailAddress")
	f := &fake{answer: func(r graph.Request) (int, string) {
		if r.IsRead() {
			return 200, now
		}
		return 0, ""
	}}
	o := newUser()
	o.Attributes = append(o.Attributes, values("identities", "["+given+"]")...)
	if out := fulfill(t, f, o); out.Failure != nil || out.ObjectID != ann || len(f.writes()) != 1 {
		t.Errorf("%+v after %v", out, shown(f.writes()))
	}
}

// Who may not look after a lost answer is told so, and that the object may be there.
func TestCreationThatMayNotBeLookedFor(t *testing.T) {
	f := &fake{answer: func(r graph.Request) (int, string) {
		if r.IsRead() {
			return 403, refusal("Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		}
		return 0, ""
	}}
	out := fulfill(t, f, newGroup())
	if !fault.Is(asError(out.Failure), fault.Forbidden) || !strings.Contains(out.Failure.Message, "may have been created") || !strings.Contains(out.Failure.Hint, "GroupMember.Read.All") {
		t.Errorf("%+v", out.Failure)
	}
}

// One request that Graph does not get along with fails its own order alone.
func TestOneBadOrder(t *testing.T) {
	for _, tc := range []struct {
		status, writes int
		code           fault.Code
		words          string
	}{
		{500, 8, fault.Unavailable, "may have been done"},
		{501, 1, fault.Refused, ""},
		{507, 1, fault.Refused, ""},
	} {
		f := &fake{answer: func(r graph.Request) (int, string) {
			switch {
			case r.IsRead():
				return 200, `{"value":[]}`
			case r.Path() == "groups", r.Path() == "invitations":
				return tc.status, refusal("UnknownError", "x")
			}
			return 204, ""
		}}
		guest := sdk.Order{Operation: sdk.Invite, Entity: "user", Attributes: values("invitedUserEmailAddress", `"g@example.org"`, "inviteRedirectUrl", `"https://example.org"`)}
		for _, bad := range []sdk.Order{newGroup(), guest} {
			f.requests = nil
			bad.ID = "bad"
			outcomes := inTurn(t, f, newClock(), bad, sdk.Order{ID: "good", Operation: sdk.Disable, Entity: "user", Key: sdk.ObjectKey{ID: ann}})
			failure := outcomes[0].Failure
			if outcomes[1].Failure != nil || !fault.Is(asError(failure), tc.code) || !strings.Contains(failure.Message, tc.words) || len(f.writes()) != tc.writes+1 {
				t.Errorf("%d: %+v after %v", tc.status, outcomes, shown(f.writes()))
			}
		}
	}
}

// A plan tells what execution does: of a manager, of licences with other plans, of app roles.
func TestPreviewOfLinks(t *testing.T) {
	const role, another = "11111111-0000-0000-0000-000000000001", "11111111-0000-0000-0000-000000000002"
	f := &fake{answer: func(r graph.Request) (int, string) {
		switch {
		case strings.Contains(r.Path(), "appRoleAssignments"):
			return 200, `{"value":[{"id":"A-1","resourceId":"` + bob + `","appRoleId":"` + role + `"}]}`
		case strings.Contains(r.Path(), "/manager"):
			return 200, `{"id":"` + bob + `"}`
		}
		return 200, `{"id":"` + ann + `","assignedLicenses":[{"skuId":"` + crew + `","disabledPlans":["` + another + `","` + role + `"]}]}`
	}}
	with := func(l []sdk.LinkChange, detail string) []sdk.LinkChange {
		l[0].Details = []json.RawMessage{json.RawMessage(detail)}
		return l
	}
	bobs, crews := `["`+bob+`"]`, `["`+crew+`"]`
	var wanted []string
	var orders []sdk.Order
	for _, tc := range []struct {
		links []sdk.LinkChange
		want  string
	}{
		{links("manager", nil, id(crew)), "="},
		{links("manager", nil, id(bob)), "manager " + bobs + ">"},
		{links("manager", nil, []sdk.ObjectKey{{}}), "manager " + bobs + ">"},
		{links("manager", id(crew), nil), "manager " + bobs + ">" + crews},
		{with(links("assignedLicenses", id(crew), nil), `{"disabledPlans":["`+role+`","`+another+`"]}`), "="},
		{with(links("assignedLicenses", id(crew), nil), `{"disabledPlans":["`+role+`"]}`), "assignedLicenses >" + crews},
		{with(links("appRoleAssignments", id(bob), nil), `{"appRoleId":"`+role+`"}`), "="},
		{with(links("appRoleAssignments", id(bob), nil), `{"appRoleId":"`+another+`"}`), "appRoleAssignments >" + bobs},
		{links("appRoleAssignments", nil, []sdk.ObjectKey{{Attribute: "assignmentId", Value: "A-1"}}), "appRoleAssignments " + bobs + ">"},
		{links("appRoleAssignments", nil, []sdk.ObjectKey{{Attribute: "assignmentId", Value: "A-2"}}), "="},
		{links("appRoleAssignments", nil, id(bob)), "appRoleAssignments " + bobs + ">"},
	} {
		o := updateOf("user", ann, nil, tc.links)
		o.ID = fmt.Sprint(len(orders))
		orders, wanted = append(orders, o), append(wanted, tc.want)
	}
	err := change.New(f, newClock(), time.Time{}).Preview(t.Context(), orders, func(p sdk.Preview) error {
		n, _ := strconv.Atoi(p.Order)
		if got := strings.TrimPrefix(told(p), " @ "); got != wanted[n] {
			t.Errorf("%+v\ngot  %s\nwant %s", orders[n].Links, got, wanted[n])
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
