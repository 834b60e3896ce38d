package graphapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/replica"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

func TestDeleteRestorePurge(t *testing.T) {
	s := newService(t, nil)
	ann, group := s.newUser("ann"), s.newGroup("readers")
	const gone = "Request_ResourceNotFound"
	s.run([]step{
		{"DELETE", "/users/" + ann, "", 204, "", ""},
		{"DELETE", "/users/" + ann, "", 404, gone, ann},
		{"PATCH", "/users/" + ann, `{}`, 404, gone, ann},
		{"GET", "/directory/deletedItems", "", 400, "Request_UnsupportedQuery", "Searches against this resource"},
	})
	if got := s.must(200, "GET", "/directory/deletedItems/microsoft.graph.user?$select=userPrincipalName", ""); len(got.values()) != 1 || got.values()[0]["id"] != ann {
		t.Errorf("deleted users: %s", got.body)
	}
	again := s.newUser("ann") // the name is free
	s.run([]step{
		{"POST", "/directory/deletedItems/" + ann + "/restore", "", 400, "Request_BadRequest", "property userPrincipalName already exists"},
		{"POST", "/directory/deletedItems/" + ann + "/restore", `{"newUserPrincipalName":"ann2@contoso.example"}`, 200, "", ""},
		{"GET", "/users/ann2@contoso.example", "", 200, "", ""},
		{"POST", "/directory/deletedItems/" + ann + "/restore", "", 404, gone, ""},
		{"DELETE", "/users/" + again, "", 204, "", ""},
		{"DELETE", "/directory/deletedItems/" + again, "", 204, "", ""},
		{"DELETE", "/directory/deletedItems/" + again, "", 404, gone, ""},
		{"POST", "/directory/deletedItems/" + again + "/restore", "", 404, gone, ""},
		{"DELETE", "/groups/" + group, "", 204, "", ""},
		{"DELETE", "/directory/deletedItems/" + group, "", 403, "Authorization_RequestDenied", ""},
		{"POST", "/directory/deletedItems/" + group + "/restore", "", 200, "", ""},
	})
}

// TestDeltaTellsWrites checks that what requests write comes in delta queries, and
// of a new object nothing but what was written.
func TestDeltaTellsWrites(t *testing.T) {
	s := newService(t, nil)
	round := func(link string) (items []map[string]any, next string) {
		for link != "" {
			page := s.must(200, "GET", strings.TrimPrefix(link, "https://localhost/v1.0"), "")
			items = append(items, page.values()...)
			link, _ = page.json["@odata.nextLink"].(string)
			next, _ = page.json["@odata.deltaLink"].(string)
		}
		return items, next
	}
	_, users := round("/users/delta?$select=displayName,jobTitle,city,manager&$deltatoken=latest")
	_, groups := round("/groups/delta?$select=displayName,members&$deltatoken=latest")
	ann, group := s.newUser("ann"), s.newGroup("readers")
	s.must(204, "POST", "/groups/"+group+"/members/$ref", ref(ann))
	changed, users := round(users)
	if len(changed) != 1 || changed[0]["id"] != ann || changed[0]["displayName"] != "Adele Vance" || len(changed[0]) != 2 {
		t.Errorf("users: %v", changed)
	}
	changed, _ = round(groups)
	if text := fmt.Sprint(changed); len(changed) != 1 || changed[0]["id"] != group || !strings.Contains(text, "members@delta") || !strings.Contains(text, ann) {
		t.Errorf("groups: %v", changed)
	}
	s.must(204, "PATCH", "/users/"+ann, `{"city":"Bern"}`)
	s.must(204, "DELETE", "/users/"+ann, "")
	if changed, _ = round(users); len(changed) != 1 || fmt.Sprint(changed[0]["@removed"]) != "map[reason:changed]" {
		t.Errorf("after the delete: %v", changed)
	}
	s.must(200, "POST", "/directory/deletedItems/"+ann+"/restore", "")
	whole, _ := round("/users/delta?$select=displayName,jobTitle,userPrincipalName")
	for _, item := range whole {
		if item["id"] == ann && (item["userPrincipalName"] != "ann@contoso.example" || item["jobTitle"] != nil) {
			t.Errorf("whole: %v", item)
		}
	}
}

