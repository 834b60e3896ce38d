package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/job"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// planned is the plan of orders.
func planned(all ...fulfill.Previewed) planResult {
	r := planResult{Connection: "Contoso", Orders: []plannedOrder{}}
	for _, p := range all {
		r.add(p)
	}
	return r
}

func raw(text string) json.RawMessage { return json.RawMessage(text) }

// changes makes changes of pairs of path, value before and value after.
func changes(all ...string) (list []sdk.AttributeChange) {
	for i := 0; i < len(all); i += 3 {
		list = append(list, sdk.AttributeChange{Path: all[i], Before: raw(all[i+1]), After: raw(all[i+2])})
	}
	return list
}

// Each kind of order, as a person reads what it would do.
func TestPrintPlanned(t *testing.T) {
	links := func(navigations ...string) (list []order.Link) {
		for _, n := range navigations {
			list = append(list, order.Link{Navigation: n})
		}
		return list
	}
	upn := order.Ref{Attribute: "userPrincipalName", Value: "ann@contoso.com"}
	for _, tc := range []struct {
		operation sdk.Operation
		entity    string
		links     []order.Link
		key       order.Ref
		preview   sdk.Preview
		want      string
	}{
		{sdk.Create, "user", links("memberOf"), order.Ref{}, sdk.Preview{
			Title: "ann@contoso.com", Changes: changes("displayName", "null", `"Ann"`, "passwordProfile/password", "", `"***"`, "memberOf", "", `["a group"]`),
		}, `
+ create user ann@contoso.com  (order 1)
    displayName = "Ann"
    passwordProfile/password = "***"
    + memberOf a group
`},
		{sdk.Create, "group", nil, order.Ref{}, sdk.Preview{}, "+ create group  (order 1)\n"},
		{sdk.Invite, "user", nil, order.Ref{}, sdk.Preview{Title: "eve@home.example", Changes: changes("invitedUserEmailAddress", "null", `"eve@home.example"`)}, `
+ invite user eve@home.example  (order 1)
    invitedUserEmailAddress = "eve@home.example"
`},
		{sdk.Restore, "user", nil, order.Ref{ID: "0a1b"}, sdk.Preview{ObjectID: "0a1b"}, "~ restore user 0a1b  (order 1)\n"},
		{sdk.Update, "user", links("manager", "assignedLicenses"), upn, sdk.Preview{
			Title:   "Ann",
			Changes: changes("jobTitle", `"Analyst"`, "null", "businessPhones", "[]", `["1"]`, "hireDate", "", `"2026-01-01"`, "manager", `["m1"]`, `["m2"]`, "assignedLicenses", `["E3"]`, ""),
		}, `
~ update user Ann  (order 1)
    jobTitle: "Analyst" -> null
    businessPhones: [] -> ["1"]
    hireDate = "2026-01-01"
    - manager m1
    + manager m2
    - assignedLicenses E3
`},
		{sdk.Update, "group", nil, order.Ref{Order: "0"}, sdk.Preview{Title: "what order 0 makes"}, "~ update group what order 0 makes  (order 1)\n"},
		{sdk.Enable, "user", nil, upn, sdk.Preview{Changes: changes("accountEnabled", "false", "true")}, `
~ enable user userPrincipalName "ann@contoso.com"  (order 1)
    accountEnabled: false -> true
`},
		{sdk.Disable, "user", nil, upn, sdk.Preview{Title: "Ann", Changes: changes("accountEnabled", "true", "false")}, `
~ disable user Ann  (order 1)
    accountEnabled: true -> false
`},
		{sdk.RevokeSessions, "user", nil, upn, sdk.Preview{Title: "Ann"}, "~ revokeSessions user Ann  (order 1)\n"},
		{sdk.SetPassword, "user", nil, upn, sdk.Preview{Title: "Ann", Changes: changes("passwordProfile/password", "", `"***"`)}, `
~ setPassword user Ann  (order 1)
    passwordProfile/password = "***"
`},
		{sdk.Delete, "group", nil, order.Ref{ID: "0a1b"}, sdk.Preview{Title: "Old project", ObjectID: "0a1b"}, "- delete group Old project  (order 1)\n"},
		{sdk.Delete, "user", nil, upn, sdk.Preview{Unchanged: true, Title: "Ann"}, ""},
		{sdk.Update, "user", nil, upn, sdk.Preview{Failure: fault.Errorf(fault.NotFound, "there is no user").WithHint("Create it first")}, `
! update user userPrincipalName "ann@contoso.com": would fail: there is no user  (order 1)
    Create it first.
`},
	} {
		plan := planned(fulfill.Previewed{
			Order: order.Order{ID: "1", Operation: tc.operation, Entity: tc.entity, Links: tc.links, Key: tc.key}, Preview: tc.preview,
		})
		got := said(func(p *program) { p.printPlanned("Contoso", plan.Orders[0]) })
		same(t, "the plan of "+string(tc.operation), got, tc.want)
	}
}

