package churn_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/churn"
	"github.com/usher-iga/usher/connectors/sandbox/graphapi"
	"github.com/usher-iga/usher/connectors/sandbox/replica"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

func newSmallSite(t *testing.T, seed uint64) *site {
	t.Helper()
	return newSite(t, smallConfig(seed), graphapi.Options{DeltaObjects: 200, DeltaLinks: 500})
}

// latest is a deltaLink from now on.
func (s *site) latest(t *testing.T, query string) string {
	t.Helper()
	separator := "?"
	if strings.Contains(query, "?") {
		separator = "&"
	}
	return s.delta(t, "/v1.0"+query+separator+"$deltatoken=latest", false).Delta
}

// changes reads a round from a deltaLink on and returns its objects.
func (s *site) changes(t *testing.T, link string, minimal bool) (values []map[string]any, pages int, next string) {
	t.Helper()
	for link != "" {
		p := s.delta(t, link, minimal)
		values = append(values, p.Value...)
		link, next = p.Next, p.Delta
		pages++
	}
	return values, pages, next
}

func (s *site) do(t *testing.T, operations ...churn.Operation) churn.Result {
	t.Helper()
	return s.apply(t, churn.Request{Operations: operations})
}

func properties(text string) map[string]json.RawMessage {
	var values map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		panic(err)
	}
	return values
}

// makePair creates a user and a group with that user in it.
func (s *site) makePair(t *testing.T) (user, group string) {
	t.Helper()
	ids := s.do(t,
		churn.Operation{Op: "create", Entity: "user", Properties: properties(`{"displayName":"Ann","jobTitle":"Buyer","city":null}`)},
		churn.Operation{Op: "create", Entity: "group"},
		churn.Operation{Op: "addLink", Entity: "group", ID: "$1", Navigation: "members", Target: "$0"}).Operations
	return ids[0], ids[1]
}

func TestUpdatesTellWhatIsAskedFor(t *testing.T) {
	s := newSmallSite(t, 1)
	user, _ := s.makePair(t)
	link := s.latest(t, "/users/delta?$select=displayName,jobTitle,city")
	s.do(t, churn.Operation{Op: "update", Entity: "users", ID: user, Properties: properties(`{"department":"Legal"}`)})
	values, pages, link := s.changes(t, link, false)
	if len(values) != 0 || pages != 1 {
		t.Errorf("a property that is not selected: %v on %d pages", values, pages)
	}
	s.do(t, churn.Operation{Op: "update", Entity: "user", ID: user, Properties: properties(`{"jobTitle":null,"department":"IT"}`)})
	for _, tt := range []struct {
		minimal bool
		want    map[string]any
	}{
		{false, map[string]any{"id": user, "displayName": "Ann", "jobTitle": nil, "city": nil}},
		{true, map[string]any{"id": user, "jobTitle": nil}},
	} {
		values, _, _ := s.changes(t, link, tt.minimal)
		if len(values) == 1 {
			delete(values[0], "@odata.type")
		}
		if len(values) != 1 || !reflect.DeepEqual(values[0], tt.want) {
			t.Errorf("minimal %v: %v, want %v", tt.minimal, values, tt.want)
		}
	}
}

// reasons returns the reason of each @removed among values, "" for an object.
func reasons(values []map[string]any) []string {
	var all []string
	for _, v := range values {
		removed, _ := v["@removed"].(map[string]any)
		reason, _ := removed["reason"].(string)
		all = append(all, reason)
	}
	return all
}

func TestDeletionsAndWhatLinksSayOfThem(t *testing.T) {
	for _, entity := range []string{"user", "group"} {
		s := newSmallSite(t, 1)
		user, group := s.makePair(t)
		id := map[string]string{"user": user, "group": group}[entity]
		objects := s.latest(t, "/"+entity+"s/delta?$select=displayName")
		members := s.latest(t, "/groups/delta?$select=members")
		var values []map[string]any
		for _, step := range []struct {
			op   string
			want []string
		}{
			{"softDelete", []string{"changed"}},
			{"restore", []string{""}},
			{"softDelete", []string{"changed"}},
			{"purge", []string{"deleted"}},
		} {
			s.do(t, churn.Operation{Op: step.op, Entity: entity, ID: id})
			values, _, objects = s.changes(t, objects, true)
			if !slices.Equal(reasons(values), step.want) || values[0]["id"] != id {
				t.Errorf("%s of a %s: %v", step.op, entity, values)
			}
			if _, full := values[0]["displayName"]; full != (step.op == "restore") {
				t.Errorf("%s of a %s: %v", step.op, entity, values)
			}
			if entity == "user" {
				if values, _, members = s.changes(t, members, false); len(values) != 0 {
					t.Errorf("%s of a member: %v", step.op, values)
				}
			}
		}
	}
}

