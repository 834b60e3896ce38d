package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/audit"
	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock/clocktest"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// newAuditSite has a log of a create, an update that failed, a change of links and an order with nothing to do.
func newAuditSite(t *testing.T) *site {
	t.Helper()
	s := bareSite(t)
	log, err := audit.Open(t.Context(), audit.Options{WorkFolder: s.options.Work, Connection: "Contoso", Clock: clocktest.At(noon)})
	if err != nil {
		t.Fatal(err)
	}
	done := func(id string, operation sdk.Operation, entity string, r order.Result, outcome sdk.Outcome) fulfill.Done {
		r.Order, r.Attempts = id, 1
		return fulfill.Done{Order: order.Order{ID: id, Operation: operation, Entity: entity, RequestedBy: "hr@contoso.com"}, Result: r, Outcome: outcome}
	}
	failed := done("2", sdk.Disable, "user", order.Result{State: order.Errored, Message: "there is no user"}, sdk.Outcome{Exchanges: []sdk.Exchange{
		{Method: "GET", Path: "users/ann", Status: 404, ErrorCode: "Request_ResourceNotFound", RequestID: "r2"}, {Method: "PATCH", Path: "users/ann"},
	}})
	failed.Order.Key = order.Ref{Attribute: "userPrincipalName", Value: "ann@contoso.com"}
	err = log.Record(t.Context(), []fulfill.Done{
		done("1", sdk.Create, "user", order.Result{State: order.Executed, ObjectID: "u1"}, sdk.Outcome{
			Exchanges: []sdk.Exchange{{Method: "POST", Path: "users", Status: 201, RequestID: "r1"}},
			Changes:   changes("displayName", "null", `"Ann"`, "passwordProfile/password", "", `"c4nary"`),
		}),
		failed,
		done("3", sdk.Update, "group", order.Result{
			State: order.Errored, ObjectID: "g1", FailedLinks: []order.FailedLink{{Navigation: "members", Target: order.Ref{ID: "u9"}, Message: "there is no such object"}},
		}, sdk.Outcome{Changes: changes("description", `"A"`, `"B"`, "owners", "", `["u1"]`, "members", `["u2"]`, "")}),
		done("4", sdk.Delete, "user", order.Result{State: order.Executed, Unchanged: true}, sdk.Outcome{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestShowAudit(t *testing.T) {
	s := newAuditSite(t)
	const second = `2026-03-01 12:00:00 UTC  hr@contoso.com asked for order 2: disable user userPrincipalName "ann@contoso.com", Errored
    there is no user
    GET users/ann: 404 Request_ResourceNotFound r2
    PATCH users/ann: no answer
`
	s.tells(t, second, "audit", "show", "contoso", "--order", "2")
	s.tells(t, `2026-03-01 12:00:00 UTC  hr@contoso.com asked for order 1: create user u1, Executed
    POST users: 201 r1
    displayName: null -> "Ann"
    passwordProfile/password: ? -> "[hidden]"
`+second+`2026-03-01 12:00:00 UTC  hr@contoso.com asked for order 3: update group g1, Errored
    + members u9: there is no such object
    description: "A" -> "B"
    owners: ? -> ["u1"]
    members: ["u2"] -> removed
2026-03-01 12:00:00 UTC  hr@contoso.com asked for order 4: delete user, Executed (it was so already)
`, "audit", "show", "Contoso")
	s.tells(t, "There are no such lines in the audit log of Contoso.\n", "audit", "show", "Contoso", "--order", "9")
	text, err := os.ReadFile(filepath.Join(audit.Folder(s.options.Work, "Contoso"), "2026-03.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if stdout, _ := s.usher(t, exitDone, "audit", "show", "Contoso", "--json"); stdout != string(text) {
		t.Errorf("the log is printed as\n%s\nwant\n%s", stdout, text)
	}
	var line audit.Line
	if s.gives(t, &line, "audit", "show", "Contoso", "--order", "3"); line.Number != 3 || line.Object != "g1" || line.Previous == "" {
		t.Errorf("the line is %+v", line)
	}
}

func TestVerifyAudit(t *testing.T) {
	s := newAuditSite(t)
	s.tells(t, `The audit log of Contoso is as it was written: 4 lines.
From 2026-03-01 12:00:00 UTC to 2026-03-01 12:00:00 UTC; the last one has the SHA-256 *.
`, "audit", "verify", "Contoso")
	var report struct {
		Files       int
		Lines       uint64
		First, Last time.Time
		Head        string
	}
	if s.gives(t, &report, "audit", "verify", "Contoso"); report.Files != 1 || report.Lines != 4 || len(report.Head) != 64 || !report.Last.Equal(noon) {
		t.Errorf("the report is %+v", report)
	}

	path := filepath.Join(audit.Folder(s.options.Work, "Contoso"), "2026-03.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"Ann"`), []byte(`"Bob"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	s.refuses(t, exitFailed, fault.Storage, "the audit log is not as it was written: "+path+":1: this line or the next one was changed", "audit", "verify", "Contoso")
	if err := os.WriteFile(path, []byte("no JSON\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.refuses(t, exitFailed, fault.Storage, path+":1: it is not a line of the audit log", "audit", "show", "Contoso")
}

// A connection that never wrote has no log.
func TestNoAudit(t *testing.T) {
	s := bareSite(t)
	s.tells(t, "There are no such lines in the audit log of Contoso.\n", "audit", "show", "Contoso")
	s.refuses(t, exitFailed, fault.NotFound, "there is no audit log", "audit", "verify", "Contoso")
	for _, command := range []string{"verify", "show"} {
		s.refuses(t, exitUsage, fault.Invalid, "Fabrikam", "audit", command, "Fabrikam")
	}
}
