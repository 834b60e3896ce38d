package graphapi

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/replica"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

const bad, denied, key = "Request_BadRequest", "Authorization_RequestDenied", "Request_MultipleObjectsWithSameKeyValue"

func TestUnitsAndDevices(t *testing.T) {
	s := newService(t, nil)
	unit := s.must(201, "POST", "/directory/administrativeUnits", `{"displayName":"North","visibility":"HiddenMembership"}`).id()
	device := s.id(tenant.Device, 0)
	s.run([]step{
		{"POST", "/administrativeUnits", `{"description":"x"}`, 400, bad, "required for property 'displayName'"},
		{"POST", "/administrativeUnits", `{"displayName":"x","nonsense":1}`, 400, bad, "nonsense"},
		{"PATCH", "/directory/administrativeUnits/" + unit, `{"description":"x"}`, 204, "", ""},
		{"PATCH", "/directory/administrativeUnits/" + unit, `{"displayName":null}`, 400, bad, "displayName"},
		{"PATCH", "/directory/administrativeUnits/" + unit, `{"isMemberManagementRestricted":true}`, 400, bad, "read-only"},
		{"POST", "/directory/administrativeUnits/" + unit + "/members/$ref", ref(s.newUser("ann")), 204, "", ""},
		{"DELETE", "/directory/administrativeUnits/" + unit, "", 204, "", ""},
		{"POST", "/directory/deletedItems/" + unit + "/restore", "", 200, "", ""},
		{"PATCH", "/devices/" + device, `{"accountEnabled":false}`, 204, "", ""},
		{"PATCH", "/devices/" + device, `{"trustType":"Workplace"}`, 400, bad, "read-only"},
		{"PATCH", "/devices/" + unit, `{"accountEnabled":false}`, 404, "Request_ResourceNotFound", unit},
	})
	if got := s.must(200, "GET", "/directory/administrativeUnits/"+unit, ""); got.json["displayName"] != "North" || got.json["description"] != "x" {
		t.Errorf("the unit is %s", got.body)
	}
	if got := s.must(200, "GET", "/devices/"+device, ""); got.json["accountEnabled"] != false {
		t.Errorf("the device is %s", got.body)
	}
	s.missing["AdministrativeUnit.ReadWrite.All"], s.missing["Device.ReadWrite.All"] = true, true
	s.run([]step{
		{"POST", "/administrativeUnits", `{"displayName":"x"}`, 403, denied, ""},
		{"PATCH", "/devices/" + device, `{"accountEnabled":true}`, 403, denied, ""},
	})
}

// The service principal of an application that requests have made has its appId.
func TestApplicationsAndPrincipals(t *testing.T) {
	s := newService(t, nil)
	made := s.must(201, "POST", "/applications", `{"displayName":"Payroll"}`)
	appID, _ := made.json["appId"].(string)
	principal := s.must(201, "POST", "/servicePrincipals", `{"appId":"`+appID+`"}`)
	if principal.json["appId"] != appID || principal.json["displayName"] != "Payroll" || principal.id() == made.id() || principal.json["accountEnabled"] != true {
		t.Errorf("the service principal is %s", principal.body)
	}
	byKey := "/servicePrincipals(appId='" + appID + "')"
	s.run([]step{
		{"POST", "/servicePrincipals", `{"appId":"` + appID + `"}`, 409, key, "is already in use"},
		{"POST", "/servicePrincipals", `{"appId":"00000000-0000-0000-0000-000000000001"}`, 400, bad, "does not reference a valid application object"},
		{"PATCH", "/servicePrincipals/" + principal.id(), `{"accountEnabled":false}`, 204, "", ""},
		{"PATCH", "/servicePrincipals/" + principal.id(), `{"appId":"x"}`, 400, bad, "appId"},
		{"PATCH", byKey, `{"notes":"n"}`, 204, "", ""},
		{"PATCH", byKey, `{"customSecurityAttributes":{"Engineering":{"@odata.type":"#Microsoft.DirectoryServices.CustomSecurityAttributeValue","ProjectDate":"2026-01-01"}}}`, 204, "", ""},
		{"PATCH", "/applications/" + made.id(), `{"description":"d","tags":["a"]}`, 204, "", ""},
		{"PATCH", "/applications/" + made.id(), `{"appId":"x"}`, 400, bad, "read-only"},
		{"POST", "/applications", `{"displayName":"x","displayname":"y"}`, 400, bad, "displayname"},
		{"PATCH", "/applications(uniqueName='pay')", `{"displayName":"x"}`, 404, "Request_ResourceNotFound", "pay"},
	})
	got := s.must(200, "GET", byKey+"?$select=accountEnabled,notes,customSecurityAttributes", "")
	if got.json["accountEnabled"] != false || got.json["notes"] != "n" || !strings.Contains(got.body, "2026-01-01") {
		t.Errorf("the service principal is %s", got.body)
	}
	upsert := func(status int, body string) reply {
		return s.must(status, "PATCH", "/applications(uniqueName='pay')", body, "Prefer", "create-if-missing")
	}
	first := upsert(201, `{"displayName":"Pay"}`)
	upsert(204, `{"displayName":"Pay 2"}`)
	found := s.must(200, "GET", "/applications(uniqueName='pay')", "")
	if found.id() != first.id() || found.json["displayName"] != "Pay 2" || found.json["uniqueName"] != "pay" {
		t.Errorf("found %s", found.body)
	}
	if listed := s.must(200, "GET", "/applications?$filter=appId eq '"+appID+"'", "").values(); len(listed) != 1 || listed[0]["id"] != made.id() {
		t.Errorf("by appId: %v", listed)
	}
	s.must(201, "PATCH", "/servicePrincipals(appId='"+first.json["appId"].(string)+"')", `{"notes":"n"}`, "Prefer", "create-if-missing")
	s.run([]step{
		{"DELETE", "/servicePrincipals/" + principal.id(), "", 204, "", ""},
		{"POST", "/servicePrincipals", `{"appId":"` + appID + `"}`, 201, "", ""},
		{"DELETE", "/applications/" + made.id(), "", 204, "", ""},
		{"POST", "/directory/deletedItems/" + made.id() + "/restore", "", 200, "", ""},
	})
}