func TestPurge(t *testing.T) {
	for _, tells := range []bool{false, true} {
		s := newSmallSite(t, 1)
		user, group := s.makePair(t)
		users, groups := s.latest(t, "/users/delta"), s.latest(t, "/groups/delta?$select=members")
		s.apply(t, churn.Request{PurgeTellsLinks: tells, Operations: []churn.Operation{{Op: "purge", Entity: "user", ID: user}}})
		if values, _, _ := s.changes(t, users, false); !slices.Equal(reasons(values), []string{"deleted"}) {
			t.Errorf("a user is purged at once: %v", values)
		}
		values, _, _ := s.changes(t, groups, false)
		want := []map[string]any{{"id": group, "members@delta": []any{map[string]any{
			"@odata.type": "#microsoft.graph.user", "id": user, "@removed": map[string]any{"reason": "deleted"},
		}}}}
		if !tells {
			want = nil
		}
		if !reflect.DeepEqual(values, want) {
			t.Errorf("telling links %v: %v", tells, values)
		}
		if got := s.snapshot(t, tenant.Group)[group]; len(got.Links["members"]) != 0 || got.Suspended != nil {
			t.Errorf("the snapshot has %+v", got)
		}
	}
}

func TestSuspendedLinks(t *testing.T) {
	s := newSmallSite(t, 1)
	user, group := s.makePair(t)
	s.do(t, churn.Operation{Op: "softDelete", Entity: "user", ID: user})
	if got := s.snapshot(t, tenant.Group)[group]; len(got.Links["members"]) != 0 || !slices.Equal(got.Suspended["members"], []string{user}) {
		t.Errorf("the snapshot has %+v", got)
	}
	if p := s.get(t, "/v1.0/groups/"+group+"/members", false); len(p.Value) != 0 {
		t.Errorf("the list has %v", p.Value)
	}
	c := newConsumer(s, tenant.Group, []string{"members"})
	c.sync(t, false)
	if !c.objects[group].links["members"][user] {
		t.Error("a complete delta query does not tell the link to a soft-deleted user")
	}
}

// TestLinksThatCancelOut: the seed decides whether nothing comes or both
// events in their order.
func TestLinksThatCancelOut(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(12) {
		s := newSmallSite(t, seed)
		user, group := s.makePair(t)
		link := s.latest(t, "/groups/delta?$select=members")
		remove := churn.Operation{Op: "removeLink", Entity: "group", ID: group, Navigation: "members", Target: user}
		add := remove
		add.Op = "addLink"
		s.do(t, remove, add)
		values, _, _ := s.changes(t, link, false)
		if len(values) == 0 {
			seen["nothing"] = true
			continue
		}
		links, _ := values[0]["members@delta"].([]any)
		_, first := links[0].(map[string]any)["@removed"]
		_, last := links[1].(map[string]any)["@removed"]
		if len(values) != 1 || len(links) != 2 || !first || last {
			t.Errorf("seed %d: %v", seed, values)
		}
		seen["both"] = true
	}
	if len(seen) != 2 {
		t.Errorf("seen only %v", seen)
	}
}

func TestManagers(t *testing.T) {
	s := newSmallSite(t, 1)
	ids := s.do(t, churn.Operation{Op: "create", Entity: "user"}, churn.Operation{Op: "create", Entity: "user"},
		churn.Operation{Op: "create", Entity: "user"}).Operations
	set := func(target string) churn.Operation {
		return churn.Operation{Op: "addLink", Entity: "user", ID: ids[0], Navigation: "manager", Target: target}
	}
	s.do(t, set(ids[1]))
	link := s.latest(t, "/users/delta?$select=manager")
	s.do(t, set(ids[2]))
	values, _, _ := s.changes(t, link, false)
	if len(values) != 1 || strings.Count(text(values[0]["manager@delta"]), "@removed") != 1 || len(values[0]["manager@delta"].([]any)) != 2 {
		t.Errorf("a new manager: %v", values)
	}
	if got := s.snapshot(t, tenant.User)[ids[0]].Links["manager"]; !slices.Equal(got, ids[2:]) {
		t.Errorf("the snapshot has %v", got)
	}
}