// What would change nothing is only counted.
func TestPrintPlan(t *testing.T) {
	at := func(id, place string, operation sdk.Operation, v sdk.Preview) fulfill.Previewed {
		return fulfill.Previewed{Order: order.Order{ID: id, Operation: operation, Entity: "user", Place: place}, Preview: v}
	}
	came := func(id string, r order.Result) fulfill.Previewed {
		p := at(id, "", sdk.Update, sdk.Preview{Unchanged: true})
		p.Answer = &r
		return p
	}
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	plan := planned(
		at("1", "/d/a.json:2:1", sdk.Create, sdk.Preview{Title: "Ann"}),
		at("2", "/d/a.json:3:1", sdk.Disable, sdk.Preview{Unchanged: true, Title: "Bob"}),
		at("3", "/d/b.json:2:5", sdk.Update, sdk.Preview{Title: "Eve"}),
		at("5", "/d/b.json:9:5", sdk.Delete, sdk.Preview{Title: "Carl"}),
		at("6", "/d/b.json:10:5", sdk.Update, sdk.Preview{Failure: &fault.Error{Code: fault.NotFound, Message: "there is no user"}}),
		came("7", order.Result{State: order.Executed, Finished: day}),
		came("8", order.Result{State: order.Errored, Finished: day, Message: "no licence is left"}),
		came("9", order.Result{State: order.Held, Message: "it deletes 3 objects, and 2 are allowed at once"}),
	)
	refusal := order.Refusal{Source: "/d/c.json"}
	refusal.Add(order.Problem{Place: "/d/c.json:3:5", Order: "9", Message: "it names no entity"})
	files := []job.TakenFile{
		{Path: "/d/a.json", Intake: journal.Intake{State: journal.IntakeHeld, Reason: "it deletes 2 objects, and 1 are allowed at once"}},
		{Path: "/d/b.json", Intake: journal.Intake{State: journal.IntakeOpen, Answered: journal.Answered{Orders: 2, First: day, Last: day}}},
		{Path: "/d/c.json", Refused: refusal.Err()},
	}
	for _, f := range files {
		plan.addFile(f)
	}
	same(t, "a plan", said(func(p *program) { p.printPlan(plan, files) }), `
+ create user Ann  (order 1)
~ update user Eve  (order 3)
- delete user Carl  (order 5)
! update user: would fail: there is no user  (order 6)
! update user: errored already on 2026-03-01, and is not tried again: no licence is left  (order 8)
    'usher orders retry Contoso 8 --order' lets it begin again.
! update user: came before and is held: it deletes 3 objects, and 2 are allowed at once  (order 9)
/d/a.json would be held: it deletes 2 objects, and 1 are allowed at once.
/d/b.json: 2 orders came before and are answered by their first results of 2026-03-01: nothing to do.
! usher: /d/c.json is refused, nothing of it was accepted
! usher: /d/c.json:3:5: order 9: it names no entity
1 to create, 1 to change, 1 to delete, 1 as they should be already, 1 would fail. Nothing was changed.
`)
	same(t, "an empty plan", said(func(p *program) { p.printPlan(planned(), nil) }), "0 to create, 0 to change, 0 to delete, 0 as they should be already. Nothing was changed.\n")
	same(t, "the plan of a refused file", said(func(p *program) { p.printPlan(planned(), files[2:]) }), "! usher: /d/c.json is refused, nothing of it was accepted\n! usher: /d/c.json:3:5: order 9: it names no entity\n")
	text, err := json.Marshal(plan)
	for _, want := range []string{
		`"create":1,"change":1,"delete":1,"unchanged":1,"fail":1,"answered":3`,
		`{"order":"2","place":"/d/a.json:3:1","operation":"disable","entity":"user","title":"Bob","unchanged":true}`,
		`"error":{"code":"not_found","message":"there is no user"}`,
		`"answered":{"state":"Errored","finished":"2026-03-01T12:00:00Z","message":"no licence is left"}`,
		`{"file":"/d/a.json","state":"Held","reason":"it deletes 2 objects, and 1 are allowed at once"}`,
		`{"file":"/d/c.json","state":"Refused","errors":[{"code":"invalid"`,
	} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s is not in\n%s, %v", want, text, err)
		}
	}
}