func TestGrants(t *testing.T) {
	s := newService(t, nil)
	clientID, resource := s.id(tenant.ServicePrincipal, 38), s.id(tenant.ServicePrincipal, 39)
	grant := func(consent, principal string) string {
		return `{"clientId":"` + clientID + `","consentType":"` + consent + `","principalId":` + principal + `,"resourceId":"` + resource + `","scope":"User.Read"}`
	}
	ann := s.newUser("ann")
	id := s.must(201, "POST", "/oauth2PermissionGrants", grant("AllPrincipals", "null")).id()
	s.must(201, "POST", "/oauth2PermissionGrants", grant("Principal", `"`+ann+`"`))
	s.run([]step{
		{"POST", "/oauth2PermissionGrants", grant("AllPrincipals", "null"), 409, key, "already exists"},
		{"POST", "/oauth2PermissionGrants", grant("Principal", "null"), 400, bad, "principalId"},
		{"POST", "/oauth2PermissionGrants", grant("Everybody", "null"), 400, bad, "consentType"},
		{"POST", "/oauth2PermissionGrants", strings.Replace(grant("AllPrincipals", "null"), clientID, ann, 1), 404, "Request_ResourceNotFound", ann},
		{"PATCH", "/oauth2PermissionGrants/" + id, `{"scope":"User.Read Group.Read.All"}`, 204, "", ""},
		{"PATCH", "/oauth2PermissionGrants/" + id, `{"consentType":"Principal"}`, 400, bad, "read-only"},
	})
	if got := s.must(200, "GET", "/oauth2PermissionGrants/"+id, ""); got.json["scope"] != "User.Read Group.Read.All" || got.json["clientId"] != clientID {
		t.Errorf("the grant is %s", got.body)
	}
	s.must(204, "DELETE", "/oauth2PermissionGrants/"+id, "")
	s.must(404, "GET", "/oauth2PermissionGrants/"+id, "")
	s.must(204, "DELETE", "/oauth2PermissionGrants/"+s.id(tenant.PermissionGrant, 0), "")
}

// What was written a moment ago, a DELETE may not know yet: half of the links, and of the
// objects that were deleted.
func TestStaleDeletes(t *testing.T) {
	s := newService(t, nil)
	group := s.newGroup("readers")
	var users []string
	for login := range strings.FieldsSeq("a b c d e f g h") {
		users = append(users, s.newUser(login))
	}
	s.lag = replica.Lag{Time: 10 * time.Second}
	s.advance(11 * time.Second)
	count := func(method string, path func(string) string) (known int) {
		for _, id := range users {
			if s.send(method, path(id), "").status/100 == 2 {
				known++
			}
		}
		return known
	}
	member := func(id string) string { return "/groups/" + group + "/members/" + id + "/$ref" }
	for _, id := range users {
		s.must(204, "POST", "/groups/"+group+"/members/$ref", ref(id))
	}
	if n := count("DELETE", member); n == 0 || n == len(users) {
		t.Errorf("%d of %d new members could be removed", n, len(users))
	}
	s.advance(11 * time.Second)
	count("DELETE", member)
	s.advance(11 * time.Second)
	if left := s.must(200, "GET", "/groups/"+group+"/members", "").values(); len(left) > 0 {
		t.Errorf("later %d members were left", len(left))
	}
	count("DELETE", func(id string) string { return "/users/" + id })
	bin := func(id string) string { return "/directory/deletedItems/" + id }
	if n := count("DELETE", bin); n == 0 || n == len(users) {
		t.Errorf("%d of %d deleted users could be purged", n, len(users))
	}
	s.advance(11 * time.Second)
	count("DELETE", bin)
	s.advance(11 * time.Second)
	if n := count("GET", bin); n != 0 {
		t.Errorf("later %d were left", n)
	}
}