func TestReplication(t *testing.T) {
	s := newService(t, nil)
	s.lag = replica.Lag{Time: 5 * time.Second}
	statuses := map[int]int{}
	var users, groups []string
	for i := range 40 {
		user, group := s.newUser(fmt.Sprintf("user%d", i)), s.newGroup(fmt.Sprintf("group%d", i))
		users, groups = append(users, user), append(groups, group)
		s.must(404, "GET", "/users/"+user, "")
		got := s.send("POST", "/groups/"+group+"/members/$ref", ref(s.id(tenant.User, 5)))
		statuses[got.status]++
		if _, message := got.error(); got.status == 400 && message != "The source resource object or one of the objects being referenced don't exist." {
			t.Errorf("got %s", got.body)
		}
	}
	if statuses[204] == 0 || statuses[400] == 0 || statuses[404] == 0 {
		t.Errorf("writes to groups that are not replicated: %v", statuses)
	}
	s.run([]step{{"POST", "/users", user(map[string]any{"userPrincipalName": "user1@contoso.example"}), 400, "Request_BadRequest", "userPrincipalName already exists"}})
	s.advance(5 * time.Second)
	for i := range users {
		s.must(200, "GET", "/users/"+users[i], "")
		s.must(204, "POST", "/groups/"+groups[i]+"/members/$ref", ref(users[i]))
	}
	s.must(404, "GET", "/groups/"+groups[0]+"/members/"+users[0], "")
}

func TestWriteQuota(t *testing.T) {
	s := newService(t, nil)
	ann := s.newUser("ann")
	for range 2999 {
		s.must(204, "PATCH", "/users/"+ann, `{"city":"Bern"}`)
	}
	got := s.must(429, "PATCH", "/users/"+ann, `{"city":"Bern"}`)
	if got.header.Get("Retry-After") == "" || got.header.Get("x-ms-throttle-information") != "WriteLimitExceeded" ||
		!strings.HasPrefix(got.header.Get("x-ms-throttle-scope"), "Tenant_Application/Write/app/") {
		t.Errorf("429: %v", got.header)
	}
	s.must(200, "GET", "/users/"+ann, "") // reads pass
	// Nineteen wait, the read does not.
	batch := s.must(200, "POST", "/$batch", `{"requests":[{"id":"1","method":"PATCH","url":"/users/`+ann+`","headers":{"Content-Type":"application/json"},"body":{"city":"Rom"}},{"id":"2","method":"GET","url":"/users/`+ann+`"}]}`)
	if !strings.Contains(batch.body, `"status":429`) || !strings.Contains(batch.body, `"Retry-After":"1"`) || !strings.Contains(batch.body, `"status":200`) {
		t.Errorf("batch: %s", batch.body)
	}
	s.advance(time.Second)
	s.must(204, "PATCH", "/users/"+ann, `{"city":"Rom"}`)
}

func TestInvitations(t *testing.T) {
	s := newService(t, nil)
	const body = `{"invitedUserEmailAddress":"admin@fabrikam.example","inviteRedirectUrl":"https://myapp.contoso.example","invitedUserDisplayName":"Fab"}`
	first := s.must(201, "POST", "/invitations", body)
	guest, _ := first.json["invitedUser"].(map[string]any)
	if first.json["status"] != "PendingAcceptance" || guest["id"] == nil || first.json["invitedUserDisplayName"] != "Fab" {
		t.Fatalf("invitation: %s", first.body)
	}
	got := s.must(200, "GET", "/users/admin_fabrikam.example%23EXT%23@contoso.example?$select=userType,externalUserState,creationType,mail,displayName", "")
	if got.id() != guest["id"] || got.json["userType"] != "Guest" || got.json["externalUserState"] != "PendingAcceptance" || got.json["displayName"] != "Fab" {
		t.Errorf("guest: %s", got.body)
	}
	again := s.must(201, "POST", "/invitations", body)
	if other, _ := again.json["invitedUser"].(map[string]any); other["id"] != guest["id"] {
		t.Errorf("invited again: %s", again.body)
	}
	s.must(204, "PATCH", "/users/"+s.newUser("ann"), `{"mail":"ann@contoso.example"}`)
	s.run([]step{
		{"POST", "/invitations", `{"invitedUserEmailAddress":"x","inviteRedirectUrl":"https://a"}`, 400, "BadRequest", "email"},
		{"POST", "/invitations", `{"invitedUserEmailAddress":"x@y.example"}`, 400, "BadRequest", "inviteRedirectUrl"},
		{"POST", "/invitations", `{"invitedUserEmailAddress":"ann@contoso.example","inviteRedirectUrl":"https://a"}`, 400, "BadRequest", "already exists in the directory as object ID"},
	})
}

