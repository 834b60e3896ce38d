package server

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// all follows a list to its end and returns the objects' ids and the number
// of pages.
func (sb *sandbox) all(address string) (ids []string, pages int) {
	sb.t.Helper()
	for address != "" {
		a := sb.get(address)
		if a.status != http.StatusOK {
			sb.t.Fatalf("%s: %d %s", address, a.status, a.body)
		}
		for _, v := range a.values() {
			ids = append(ids, v["id"].(string))
		}
		address, _ = a.json["@odata.nextLink"].(string)
		pages++
	}
	return ids, pages
}

func TestListsHoldTheSnapshot(t *testing.T) {
	sb := start(t, Options{})
	for _, kind := range tenant.Kinds() {
		ids, _ := sb.all("/v1.0/" + kind.Collection() + "?$top=333")
		slices.Sort(ids)
		var want []string
		for _, object := range sb.snapshot(kind.Entity()) {
			want = append(want, object.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s: the list has %d, the snapshot %d", kind, len(ids), len(want))
		}
	}
}

func TestListPages(t *testing.T) {
	sb := start(t, Options{})
	for _, tt := range []struct {
		address string
		pages   int
	}{
		{"/v1.0/users", 10},
		{"/v1.0/users?$top=999", 2},
		{"/v1.0/directoryRoles?$top=3", 1},
		{"/v1.0/users?$top=300&$select=displayName&$filter=accountEnabled%20eq%20true", 3},
	} {
		if _, pages := sb.all(tt.address); pages != tt.pages {
			t.Errorf("%s: %d pages, want %d", tt.address, pages, tt.pages)
		}
	}
	for _, address := range []string{"/v1.0/users?$top=0", "/v1.0/users?$top=1000", "/v1.0/users?$top=x", "/v1.0/users?$nonsense=1",
		"/v1.0/users?$skiptoken=x"} {
		if a := sb.get(address); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", address, a.status, a.body)
		}
	}
}

func TestGetOne(t *testing.T) {
	sb := start(t, Options{})
	for _, kind := range tenant.Kinds() {
		id := sb.World().ID(tenant.Ref{Kind: kind, Index: 3})
		if kind == tenant.Organization {
			id = sb.Ready().TenantID
		}
		a := sb.get("/v1.0/" + kind.Collection() + "/" + id)
		if a.status != http.StatusOK || a.json["id"] != id {
			t.Errorf("%s: %d %s", kind, a.status, a.body)
		}
	}
	users := sb.get("/v1.0/users?$top=50&$select=userPrincipalName").values()
	for _, user := range users {
		upn := user["userPrincipalName"].(string)
		for _, address := range []string{"/v1.0/users/" + strings.ReplaceAll(upn, "#", "%23"), "/v1.0/users('" + strings.ReplaceAll(upn, "#", "%23") + "')"} {
			if a := sb.get(address); a.json["id"] != user["id"] {
				t.Errorf("%s: %d %s", address, a.status, a.body)
			}
		}
	}
	user := sb.World().ID(tenant.Ref{Kind: tenant.User, Index: 1})
	if a := sb.get("/v1.0/directoryObjects/" + user); a.json["@odata.type"] != "#microsoft.graph.user" {
		t.Errorf("directoryObjects: %d %s", a.status, a.body)
	}
	app := sb.get("/v1.0/servicePrincipals?$top=1").values()[0]
	if a := sb.get("/v1.0/servicePrincipals(appId='" + app["appId"].(string) + "')"); a.json["id"] != app["id"] {
		t.Errorf("by appId: %d %s", a.status, a.body)
	}
}

func TestGraphRefusals(t *testing.T) {
	sb := start(t, Options{})
	group := sb.World().ID(tenant.Ref{Kind: tenant.Group})
	user := sb.World().ID(tenant.Ref{Kind: tenant.User})
	const nobody = "00000000-0000-0000-0000-000000000000"
	for _, tt := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/v1.0/users/" + nobody, 404, "Request_ResourceNotFound"},
		{"GET", "/v1.0/users/" + group, 404, "Request_ResourceNotFound"},
		{"GET", "/v1.0/users/nobody@contoso.example", 404, "Request_ResourceNotFound"},
		{"GET", "/v1.0/users/nobody", 400, "Request_BadRequest"},
		{"GET", "/v1.0/users/" + user + "/manager", 404, "Request_ResourceNotFound"},
		{"GET", "/v1.0/users/" + user + "/photo", 501, "NotImplemented"},
		{"GET", "/v1.0/users/" + user + "/nothing", 400, "BadRequest"},
		{"GET", "/v1.0/users/" + user + "/manager/x", 400, "BadRequest"},
		{"GET", "/v1.0/nothing", 400, "BadRequest"},
		{"GET", "/v1.0/", 400, "BadRequest"},
		{"GET", "/v2.0/users", 400, "BadRequest"},
		{"GET", "/v1.0/directory/users", 400, "BadRequest"},
		{"GET", "/v1.0/directoryObjects", 400, "Request_UnsupportedQuery"},
		{"GET", "/v1.0/users/$count", 400, "Request_BadRequest"},
		{"GET", "/v1.0/users?$select=skills", 501, "NotImplemented"},
		{"GET", "/v1.0/users?$search=%22displayName:a%22", 400, "Request_UnsupportedQuery"},
		{"GET", "/v1.0/users?$orderby=displayName", 400, "Request_UnsupportedQuery"},
		{"GET", "/v1.0/users?$filter=displayName%20gt%20'a'", 400, "BadRequest"},
		{"GET", "/v1.0/users?$filter=aboutMe%20eq%20'a'", 400, "Request_UnsupportedQuery"},
		{"POST", "/v1.0/users", 403, "Authorization_RequestDenied"},
		{"DELETE", "/v1.0/users/" + user, 403, "Authorization_RequestDenied"},
		{"PUT", "/v1.0/users", 405, "Request_BadRequest"},
	} {
		a := sb.do(tt.method, tt.path, nil)
		if a.status != tt.status || a.code() != tt.code || a.message() == "" {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, a.status, a.body)
		}
	}
	if a := sb.get("/v1.0/users?$filter=" + strings.Repeat("x", 20_000)); a.status != http.StatusRequestURITooLong {
		t.Errorf("a long query: %d", a.status)
	}
	a := sb.get("/v1.0/nothing", "client-request-id", "abc")
	if a.message() != "Resource not found for the segment 'nothing'." {
		t.Errorf("message %q", a.message())
	}
	inner := a.json["error"].(map[string]any)["innerError"].(map[string]any)
	if a.header.Get("client-request-id") != "abc" || inner["client-request-id"] != "abc" || inner["request-id"] != a.header.Get("request-id") {
		t.Errorf("ids: %v %s", a.header, a.body)
	}
	if a.header.Get("x-ms-ags-diagnostic") == "" || a.header.Get("Date") == "" {
		t.Errorf("headers: %v", a.header)
	}
}

