package conformance

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

func (s *suite) request() sdk.ExportRequest {
	return sdk.ExportRequest{Connection: s.Connection, Collections: slices.Clone(s.Collections), Attributes: slices.Clone(s.Attributes)}
}

// export: every collection begins and ends; ids are there; the first collection
// has objects; a second export finds the same.
func (s *suite) export(t *testing.T) {
	first := s.mustExport(t)
	for i, c := range first.collections {
		if !c.ended {
			t.Errorf("%s has not ended", s.Collections[i].Entity)
		}
	}
	if len(first.collections[0].objects) == 0 {
		t.Errorf("no object of %s was found", s.Collections[0].Entity)
	}
	if first.progress == 0 {
		t.Error("no sign of life: send Progress with each page")
	}
	if second := s.mustExport(t); !reflect.DeepEqual(first.state(), second.state()) {
		t.Error("two exports of an unchanged system differ")
	}
}

func (s *suite) sideBySide(t *testing.T) {
	var wg sync.WaitGroup
	var states [3]string
	for i := range states {
		wg.Go(func() {
			sink := newSink(len(s.Collections))
			if err := s.client.Export(t.Context(), s.request(), sink); err != nil {
				t.Error(err)
			}
			states[i] = sink.state()
		})
	}
	wg.Wait()
	if states[0] != states[1] || states[0] != states[2] {
		t.Error("exports that run side by side differ")
	}
}

// refuses: what cannot be delivered is fault.Invalid and names it.
func (s *suite) refuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*sdk.ExportRequest)
	}{
		{"entity", func(r *sdk.ExportRequest) { r.Collections[0].Entity = wrongName }},
		{"navigation", func(r *sdk.ExportRequest) { r.Collections[0].Navigations = []string{wrongName} }},
		{"attribute", func(r *sdk.ExportRequest) { r.Attributes = append(r.Attributes, sdk.Attribute{Path: wrongName}) }},
	} {
		req := s.request()
		tc.change(&req)
		sink := newSink(len(req.Collections))
		err := s.client.Export(t.Context(), req, sink)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), wrongName) {
			t.Errorf("an unknown %s: got %q %v, want %q and its name", tc.name, fault.CodeOf(err), err, fault.Invalid)
		}
		if sink.rows > 0 {
			t.Errorf("an unknown %s: rows came before the refusal", tc.name)
		}
	}
}

// cancelled: an export that is cancelled at its first event ends, and as cancelled.
func (s *suite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sink := newSink(len(s.Collections))
	sink.onBegin = cancel
	if err := s.client.Export(ctx, s.request(), sink); err == nil {
		t.Log("the export was complete before the cancellation reached it")
	} else if !fault.Is(err, fault.Canceled) {
		t.Errorf("got %q %v, want %q", fault.CodeOf(err), err, fault.Canceled)
	}
}

// hidesSecrets: no secret stands in the error of a sign-in that is refused.
func (s *suite) hidesSecrets(t *testing.T) {
	for name := range s.Connection.Secrets {
		req := s.request()
		req.Connection.Secrets = maps.Clone(req.Connection.Secrets)
		req.Connection.Secrets[name] = wrongSecret
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := s.client.Export(ctx, req, newSink(len(req.Collections)))
		cancel()
		if f := fault.Of(err); f != nil && strings.Contains(f.Error()+f.Hint, wrongSecret) {
			t.Errorf("the error shows the secret %s", name)
		}
	}
}

func (s *suite) mustExport(t *testing.T) *sink {
	t.Helper()
	sink := newSink(len(s.Collections))
	if err := s.client.Export(t.Context(), s.request(), sink); err != nil {
		t.Fatal(err)
	}
	return sink
}

// sink keeps the last state of everything, as a consumer would.
type sink struct {
	collections []*collection
	onBegin     func()
	progress    int
	rows        int
}

type collection struct {
	objects map[string]string
	links   map[string]bool
	ended   bool
}

func newSink(collections int) *sink { return &sink{collections: make([]*collection, collections)} }

func (s *sink) state() string {
	var b strings.Builder
	for i, c := range s.collections {
		for _, id := range slices.Sorted(maps.Keys(c.objects)) {
			fmt.Fprintf(&b, "%d %s %s\n", i, id, c.objects[id])
		}
		for _, link := range slices.Sorted(maps.Keys(c.links)) {
			fmt.Fprintf(&b, "%d %s\n", i, link)
		}
	}
	return b.String()
}

func (s *sink) Begin(i int, _ bool, _ string) (sdk.Writer, error) {
	if s.onBegin != nil {
		s.onBegin()
	}
	s.collections[i] = &collection{objects: map[string]string{}, links: map[string]bool{}}
	return writer{sink: s, collection: s.collections[i]}, nil
}

func (s *sink) Progress(sdk.Progress) error {
	s.progress++
	return nil
}

func (s *sink) Warn(sdk.Warning) error { return nil }

type writer struct {
	sink *sink
	*collection
}

func (w writer) Object(o *record.Object) error {
	w.sink.rows++
	id := string(o.ID())
	if o.State() != record.Present {
		delete(w.objects, id)
		return nil
	}
	values := map[int]string{}
	for v := range o.Values() {
		var texts []string
		for text := range v.Texts() {
			texts = append(texts, string(text))
		}
		values[v.Attribute] = strings.Join(texts, "\n")
	}
	w.objects[id] = fmt.Sprint(values)
	return nil
}

func (w writer) Links(l *record.Links) error {
	w.sink.rows++
	for id, removed := range l.All() {
		key := fmt.Sprintf("%s -%d-> %s", l.Owner(), l.Navigation(), id)
		if removed {
			delete(w.links, key)
		} else {
			w.links[key] = true
		}
	}
	return nil
}

func (w writer) End(string) error {
	w.ended = true
	return nil
}
