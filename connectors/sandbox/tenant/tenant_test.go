package tenant

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func newWorld(t *testing.T, change func(*Config)) *World {
	t.Helper()
	config := DefaultConfig()
	if change != nil {
		change(&config)
	}
	w, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestIDsLeadBack(t *testing.T) {
	w := newWorld(t, nil)
	v := w.View(0)
	defer v.Close()
	seen := map[string]Ref{}
	for _, k := range Kinds() {
		for i := range uint32(w.Count(k)) {
			ref := Ref{k, i}
			id := w.ID(ref)
			if other, ok := seen[id]; ok {
				t.Errorf("%v and %v share the id %s", ref, other, id)
			}
			seen[id] = ref
			if got, ok := v.Find(id); !ok || got != ref {
				t.Errorf("%s leads to %v, not %v", id, got, ref)
			}
			if k != PermissionGrant {
				if got, ok := v.Find(strings.ToUpper(id)); !ok || got != ref {
					t.Errorf("%s in capitals leads to %v, not %v", id, got, ref)
				}
			}
		}
		if k == Organization {
			continue
		}
		if _, ok := v.Find(w.ID(Ref{k, uint32(w.Count(k))})); ok {
			t.Errorf("a deleted %s is found", k)
		}
	}
	for _, id := range []string{"", "x", "00000000-0000-0000-0000-000000000000", "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz",
		string(w.appendNumbered(nil, spaceAppID, 1))} {
		if ref, ok := v.Find(id); ok {
			t.Errorf("%q leads to %v", id, ref)
		}
	}
}

func TestUserNamesLeadBack(t *testing.T) {
	w := newWorld(t, nil)
	v := w.View(0)
	defer v.Close()
	for i := range uint32(w.Count(User)) {
		o := v.State(Ref{User, i}, false)
		upn := string(appendUPN(nil, &o))
		for _, spelling := range []string{upn, strings.ToUpper(upn)} {
			if ref, ok := v.FindUser(spelling); !ok || ref.Index != i {
				t.Errorf("%s leads to %v, %v", spelling, ref, ok)
			}
		}
	}
	for _, upn := range []string{"", "x", "a.b.1@contoso.example", "a@b", "a.b.99999999999@contoso.example"} {
		if _, ok := v.FindUser(upn); ok {
			t.Errorf("%q leads to somebody", upn)
		}
	}
}

func TestSeedsDiffer(t *testing.T) {
	a := newWorld(t, nil)
	b := newWorld(t, func(c *Config) { c.Seed = 2 })
	if a.TenantID() == b.TenantID() || a.ID(Ref{User, 0}) == b.ID(Ref{User, 0}) || a.ClientID() == b.ClientID() {
		t.Error("two seeds have an id in common")
	}
}

// TestValues goes through every value of a tenant: each is valid JSON, and each
// property that a delta query tells has a value for some objects; most are
// null or were never set for others.
func TestValues(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Users, c.Groups, c.Applications, c.ServicePrincipals = 1500, 400, 200, 200
		c.AdministrativeUnits, c.Contacts, c.Devices = 100, 200, 200
	})
	v := w.View(0)
	defer v.Close()
	empty := map[string]bool{ // by their nature
		"deletedDateTime": true, "user.passwordProfile": true, "application.logo": true,
		"servicePrincipal.customSecurityAttributes": true, "group.hasMembersWithLicenseErrors": true,
		"organization.country": true, "organization.onPremisesLastSyncDateTime": true, "organization.onPremisesSyncEnabled": true,
	}
	for _, k := range Kinds() {
		for p := range w.Schema(k).Properties {
			property := &w.Schema(k).Properties[p]
			values := 0
			for i := range uint32(w.Count(k)) {
				for _, stale := range []bool{false, true} {
					o := v.State(Ref{k, i}, stale)
					value := o.AppendValue(nil, property)
					if len(value) > 0 && (!json.Valid(value) || !utf8.Valid(value)) {
						t.Fatalf("%s of %s %d is %s", property.Name, k, i, value)
					}
					if len(value) > 0 && string(value) != "null" {
						values++
					}
				}
			}
			if values == 0 && !empty[property.Name] && !empty[k.Entity()+"."+property.Name] {
				t.Errorf("no %s has a %s", k, property.Name)
			}
		}
	}
}

