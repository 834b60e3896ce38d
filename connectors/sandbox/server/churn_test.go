package server

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/churn"
	"github.com/usher-iga/usher/connectors/sandbox/faults"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// churn changes the tenant by the control API.
func (sb *sandbox) churn(body string) churn.Result {
	sb.t.Helper()
	a := sb.do(http.MethodPost, "/sandbox/control/churn", []byte(body))
	var result churn.Result
	if a.status != http.StatusOK {
		sb.t.Fatalf("%s: %d %s", body, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &result); err != nil {
		sb.t.Fatal(err)
	}
	return result
}

// TestChurnedTenant compares all ways of reading a tenant after churn.
func TestChurnedTenant(t *testing.T) {
	config := tenant.DefaultConfig()
	config.Users, config.Memberships = 300, 900
	sb := start(t, Options{Tenant: config})
	result := sb.churn(`{"seed":7,
		"users":{"create":20,"update":40,"softDelete":20,"restore":5,"purge":10},
		"groups":{"create":5,"update":10,"softDelete":6,"restore":2,"purge":3},
		"servicePrincipals":{"create":2,"update":4,"softDelete":3,"purge":1},
		"applications":{"create":2,"update":2}, "devices":{"create":3,"update":4,"purge":3},
		"contacts":{"create":3,"purge":3}, "administrativeUnits":{"create":1,"softDelete":1},
		"oauth2PermissionGrants":{"create":3,"update":2,"purge":3},
		"members":{"add":60,"remove":60}, "owners":{"add":10,"remove":10}, "managers":{"set":10,"clear":10},
		"directoryRoleMembers":{"add":5,"remove":3}, "administrativeUnitMembers":{"add":5,"remove":3},
		"applicationOwners":{"add":3,"remove":2}, "servicePrincipalOwners":{"add":3,"remove":2}}`)
	if result.Version != sb.World().Version() || result.Done["users.create"] != 20 || result.IDs != nil {
		t.Errorf("got %+v", result)
	}
	lives := map[string]bool{}
	for _, kind := range deltaKinds() {
		for _, object := range sb.snapshot(kind.Entity()) {
			lives[object.ID] = true
		}
	}
	for _, kind := range deltaKinds() {
		want := sb.snapshot(kind.Entity())
		ids, _ := sb.all("/v1.0/" + kind.Collection() + "?$top=90")
		slices.Sort(ids)
		if !slices.EqualFunc(want, ids, func(o truth, id string) bool { return o.ID == id }) {
			t.Errorf("%s: the list has %d, the snapshot %d", kind, len(ids), len(want))
		}
		got := merge(sb.round("/v1.0/" + kind.Collection() + "/delta?$select=" + fullSelect(sb.World(), kind)))
		for _, object := range got {
			for _, targets := range object.links {
				for id := range targets {
					if !lives[id] {
						delete(targets, id)
					}
				}
			}
		}
		compareWithSnapshot(t, got, want)
	}

	var deleted map[string][]string
	if err := json.Unmarshal(sb.get("/sandbox/control/deleted").body, &deleted); err != nil {
		t.Fatal(err)
	}
	if len(deleted["user"]) == 0 || !slices.IsSorted(deleted["user"]) || deleted["device"] != nil {
		t.Errorf("deleted: %v", deleted)
	}
	for _, id := range deleted["user"] {
		if a := sb.get("/v1.0/users/" + id); a.status != http.StatusNotFound || lives[id] {
			t.Errorf("a deleted user is there: %d %s", a.status, a.body)
		}
	}
}

func TestNamesOfChangedUsers(t *testing.T) {
	sb := start(t, Options{})
	id := sb.churn(`{"operations":[{"op":"create","entity":"user","properties":{"userPrincipalName":"Ann@contoso.example"}}]}`).Operations[0]
	if a := sb.get("/v1.0/users/ann@contoso.example?$select=id"); a.json["id"] != id {
		t.Errorf("%d %s", a.status, a.body)
	}
	sb.churn(`{"operations":[{"op":"update","entity":"user","id":"` + id + `","properties":{"userPrincipalName":"Bea@contoso.example"}}]}`)
	if a := sb.get("/v1.0/users/ann@contoso.example"); a.status != http.StatusNotFound {
		t.Errorf("by the old name: %d %s", a.status, a.body)
	}
	if a := sb.get("/v1.0/users/bea@contoso.example?$select=id"); a.json["id"] != id {
		t.Errorf("by the new name: %d %s", a.status, a.body)
	}
}

func TestVisibleSnapshot(t *testing.T) {
	sb := start(t, Options{Faults: faults.Settings{ReplicationCalls: 1}})
	before := len(sb.snapshot("user"))
	id := sb.churn(`{"operations":[{"op":"create","entity":"user"}]}`).Operations[0]
	if n := len(sb.snapshot("user")); n != before+1 {
		t.Errorf("the truth has %d users, want %d", n, before+1)
	}
	if n := len(sb.snapshot("user?visible=true")); n != before {
		t.Errorf("reads see %d users, want %d", n, before)
	}
	if a := sb.get("/v1.0/users/" + id); a.status != http.StatusNotFound {
		t.Errorf("a get sees the user: %d", a.status)
	}
	sb.get("/v1.0/users/delta?$deltatoken=latest")
	if n := len(sb.snapshot("user?visible=true")); n != before+1 {
		t.Errorf("after a delta call reads see %d users, want %d", n, before+1)
	}
	if a := sb.get("/sandbox/control/snapshot/user?x"); a.status != http.StatusBadRequest {
		t.Errorf("an unknown query: %d", a.status)
	}
}

func TestLastingExpiry(t *testing.T) {
	sb := start(t, Options{})
	users := sb.get("/v1.0/users/delta?$deltatoken=latest").json["@odata.deltaLink"].(string)
	groups := sb.get("/v1.0/groups/delta?$deltatoken=latest").json["@odata.deltaLink"].(string)
	sb.once(faults.ExpireDelta, `,"entity":"users","form":"syncStateNotFound","times":-1`)
	for range 3 {
		if a := sb.get(users); a.code() != "syncStateNotFound" {
			t.Errorf("users: %d %s", a.status, a.body)
		}
		if a := sb.get(groups); a.status != http.StatusOK {
			t.Errorf("groups: %d %s", a.status, a.body)
		}
	}
	sb.control(http.MethodPut, "/faults", `{"deltaTokenLife":"5m","deltaTokenForm":"gone"}`)
	if a := sb.get(users); a.status != http.StatusOK {
		t.Errorf("a young token: %d %s", a.status, a.body)
	}
	sb.clock.advance(6 * time.Minute)
	if a := sb.get(users); a.status != http.StatusGone || a.header.Get("Location") == "" {
		t.Errorf("an old token: %d %s", a.status, a.body)
	}
}

func TestChurnRefuses(t *testing.T) {
	sb := start(t, Options{})
	for _, tt := range []struct{ body, want string }{
		{`{"user":{}}`, `unknown field "user"`},
		{`{}`, "either counts or operations"},
		{`{"operations":[{"op":"create","entity":"group"},{"op":"purge","entity":"group","id":"x"}]}`, "operation 1 (purge)"},
	} {
		a := sb.do(http.MethodPost, "/sandbox/control/churn", []byte(tt.body))
		if a.status != http.StatusBadRequest || !strings.Contains(string(a.body), tt.want) {
			t.Errorf("%s: %d %s", tt.body, a.status, a.body)
		}
	}
	// What comes before an operation that cannot be done is done, and seen.
	want := strconv.Itoa(tenant.DefaultConfig().Groups + 1)
	if a := sb.get("/v1.0/groups/$count", "ConsistencyLevel", "eventual"); string(a.body) != want {
		t.Errorf("there are %s groups, want %s", a.body, want)
	}
}
