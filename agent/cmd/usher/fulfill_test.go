package main

import (
	"bytes"
	"io"
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

// said prints for a person and returns what stands on both outputs, errors and warnings marked.
func said(say func(p *program)) string {
	var all bytes.Buffer
	say(&program{stdout: &all, stderr: marked{&all}})
	return all.String()
}

// marked marks lines of standard error.
type marked struct{ to io.Writer }

func (m marked) Write(text []byte) (int, error) {
	for line := range strings.Lines(string(text)) {
		if _, err := io.WriteString(m.to, "! "+line); err != nil {
			return 0, err
		}
	}
	return len(text), nil
}

// same compares what was printed.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("%s prints\n%s\nwant\n%s", what, got, want)
	}
}

// What became of files and of the run, as a person reads it.
func TestPrintFulfilled(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ran := func(r fulfill.Report) fulfill.Report {
		r.Started, r.Finished = at, at.Add(1234*time.Millisecond)
		return r
	}
	in := func(n uint64, state journal.IntakeState) journal.Intake {
		return journal.Intake{Number: n, State: state, Source: journal.Source{Name: "/d/hr.json"}}
	}
	ended, mixed, held, repeated := in(1, journal.IntakeOpen), in(2, journal.IntakeOpen), in(3, journal.IntakeHeld), in(4, journal.IntakeOpen)
	ended.Orders, ended.Executed = 1, 1
	again := ended
	again.Answered = journal.Answered{Orders: 1, First: at, Last: at}
	mixed.Orders, mixed.Executed, mixed.Errored, mixed.Canceled = 6, 3, 2, 1
	held.Orders, held.Reason = 3, "it deletes 3 objects, and 2 are allowed at once"
	repeated.Orders = 3
	refusal := order.Refusal{Source: "/d/bad.json"}
	refusal.Add(order.Problem{Place: "/d/bad.json:2:3", Order: "7", Message: "the key is missing", Hint: "Say which object it is about"})
	for _, tc := range []struct {
		name string
		done job.Fulfilled
		err  error
		code int
		want string
	}{
		{"done", job.Fulfilled{Files: []job.TakenFile{{Path: "/d/hr.json", Intake: ended}}, Ran: true, Run: ran(fulfill.Report{Executed: 1, Requests: 2})}, nil, exitDone, `
/d/hr.json: intake 1, 1 order: 1 executed
  results: /d/hr.json.results.csv
Carried out 1 order in 1.23s: 1 executed, 0 errored; 2 requests.
`},
		{"of all kinds", job.Fulfilled{Files: []job.TakenFile{{Path: "/d/hr.json", Intake: mixed}}, Ran: true, Run: ran(fulfill.Report{
			Executed: 3, Unchanged: 1, Errored: 2, Requests: 1, Throttled: 2345 * time.Millisecond,
		}), Warnings: []sdk.Warning{{Message: "1 password could not be sent: no host", Hint: "Correct Host"}}}, nil, exitFailed, `
! warning: 1 password could not be sent: no host
!          Correct Host.
/d/hr.json: intake 2, 6 orders: 3 executed, 2 errored, 1 canceled
  results: /d/hr.json.results.csv
Carried out 5 orders in 1.23s: 3 executed (1 of them without a change: it was so already), 2 errored; 1 request, held back by Graph for 2.3s.
`},
		{"the same again", job.Fulfilled{Files: []job.TakenFile{{Path: "/d/hr.json", Intake: again}}, Ran: true, Run: ran(fulfill.Report{})}, nil, exitDone, `
/d/hr.json: intake 1, 1 order: 1 executed
  1 order came before and is answered by its first result of 2026-03-01
  results: /d/hr.json.results.csv
There was nothing left to carry out.
`},
		{"held", job.Fulfilled{Files: []job.TakenFile{{Path: "/d/hr.json", Intake: held}}, Ran: true, Run: ran(fulfill.Report{Held: 3})}, nil, exitHeld, `
! usher: intake 3 of connection Contoso, /d/hr.json, is held: it deletes 3 objects, and 2 are allowed at once. None of its orders has begun
!        If it is right, 'usher orders release Contoso 3' lets it begin; if not, 'usher orders cancel Contoso 3' drops it.
No order was carried out.
Held for an operator: 3 orders. See 'usher orders list Contoso'.
`},
		{"held, and given again", job.Fulfilled{Files: []job.TakenFile{{Path: "/d/hr.json", Intake: repeated}}, Ran: true, Run: ran(fulfill.Report{Held: 3})}, nil, exitHeld, `
/d/hr.json: intake 4, 3 orders: 3 pending
  results: /d/hr.json.results.csv
No order was carried out.
Held for an operator: 3 orders. See 'usher orders list Contoso'.
`},
		{"what is left", job.Fulfilled{Ran: true, Run: ran(fulfill.Report{Held: 4, Pending: 2})}, nil, exitHeld, `
No order was carried out.
Held for an operator: 4 orders. Left until then, or for the next run: 2 orders of other intakes. See 'usher orders list Contoso'; 'usher orders show Contoso INTAKE' tells what an order waits for.
`},
		{"refused", job.Fulfilled{Files: []job.TakenFile{{Path: "/d/bad.json", Refused: refusal.Err()}}}, nil, exitUsage, `
! usher: /d/bad.json is refused, nothing of it was accepted
! usher: /d/bad.json:2:3: order 7: the key is missing
!        Say which object it is about.
`},
		{"interrupted", job.Fulfilled{Files: []job.TakenFile{{Path: "/d/hr.json", Intake: repeated}}, Ran: true, Run: ran(fulfill.Report{Pending: 3})}, fault.Errorf(fault.Canceled, "cancelled"), exitCancelled, `
/d/hr.json: intake 4, 3 orders: 3 pending
  results: /d/hr.json.results.csv
No order was carried out.
Left for the next run: 3 orders.
`},
	} {
		tc.done.Connection = "Contoso"
		var code int
		got := said(func(p *program) { code = exitCode(p.printFulfilled(tc.done, nil, tc.err)) })
		same(t, tc.name, got, tc.want)
		if code != tc.code {
			t.Errorf("%s: exit code %d, want %d", tc.name, code, tc.code)
		}
		said(func(p *program) {
			p.json = true
			if code := exitCode(p.printFulfilled(tc.done, nil, tc.err)); code != tc.code {
				t.Errorf("%s --json: exit code %d, want %d", tc.name, code, tc.code)
			}
		})
	}
}