func TestTrapsAreInNames(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Users = 5000 })
	v := w.View(0)
	defer v.Close()
	position, _ := w.Schema(User).Lookup("displayName")
	found := map[string]bool{}
	for i := range uint32(w.Count(User)) {
		o := v.State(Ref{User, i}, false)
		found[string(o.AppendValue(nil, &w.Schema(User).Properties[position]))] = true
	}
	for _, trap := range traps {
		if !found[`"`+trap+`"`] {
			t.Errorf("no user is named %q", trap)
		}
		var text string
		if err := json.Unmarshal([]byte(`"`+trap+`"`), &text); err != nil || strings.ContainsRune(text, utf8.RuneError) {
			t.Errorf("the trap %q is no clean text: %v", trap, err)
		}
	}
}

func TestOldStatesDiffer(t *testing.T) {
	w := newWorld(t, nil)
	v := w.View(0)
	defer v.Close()
	for i := range uint32(100) {
		now, before := v.State(Ref{User, i}, false), v.State(Ref{User, i}, true)
		different := false
		for p := range w.Schema(User).Properties {
			property := &w.Schema(User).Properties[p]
			a, b := now.AppendValue(nil, property), before.AppendValue(nil, property)
			if string(a) != string(b) {
				different = true
				if property.steady {
					t.Errorf("%s of user %d changes from %s to %s", property.Name, i, b, a)
				}
			}
		}
		if !different {
			t.Errorf("the older state of user %d is the present one", i)
		}
	}
}

func TestLinks(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Users, c.Groups, c.Memberships = 700, 150, 6000 })
	v := w.View(0)
	defer v.Close()
	kinds := map[Kind]bool{}
	sizes := []int{}
	total := 0
	for _, k := range Kinds() {
		for _, relation := range RelationsOf(k) {
			for i := range uint32(w.Count(k)) {
				links := v.Links(Ref{k, i}, relation)
				seen := map[Ref]bool{}
				for n := range links.Slots() {
					link, _ := links.At(n)
					if seen[link] || link.Index >= uint32(w.Count(link.Kind)) || link == (Ref{k, i}) {
						t.Errorf("%s %d of %s %d is %v", relation, n, k, i, link)
					}
					seen[link] = true
					if k == Group && relation == Members {
						kinds[link.Kind] = true
					}
				}
				if outsider, ok := links.Outsider(); ok && (seen[outsider] || outsider == (Ref{k, i})) {
					t.Errorf("the outsider of %s of %s %d is %v", relation, k, i, outsider)
				}
				if k == Group && relation == Members {
					total += links.Slots()
					sizes = append(sizes, links.Slots())
				}
			}
		}
	}
	for _, k := range []Kind{User, Group, ServicePrincipal, Device, OrgContact} {
		if !kinds[k] {
			t.Errorf("no group has a %s as a member", k)
		}
	}
	slices.Sort(sizes)
	if total != 6000 || w.Memberships() != total {
		t.Errorf("%d memberships, %d said, want 6000", total, w.Memberships())
	}
	if sizes[0] != 0 || sizes[len(sizes)-1] < 5*sizes[len(sizes)/2] {
		t.Errorf("sizes go from %d over %d to %d", sizes[0], sizes[len(sizes)/2], sizes[len(sizes)-1])
	}
	for i := range uint32(3) {
		links := v.Links(Ref{Group, i}, Members)
		if first, _ := links.At(0); first != (Ref{Group, (i + 1) % 3}) {
			t.Errorf("group %d is not in the ring", i)
		}
	}
}

func TestEdgesOfSizes(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { *c = Config{Domain: "x.example"} },
		func(c *Config) { c.Users = 0 },
		func(c *Config) { c.Users, c.Memberships = 1, 100 },
		func(c *Config) { c.Users, c.Groups = 2, 2 },
		func(c *Config) { c.ServicePrincipals, c.PermissionGrants = 0, 0 },
	} {
		w := newWorld(t, change)
		v := w.View(0)
		for _, k := range Kinds() {
			for i := range uint32(w.Count(k)) {
				o := v.State(Ref{k, i}, false)
				for p := range w.Schema(k).Properties {
					o.AppendValue(nil, &w.Schema(k).Properties[p])
				}
				for _, relation := range RelationsOf(k) {
					links := v.Links(Ref{k, i}, relation)
					for n := range links.Slots() {
						links.At(n)
					}
				}
			}
		}
		v.Close()
	}
	for want, change := range map[string]func(*Config){
		"domain":              func(c *Config) { c.Domain = "" },
		"users cannot be -1":  func(c *Config) { c.Users = -1 },
		"memberships":         func(c *Config) { c.Memberships = -5 },
		"directory roles":     func(c *Config) { c.DirectoryRoles = 1000 },
		"permission grants":   func(c *Config) { c.PermissionGrants = 10_000 },
		"devices cannot be 4": func(c *Config) { c.Devices = 4_000_000_000 },
	} {
		config := DefaultConfig()
		change(&config)
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
