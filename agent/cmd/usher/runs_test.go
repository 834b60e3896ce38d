package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestRuns(t *testing.T) {
	s := newSite(t)
	s.hold(t)
	s.tells(t, "run-2  held       incremental  0s  it inserts too much\nrun-1  published  complete     0s  1 insert\n", "runs", "list", "contoso")
	s.tells(t, "run-2 *\n", "runs", "list", "contoso", "--last", "1")
	s.tells(t, "Run run-2: held, incremental, from *, 0s\nIt is held because it inserts too much.\nDecide.\nIts files are in *run-2.held\n  user    insert  1 rows\n", "runs", "show", "Contoso", "run-2")
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
	s.refuses(t, exitUsage, fault.Invalid, "'usher runs show' lacks RUN", "runs", "show", "Contoso")
}

func TestDecide(t *testing.T) {
	for _, tc := range []struct{ command, state string }{{"release", "released"}, {"discard", "discarded"}} {
		s := newSite(t)
		s.hold(t)
		s.refuses(t, exitFailed, fault.NotFound, "run run-1 of connection Contoso is not held: it is published", "runs", tc.command, "Contoso", "run-1")
		s.tells(t, "Run run-2 of contoso is "+tc.state+".\n", "runs", tc.command, "contoso", "run-2")
		s.refuses(t, exitFailed, fault.NotFound, "it is "+tc.state, "runs", tc.command, "Contoso", "run-2")
		s.tells(t, "Run run-2: "+tc.state+", *\nIt was held because it inserts too much; "+tc.state+" at * UTC.\n*\n", "runs", "show", "Contoso", "run-2")

		s = newSite(t)
		s.hold(t)
		var result struct{ Connection, Run, State string }
		s.gives(t, &result, "runs", tc.command, "Contoso", "run-2")
		if result.Connection != "Contoso" || result.Run != "run-2" || result.State != tc.state {
			t.Errorf("the result is %v", result)
		}
	}
}

// Who looks at a connection that was never exported is told so, and makes nothing.
func TestNothingIsKnown(t *testing.T) {
	s := bareSite(t)
	s.tells(t, "There are no runs of Contoso.\n", "runs", "list", "Contoso")
	s.tells(t, "There are no cookies of Contoso.\n", "cookies", "list", "Contoso")
	var list struct{ Runs, Cookies []any }
	s.gives(t, &list, "runs", "list", "Contoso")
	s.gives(t, &list, "cookies", "list", "Contoso")
	if list.Runs == nil || list.Cookies == nil {
		t.Errorf("listed are %v", list)
	}
	s.refuses(t, exitFailed, fault.NotFound, "connection Contoso has no run x: it was never exported", "runs", "show", "Contoso", "x")
	s.refuses(t, exitFailed, fault.NotFound, "nothing is known of connection Contoso", "store", "check", "Contoso")
	entries, err := os.ReadDir(s.root)
	if err != nil || len(entries) != 1 {
		t.Errorf("there are %v, %v", entries, err)
	}
}

// The manifest of a run is that which was published, and a released run is told by what it
// did.
func TestManifestOfRun(t *testing.T) {
	s := newSite(t)
	s.hold(t)
	var run struct {
		HeldFolder string
		Manifest   publish.Manifest
	}
	s.gives(t, &run, "runs", "show", "Contoso", "run-2")
	if m := run.Manifest; m.Run != "run-2" || m.Previous != "run-1" || m.Connection != "Contoso" || m.Folder != ".Contoso/run-2" || filepath.Base(run.HeldFolder) != "run-2.held" {
		t.Errorf("shown is %+v", run)
	}
	s.tells(t, "Run run-2 of Contoso is released.\n", "runs", "release", "Contoso", "run-2")
	s.tells(t, "run-2  released   incremental  0s  1 insert\nrun-1 *\n", "runs", "list", "Contoso")
	s.gives(t, &run, "runs", "show", "Contoso", "run-2")
	current, err := publish.ReadManifest(filepath.Join(s.options.Output, "Contoso_manifest.json"))
	if err != nil || !reflect.DeepEqual(*current, run.Manifest) {
		t.Errorf("shown is %+v, published is %+v, %v", run.Manifest, current, err)
	}
}