// A program reads all that a person is told.
func TestPrintFulfilledJSON(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	done := job.Fulfilled{
		Connection: "Contoso", Ran: true, Warnings: []sdk.Warning{{Message: "later"}},
		Run: fulfill.Report{Started: at, Finished: at.Add(2 * time.Second), Executed: 2, Unchanged: 1, Requests: 3, Writes: 1, Throttled: time.Second},
		Files: []job.TakenFile{
			{Path: "/d/a.json", Intake: journal.Intake{Number: 1, State: journal.IntakeOpen, Orders: 3, Executed: 2}},
			{Path: "/d/b.json", Refused: fault.Errorf(fault.Invalid, "no")},
		},
	}
	got := said(func(p *program) {
		p.json = true
		_ = p.printFulfilled(done, []warning{{Message: "first", Hint: "look"}}, fault.Errorf(fault.Canceled, "cancelled"))
	})
	same(t, "--json", got, `{"connection":"Contoso",`+
		`"files":[{"file":"/d/a.json","state":"Open","intake":1,"orders":3,"executed":2,"pending":1,"results":"/d/a.json.results.json"},`+
		`{"file":"/d/b.json","state":"Refused","results":"/d/b.json.results.json","errors":[{"code":"invalid","message":"no"}]}],`+
		`"run":{"started":"2026-03-01T12:00:00Z","finished":"2026-03-01T12:00:02Z","seconds":2,"executed":2,"unchanged":1,"errored":0,"pending":0,"held":0,"requests":3,"writes":1,"throttledSeconds":1},`+
		`"warnings":[{"message":"first","hint":"look"},{"message":"later"}],"errors":[{"code":"canceled","message":"cancelled"}]}`+"\n")
}

// What comes first of several things that need a decision.
func TestFulfilledCode(t *testing.T) {
	refused := job.TakenFile{Refused: fault.Errorf(fault.Invalid, "no")}
	held := job.TakenFile{Intake: journal.Intake{State: journal.IntakeHeld, Orders: 1}}
	waiting := job.TakenFile{Intake: journal.Intake{State: journal.IntakeOpen, Orders: 2, Executed: 1}} // for one that is held
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
		{[]job.TakenFile{waiting}, fulfill.Report{}, exitHeld},
		{[]job.TakenFile{good}, fulfill.Report{Held: 1}, exitDone}, // of another file, given before
		{nil, fulfill.Report{Executed: 1, Errored: 1, Held: 1}, exitHeld},
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
		"orders release Contoso", "orders release Contoso 2 --order", "actions run Contoso", "actions run Contoso get-user --input {", "audit verify",
	} {
		if code, _, stderr := invoke(t, strings.Fields(arguments)...); code != exitUsage || !strings.Contains(stderr, "--help") {
			t.Errorf("usher %s: exit code %d, %q", arguments, code, stderr)
		}
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
