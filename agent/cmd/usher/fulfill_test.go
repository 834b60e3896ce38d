package main

import (
	"bytes"
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

// A plan tells what each order would change, in the sequence of the file, and counts the rest.
func TestPrintPlan(t *testing.T) {
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	planned := []struct {
		order   order.Order
		preview sdk.Preview
	}{
		{order.Order{ID: "2", Operation: sdk.Disable, Entity: "user", Place: "/d/a.json:3:1"}, sdk.Preview{Unchanged: true, Title: "Bob"}},
		{
			order.Order{ID: "1", Operation: sdk.Create, Entity: "user", Place: "/d/a.json:2:1", Links: []order.Link{{Navigation: "memberOf"}}},
			sdk.Preview{Title: "ann@contoso.com", Changes: []sdk.AttributeChange{
				{Path: "displayName", Before: raw("null"), After: raw(`"Ann"`)}, {Path: "memberOf", After: raw(`"new: what order 0 makes"`)},
			}},
		},
		{
			order.Order{ID: "5", Operation: sdk.Update, Entity: "user", Key: order.Ref{Attribute: "employeeId", Value: "7"}, Place: "/d/b.json:10:5"},
			sdk.Preview{Failure: &fault.Error{Code: fault.NotFound, Message: "there is no user", Hint: "Create it"}},
		},
		{
			order.Order{ID: "4", Operation: sdk.Delete, Entity: "group", Place: "/d/b.json:9:5"},
			sdk.Preview{Title: "Old project", ObjectID: "g"},
		},
		{
			order.Order{ID: "3", Operation: sdk.Update, Entity: "group", Place: "/d/b.json:2:5", Links: []order.Link{{Navigation: "members"}}},
			sdk.Preview{Title: "Crew", Changes: []sdk.AttributeChange{
				{Path: "description", Before: raw(`"A"`), After: raw(`null`)}, {Path: "members", Before: raw(`["m1"]`), After: raw(`["m2","m3"]`)},
			}},
		},
	}
	var result planResult
	for _, p := range planned {
		result.add(p.order, p.preview)
	}
	result.sort()
	var out bytes.Buffer
	p := &program{stdout: &out}
	p.printPlan(result)
	want := `+ create user ann@contoso.com  (order 1)
    displayName = "Ann"
    + memberOf new: what order 0 makes
~ update group Crew  (order 3)
    description: "A" -> null
    - members m1
    + members m2
    + members m3
- delete group Old project  (order 4)
! update user employeeId "7": would fail: there is no user  (order 5)
    Create it.
1 to create, 1 to change, 1 to delete, 1 as they should be already, 1 would fail. Nothing was changed.
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What comes first of several things that need a decision.
func TestFulfilledCode(t *testing.T) {
	refused := job.TakenFile{Refused: fault.Errorf(fault.Invalid, "no")}
	held := job.TakenFile{Intake: journal.Intake{State: journal.IntakeHeld, Orders: 1}}
	failed := job.TakenFile{Intake: journal.Intake{State: journal.IntakeOpen, Orders: 2, Executed: 1, Errored: 1}}
	good := job.TakenFile{Intake: journal.Intake{State: journal.IntakeOpen, Orders: 2, Executed: 2}}
	for _, tc := range []struct {
		files []job.TakenFile
		run   fulfill.Report
		want  int
	}{
		{nil, fulfill.Report{}, exitDone},
		{[]job.TakenFile{good}, fulfill.Report{Executed: 2}, exitDone},
		{[]job.TakenFile{good}, fulfill.Report{Errored: 1}, exitFailed},
		{[]job.TakenFile{good, failed}, fulfill.Report{}, exitFailed},
		{[]job.TakenFile{failed, held}, fulfill.Report{}, exitHeld},
		{[]job.TakenFile{failed, held, refused}, fulfill.Report{}, exitUsage},
	} {
		if got := fulfilledCode(job.Fulfilled{Files: tc.files, Run: tc.run}); got != tc.want {
			t.Errorf("%+v: exit code %d, want %d", tc, got, tc.want)
		}
	}
}

func TestFulfillUsage(t *testing.T) {
	for _, arguments := range []string{
		"fulfill", "fulfill Contoso --plan", "fulfill Contoso --plan --watch", "fulfill Contoso --watch orders.json", "orders show Contoso",
		"orders release Contoso", "actions run Contoso", "actions run Contoso get-user --input {", "audit verify",
	} {
		if code, _, stderr := invoke(t, strings.Fields(arguments)...); code != exitUsage || !strings.Contains(stderr, "--help") {
			t.Errorf("usher %s: exit code %d, %q", arguments, code, stderr)
		}
	}
}

func TestOrderLines(t *testing.T) {
	var got []string
	l := &orderLines{write: func(line string) { got = append(got, line) }}
	at := func(elapsed time.Duration) fulfill.Snapshot {
		return fulfill.Snapshot{
			Elapsed: elapsed, Executed: 10, Errored: 2, Pending: 8, UnderWay: 3, Requests: 5, Throttled: 1500 * time.Millisecond,
			Waiting: 30 * time.Second, Reason: "429 of Graph",
		}
	}
	l.show(at(time.Second))
	l.show(at(3 * time.Second)) // too soon
	l.show(fulfill.Snapshot{Elapsed: 9 * time.Second})
	want := "    1 s  12 of 20 orders, 2 errored; 5 requests, held back 1.5s, waiting 30s: 429 of Graph"
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Every problem of a refused file is told.
func TestRefusalFailures(t *testing.T) {
	refusal := order.Refusal{Source: "orders.json"}
	for range order.MaxProblems + 1 {
		refusal.Add(order.Problem{Place: "orders.json:1:2", Order: "x", Message: "no key", Hint: "Give one"})
	}
	all := failures(refusal.Err())
	if len(all) != order.MaxProblems+1 || !strings.Contains(all[0].Message, "101 problems, of which the first 100 are") ||
		all[1].Message != "orders.json:1:2: order x: no key" || all[1].Hint != "Give one" {
		t.Errorf("got %d failures, %+v", len(all), all[:2])
	}
}
