package graphapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

func TestCreateGroups(t *testing.T) {
	s := newService(t, nil)
	ann := s.newUser("ann")
	security := s.must(201, "POST", "/groups", `{"displayName":"Readers","mailEnabled":false,"mailNickname":"readers","securityEnabled":true,
		"description":"made by 1","members@odata.bind":["https://graph.microsoft.com/v1.0/users/`+ann+`"],
		"owners@odata.bind":["https://graph.microsoft.com/v1.0/directoryObjects/`+ann+`"]}`)
	if security.json["mail"] != nil || security.json["securityIdentifier"] == nil || security.json["uniqueName"] != nil {
		t.Errorf("security group: %s", security.body)
	}
	for _, relation := range []string{"members", "owners"} {
		if got := s.must(200, "GET", "/groups/"+security.id()+"/"+relation, ""); len(got.values()) != 1 || got.values()[0]["id"] != ann {
			t.Errorf("%s: %s", relation, got.body)
		}
	}
	const library = `{"displayName":"Library Assist","groupTypes":["Unified"],"mailEnabled":true,"mailNickname":"library","securityEnabled":false}`
	unified := s.must(201, "POST", "/groups", library)
	if unified.json["mail"] != "library@contoso.example" || unified.json["visibility"] != "Public" {
		t.Errorf("Microsoft 365 group: %s", unified.body)
	}
	s.must(201, "POST", "/groups", strings.Replace(library, "false", "true", 1)[:0]+`{"displayName":"All in sales","groupTypes":["DynamicMembership"],
		"mailEnabled":false,"mailNickname":"sales","securityEnabled":true,"membershipRule":"(user.department -eq \"Sales\")","membershipRuleProcessingState":"On"}`)
	group := func(rest string) string {
		return `{"displayName":"x","mailNickname":"x","mailEnabled":false,"securityEnabled":true` + rest + `}`
	}
	const bad = "Request_BadRequest"
	s.run([]step{
		{"POST", "/groups", library, 400, bad, "Another object with the same value for property mailNickname already exists."},
		{"POST", "/groups", group(""), 201, "", ""},
		{"POST", "/groups", group(""), 201, "", ""}, // a name that is not unique
		{"POST", "/groups", `{"displayName":"x"}`, 400, bad, "A value is required for property 'mailEnabled' of resource 'Group'."},
		{"POST", "/groups", group(`,"mailEnabled":true`), 400, bad, "does not currently support writes of mail-enabled groups"},
		{"POST", "/groups", group(`,"groupTypes":["Unified"]`), 400, bad, "'mailEnabled'"},
		{"POST", "/groups", group(`,"groupTypes":["Other"]`), 400, bad, "'groupTypes'"},
		{"POST", "/groups", group(`,"groupTypes":["DynamicMembership"]`), 400, bad, "membershipRule"},
		{"POST", "/groups", group(`,"mailNickname":"a b"`), 400, bad, "'mailNickname'"},
		{"POST", "/groups", group(`,"allowExternalSenders":true`), 400, bad, "allowExternalSenders"},
		{"POST", "/groups", group(`,"members@odata.bind":["https://graph.microsoft.com/v1.0/users/` + security.id()[:35] + `0"]`), 404, "Request_ResourceNotFound", ""},
		{"POST", "/groups", group(`,"members@odata.bind":["nowhere"]`), 400, "BadRequest", "Invalid URL format"},
		{"PATCH", "/groups/" + security.id(), `{"isAssignableToRole":true}`, 400, bad, "'isAssignableToRole'"},
		{"PATCH", "/groups/" + security.id(), `{"mailEnabled":true}`, 400, bad, "'mailEnabled'"},
		{"PATCH", "/groups/" + security.id(), `{"groupTypes":["Unified"]}`, 400, bad, "'groupTypes'"},
		{"PATCH", "/groups/" + security.id(), `{"hideFromAddressLists":true}`, 400, bad, ""},
		{"PATCH", "/groups/" + unified.id(), `{"hideFromAddressLists":true}`, 204, "", ""},
		{"PATCH", "/groups/" + unified.id(), `{"hideFromAddressLists":true,"description":"x"}`, 400, bad, "same request"},
		{"PATCH", "/groups/" + unified.id(), `{"description":"Library","displayName":"Library","groupTypes":["Unified"],"mailEnabled":true,"mailNickname":"library-help"}`, 204, "", ""},
		{"GET", "/groups?$filter=mailNickname eq 'library-help'", "", 200, "", ""},
	})
	mailed := s.find(tenant.Group, func(v tenant.View, r tenant.Ref) bool {
		return string(v.Value(r, "mailEnabled")) == "true" && string(v.Value(r, "groupTypes")) == "[]" && string(v.Value(r, "onPremisesSyncEnabled")) != "true"
	})
	s.run([]step{{"POST", "/groups/" + mailed + "/members/$ref", ref(ann), 400, bad, "Cannot Update a mail-enabled security groups"}})
}

