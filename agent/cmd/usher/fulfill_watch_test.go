package main

import (
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// What a watch tells: lines for a person, one object a line for a program.
func TestWatchEvents(t *testing.T) {
	watch := func(p *program) {
		events := p.watchEvents("Contoso", []warning{{Message: "a setting is old"}})
		events.Watching("/d/orders", []sdk.Warning{{Message: "the audit log was mended"}})
		events.Taken(journal.Intake{Number: 1, State: journal.IntakeOpen, Source: journal.Source{Name: "a.json"}, Orders: 2})
		events.Taken(journal.Intake{Number: 2, State: journal.IntakeHeld, Source: journal.Source{Name: "b.json"}, Orders: 3, Reason: "it deletes 3 objects"})
		events.Trouble(fault.Errorf(fault.Invalid, "c.json is refused").WithHint("Correct it"))
		events.Ran(fulfill.Report{Started: noon, Finished: noon.Add(time.Second), Executed: 2, Requests: 1, Held: 3}, nil)
	}
	same(t, "a watch", said(watch), `
! warning: the audit log was mended
Watching /d/orders. Interrupt to end.
a.json: intake 1, 2 orders: 2 pending
! usher: intake 2 of connection Contoso, b.json, is held: it deletes 3 objects. None of its orders has begun
!        If it is right, 'usher orders release Contoso 2' lets it begin; if not, 'usher orders cancel Contoso 2' drops it.
! usher: c.json is refused
!        Correct it.
Carried out 2 orders in 1s: 2 executed, 0 errored; 1 request.
Held for an operator: 3 orders. See 'usher orders list Contoso'.
`)
	same(t, "a watch --json", said(func(p *program) { p.json = true; watch(p) }), `
{"event":"watching","folder":"/d/orders","warnings":[{"message":"a setting is old"},{"message":"the audit log was mended"}]}
{"event":"taken","file":"a.json","intake":1,"orders":2}
{"event":"held","file":"b.json","intake":2,"orders":3,"reason":"it deletes 3 objects"}
{"event":"trouble","errors":[{"code":"invalid","message":"c.json is refused","hint":"Correct it"}]}
{"event":"ran","run":{"started":"2026-03-01T12:00:00Z","finished":"2026-03-01T12:00:01Z","seconds":1,"executed":2,"unchanged":0,"errored":0,"pending":0,"held":3,"requests":1,"writes":0,"throttledSeconds":0}}
`)
}
