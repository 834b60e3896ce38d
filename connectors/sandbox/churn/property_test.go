package churn_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/connectors/sandbox/churn"
	"github.com/usher-iga/usher/connectors/sandbox/graphapi"
	"github.com/usher-iga/usher/connectors/sandbox/replica"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

func contextOf(t failer) context.Context {
	if t, ok := t.(interface{ Context() context.Context }); ok {
		return t.Context()
	}
	return context.Background()
}

func smallConfig(seed uint64) tenant.Config {
	c := tenant.DefaultConfig()
	c.Seed, c.Users, c.Groups, c.Memberships = seed, 24, 10, 70
	c.ServicePrincipals, c.Applications, c.Devices, c.Contacts = 8, 5, 6, 5
	c.AdministrativeUnits, c.PermissionGrants, c.DirectoryRoles = 3, 6, 5
	return c
}

// history is one run of the property: a tenant, its consumers and a hand on
// what goes wrong.
type history struct {
	*site
	t         *rapid.T
	selects   map[tenant.Kind][]string
	consumers []*consumer
}

func newHistory(t *rapid.T) *history {
	config := smallConfig(rapid.Uint64Range(0, 1000).Draw(t, "seed"))
	limits := graphapi.Options{
		DeltaObjects: rapid.IntRange(1, 30).Draw(t, "objects"),
		DeltaLinks:   rapid.IntRange(5, 40).Draw(t, "links"),
	}
	h := &history{site: newSite(t, config, limits), t: t, selects: map[tenant.Kind][]string{}}
	for _, k := range tenant.Kinds() {
		if k == tenant.Organization {
			continue
		}
		h.selects[k] = h.draw(k)
		h.consumers = append(h.consumers, newConsumer(h.site, k, h.selects[k]))
	}
	return h
}

// draw draws what a consumer selects: all relations and some properties.
func (h *history) draw(kind tenant.Kind) []string {
	var names []string
	mask := rapid.Uint64().Draw(h.t, "properties of "+kind.Entity())
	for i, p := range h.world.Schema(kind).Properties {
		if p.Place == tenant.Directory && mask>>(i%64)&1 == 1 {
			names = append(names, p.Name)
		}
	}
	for _, r := range tenant.RelationsOf(kind) {
		names = append(names, r.String())
	}
	return append(names, "id")
}

func (h *history) churn(t *rapid.T) {
	n := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
	objects := func(name string, most int) churn.Objects {
		return churn.Objects{
			Create: n(name+" create", most), Update: n(name+" update", 2*most), SoftDelete: n(name+" softDelete", most),
			Restore: n(name+" restore", most), Purge: n(name+" purge", most/2),
		}
	}
	hard := func(name string) churn.Objects {
		return churn.Objects{Create: n(name+" create", 2), Update: n(name+" update", 2), Purge: n(name+" purge", 1)}
	}
	links := func(name string, most int) churn.Links {
		return churn.Links{Add: n(name+" add", most), Remove: n(name+" remove", most)}
	}
	request := churn.Request{
		Seed: rapid.Uint64().Draw(t, "churn"), Users: objects("users", 4), Groups: objects("groups", 3),
		ServicePrincipals: objects("apps", 2), Applications: objects("applications", 2), AdministrativeUnits: objects("units", 2),
		Devices: hard("devices"), Contacts: hard("contacts"), PermissionGrants: hard("grants"),
		Members: links("members", 30), Owners: links("owners", 4), DirectoryRoleMembers: links("roles", 3),
		AdministrativeUnitMembers: links("unit members", 3), ServicePrincipalOwners: links("app owners", 2),
		ApplicationOwners: links("application owners", 2), Managers: churn.Managers{Set: n("set", 5), Clear: n("clear", 3)},
		PurgeTellsLinks: rapid.Bool().Draw(t, "purge tells links"),
	}
	request.Users.Update++ // so that it is never empty
	h.apply(t, request)
}

// round follows one delta query, while the tenant changes at times; now and
// then it is given up before its end.
func (h *history) round(t *rapid.T) {
	c := rapid.SampledFrom(h.consumers).Draw(t, "consumer")
	r := c.begin()
	minimal := rapid.Bool()
	for range 10_000 {
		if r.page(t, minimal.Draw(t, "minimal")) {
			return
		}
		switch rapid.IntRange(0, 15).Draw(t, "meanwhile") {
		case 0:
			h.churn(t)
		case 1:
			return
		}
	}
	t.Fatalf("the round of %s does not end", c.kind)
}

// check brings all consumers up to date and compares them with the truth.
func (h *history) check(t *rapid.T) {
	h.lag = replica.Lag{}
	minimal := rapid.Bool().Draw(t, "minimal")
	for _, c := range h.consumers {
		c.sync(t, minimal)
	}
	lives := func(id string) bool {
		return slices.ContainsFunc(h.consumers, func(c *consumer) bool { _, ok := c.objects[id]; return ok })
	}
	for _, c := range h.consumers {
		c.compare(t, h.selects[c.kind], lives)
	}
}

// TestConsumerKnowsTheTruth lets a tenant change at random and consumers
// follow it through replays, duplicates, delays and rounds given up: whenever
// they come to rest they know exactly what the snapshot says.
func TestConsumerKnowsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		t.Repeat(map[string]func(*rapid.T){
			"churn":    h.churn,
			"round":    h.round,
			"check":    h.check,
			"complete": func(t *rapid.T) { rapid.SampledFrom(h.consumers).Draw(t, "consumer").link = "" },
			"repeats": func(t *rapid.T) {
				h.repeats.Replayed = rapid.IntRange(0, 20).Draw(t, "replayed")
				h.repeats.Doubled = uint32(rapid.IntRange(0, 1000).Draw(t, "doubled"))
			},
			"lag": func(t *rapid.T) {
				h.lag.DeltaCalls = rapid.IntRange(0, 6).Draw(t, "calls")
				h.lag.Time = time.Duration(rapid.IntRange(0, 2).Draw(t, "seconds")) * time.Second
			},
			"wait": func(*rapid.T) { h.clock = h.clock.Add(time.Second) },
		})
		h.check(t)
	})
}