func TestUpsertGroup(t *testing.T) {
	s := newService(t, nil)
	const path = "/groups(uniqueName='golf-1')"
	body := `{"displayName":"Golf Assist","groupTypes":["Unified"],"mailEnabled":true,"mailNickname":"golfassist","securityEnabled":false}`
	s.run([]step{{"PATCH", path, body, 404, "Request_ResourceNotFound", "golf-1"}})
	created := s.must(201, "PATCH", path, body, "Prefer", "create-if-missing")
	if created.json["uniqueName"] != "golf-1" {
		t.Errorf("created: %s", created.body)
	}
	s.must(204, "PATCH", path, strings.Replace(body, "Golf Assist", "Golf", 1), "Prefer", "create-if-missing")
	got := s.must(200, "GET", path, "")
	if got.id() != created.id() || got.json["displayName"] != "Golf" {
		t.Errorf("updated: %s", got.body)
	}
	s.run([]step{
		{"PATCH", path, `{"uniqueName":"other"}`, 400, "Request_BadRequest", "'uniqueName'"},
		{"POST", "/groups", `{"displayName":"x","mailNickname":"x","mailEnabled":false,"securityEnabled":true,"uniqueName":"golf-1"}`, 400, "Request_BadRequest", "property uniqueName"},
	})
}

func TestMembers(t *testing.T) {
	s := newService(t, nil)
	group, other := s.newGroup("readers"), s.newGroup("writers")
	var users []string
	for i := range 22 {
		users = append(users, s.newUser(fmt.Sprintf("user%d", i)))
	}
	path := "/groups/" + group
	bind := func(ids ...string) string {
		return `{"members@odata.bind":["https://graph.microsoft.com/v1.0/directoryObjects/` +
			strings.Join(ids, `","https://graph.microsoft.com/v1.0/directoryObjects/`) + `"]}`
	}
	const bad, gone = "Request_BadRequest", "Request_ResourceNotFound"
	unified := s.id(tenant.Group, 3)
	const nobody = "00000000-0000-0000-0000-000000000000"
	s.run([]step{
		{"POST", path + "/members/$ref", ref(users[0]), 204, "", ""},
		{"POST", path + "/members/$ref", ref(users[0]), 400, bad, "One or more added object references already exist for the following modified properties: 'members'."},
		{"POST", path + "/members/$ref", ref(nobody), 404, gone, "Resource '" + nobody},
		{"POST", path + "/members/$ref", ref(group), 400, bad, "is invalid for the 'members' reference"},
		{"POST", path + "/members/$ref", ref(unified), 400, bad, "is invalid for the 'members' reference"},
		{"POST", path + "/members/$ref", `{"id":"x"}`, 400, "BadRequest", "Invalid URL format"},
		{"POST", "/groups/" + unified + "/members/$ref", ref(other), 400, bad, "is invalid for the 'members' reference"},
		{"POST", "/groups/" + nobody + "/members/$ref", ref(users[0]), 404, gone, nobody},
		{"PATCH", path, bind(users[:21]...), 400, bad, "exceeds the limit of 20"},
		{"PATCH", path, bind(users[1], users[0]), 400, bad, "already exist"},
		{"PATCH", path, bind(users[1], nobody), 404, gone, nobody},
		{"PATCH", path, bind(users[1], users[1]), 400, bad, "can only be present once as an add/remove change."},
		{"GET", path + "/members/" + users[1], "", 404, gone, ""}, // all or nothing
		{"PATCH", path, bind(users[1:21]...), 204, "", ""},
		{"PATCH", path, bind(other), 204, "", ""},
		{"GET", path + "/members/" + users[20], "", 200, "", ""},
		{"DELETE", path + "/members/" + users[20] + "/$ref", "", 204, "", ""},
		{"DELETE", path + "/members/" + users[20] + "/$ref", "", 404, gone, users[20]},
		{"POST", "/groups/" + s.id(tenant.Group, 16) + "/members/$ref", ref(users[0]), 403, "Authorization_RequestDenied", ""}, // dynamic
	})
	if got := s.must(200, "GET", path+"/members?$select=id&$top=999", ""); len(got.values()) != 21 {
		t.Errorf("%d members", len(got.values()))
	}
	if got := s.must(200, "GET", path+"/members?$filter=id in ('"+users[2]+"','"+users[21]+"')", ""); len(got.values()) != 1 {
		t.Errorf("filtered: %s", got.body)
	}
	if got := s.must(200, "GET", path+"/members/$ref", ""); !strings.HasPrefix(got.values()[0]["@odata.id"].(string), "https://localhost/v1.0/directoryObjects/") {
		t.Errorf("$ref: %s", got.body)
	}
	if got := s.must(200, "POST", "/users/"+users[1]+"/checkMemberGroups", `{"groupIds":["`+group+`","`+other+`"]}`); fmt.Sprint(got.json["value"]) != "["+group+"]" {
		t.Errorf("checkMemberGroups: %s", got.body)
	}
	if got := s.must(200, "GET", "/users/"+users[1]+"/memberOf", ""); len(got.values()) != 1 || got.values()[0]["id"] != group {
		t.Errorf("memberOf: %s", got.body)
	}
	entries := s.api.Journal().Since(24)
	if len(entries[1].Effects) != 20 || entries[1].Effects[0].What != "link" || entries[1].Effects[0].Navigation != "members" || entries[1].Effects[0].Target != users[1] {
		t.Errorf("journal: %+v", entries[1])
	}
}

