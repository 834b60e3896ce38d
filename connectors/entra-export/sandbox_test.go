package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/sandboxed"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

var program sandboxed.Program

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// Every attribute and link of the simulated tenant arrives as the tenant says it is,
// whatever fails on the way.
func TestExportOfTheSandbox(t *testing.T) {
	sb := program.Start(t, "--users", "700", "--groups", "40", "--memberships", "2500", "--fault-rate", "0.3")
	req := sdk.ExportRequest{Connection: sb.Connection()}
	for _, e := range directory.Entities() {
		req.Collections = append(req.Collections, sdk.Collection{Entity: e.Name, Navigations: e.Navigations})
		for _, p := range e.Properties {
			attribute := sdk.Attribute{Path: p.Name, Entities: []string{e.Name}}
			if _, problems := directory.NewPlan(nil, []sdk.Attribute{attribute}); len(problems) == 0 {
				req.Attributes = append(req.Attributes, attribute)
			}
		}
	}
	found := newMerge(req)
	c := newRealConnector()
	if err := c.Export(t.Context(), req, found); err != nil {
		t.Fatal(err)
	}
	found.compareTypes(t, req)
	for i, c := range req.Collections {
		truth := sb.Truth(t, c.Entity)
		if len(truth) == 0 || len(truth) != len(found.collections[i].objects) {
			t.Errorf("%d objects of %s, the tenant has %d", len(found.collections[i].objects), c.Entity, len(truth))
		}
		for _, want := range truth {
			got := found.collections[i].objects[want.ID]
			compareValues(t, c.Entity+" "+want.ID, req.Attributes, got, want.Properties)
			for n, navigation := range c.Navigations {
				targets := found.collections[i].targets(want.ID, n)
				slices.Sort(want.Links[navigation])
				if !slices.Equal(targets, want.Links[navigation]) {
					t.Errorf("%s of %s %s: got %d, want %d", navigation, c.Entity, want.ID, len(targets), len(want.Links[navigation]))
				}
			}
		}
	}
}

// compareTypes sees that links tell which collection has their targets.
func (m *merge) compareTypes(t *testing.T, req sdk.ExportRequest) {
	t.Helper()
	checked := map[string]int{}
	for _, c := range m.collections {
		for target, typ := range c.types {
			i := slices.IndexFunc(req.Collections, func(asked sdk.Collection) bool { return asked.Entity == typ })
			if typ == "agentUser" { // one of the users
				i = 0
			}
			if i < 0 || m.collections[i].objects[target] == nil {
				t.Errorf("links to %s tell the type %q", target, typ)
			}
			checked[typ]++
		}
	}
	if checked["user"] < 100 || checked["group"] == 0 {
		t.Errorf("types of targets: %v", checked)
	}
}

// compareValues compares an object with what the tenant says. Values that are null
// the tenant leaves out.
func compareValues(t *testing.T, name string, attributes []sdk.Attribute, got map[int][]string, want map[string]json.RawMessage) {
	t.Helper()
	if got == nil {
		t.Errorf("%s is missing", name)
		return
	}
	for attribute, texts := range got {
		if want := texted(t, want[attributes[attribute].Path]); !slices.Equal(texts, want) && attributes[attribute].Path != "id" {
			t.Errorf("%s of %s: got %q, want %q", attributes[attribute].Path, name, texts, want)
		}
	}
	delivered := map[string]bool{}
	for attribute := range got {
		delivered[attributes[attribute].Path] = true
	}
	for path := range want {
		asked := slices.ContainsFunc(attributes, func(a sdk.Attribute) bool { return a.Path == path })
		if asked && !delivered[path] {
			t.Errorf("%s of %s is missing", path, name)
		}
	}
}

// texted gives the texts of a column for a JSON value.
func texted(t *testing.T, value json.RawMessage) []string {
	t.Helper()
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		list = []json.RawMessage{value}
	}
	var texts []string
	for _, element := range list {
		var text string
		if len(element) == 0 || string(element) == "null" {
			continue
		}
		if json.Unmarshal(element, &text) != nil {
			compact, err := jsontext.AppendFormat(nil, element) // the tenant escapes as it likes
			if err != nil {
				t.Fatal(err)
			}
			text = string(compact)
		}
		texts = append(texts, text)
	}
	return texts
}

// merge is a sink that puts rows together as the agent does.
type merge struct {
	mu          sync.Mutex
	collections []*merged
}

type merged struct {
	objects map[string]map[int][]string
	links   map[[2]string]bool // owner with navigation, target
	types   map[string]string  // of targets
}

func newMerge(req sdk.ExportRequest) *merge {
	return &merge{collections: make([]*merged, len(req.Collections))}
}

func (m *merge) Begin(i int, _ bool, _ string) (sdk.Writer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.collections[i] = &merged{objects: map[string]map[int][]string{}, links: map[[2]string]bool{}, types: map[string]string{}}
	return m.collections[i], nil
}

func (m *merge) Progress(sdk.Progress) error { return nil }
func (m *merge) Warn(sdk.Warning) error      { return nil }

func (m *merged) Object(o *record.Object) error {
	id := string(o.ID())
	if o.State() != record.Present {
		delete(m.objects, id)
		return nil
	}
	if m.objects[id] == nil {
		m.objects[id] = map[int][]string{}
	}
	for v := range o.Values() {
		texts := []string{}
		for text := range v.Texts() {
			texts = append(texts, string(text))
		}
		m.objects[id][v.Attribute] = texts
	}
	return nil
}

func (m *merged) Links(l *record.Links) error {
	owner := fmt.Sprintf("%s/%d", l.Owner(), l.Navigation())
	for target, removed := range l.All() {
		m.links[[2]string{owner, string(target)}] = !removed
		m.types[string(target)] = string(l.Type())
	}
	return nil
}

func (m *merged) End(string) error { return nil }

func (m *merged) targets(owner string, navigation int) []string {
	var targets []string
	for link, there := range m.links {
		if there && link[0] == fmt.Sprintf("%s/%d", owner, navigation) {
			targets = append(targets, link[1])
		}
	}
	slices.Sort(targets)
	return targets
}