func TestPagesOfChanges(t *testing.T) {
	config := smallConfig(1)
	config.Users, config.Groups = 400, 60
	s := newSite(t, config, graphapi.Options{DeltaObjects: 200, DeltaLinks: 50})
	users, groups := s.latest(t, "/users/delta"), s.latest(t, "/groups/delta?$select=displayName,members")
	s.apply(t, churn.Request{Seed: 1, Users: churn.Objects{Update: 100, Properties: []string{"displayName"}}})
	if values, pages, _ := s.changes(t, users, false); pages != 1 || len(values) < 70 {
		t.Errorf("100 updates: %d objects on %d pages", len(values), pages)
	}

	big := s.do(t, churn.Operation{Op: "create", Entity: "group"}).Operations[0]
	var adds []churn.Operation
	for id := range s.snapshot(t, tenant.User) {
		adds = append(adds, churn.Operation{Op: "addLink", Entity: "group", ID: big, Navigation: "members", Target: id})
	}
	s.do(t, adds...)
	s.apply(t, churn.Request{Seed: 2, Groups: churn.Objects{Update: 40, Properties: []string{"displayName"}}})
	empty, interleaved, last, told := false, false, "", map[string]bool{}
	for link := groups; link != ""; {
		p := s.delta(t, link, false)
		empty = empty || len(p.Value) == 0
		for _, v := range p.Value {
			id, _ := v["id"].(string)
			interleaved = interleaved || id == big && last != big && len(told) > 0
			if last = id; id != big {
				continue
			}
			if v["displayName"] == nil {
				t.Error("a slice lacks the properties")
			}
			list, _ := v["members@delta"].([]any)
			for _, link := range list {
				told[text(link)] = true
			}
		}
		link = p.Next
	}
	if !empty || !interleaved || len(told) != len(adds) {
		t.Errorf("an empty page %v, interleaved %v, %d of %d links", empty, interleaved, len(told), len(adds))
	}
}

func TestReplaysAndDuplicates(t *testing.T) {
	s := newSmallSite(t, 1)
	link := s.latest(t, "/users/delta")
	s.apply(t, churn.Request{Seed: 3, Users: churn.Objects{Update: 9, Properties: []string{"displayName"}}})
	_, _, link = s.changes(t, link, false)
	if values, _, _ := s.changes(t, link, false); len(values) != 0 {
		t.Errorf("nothing has changed: %v", values)
	}
	s.repeats.Replayed = 5
	if values, _, _ := s.changes(t, link, false); len(values) == 0 || len(values) > 5 {
		t.Errorf("replays: %d objects", len(values))
	}
	s.repeats = graphapi.Repeats{Doubled: 1000}
	s.apply(t, churn.Request{Seed: 4, Users: churn.Objects{Update: 9, Properties: []string{"displayName"}}})
	firstPage, first := map[any]int{}, map[any]any{}
	truth := s.snapshot(t, tenant.User)
	twice := 0
	for n := 0; link != ""; n++ {
		p := s.delta(t, link, false)
		for _, v := range p.Value {
			page, again := firstPage[v["id"]]
			if !again {
				firstPage[v["id"]], first[v["id"]] = n, v["displayName"]
				continue
			}
			if page == n || text(first[v["id"]]) == text(v["displayName"]) || text(v["displayName"]) != text(truth[v["id"].(string)].Properties["displayName"]) {
				t.Errorf("%v comes on the pages %d and %d, first as %v", v, page, n, first[v["id"]])
			}
			twice++
		}
		link = p.Next
	}
	if twice == 0 || twice != len(firstPage) {
		t.Errorf("%d of %d objects come twice", twice, len(firstPage))
	}
}

// TestChangesDuringARound: they come in the next round in any case; the seed
// decides whether they come at the end of this one too.
func TestChangesDuringARound(t *testing.T) {
	seen := map[bool]bool{}
	for seed := range uint64(12) {
		s := newSmallSite(t, seed)
		user, _ := s.makePair(t)
		c := newConsumer(s, tenant.User, []string{"displayName"})
		r := c.begin()
		r.page(t, false)
		s.do(t, churn.Operation{Op: "update", Entity: "user", ID: user, Properties: properties(`{"displayName":"Bea"}`)})
		for !r.page(t, false) {
		}
		seen[c.objects[user].properties["displayName"] == "Bea"] = true
		if values, _, _ := s.changes(t, c.link, false); len(values) != 1 || values[0]["displayName"] != "Bea" {
			t.Errorf("the next round has %v", values)
		}
	}
	if len(seen) != 2 {
		t.Errorf("seen only %v", seen)
	}
}

