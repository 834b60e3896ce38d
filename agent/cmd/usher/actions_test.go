package main

import (
	"errors"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/job"
	"github.com/usher-iga/usher/connectors/sdk"
)

var getUser = sdk.Action{
	Name: "get-user", Title: "Get a user", Description: "Reads a user", Permissions: []string{"User.Read.All"},
	InputSchema: raw(`{"type":"object","required":["user"]}`), OutputSchema: raw(`{"type":"object"}`),
}

var disableUser = sdk.Action{
	Name: "disable-user", Title: "Disable a user", Description: "Keeps a user from signing in", Writes: true,
	Permissions: []string{"User.EnableDisableAccount.All", "User.Read.All"}, InputSchema: raw(`{}`), OutputSchema: raw(`{}`),
}

func TestPrintActions(t *testing.T) {
	same(t, "usher actions list", said(func(p *program) { _ = p.printActions([]sdk.Action{getUser, disableUser}) }), `
get-user      reads   Reads a user
disable-user  writes  Keeps a user from signing in
`)
	same(t, "usher actions describe", said(func(p *program) { _ = p.printAction(getUser) }), `
get-user: Get a user
Reads a user. It reads only.
Permissions: User.Read.All

Input, as JSON Schema:
{
  "type": "object",
  "required": [
    "user"
  ]
}

Output, as JSON Schema:
{
  "type": "object"
}
`)
	same(t, "usher actions describe", said(func(p *program) { _ = p.printAction(disableUser) }), `
disable-user: Disable a user
Keeps a user from signing in. It writes: it is an order of its own.
Permissions: User.EnableDisableAccount.All, User.Read.All

Input, as JSON Schema:
{}

Output, as JSON Schema:
{}
`)
	const described = `{"name":"disable-user","title":"Disable a user","description":"Keeps a user from signing in","writes":true,` +
		`"permissions":["User.EnableDisableAccount.All","User.Read.All"],"inputSchema":{},"outputSchema":{}}`
	same(t, "usher actions describe --json", said(func(p *program) { p.json = true; _ = p.printAction(disableUser) }), described+"\n")
	same(t, "usher actions list --json", said(func(p *program) { p.json = true; _ = p.printActions([]sdk.Action{disableUser}) }), `{"actions":[`+described+"]}\n")
	same(t, "usher actions list --json", said(func(p *program) { p.json = true; _ = p.printActions(nil) }), `{"actions":[]}`+"\n")
}

func TestPrintActed(t *testing.T) {
	for _, tc := range []struct {
		acted      job.Acted
		code       int
		text, json string
	}{
		{job.Acted{Output: raw(`{"displayName":"Ann"}`)}, exitDone, "{\n  \"displayName\": \"Ann\"\n}\n", `{"displayName":"Ann"}` + "\n"},
		{
			job.Acted{
				Result:   &order.Result{Order: "action-1", Operation: sdk.Disable, Entity: "user", State: order.Executed, ObjectID: "u1", Attempts: 1, Started: noon, Finished: noon},
				Warnings: []sdk.Warning{{Message: "1 password could not be sent: no host"}},
			}, exitDone, `! warning: 1 password could not be sent: no host
do: order action-1 is Executed
  object    u1
  attempts  1
  started   2026-03-01 12:00:00 UTC
  finished  2026-03-01 12:00:00 UTC
`, `{"order":"action-1","operation":"disable","entity":"user","state":"Executed","objectId":"u1","attempts":1,"started":"2026-03-01T12:00:00Z","finished":"2026-03-01T12:00:00Z"}` + "\n",
		},
		{
			job.Acted{Result: &order.Result{Order: "action-2", State: order.Errored, Message: "there is no user", Hint: "Correct the key"}}, exitFailed, `do: order action-2 is Errored
  message  there is no user
           -> Correct the key.
`, `{"order":"action-2","operation":"","state":"Errored","message":"there is no user","hint":"Correct the key","attempts":0}` + "\n",
		},
	} {
		for _, asJSON := range []bool{false, true} {
			want, code := tc.text, 0
			if asJSON {
				want = tc.json
			}
			got := said(func(p *program) { p.json = asJSON; code = exitCode(p.printActed("do", tc.acted)) })
			same(t, "an action", got, want)
			if code != tc.code {
				t.Errorf("exit code %d, want %d, of\n%s", code, tc.code, got)
			}
		}
	}
	p := &program{stdout: full{}, json: true}
	if err := p.printActed("do", job.Acted{Result: &order.Result{State: order.Executed}}); err == nil || errors.As(err, new(told)) {
		t.Errorf("a result that is lost ends by %v", err)
	}
}
