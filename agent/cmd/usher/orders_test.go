package main

import (
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

// inJournal calls work with the journal of the site.
func (s *site) inJournal(t *testing.T, work func(j *journal.Journal) error) {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{WorkFolder: s.options.Work, Connection: "Contoso", Clock: clocktest.At(noon)})
	if err != nil {
		t.Fatal(err)
	}
	if err := work(j); err != nil {
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// take brings orders into the journal as one intake; hold, if not empty, is why it is held.
func (s *site) take(t *testing.T, name, hold string, orders ...order.Order) {
	t.Helper()
	s.inJournal(t, func(j *journal.Journal) error {
		r, err := j.Begin(t.Context(), journal.Source{Name: name, RequestedBy: "hr@contoso.com"}, nil)
		if err != nil {
			return err
		}
		defer r.Discard() //nolint:errcheck // after Accept it does nothing
		for _, o := range orders {
			if err := r.Add(o); err != nil {
				return err
			}
		}
		_, err = r.Accept(t.Context(), func() string { return hold })
		return err
	})
}

// end ends the orders that can begin, executed unless results say something else.
func (s *site) end(t *testing.T, results map[string]order.Result) {
	t.Helper()
	s.inJournal(t, func(j *journal.Journal) error {
		for {
			ready, err := j.Ready(100)
			if err != nil || len(ready) == 0 {
				return err
			}
			if _, err := j.Start(ready); err != nil {
				return err
			}
			var ended []journal.Finished
			for _, e := range ready {
				r, ok := results[e.Order.ID]
				switch {
				case e.Verdict != nil:
					r.Fail(e.Verdict)
				case !ok:
					r = order.Result{State: order.Executed, ObjectID: "id-of-" + e.Order.ID}
				}
				ended = append(ended, journal.Finished{Seq: e.Seq, Result: r})
			}
			if err := j.Finish(ended); err != nil {
				return err
			}
		}
	})
}

func deletion(id, employee string) order.Order {
	return order.Order{ID: id, Operation: sdk.Delete, Entity: "user", Key: order.Ref{Attribute: "employeeId", Value: employee}}
}

// newOrderSite has an intake with orders that ended in all ways, one that is held, and one that waits.
func newOrderSite(t *testing.T) *site {
	t.Helper()
	s := bareSite(t)
	s.take(t, "/d/hr.json", "",
		order.Order{
			ID: "new", Operation: sdk.Create, Entity: "user", Place: "/d/hr.json:2:3", RequestedBy: "hr@contoso.com", Received: noon,
			Deadline:   noon.Add(24 * time.Hour),
			Attributes: []order.Attribute{{Path: "displayName", Value: raw(`"Ann"`)}},
			Secrets:    []order.Secret{{Path: "passwordProfile/password", Sealed: []byte("sealed")}},
			Links:      []order.Link{{Navigation: "memberOf", Add: []order.Ref{{ID: "g1"}}, Remove: []order.Ref{{Attribute: "displayName", Value: "Crew"}}}},
		},
		order.Order{
			ID: "title", Operation: sdk.Update, Entity: "user", Key: order.Ref{Order: "new"}, DependsOn: []string{"new"},
			Attributes: []order.Attribute{{Path: "jobTitle", Value: raw("null")}},
		},
		order.Order{ID: "end", Operation: sdk.RevokeSessions, Entity: "user", Key: order.Ref{ID: "u9"}, DependsOn: []string{"title"}},
		deletion("so", "3"),
	)
	s.end(t, map[string]order.Result{
		"new": {State: order.Executed, ObjectID: "u1", Details: map[string]string{"inviteRedeemUrl": "https://redeem.example", "status": "done"}},
		"title": {
			State: order.Errored, Code: fault.Invalid, Message: "Graph answered 400", Hint: "Correct the order", ObjectID: "u1",
			SystemCode: "Request_BadRequest", RequestID: "r1",
			FailedLinks: []order.FailedLink{{Navigation: "memberOf", Target: order.Ref{ID: "g1"}, Message: "it is a dynamic group"}, {Navigation: "memberOf", Target: order.Ref{ID: "g2"}, Removal: true, Message: "not allowed"}},
		},
		"so": {State: order.Executed, Unchanged: true},
	})
	s.take(t, "/d/leavers.json", "it deletes 2 objects, and 1 is allowed at once", deletion("l1", "1"), deletion("l2", "2"))
	s.take(t, "action disable-user", "", deletion("action-1", "7"))
	return s
}

func TestListOrders(t *testing.T) {
	bare := bareSite(t)
	bare.tells(t, "There are no orders of Contoso.\n", "orders", "list", "contoso")
	s := newOrderSite(t)
	s.tells(t, `3  Open   2026-03-01 12:00:00 UTC  1 order: 1 pending               action disable-user
2  Held   2026-03-01 12:00:00 UTC  2 orders: 2 held                 /d/leavers.json
1  Ended  2026-03-01 12:00:00 UTC  4 orders: 2 executed, 2 errored  /d/hr.json
`, "orders", "list", "contoso")
	s.tells(t, "3  Open  2026-03-01 12:00:00 UTC  1 order: 1 pending  action disable-user\n", "orders", "list", "Contoso", "--last", "1")
	var list struct{ Intakes []journal.Intake }
	s.gives(t, &list, "orders", "list", "Contoso")
	if len(list.Intakes) != 3 || list.Intakes[1].Reason == "" || list.Intakes[2].Errored != 2 {
		t.Errorf("listed are %+v", list)
	}
	s.refuses(t, exitUsage, fault.Invalid, "--last is how many intakes", "orders", "list", "Contoso", "--last", "-1")
	list.Intakes = nil
	if bare.gives(t, &list, "orders", "list", "Contoso"); list.Intakes == nil {
		t.Error("without orders there is no list")
	}
}

func TestShowOrders(t *testing.T) {
	s := newOrderSite(t)
	for _, tc := range []struct {
		what string
		want string
	}{
		{"1", `Intake 1: Ended, received 2026-03-01 12:00:00 UTC from /d/hr.json
4 orders: 2 executed, 2 errored
  new    Executed  create user          u1
  title  Errored   update user          u1  Graph answered 400
  end    Errored   revokeSessions user      order title, on which it depends, failed
  so     Executed  delete user
`},
		{"2", `Intake 2: Held, received 2026-03-01 12:00:00 UTC from /d/leavers.json
2 orders: 2 held
It is held: it deletes 2 objects, and 1 is allowed at once.
If it is right, 'usher orders release Contoso 2' lets it begin; if not, 'usher orders cancel Contoso 2' drops it.
  l1  Held  delete user
  l2  Held  delete user
`},
		{"new", `Order new: create user, Executed
  object           u1
  attempts         1
  started          2026-03-01 12:00:00 UTC
  finished         2026-03-01 12:00:00 UTC
  inviteRedeemUrl  https://redeem.example
  status           done
Asked for by hr@contoso.com, received 2026-03-01 12:00:00 UTC from /d/hr.json:2:3
  displayName = "Ann"
  passwordProfile/password = [hidden]
  - memberOf displayName "Crew"
  + memberOf g1
  not after 2026-03-02 12:00:00 UTC
`},
		{"title", `Order title: update user, Errored
  message     Graph answered 400
              -> Correct the order.
  object      u1
  Graph code  Request_BadRequest
  request id  r1
  attempts    1
  started     2026-03-01 12:00:00 UTC
  finished    2026-03-01 12:00:00 UTC
  not done    + memberOf g1: it is a dynamic group
  not done    - memberOf g2: not allowed
Asked for by hr@contoso.com, received 2026-03-01 12:00:00 UTC
  object what order new makes
  jobTitle = null
  after order new
`},
		{"so", `Order so: delete user, Executed
  unchanged  it was so already
  attempts   1
  started    2026-03-01 12:00:00 UTC
  finished   2026-03-01 12:00:00 UTC
Asked for by hr@contoso.com, received 2026-03-01 12:00:00 UTC
  object employeeId "3"
`},
		{"l1", `Order l1: delete user, Held
  message  it deletes 2 objects, and 1 is allowed at once
Asked for by hr@contoso.com, received 2026-03-01 12:00:00 UTC
  object employeeId "1"
`},
	} {
		s.tells(t, tc.want, "orders", "show", "contoso", tc.what)
	}
	var intake struct {
		journal.Intake
		Results []order.Result
	}
	s.gives(t, &intake, "orders", "show", "Contoso", "1")
	if len(intake.Results) != 4 || intake.Results[1].Hint != "Correct the order" || intake.Executed != 2 {
		t.Errorf("shown is %+v", intake)
	}
	var one struct {
		Order  order.Order
		Result order.Result
	}
	s.gives(t, &one, "orders", "show", "Contoso", "new")
	if one.Result.State != order.Executed || one.Order.Secrets[0].Path == "" || one.Order.Secrets[0].Sealed != nil {
		t.Errorf("shown is %+v", one)
	}
	s.refuses(t, exitFailed, fault.NotFound, "connection Contoso has no intake 99", "orders", "show", "Contoso", "99")
	s.refuses(t, exitFailed, fault.NotFound, "connection Contoso has no order 1", "orders", "show", "Contoso", "1", "--order")
	s.refuses(t, exitUsage, fault.Invalid, "Fabrikam", "orders", "list", "Fabrikam")
}

// Who decided stands in the audit log.
func TestDecisionsInAudit(t *testing.T) {
	s := newOrderSite(t)
	for _, decision := range [][2]string{{"retry", "title"}, {"release", "2"}, {"cancel", "action-1"}} {
		s.usher(t, exitDone, "orders", decision[0], "Contoso", decision[1])
	}
	s.refuses(t, exitFailed, fault.Conflict, "is not held", "orders", "release", "Contoso", "2")
	s.tells(t, `* UTC  * decided: retry: order title
    Graph answered 400
* UTC  * decided: release: intake 2, /d/leavers.json, 2 orders
    it deletes 2 objects, and 1 is allowed at once
* UTC  * decided: cancel: order action-1
`, "audit", "show", "Contoso")
	s.tells(t, "The audit log of Contoso is as it was written: 3 lines.\n*\n", "audit", "verify", "Contoso")
	s.tells(t, "Order title: update user, Pending\n*\n*\n  retried   by * at * UTC\n*\n*\n*\n*\n", "orders", "show", "Contoso", "title")
}

// A password that could not be sent is told, and can be dropped.
func TestUndeliveredPassword(t *testing.T) {
	s := newOrderSite(t)
	s.take(t, "/d/new.json", "", order.Order{
		ID: "p", Operation: sdk.Create, Entity: "user", Secrets: []order.Secret{{Path: "passwordProfile/password"}},
		Attributes: []order.Attribute{{Path: "displayName", Value: raw(`"Eve"`)}},
	})
	s.inJournal(t, func(j *journal.Journal) error {
		ready, err := j.Ready(100)
		if err != nil {
			return err
		}
		for i := range ready {
			if ready[i].Order.ID == "p" {
				ready[i].Sealed = []byte("sealed")
				ready = ready[i : i+1]
				break
			}
		}
		if _, err := j.Start(ready); err != nil {
			return err
		}
		return j.Finish([]journal.Finished{{Seq: ready[0].Seq, Result: order.Result{State: order.Executed, ObjectID: "u2"}}})
	})
	way := "'usher orders notify Contoso p' sends the password now, with --email to another address; 'usher orders drop-password Contoso p' erases it.\n"
	s.tells(t, "Order p: create user, Executed\n*\n*\n*\n*\n  password  to be sent by the next run\n"+way+"*\n*\n*\n", "orders", "show", "Contoso", "p")
	s.inJournal(t, func(j *journal.Journal) error {
		owed, err := j.OwedOf("p")
		if err != nil {
			return err
		}
		return j.NotDelivered(owed.Seq, fault.Errorf(fault.Refused, "550 no such mailbox").WithHint("Correct the address"))
	})
	s.tells(t, "Order p: create user, Executed\n*\n*\n*\n*\n  password  not sent, tried once, the last time at 2026-03-01 12:00:00 UTC: 550 no such mailbox\n            -> Correct the address.\n"+
		way+"*\n*\n*\n", "orders", "show", "Contoso", "p")
	s.refuses(t, exitUsage, fault.Invalid, "the settings name no certificate", "orders", "notify", "Contoso", "p", "--email", "ann@contoso.com")
	s.tells(t, "The password of order p of Contoso is erased, and nobody has got it. 'usher actions run Contoso reset-password' sets another one.\n", "orders", "drop-password", "Contoso", "p")
	s.refuses(t, exitFailed, fault.Conflict, "has no password that is to be delivered", "orders", "drop-password", "Contoso", "p")
	s.tells(t, "* decided: drop password: order p\n    550 no such mailbox\n", "audit", "show", "Contoso")
}

// What waits for an intake that is held says so, and how that goes on.
func TestShowWaiting(t *testing.T) {
	s := newOrderSite(t)
	s.take(t, "action revoke-sessions", "", order.Order{ID: "now", Operation: sdk.RevokeSessions, Entity: "user", Key: order.Ref{Attribute: "employeeId", Value: "1"}})
	s.tells(t, `Order now: revokeSessions user, Pending
It waits for order l1 of intake 2, which is held.
That intake is held: it deletes 2 objects, and 1 is allowed at once.
If it is right, 'usher orders release Contoso 2' lets it begin; if not, 'usher orders cancel Contoso 2' drops it.
*
  object employeeId "1"
`, "orders", "show", "Contoso", "now")
	s.tells(t, "Intake 4: *\n1 order: 1 pending\n  now  Pending  revokeSessions user    it waits for order l1 of intake 2, which is held\n", "orders", "show", "Contoso", "4")
	var shown struct{ WaitsFor *journal.Wait }
	if s.gives(t, &shown, "orders", "show", "Contoso", "now"); shown.WaitsFor == nil || *shown.WaitsFor != (journal.Wait{Order: "l1", Intake: 2, State: order.Held}) {
		t.Errorf("it waits for %+v", shown.WaitsFor)
	}
	s.inJournal(t, func(j *journal.Journal) error {
		_, err := j.Release(2, "ann")
		return err
	})
	s.tells(t, "Order now: revokeSessions user, Pending\nIt waits for order l1 of intake 2, which has not ended.\n*\n*\n", "orders", "show", "Contoso", "now")
}

// What somebody else wrote does nothing to a terminal.
func TestControlCharacters(t *testing.T) {
	s := newOrderSite(t)
	s.refuses(t, exitFailed, fault.NotFound, `has no order nope\x1b[31m`, "orders", "show", "Contoso", "nope\x1b[31m")
	s.take(t, "odd\x1b[31m.json", "", deletion("odd", "8"))
	s.tells(t, `4  Open  * odd\x1b[31m.json`+"\n", "orders", "list", "Contoso", "--last", "1")
	refusal := order.Refusal{Source: "orders.json"}
	refusal.Add(order.Problem{Place: "orders.json:1:2", Order: "a\tb\nc", Message: "the id contains a control character"})
	same(t, "a refused id", said(func(p *program) { p.printError(refusal.Err()) }), `
! usher: orders.json is refused, nothing of it was accepted
! usher: orders.json:1:2: order a\tb\nc: the id contains a control character
`)
	for text, want := range map[string]string{"": "", "Zoë 'it'\n": "Zoë 'it'\n", "a\r\u009b1mb\u202e": `a\r\u009b1mb\u202e`, "\xff\a": "\xff" + `\a`} {
		if got := visible(text, "\n"); got != want {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// What was asked for is forgotten after its time, the result is not.
func TestForgottenOrder(t *testing.T) {
	s := newOrderSite(t)
	s.inJournal(t, func(j *journal.Journal) error {
		if err := j.Reported(1); err != nil {
			return err
		}
		return j.Compact(t.Context(), noon.Add(time.Hour))
	})
	s.tells(t, "Order so: delete user, Executed\n*\n*\n*\n*\nWhat it asked for is forgotten (OrderRetention).\n", "orders", "show", "Contoso", "so")
	s.refuses(t, exitFailed, fault.Conflict, "what it asked for is forgotten", "orders", "retry", "Contoso", "title")
}

func TestDecideOnOrders(t *testing.T) {
	s := newOrderSite(t)
	s.tells(t, "2 orders of intake 1 of Contoso begin again.\nThe next 'usher fulfill Contoso' carries them out, or a watch that runs.\n", "orders", "retry", "contoso", "1")
	s.tells(t, "No order of intake 1 of Contoso has failed: nothing begins again.\n", "orders", "retry", "Contoso", "1")
	s.refuses(t, exitFailed, fault.Conflict, "order title cannot be retried: it is Pending", "orders", "retry", "Contoso", "title")
	s.refuses(t, exitFailed, fault.Conflict, "intake 1 of connection Contoso is not held", "orders", "cancel", "Contoso", "1")
	s.refuses(t, exitUsage, fault.Invalid, "an intake is released as a whole: name it by its number", "orders", "release", "Contoso", "l1")
	s.tells(t, "Intake 2 of Contoso is canceled.\nThe next 'usher fulfill Contoso' writes the results, or a watch that runs.\n", "orders", "cancel", "Contoso", "2")
	s.tells(t, `Intake 2: Canceled, received 2026-03-01 12:00:00 UTC from /d/leavers.json
2 orders: 2 canceled
It was held: it deletes 2 objects, and 1 is allowed at once; * decided on it at * UTC.
  l1  Canceled  delete user    canceled by *
  l2  Canceled  delete user    canceled by *
`, "orders", "show", "Contoso", "2")
	s.tells(t, "Order l1 of Contoso begins again.\nThe next 'usher fulfill Contoso' carries it out, or a watch that runs.\n", "orders", "retry", "Contoso", "l1")
	s.tells(t, "Order action-1 of Contoso is canceled.\nThe next 'usher fulfill Contoso' writes the results, or a watch that runs.\n", "orders", "cancel", "Contoso", "action-1")
	s.refuses(t, exitFailed, fault.Conflict, "order so cannot be canceled: it was begun already", "orders", "cancel", "Contoso", "so")

	s = newOrderSite(t)
	s.tells(t, "Intake 2 of Contoso is released.\nThe next 'usher fulfill Contoso' carries it out, or a watch that runs.\n", "orders", "release", "Contoso", "2")
	s.refuses(t, exitFailed, fault.Conflict, "intake 2 of connection Contoso is not held", "orders", "release", "Contoso", "2")
	s.tells(t, "Intake 2: Open, *\n2 orders: 2 pending\nIt was held: *; * decided on it at * UTC.\n  l1  Pending  delete user\n  l2  Pending  delete user\n", "orders", "show", "Contoso", "2")
	s.end(t, map[string]order.Result{"l1": {State: order.Errored, Message: "no"}})
	s.tells(t, "1 order of intake 2 of Contoso begins again.\nThe next 'usher fulfill Contoso' carries it out, or a watch that runs.\n", "orders", "retry", "Contoso", "2")

	for command, want := range map[string]decision{
		"release 2":       {Connection: "Contoso", Intake: 2, State: "released"},
		"cancel 2":        {Connection: "Contoso", Intake: 2, State: "canceled"},
		"cancel action-1": {Connection: "Contoso", Order: "action-1", State: "canceled"},
		"retry 1":         {Connection: "Contoso", Intake: 1, State: "retried", Retried: 2},
		"retry 2":         {Connection: "Contoso", Intake: 2, State: "retried"},
		"retry title":     {Connection: "Contoso", Order: "title", State: "retried"},
	} {
		what, subject, _ := strings.Cut(command, " ")
		var got decision
		if newOrderSite(t).gives(t, &got, "orders", what, "Contoso", subject); got != want {
			t.Errorf("%s gives %+v, want %+v", command, got, want)
		}
	}
}