// Each mail of an invitation is in the journal, a second one too.
func TestMailsOfInvitations(t *testing.T) {
	s := newService(t, nil)
	for _, mail := range []string{"true", "true", "false"} {
		s.must(201, "POST", "/invitations", `{"invitedUserEmailAddress":"a@b.example","inviteRedirectUrl":"https://a.example","sendInvitationMessage":`+mail+`}`)
	}
	mails := 0
	for _, e := range s.api.Journal().Since(0) {
		for _, effect := range e.Effects {
			if effect.What == "mail" && string(effect.Properties["mail"]) == `"a@b.example"` {
				mails++
			}
		}
	}
	if mails != 2 {
		t.Errorf("%d mails went out", mails)
	}
}

func TestSearch(t *testing.T) {
	s := newService(t, nil)
	for login, name := range map[string]string{"ann": "Ann van Dyke", "bob": "OneVideo 365", "cid": "Dan \\\"Vandal\\\" O'Neil"} {
		s.must(201, "POST", "/users", strings.NewReplacer("AdeleV", login, "Adele Vance", name).Replace(adele))
	}
	for search, want := range map[string]string{
		`"displayName:van dyke"`:                    "ann",
		`"displayName:video"`:                       "bob",
		`"displayName:onevid"`:                      "bob",
		`"displayName:vandal"`:                      "cid",
		`"displayName:\"vandal"`:                    "cid",
		`"displayName:zzzzz"`:                       "",
		`"displayName:ann v" AND "mailNickname:an"`: "ann",
		`"mailNickname:cid" OR "mailNickname:bo"`:   "bob cid",
	} {
		var logins []string
		for _, u := range s.must(200, "GET", "/users?$select=mailNickname&$search="+encoded(search), "", "ConsistencyLevel", "eventual").values() {
			if name, _ := u["mailNickname"].(string); len(name) == 3 {
				logins = append(logins, name)
			}
		}
		if got := strings.Join(logins, " "); len(got) != len(want) || want != "" && !strings.Contains(want, logins[0]) {
			t.Errorf("%s finds %q, want %q", search, got, want)
		}
	}
	for search, code := range map[string]string{"displayName:a": "BadRequest", `"city:a"`: "Request_UnsupportedQuery"} {
		if got := s.must(400, "GET", "/users?$search="+encoded(search), "", "ConsistencyLevel", "eventual"); !strings.Contains(got.body, code) {
			t.Errorf("%s: %s", search, got.body)
		}
	}
	s.must(400, "GET", "/users?$search="+encoded(`"displayName:a"`), "")
	// Pages go on with the same search.
	first := s.must(200, "GET", "/users?$top=1&$search="+encoded(`"displayName:a"`), "", "ConsistencyLevel", "eventual")
	next, _ := first.json["@odata.nextLink"].(string)
	second := s.must(200, "GET", strings.TrimPrefix(next, "https://localhost/v1.0"), "", "ConsistencyLevel", "eventual").values()
	if len(second) != 1 || second[0]["id"] == first.values()[0]["id"] {
		t.Errorf("the second page is %v", second)
	}
}

func encoded(text string) string {
	return strings.NewReplacer(`"`, "%22", `\`, "%5C", " ", "%20", ":", "%3A").Replace(text)
}

// The operators of advanced queries need the header and $count.
func TestAdvancedFilters(t *testing.T) {
	s := newService(t, nil)
	s.newUser("ann")
	for _, filter := range []string{
		"userPrincipalName ne 'ann@contoso.example'", "not(startswith(userPrincipalName,'ann@'))", "endswith(userPrincipalName,'@contoso.example')",
	} {
		path := "/users?$top=999&$select=id&$filter=" + filter
		if got := s.must(400, "GET", path, ""); !strings.Contains(got.body, "ConsistencyLevel:eventual header") {
			t.Errorf("%s: %s", filter, got.body)
		}
		s.must(400, "GET", path, "", "ConsistencyLevel", "eventual")
		got := s.must(200, "GET", path+"&$count=true", "", "ConsistencyLevel", "eventual")
		if n := got.json["@odata.count"]; n == 0.0 || n == nil {
			t.Errorf("%s finds %v", filter, n)
		}
	}
}