func TestFilterAndCount(t *testing.T) {
	sb := start(t, Options{})
	count := func(path string) int {
		a := sb.get(path, "ConsistencyLevel", "eventual")
		n, err := strconv.Atoi(string(a.body))
		if a.status != http.StatusOK || err != nil {
			t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		return n
	}
	if n := count("/v1.0/users/$count"); n != 1000 {
		t.Errorf("%d users", n)
	}
	enabled := count("/v1.0/users/$count?$filter=accountEnabled%20eq%20true")
	ids, _ := sb.all("/v1.0/users?$filter=accountEnabled%20eq%20true")
	if enabled != len(ids) || enabled == 0 || enabled == 1000 {
		t.Errorf("%d counted, %d listed", enabled, len(ids))
	}
	guests := sb.get("/v1.0/users?$filter=userType%20eq%20'guest'%20and%20startswith(userPrincipalName,'a')&$select=userPrincipalName,userType")
	for _, v := range guests.values() {
		if v["userType"] != "Guest" || !strings.HasPrefix(v["userPrincipalName"].(string), "a") {
			t.Errorf("the filter lets %v through", v)
		}
	}
	a := sb.get("/v1.0/groups?$count=true&$top=5", "ConsistencyLevel", "eventual")
	if a.json["@odata.count"] != 60.0 {
		t.Errorf("@odata.count is %v", a.json["@odata.count"])
	}
}

func TestRelations(t *testing.T) {
	sb := start(t, Options{})
	groups := sb.snapshot("group")
	for _, group := range groups {
		for _, relation := range []string{"members", "owners"} {
			ids, _ := sb.all("/beta/groups/" + group.ID + "/" + relation + "?$top=100&$select=displayName")
			slices.Sort(ids)
			if !slices.Equal(ids, group.Links[relation]) {
				t.Errorf("%s of %s: %d, want %d", relation, group.ID, len(ids), len(group.Links[relation]))
			}
		}
		inV1, _ := sb.all("/v1.0/groups/" + group.ID + "/members")
		principals, _ := sb.all("/beta/groups/" + group.ID + "/members/microsoft.graph.servicePrincipal")
		if len(inV1)+len(principals) != len(group.Links["members"]) {
			t.Errorf("v1.0 shows %d members of %s, want all of %d but %d service principals", len(inV1), group.ID,
				len(group.Links["members"]), len(principals))
		}
	}
	for _, role := range sb.snapshot("directoryRole") {
		ids, pages := sb.all("/v1.0/directoryRoles/" + role.ID + "/members")
		slices.Sort(ids)
		if !slices.Equal(ids, role.Links["members"]) || pages != 1 {
			t.Errorf("members of role %s: %d on %d pages", role.ID, len(ids), pages)
		}
	}
	for _, user := range sb.snapshot("user")[:50] {
		a := sb.get("/v1.0/users/" + user.ID + "/manager")
		if managers := user.Links["manager"]; len(managers) == 0 && a.status != http.StatusNotFound ||
			len(managers) == 1 && a.json["id"] != managers[0] {
			t.Errorf("manager of %s: %d %s, want %v", user.ID, a.status, a.body, managers)
		}
	}
}

func TestTransitiveMembersOfARing(t *testing.T) {
	sb := start(t, Options{})
	direct := map[string][]string{}
	for _, group := range sb.snapshot("group") {
		direct[group.ID] = group.Links["members"]
	}
	first := sb.World().ID(tenant.Ref{Kind: tenant.Group})
	want := map[string]bool{}
	for open := []string{first}; len(open) > 0; open = open[1:] {
		for _, id := range direct[open[0]] {
			if !want[id] && id != first {
				want[id] = true
				open = append(open, id)
			}
		}
	}
	ids, _ := sb.all("/v1.0/groups/" + first + "/transitiveMembers?$top=50")
	slices.Sort(ids)
	if !slices.Equal(ids, slices.Sorted(maps.Keys(want))) {
		t.Errorf("%d transitive members, want %d", len(ids), len(want))
	}
}