func TestReadsSeeChangesLate(t *testing.T) {
	s := newSmallSite(t, 1)
	link := s.latest(t, "/users/delta")
	s.lag = replica.Lag{Time: time.Second}
	user, _ := s.makePair(t)
	sees := func() (delta, list bool) {
		values, _, _ := s.changes(t, link, false)
		listed := s.get(t, "/v1.0/users?$top=999", false).Value
		return len(values) == 1, slices.ContainsFunc(listed, func(v map[string]any) bool { return v["id"] == user })
	}
	if delta, list := sees(); delta || list {
		t.Errorf("seen too early: %v, %v", delta, list)
	}
	if _, ok := s.snapshot(t, tenant.User)[user]; !ok {
		t.Error("the snapshot lacks the user")
	}
	s.clock = s.clock.Add(time.Second)
	if delta, list := sees(); !delta || !list {
		t.Errorf("not seen: %v, %v", delta, list)
	}
}

func TestSameSeedSameChurn(t *testing.T) {
	run := func() (churn.Result, string) {
		s := newSmallSite(t, 5)
		link := s.latest(t, "/groups/delta")
		result := s.apply(t, churn.Request{
			Seed: 7, IDs: true, Users: churn.Objects{Create: 5, Update: 5, SoftDelete: 5, Restore: 2, Purge: 3},
			Groups: churn.Objects{Create: 3, Update: 3, SoftDelete: 3, Purge: 1}, Members: churn.Links{Add: 20, Remove: 20},
			Managers: churn.Managers{Set: 3, Clear: 3},
		})
		values, _, _ := s.changes(t, link, false)
		return result, text(values)
	}
	first, values := run()
	if again, other := run(); !reflect.DeepEqual(first, again) || values != other {
		t.Error("the same seed changes the same tenant in another way")
	}
	if first.Done["users.create"] != 5 || len(first.IDs["members.add"]) != first.Done["members.add"] || first.Version < 60 {
		t.Errorf("got %+v", first)
	}
}

func TestApplyRefuses(t *testing.T) {
	s := newSmallSite(t, 1)
	user, group := s.makePair(t)
	device := ""
	for device = range s.snapshot(t, tenant.Device) {
		break
	}
	one := func(o churn.Operation) churn.Request { return churn.Request{Operations: []churn.Operation{o}} }
	for want, request := range map[string]churn.Request{
		"either counts or operations": {},
		"100001":                      {Users: churn.Objects{Create: 100_001}},
		"too many":                    {Users: churn.Objects{Create: 60_000}, Groups: churn.Objects{Create: 60_000}},
		"cannot be -1":                {Members: churn.Links{Add: -1}},
		"no property \"x\"":           {Users: churn.Objects{Update: 1, Properties: []string{"x"}}},
		"only purged":                 {Devices: churn.Objects{SoftDelete: 1}},
		"no entity \"x\"":             one(churn.Operation{Op: "create", Entity: "x"}),
		"chooses the id":              one(churn.Operation{Op: "create", Entity: "user", ID: user}),
		"cannot be created":           one(churn.Operation{Op: "create", Entity: "directoryRole"}),
		"ever had the id":             one(churn.Operation{Op: "purge", Entity: "user", ID: "x"}),
		"no earlier operation":        one(churn.Operation{Op: "purge", Entity: "user", ID: "$0"}),
		"is a user, not a group":      one(churn.Operation{Op: "purge", Entity: "group", ID: user}),
		"no such operation":           one(churn.Operation{Op: "x", Entity: "user", ID: user}),
		"is not soft-deleted":         one(churn.Operation{Op: "restore", Entity: "user", ID: user}),
		"device cannot be soft-de":    one(churn.Operation{Op: "softDelete", Entity: "device", ID: device}),
		"no property \"y\"":           one(churn.Operation{Op: "update", Entity: "user", ID: user, Properties: properties(`{"y":1}`)}),
		"no relation \"owners\"":      one(churn.Operation{Op: "addLink", Entity: "user", ID: user, Navigation: "owners", Target: group}),
		"already has":                 one(churn.Operation{Op: "addLink", Entity: "group", ID: group, Navigation: "members", Target: user}),
		"does not have":               one(churn.Operation{Op: "removeLink", Entity: "group", ID: group, Navigation: "owners", Target: user}),
		"cannot be in owners":         one(churn.Operation{Op: "addLink", Entity: "group", ID: group, Navigation: "owners", Target: device}),
	} {
		before := s.world.Version()
		if _, err := churn.Apply(s.world, request); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
		if s.world.Version() != before {
			t.Errorf("%q: something changed", want)
		}
	}
}