// TestTrap checks that a DELETE without $ref deletes the object itself.
func TestTrap(t *testing.T) {
	s := newService(t, nil)
	ann, bob, group := s.newUser("ann"), s.newUser("bob"), s.newGroup("readers")
	s.must(204, "POST", "/groups/"+group+"/members/$ref", ref(ann))
	s.must(204, "PUT", "/users/"+ann+"/manager/$ref", ref(bob))
	s.run([]step{
		{"DELETE", "/groups/" + group + "/members/" + bob, "", 404, "Request_ResourceNotFound", ""}, // not a member
		{"DELETE", "/groups/" + group + "/members/" + ann, "", 204, "", ""},
		{"GET", "/users/" + ann, "", 404, "Request_ResourceNotFound", ""},
		{"GET", "/directory/deletedItems/" + ann, "", 200, "", ""},
		{"POST", "/directory/deletedItems/" + ann + "/restore", "", 200, "", ""},
		{"GET", "/groups/" + group + "/members/" + ann, "", 200, "", ""},
		{"DELETE", "/users/" + ann + "/manager", "", 204, "", ""},
		{"GET", "/users/" + bob, "", 404, "Request_ResourceNotFound", ""},
	})
}

func TestOwnersAndManagers(t *testing.T) {
	s := newService(t, nil)
	group := "/groups/" + s.newGroup("readers")
	var users []string
	for i := range 102 {
		users = append(users, s.newUser(fmt.Sprintf("user%d", i)))
	}
	const bad = "Request_BadRequest"
	s.run([]step{
		{"POST", group + "/owners/$ref", ref(users[0]), 204, "", ""},
		{"POST", group + "/owners/$ref", ref(users[0]), 400, bad, "already exist for the following modified properties: 'owners'."},
		{"POST", group + "/owners/$ref", ref(s.id(tenant.Device, 0)), 400, bad, "is invalid for the 'owners' reference"},
		{"DELETE", group + "/owners/" + users[0] + "/$ref", "", 400, bad, "The group must have at least one owner, hence this owner cannot be removed."},
		{"DELETE", group + "/owners/" + users[1] + "/$ref", "", 400, bad, "One or more removed object references do not exist"},
	})
	for _, user := range users[1:100] {
		s.must(204, "POST", group+"/owners/$ref", ref(user))
	}
	s.run([]step{
		{"POST", group + "/owners/$ref", ref(users[100]), 403, "Directory_QuotaExceeded", "would exceed the maximum quota count '100'"},
		{"POST", group + "/owners/$ref", ref(users[0]), 403, "Directory_QuotaExceeded", "forward-link"}, // though there already
		{"DELETE", group + "/owners/" + users[0] + "/$ref", "", 204, "", ""},

		{"GET", "/users/" + users[0] + "/manager", "", 404, "Request_ResourceNotFound", "manager"},
		{"DELETE", "/users/" + users[0] + "/manager/$ref", "", 404, "Request_ResourceNotFound", ""},
		{"PUT", "/users/" + users[0] + "/manager/$ref", ref(users[1]), 204, "", ""},
		{"PUT", "/users/" + users[0] + "/manager/$ref", ref(users[1]), 204, "", ""},
		{"PUT", "/users/" + users[0] + "/manager/$ref", ref(users[2]), 204, "", ""},
		{"PUT", "/users/" + users[0] + "/manager/$ref", ref(users[0]), 400, bad, ""},
		{"GET", "/users/" + users[0] + "/manager/$ref", "", 200, "", ""},
	})
	if got := s.must(200, "GET", "/users/"+users[0]+"/manager", ""); got.id() != users[2] {
		t.Errorf("manager: %s", got.body)
	}
	if got := s.must(200, "GET", "/users/"+users[2]+"/directReports", ""); len(got.values()) != 1 {
		t.Errorf("direct reports: %s", got.body)
	}
	s.must(204, "DELETE", "/users/"+users[0]+"/manager/$ref", "")
}

