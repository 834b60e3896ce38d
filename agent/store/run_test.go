package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestRuns(t *testing.T) {
	folder := t.TempDir()
	s := open(t, options(folder))
	if runs, err := s.Runs(0); err != nil || len(runs) > 0 {
		t.Errorf("%v, %v", runs, err)
	}
	_, err := s.Run("1")
	wrong(t, err, fault.NotFound, "Contoso has no run 1", "usher runs list Contoso")
	full := store.Run{
		ID: "1", Mode: "incremental", State: store.Failed, Started: noon, Finished: noon.Add(1),
		Counts:   []store.Count{{Entity: "group", Navigation: "members", Command: "delete", Rows: 3}},
		Warnings: []sdk.Warning{{Message: "m", Hint: "h"}},
		Restarts: []store.Restart{{Entity: "user", Reason: "expired"}},
		Error:    &store.RunError{Code: fault.Throttled, Message: "slow", Hint: "wait"},
		Manifest: json.RawMessage(`{"version":1}`),
	}
	if err := s.Record(full); err != nil {
		t.Fatal(err)
	}
	commit(t, s, "2", func(c *store.Commit) error {
		c.Record(store.Run{Mode: "complete", Started: noon})
		return nil
	})
	c := begin(t, s, "3")
	if err := c.Hold(context.Background()); err != nil {
		t.Fatal(err)
	}
	shut(t, s)
	s = open(t, options(folder))
	defer shut(t, s)
	want := []store.Run{
		{ID: "3", State: store.Held},
		{ID: "2", Mode: "complete", State: store.Published, Started: noon},
		full,
	}
	if got, err := s.Runs(0); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	if got, err := s.Runs(2); err != nil || !reflect.DeepEqual(got, want[:2]) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := s.Run("1"); err != nil || !reflect.DeepEqual(got, full) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// The oldest runs are forgotten, but not while they are held.
func TestRunsForgotten(t *testing.T) {
	s := open(t, options(t.TempDir()))
	defer shut(t, s)
	c := begin(t, s, "held")
	if err := c.Hold(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i := range 203 {
		if err := s.Record(store.Run{ID: fmt.Sprint(i), State: store.Failed}); err != nil {
			t.Fatal(err)
		}
		if err := s.Record(store.Run{ID: fmt.Sprint(i), State: store.Canceled}); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := s.Runs(0)
	if err != nil || len(runs) != 201 || runs[0].ID != "202" || runs[0].State != store.Canceled || runs[199].ID != "3" || runs[200].ID != "held" {
		t.Errorf("%d runs, %v", len(runs), err)
	}
}

func TestHeld(t *testing.T) {
	folder := t.TempDir()
	s := open(t, options(folder))
	ctx := context.Background()
	commit(t, s, "1", func(c *store.Commit) error { return replace(c, "a", content{"1": ""}) })
	hold := func(run string) {
		t.Helper()
		c := begin(t, s, run)
		c.SetCookie(sample())
		c.Record(store.Run{Mode: "incremental", Counts: []store.Count{{Entity: "user", Command: "delete", Rows: 1}}})
		if err := change(c, "a", content{"1": "-", "2": ""}); err != nil {
			t.Fatal(err)
		}
		if err := replace(c, "b", content{run: ""}); err != nil {
			t.Fatal(err)
		}
		if err := c.Hold(ctx); err != nil {
			t.Fatal(err)
		}
	}
	hold("2")
	hold("3")
	isSet(t, s, "a", content{"1": ""})
	if k := known(t, s); len(k.Cookies()) != 0 || k.Generation() != 1 {
		t.Error("a held run changed what is known")
	}
	shut(t, s)

	s = open(t, options(folder))
	if err := s.Release(ctx, "3"); err != nil {
		t.Fatal(err)
	}
	isSet(t, s, "a", content{"2": ""})
	isSet(t, s, "b", content{"3": ""})
	if k := known(t, s); len(k.Cookies()) != 1 || k.Generation() != 2 {
		t.Error("the cookie was not released")
	}
	run, err := s.Run("3")
	if err != nil || run.State != store.Released || !run.Decided.Equal(noon) || run.Counts[0].Rows != 1 {
		t.Errorf("%+v, %v", run, err)
	}
	wrong(t, s.Release(ctx, "2"), fault.Conflict, "run 2 of connection Contoso cannot be released", "Discard it")
	wrong(t, s.Release(ctx, "3"), fault.NotFound, "holds no run 3")
	if err := s.Discard("2"); err != nil {
		t.Fatal(err)
	}
	if run, err := s.Run("2"); err != nil || run.State != store.Discarded {
		t.Errorf("%+v, %v", run, err)
	}
	wrong(t, s.Discard("2"), fault.NotFound, "holds no run 2")
	tidy(t, s, folder)
	shut(t, s)
}

// Whether a held run can be released is told before anything is done.
func TestReleasable(t *testing.T) {
	folder := t.TempDir()
	s := open(t, options(folder))
	defer shut(t, s)
	wrong(t, s.Releasable("1"), fault.NotFound, "holds no run 1")
	c := begin(t, s, "1")
	if err := change(c, "a", content{"x": ""}); err != nil {
		t.Fatal(err)
	}
	if err := c.Hold(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it changes nothing
		if err := s.Releasable("1"); err != nil {
			t.Error(err)
		}
	}
	commit(t, s, "2", func(*store.Commit) error { return nil })
	wrong(t, s.Releasable("1"), fault.Conflict, "cannot be released", "Discard it")
}
