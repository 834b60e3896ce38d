package main

import (
	"testing"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestRuns(t *testing.T) {
	s := newSite(t)
	s.hold(t)
	s.tells(t, "run-2  held       incremental  0s  it inserts too much\nrun-1  published  complete     0s  1 insert\n", "runs", "list", "contoso")
	s.tells(t, "run-2 *\n", "runs", "list", "contoso", "--last", "1")
	s.tells(t, "Run run-2: held, incremental, from *, 0s\nit inserts too much.\nDecide.\n  user    insert  1 rows\n", "runs", "show", "Contoso", "run-2")
	s.tells(t, "Run run-1: published, complete, from *, 0s\n  user    insert  1 rows\n", "runs", "show", "Contoso", "run-1")
	var list struct {
		Runs []struct{ ID, State, Mode string }
	}
	s.gives(t, &list, "runs", "list", "Contoso")
	if len(list.Runs) != 2 || list.Runs[0].ID != "run-2" || list.Runs[0].State != "held" || list.Runs[0].Mode != "incremental" {
		t.Errorf("listed are %v", list)
	}
	var run struct {
		ID    string
		Error struct{ Code, Message, Hint string }
	}
	s.gives(t, &run, "runs", "show", "Contoso", "run-2")
	if run.ID != "run-2" || run.Error.Code != "held" || run.Error.Message != "it inserts too much" {
		t.Errorf("shown is %v", run)
	}
	s.refuses(t, exitFailed, fault.NotFound, "connection Contoso has no run run-3", "runs", "show", "Contoso", "run-3")
	s.refuses(t, exitUsage, fault.Invalid, "Fabrikam", "runs", "list", "Fabrikam")
	s.refuses(t, exitUsage, fault.Invalid, "accepts 2 arg(s), received 1", "runs", "show", "Contoso")
}

func TestDecide(t *testing.T) {
	for _, tc := range []struct{ command, state string }{{"release", "released"}, {"discard", "discarded"}} {
		s := newSite(t)
		s.hold(t)
		s.refuses(t, exitFailed, fault.NotFound, "run run-1 of connection Contoso is not held: it is published", "runs", tc.command, "Contoso", "run-1")
		s.tells(t, "Run run-2 of contoso is "+tc.state+".\n", "runs", tc.command, "contoso", "run-2")
		s.refuses(t, exitFailed, fault.NotFound, "it is "+tc.state, "runs", tc.command, "Contoso", "run-2")
		s.tells(t, "Run run-2: "+tc.state+", *\nIt was decided on at *\n*\n*\n*\n", "runs", "show", "Contoso", "run-2")

		s = newSite(t)
		s.hold(t)
		var result struct{ Connection, Run, State string }
		s.gives(t, &result, "runs", tc.command, "Contoso", "run-2")
		if result.Connection != "Contoso" || result.Run != "run-2" || result.State != tc.state {
			t.Errorf("the result is %v", result)
		}
	}
}