func TestAppRoles(t *testing.T) {
	s := newService(t, nil)
	ann := s.newUser("ann")
	with := s.find(tenant.ServicePrincipal, func(v tenant.View, r tenant.Ref) bool { return len(v.Value(r, "appRoles")) > 2 })
	without := s.find(tenant.ServicePrincipal, func(v tenant.View, r tenant.Ref) bool { return string(v.Value(r, "appRoles")) == "[]" })
	body := func(resource, role string) string {
		return `{"principalId":"` + ann + `","resourceId":"` + resource + `","appRoleId":"` + role + `"}`
	}
	const reader, none = "1c8d8a51-4f5a-4f1c-9d52-7d3c0b6b1a01", "00000000-0000-0000-0000-000000000000"
	first := s.must(201, "POST", "/users/"+ann+"/appRoleAssignments", body(with, reader))
	if first.json["principalType"] != "User" || first.json["principalDisplayName"] != "Adele Vance" || len(first.id()) != 43 {
		t.Errorf("assignment: %s", first.body)
	}
	second := s.must(201, "POST", "/servicePrincipals/"+without+"/appRoleAssignedTo", body(without, none))
	const bad = "Request_BadRequest"
	s.run([]step{
		{"POST", "/users/" + ann + "/appRoleAssignments", body(with, reader), 400, bad, "Permission being assigned already exists on the object"},
		{"POST", "/users/" + ann + "/appRoleAssignments", body(with, none), 400, bad, "Permission being assigned was not found on application"},
		{"POST", "/users/" + s.newUser("bob") + "/appRoleAssignments", body(with, reader), 400, bad, "principalId"},
		{"POST", "/users/" + ann + "/appRoleAssignments", `{"principalId":"` + ann + `"}`, 400, bad, "resourceId"},
	})
	list := s.must(200, "GET", "/users/"+ann+"/appRoleAssignments", "")
	if len(list.values()) != 2 || list.values()[0]["@odata.type"] != nil {
		t.Errorf("list: %s", list.body)
	}
	if list = s.must(200, "GET", "/users/"+ann+"/appRoleAssignments?$filter=resourceId eq "+with, ""); len(list.values()) != 1 {
		t.Errorf("filtered: %s", list.body)
	}
	s.run([]step{
		{"DELETE", "/users/" + ann + "/appRoleAssignments/" + first.id(), "", 204, "", ""},
		{"DELETE", "/users/" + ann + "/appRoleAssignments/" + first.id(), "", 404, "Request_ResourceNotFound", ""},
		{"DELETE", "/servicePrincipals/" + with + "/appRoleAssignedTo/" + second.id(), "", 404, "Request_ResourceNotFound", ""},
		{"DELETE", "/servicePrincipals/" + without + "/appRoleAssignedTo/" + second.id(), "", 204, "", ""},
	})
}

func TestGetByIDs(t *testing.T) {
	s := newService(t, nil)
	ids, err := json.Marshal([]string{s.id(tenant.User, 1), s.id(tenant.Group, 2), "00000000-0000-0000-0000-000000000000"})
	if err != nil {
		t.Fatal(err)
	}
	got := s.must(200, "POST", "/directoryObjects/getByIds", `{"ids":`+string(ids)+`}`)
	if len(got.values()) != 2 || got.values()[1]["@odata.type"] != "#microsoft.graph.group" {
		t.Errorf("got %s", got.body)
	}
	if got = s.must(200, "POST", "/directoryObjects/getByIds", `{"ids":`+string(ids)+`,"types":["user"]}`); len(got.values()) != 1 {
		t.Errorf("users: %s", got.body)
	}
	if n := len(s.api.Journal().Since(0)); n != 0 {
		t.Errorf("the journal has %d entries of reads", n)
	}
}

func TestAdministrativeUnits(t *testing.T) {
	s := newService(t, nil)
	unit := s.find(tenant.AdministrativeUnit, func(v tenant.View, r tenant.Ref) bool { return string(v.Value(r, "membershipType")) != `"Dynamic"` })
	dynamic := s.find(tenant.AdministrativeUnit, func(v tenant.View, r tenant.Ref) bool { return string(v.Value(r, "membershipType")) == `"Dynamic"` })
	ann := s.newUser("ann")
	s.run([]step{
		{"POST", "/directory/administrativeUnits/" + unit + "/members/$ref", ref(ann), 204, "", ""},
		{"POST", "/directory/administrativeUnits/" + dynamic + "/members/$ref", ref(ann), 403, "Authorization_RequestDenied", ""},
		{"GET", "/directory/administrativeUnits/" + unit + "/members/" + ann, "", 200, "", ""},
		{"DELETE", "/directory/administrativeUnits/" + unit + "/members/" + ann + "/$ref", "", 204, "", ""},
	})
}
