package churn_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/churn"
	"github.com/usher-iga/usher/connectors/sandbox/control"
	"github.com/usher-iga/usher/connectors/sandbox/graphapi"
	"github.com/usher-iga/usher/connectors/sandbox/replica"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// failer is a test, or one run of a property.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// site is a tenant with its Graph, without the network.
type site struct {
	world   *tenant.World
	api     *graphapi.API
	replica *replica.Replica
	lag     replica.Lag
	repeats graphapi.Repeats
	clock   time.Time
	limits  graphapi.Options
}

func newSite(t failer, config tenant.Config, limits graphapi.Options) *site {
	t.Helper()
	w, err := tenant.New(config)
	if err != nil {
		t.Fatalf("%v", err)
	}
	s := &site{world: w, clock: time.Unix(1_800_000_000, 0), limits: limits}
	s.replica = replica.New(func() time.Time { return s.clock }, func() replica.Lag { return s.lag })
	s.api = graphapi.New(w, graphapi.Hooks{
		Authorize: func(string, string) (graphapi.Principal, error) {
			return graphapi.Principal{Roles: graphapi.DefaultRoles()}, nil
		},
		Missing: func(string) bool { return false },
		Expire:  func(string, bool, time.Duration) (graphapi.ExpiryForm, bool) { return "", false },
		Visible: s.replica.Visible,
		Repeats: func() graphapi.Repeats { return s.repeats },
		Charge:  func(string, int) (http.Header, bool) { return nil, false },
		Now:     func() time.Time { return s.clock },
	}, limits)
	return s
}

func (s *site) apply(t failer, request churn.Request) churn.Result {
	t.Helper()
	result, err := churn.Apply(s.world, request)
	s.replica.Committed(result.Version)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return result
}

// page is an answer to a delta request, and to a list.
type page struct {
	Next  string           `json:"@odata.nextLink"`
	Delta string           `json:"@odata.deltaLink"`
	Value []map[string]any `json:"value"`
}

func (s *site) get(t failer, address string, minimal bool) page {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = "https://localhost" + address
	}
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header.Set("Authorization", "Bearer x")
	if minimal {
		r.Header.Set("Prefer", "return=minimal")
	}
	response := httptest.NewRecorder()
	s.api.ServeHTTP(response, r)
	var p page
	if err := json.Unmarshal(response.Body.Bytes(), &p); err != nil || response.Code != http.StatusOK {
		t.Fatalf("%s: %d %s %v", address, response.Code, response.Body, err)
	}
	return p
}

// delta is get with the checks that every page of a delta query must pass.
func (s *site) delta(t failer, address string, minimal bool) page {
	t.Helper()
	p := s.get(t, address, minimal)
	if (p.Next == "") == (p.Delta == "") {
		t.Fatalf("%s: nextLink %q, deltaLink %q; there must be one of them", address, p.Next, p.Delta)
	}
	links := 0
	for _, value := range p.Value {
		list, some := value["members@delta"].([]any)
		if some && len(list) == 0 {
			t.Errorf("members@delta is empty instead of absent in %v", value)
		}
		links += len(list)
	}
	if len(p.Value) > s.limits.DeltaObjects || links > s.limits.DeltaLinks {
		t.Errorf("%s: a page has %d objects and %d links", address, len(p.Value), links)
	}
	return p
}

// object is what a consumer knows of an object.
type object struct {
	properties map[string]any
	links      map[string]map[string]bool
}

// consumer follows the delta query of one entity as the documentation says and
// knows nothing else of it: the last state of an object wins, what is absent
// is unchanged, what is @removed goes with its links.
type consumer struct {
	site    *site
	kind    tenant.Kind
	address string // of a first request
	link    string // the deltaLink, once there is one
	objects map[string]object
}

func newConsumer(s *site, kind tenant.Kind, selects []string) *consumer {
	return &consumer{site: s, kind: kind, address: "/v1.0/" + kind.Collection() + "/delta?$select=" + strings.Join(selects, ",")}
}

// round is a round under way. What it has read counts when it is committed.
type round struct {
	consumer *consumer
	next     string
	objects  map[string]object
}