func TestDirectoryRoles(t *testing.T) {
	s := newService(t, func(c *tenant.Config) { c.DirectoryRoles = 2 })
	ann := s.newUser("ann")
	const helpdesk = "729827e3-9c14-49f7-bb1b-9608f156bbb8"
	const bad = "Request_BadRequest"
	s.run([]step{
		{"POST", "/directoryRoles/roleTemplateId=" + helpdesk + "/members/$ref", ref(ann), 404, "Request_ResourceNotFound", ""},
		{"POST", "/directoryRoles", `{"roleTemplateId":"` + helpdesk + `"}`, 201, "", ""},
		{"POST", "/directoryRoles", `{"roleTemplateId":"` + helpdesk + `"}`, 400, bad, "A conflicting object"},
		{"POST", "/directoryRoles", `{"roleTemplateId":"00000000-0000-0000-0000-000000000000"}`, 404, "Request_ResourceNotFound", ""},
		{"POST", "/directoryRoles(roleTemplateId='" + helpdesk + "')/members/$ref", ref(ann), 204, "", ""},
		{"POST", "/directoryRoles/roleTemplateId=" + helpdesk + "/members/$ref", ref(ann), 400, bad, "already exist"},
		{"POST", "/directoryRoles/roleTemplateId=" + helpdesk + "/members/$ref", ref(s.newGroup("plain")), 400, bad, "is invalid"},
		{"GET", "/directoryRoles/roleTemplateId=" + helpdesk, "", 200, "", ""},
		{"DELETE", "/directoryRoles/roleTemplateId=" + helpdesk + "/members/" + ann + "/$ref", "", 204, "", ""},
		{"DELETE", "/directoryRoles/roleTemplateId=" + helpdesk + "/members/" + ann + "/$ref", "", 404, "Request_ResourceNotFound", ""},
	})
	const reader = "f2ef992c-3afb-46b9-b7cf-a126ee74c451" // not active
	assign := `{"principalId":"` + ann + `","roleDefinitionId":"` + reader + `","directoryScopeId":"/"}`
	assignment := s.must(201, "POST", "/roleManagement/directory/roleAssignments", assign)
	s.run([]step{{"POST", "/roleManagement/directory/roleAssignments", assign, 400, bad, "A conflicting object"}})
	list := s.must(200, "GET", "/roleManagement/directory/roleAssignments?$filter=principalId eq '"+ann+"'", "")
	if len(list.values()) != 1 || list.values()[0]["id"] != assignment.id() || list.values()[0]["roleDefinitionId"] != reader {
		t.Errorf("assignments: %s", list.body)
	}
	s.must(204, "DELETE", "/roleManagement/directory/roleAssignments/"+assignment.id(), "")
	s.must(404, "GET", "/roleManagement/directory/roleAssignments/"+assignment.id(), "")
}

func TestRoleAssignableGroups(t *testing.T) {
	s := newService(t, nil)
	body := `{"displayName":"Admins","mailEnabled":false,"mailNickname":"admins","securityEnabled":true,"isAssignableToRole":true}`
	group := s.must(201, "POST", "/groups", body).id()
	ann := s.newUser("ann")
	s.run([]step{
		{"POST", "/groups/" + group + "/members/$ref", ref(s.newGroup("plain")), 400, "Request_BadRequest", "is invalid"},
		{"POST", "/groups/" + group + "/members/$ref", ref(ann), 204, "", ""},
		{"DELETE", "/users/" + ann, "", 403, "Authorization_RequestDenied", ""}, // she is privileged now
	})
	s.missing["RoleManagement.ReadWrite.Directory"] = true
	s.run([]step{
		{"POST", "/groups", body, 403, "Authorization_RequestDenied", ""},
		{"DELETE", "/groups/" + group + "/members/" + ann + "/$ref", "", 403, "Authorization_RequestDenied", ""},
	})
}
