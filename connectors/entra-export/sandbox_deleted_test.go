package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// In whatever form a cookie dies, the list that takes its place tells what is there and
// what can be restored.
func TestDeadCookiesOfTheSandbox(t *testing.T) {
	sb := program.Start(t, "--users", "300", "--groups", "40", "--page-size", "40")
	req := sdk.ExportRequest{
		Connection:  sb.Connection(),
		Collections: []sdk.Collection{{Entity: "user"}, {Entity: "group", Navigations: []string{"members"}}, {Entity: "application"}},
	}
	paths := []string{"/users", "/groups", "/applications"}
	c := newRealConnector()
	for i, form := range []string{"", "gone", "syncStateNotFound", "resyncRequired", "deltaLink", "expiredPageToken"} {
		if form != "" {
			sb.Ask(t, "POST", "/churn", fmt.Sprintf(`{"seed": %d, "users": {"softDelete": 60, "restore": 10, "purge": 5},
				"groups": {"softDelete": 5, "restore": 2}, "applications": {"softDelete": 1}}`, i))
			for _, path := range paths {
				sb.Ask(t, "POST", "/faults/once", fmt.Sprintf(`{"fault": "expireDelta", "path": %q, "times": 1, "form": %q}`, path, form))
			}
		}
		found := &states{collections: make([]stated, len(req.Collections))}
		if err := c.Export(t.Context(), req, found); err != nil {
			t.Fatal(err)
		}
		if len(found.warnings) > 0 {
			t.Errorf("%s: %v", form, found.warnings)
		}
		var deleted map[string][]string
		if err := json.Unmarshal(sb.Ask(t, "GET", "/deleted", ""), &deleted); err != nil {
			t.Fatal(err)
		}
		for i, collection := range req.Collections {
			got := found.collections[i]
			req.Collections[i].Cookie = got.cookie
			present := 0
			for _, o := range sb.Truth(t, collection.Entity) {
				present++
				if state, told := got.states[o.ID]; !told || state != record.Present {
					t.Errorf("%q: %s %s is there, told %t, %d", form, collection.Entity, o.ID, told, state)
				}
			}
			for _, id := range deleted[collection.Entity] {
				if got.states[id] != record.Suspended {
					t.Errorf("%q: %s %s can be restored, told as %d", form, collection.Entity, id, got.states[id])
				}
			}
			if n := got.count(record.Present); !got.complete || n != present {
				t.Errorf("%q, %s: complete %t, %d are there, told %d", form, collection.Entity, got.complete, present, n)
			}
		}
	}
}

// states is a sink that keeps what is said last of each object.
type states struct {
	mu          sync.Mutex
	collections []stated
	warnings    []sdk.Warning
}

type stated struct {
	complete bool
	states   map[string]record.State // by id
	cookie   string
}

func (s *states) Begin(collection int, complete bool, _ string) (sdk.Writer, error) {
	s.collections[collection] = stated{complete: complete, states: map[string]record.State{}}
	return &s.collections[collection], nil
}

func (*states) Progress(sdk.Progress) error { return nil }

func (s *states) Warn(w sdk.Warning) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warnings = append(s.warnings, w)
	return nil
}

func (s *stated) Object(o *record.Object) error {
	s.states[string(o.ID())] = o.State()
	return nil
}

func (*stated) Links(*record.Links) error { return nil }

func (s *stated) End(cookie string) error {
	s.cookie = cookie
	return nil
}

func (s *stated) count(state record.State) int {
	n := 0
	for _, said := range s.states {
		if said == state {
			n++
		}
	}
	return n
}