func (c *consumer) begin() *round {
	r := &round{consumer: c, next: c.link, objects: map[string]object{}}
	if r.next == "" {
		r.next = c.address
		return r
	}
	for id, o := range c.objects {
		links := map[string]map[string]bool{}
		for relation, targets := range o.links {
			links[relation] = maps.Clone(targets)
		}
		r.objects[id] = object{maps.Clone(o.properties), links}
	}
	return r
}

// page reads the next page; done says that it was the last, and commits.
func (r *round) page(t failer, minimal bool) (done bool) {
	t.Helper()
	p := r.consumer.site.delta(t, r.next, minimal)
	for _, value := range p.Value {
		r.take(value)
	}
	r.next = p.Next
	if p.Delta != "" {
		r.consumer.link, r.consumer.objects = p.Delta, r.objects
	}
	return p.Delta != ""
}

func (r *round) take(value map[string]any) {
	id, _ := value["id"].(string)
	if _, removed := value["@removed"]; removed {
		delete(r.objects, id)
		return
	}
	o, known := r.objects[id]
	if !known {
		o = object{map[string]any{}, map[string]map[string]bool{}}
		r.objects[id] = o
	}
	for name, v := range value {
		relation, isLinks := strings.CutSuffix(name, "@delta")
		if !isLinks {
			o.properties[name] = v
			continue
		}
		if o.links[relation] == nil {
			o.links[relation] = map[string]bool{}
		}
		list, _ := v.([]any)
		for _, link := range list {
			link, _ := link.(map[string]any)
			target, _ := link["id"].(string)
			if _, gone := link["@removed"]; gone {
				delete(o.links[relation], target)
			} else {
				o.links[relation][target] = true
			}
		}
	}
}

// sync reads a whole round.
func (c *consumer) sync(t failer, minimal bool) {
	t.Helper()
	r := c.begin()
	for range 100_000 {
		if r.page(t, minimal) {
			return
		}
	}
	t.Fatalf("the round of %s does not end", c.kind)
}

// truth is a line of a snapshot.
type truth struct {
	ID         string
	Properties map[string]any
	Links      map[string][]string
	Suspended  map[string][]string
}

func (s *site) snapshot(t failer, kind tenant.Kind) map[string]truth {
	t.Helper()
	var out bytes.Buffer
	if err := control.WriteSnapshot(contextOf(t), &out, s.world, s.world.Version(), kind); err != nil {
		t.Fatalf("%v", err)
	}
	all := map[string]truth{}
	for line := range bytes.Lines(out.Bytes()) {
		var one truth
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all[one.ID] = one
	}
	return all
}

// compare checks that a consumer knows the truth about what it selects. lives
// says whether an object lives, of any kind, for what links lead to.
func (c *consumer) compare(t failer, selects []string, lives func(id string) bool) {
	t.Helper()
	want := c.site.snapshot(t, c.kind)
	for id := range c.objects {
		if _, ok := want[id]; !ok {
			t.Errorf("%s %s should not be there", c.kind, id)
		}
	}
	for id, object := range want {
		have, ok := c.objects[id]
		if !ok {
			t.Errorf("%s %s is missing", c.kind, id)
			continue
		}
		for _, name := range selects {
			if name == "id" {
				continue
			}
			if isRelation(c.kind, name) {
				c.compareLinks(t, id, name, have.links[name], object, lives)
			} else if a, b := have.properties[name], object.Properties[name]; !reflect.DeepEqual(a, b) {
				t.Errorf("%s of %s %s is %s, want %s", name, c.kind, id, text(a), text(b))
			}
		}
	}
}

func (c *consumer) compareLinks(t failer, id, relation string, have map[string]bool, want truth, lives func(id string) bool) {
	t.Helper()
	var living []string
	for target := range have {
		if lives(target) {
			living = append(living, target)
		}
	}
	slices.Sort(living)
	if !slices.Equal(living, want.Links[relation]) {
		t.Errorf("%s of %s %s:\n have %v\n want %v", relation, c.kind, id, living, want.Links[relation])
	}
	for _, target := range want.Suspended[relation] {
		if !have[target] {
			t.Errorf("%s of %s %s lacks the soft-deleted %s", relation, c.kind, id, target)
		}
	}
}

func isRelation(kind tenant.Kind, name string) bool {
	return slices.ContainsFunc(tenant.RelationsOf(kind), func(r tenant.Relation) bool { return r.String() == name })
}

func text(value any) string {
	if value == nil {
		return "null"
	}
	b, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
