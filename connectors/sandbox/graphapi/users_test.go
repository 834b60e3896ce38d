package graphapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sandbox/edit"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

func TestCreateUser(t *testing.T) {
	s := newService(t, nil)
	created := s.must(201, "POST", "/users", adele)
	if created.json["displayName"] != "Adele Vance" || created.json["jobTitle"] != nil || created.header.Get("request-id") == "" ||
		created.json["@odata.context"] != "https://localhost/v1.0/$metadata#users/$entity" {
		t.Errorf("created: %s", created.body)
	}
	for _, path := range []string{"/users/" + created.id(), "/users/adelev@CONTOSO.example"} {
		got := s.must(200, "GET", path+"?$select=id,userPrincipalName,passwordProfile,accountEnabled,userType,employeeId,createdDateTime", "")
		profile, _ := got.json["passwordProfile"].(map[string]any)
		if got.id() != created.id() || got.json["accountEnabled"] != true || got.json["userType"] != "Member" || got.json["employeeId"] != nil ||
			got.json["createdDateTime"] != "2026-11-22T12:00:00Z" || profile["password"] != nil || profile["forceChangePasswordNextSignIn"] != true {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	entries := s.api.Journal().Since(0)
	digest := sha256.Sum256([]byte("xWwvJ]6NMw+bWH-d"))
	if len(entries) != 1 || string(entries[0].Effects[0].Properties["passwordSha256"]) != `"`+hex.EncodeToString(digest[:])+`"` ||
		entries[0].RequestID != created.header.Get("request-id") || entries[0].Method != "POST" || entries[0].Path != "/users" {
		t.Errorf("journal: %+v", entries)
	}
	if text, err := json.Marshal(entries); err != nil || strings.Contains(string(text), "xWwvJ") {
		t.Errorf("the journal tells the password: %s", text)
	}
}

// user is adele with some members replaced by others.
func user(changes map[string]any) string {
	var all map[string]any
	if err := json.Unmarshal([]byte(adele), &all); err != nil {
		return err.Error()
	}
	for name, value := range changes {
		all[name] = value
		if value == "absent" {
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestUserRefusals(t *testing.T) {
	s := newService(t, nil)
	ann := s.newUser("ann")
	const bad = "Request_BadRequest"
	post := func(changes map[string]any, code, message string) step {
		return step{"POST", "/users", user(changes), 400, code, message}
	}
	patch := func(body, code, message string) step { return step{"PATCH", "/users/" + ann, body, 400, code, message} }
	weak := map[string]any{"password": "password"}
	const complexity = "does not comply with password complexity requirements"
	s.run([]step{
		{"POST", "/users", "", 400, "BadRequest", "EndOfInput"},
		{"POST", "/users", "{", 400, "BadRequest", "Unable to read JSON"},
		{"POST", "/users", "[]", 400, "BadRequest", "Unable to read JSON"},
		post(map[string]any{"displayName": "absent"}, bad, "A value is required for property 'displayName' of resource 'User'."),
		post(map[string]any{"accountEnabled": nil}, bad, "'accountEnabled'"),
		post(map[string]any{"passwordProfile": "absent"}, bad, "'passwordProfile'"),
		post(map[string]any{"passwordProfile": weak}, bad, complexity),
		post(map[string]any{"passwordProfile": map[string]any{}}, bad, complexity),
		post(map[string]any{"userPrincipalName": "a@fabrikam.example"}, bad, "The domain portion of the userPrincipalName property is invalid."),
		post(map[string]any{"userPrincipalName": "a b@contoso.example"}, bad, "Invalid value specified for property 'userPrincipalName'"),
		post(map[string]any{"userPrincipalName": "ANN@contoso.example"}, bad, "Another object with the same value for property userPrincipalName already exists."),
		post(map[string]any{"mailNickname": "a@b"}, bad, "'mailNickname'"),
		post(map[string]any{"colour": "red"}, bad, "Property 'colour' does not exist"),
		post(map[string]any{"id": ann}, bad, "Property 'id' is read-only"),
		post(map[string]any{"assignedLicenses": []any{}}, bad, "read-only"),
		post(map[string]any{"extension_x_y": "z"}, bad, "The following extension properties are not available in the organization: extension_x_y."),
		patch(`{"createdDateTime":"2026-01-01T00:00:00Z"}`, bad, "read-only"),
		patch(`{"accountEnabled":"yes"}`, "BadRequest", "Cannot convert the literal 'yes' to the expected type 'Edm.Boolean'."),
		patch(`{"employeeHireDate":"soon"}`, "BadRequest", "Edm.DateTimeOffset"),
		patch(`{"employeeId":"12345678901234567"}`, bad, "'employeeId'"),
		patch(`{"displayName":null}`, bad, "'displayName'"),
		patch(`{"displayName":""}`, bad, "'displayName'"),
		patch(`{"mail":null}`, bad, "'mail'"),
		patch(`{"mail":"nobody"}`, bad, "'mail'"),
		patch(`{"usageLocation":null}`, bad, "'usageLocation'"),
		patch(`{"usageLocation":"Switzerland"}`, bad, "'usageLocation'"),
		patch(`{"businessPhones":["1","2"]}`, bad, "'businessPhones'"),
		patch(`{"otherMails":null}`, bad, "'otherMails'"),
		patch(`{"onPremisesExtensionAttributes":{"extensionAttribute16":"x"}}`, bad, "extensionAttribute16"),
		patch(`{"passwordProfile":{"password":"short"}}`, bad, complexity),
		{"PATCH", "/users/" + ann, `{"skills":["Go"]}`, 403, "Authorization_RequestDenied", ""},
		{"PATCH", "/users/00000000-0000-0000-0000-000000000000", `{}`, 404, "Request_ResourceNotFound", "Resource '00000000-"},
		{"PATCH", "/users/nobody@contoso.example", `{}`, 404, "Request_ResourceNotFound", ""},
		{"PATCH", "/users/nobody", `{}`, 400, bad, "Invalid object identifier 'nobody'."},
		{"PUT", "/users/" + ann, `{}`, 405, bad, ""},
		{"POST", "/users/" + ann + "/nothing", `{}`, 400, "BadRequest", ""},
	})
	if n := len(s.api.Journal().Since(0)); n != 1 {
		t.Errorf("%d requests were accepted, not 1", n)
	}
	conflict := s.send("POST", "/users", user(map[string]any{"userPrincipalName": "ann@contoso.example"}))
	if !strings.Contains(conflict.body, `"details":[{"code":"ObjectConflict","message":"Another object with the same value for property userPrincipalName already exists.","target":"userPrincipalName"}]`) {
		t.Errorf("conflict: %s", conflict.body)
	}
}

func TestUpdateUser(t *testing.T) {
	s := newService(t, nil)
	s.who.Roles = append(s.who.Roles, "User.ManageIdentities.All")
	ann := s.newUser("ann")
	extension := "extension_" + tenant.ExtensionApp + "_level"
	s.must(204, "PATCH", "/users/ann@contoso.example", `{"city":"Zürich","department":null,"businessPhones":["+41 44 1"],"usageLocation":"CH",`+
		`"employeeOrgData":{"division":"North"},"onPremisesExtensionAttributes":{"extensionAttribute1":"one"},"`+extension+`":7,`+
		`"userPrincipalName":"anna@contoso.example","mail":"anna@contoso.example","employeeId":"E-1"}`)
	s.must(204, "PATCH", "/users/"+ann, `{"onPremisesExtensionAttributes":{"extensionAttribute2":"two"},"mail":"anna.v@contoso.example"}`)
	got := s.must(200, "GET", "/users/anna@contoso.example?$select=city,employeeOrgData,onPremisesExtensionAttributes,proxyAddresses,"+extension, "")
	for _, want := range []string{`"city":"Zürich"`, `"employeeOrgData":{"costCenter":null,"division":"North"}`, `"` + extension + `":7`,
		`"extensionAttribute1":"one"`, `"extensionAttribute2":"two"`, `"proxyAddresses":["SMTP:anna.v@contoso.example","smtp:anna@contoso.example"]`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("%s is not in %s", want, got.body)
		}
	}
	s.must(404, "GET", "/users/ann@contoso.example", "")
	s.newUser("ann") // the name is free
	s.run([]step{
		{"PATCH", "/users/" + ann, `{"userPrincipalName":"ann@contoso.example"}`, 400, "Request_BadRequest", "userPrincipalName already exists"},
		{"PATCH", "/users/ann@contoso.example", `{"mail":"ANNA@contoso.example"}`, 400, "Request_BadRequest", "property proxyAddresses already exists"},
		{"GET", "/users?$filter=employeeId eq 'e-1'", "", 200, "", ""},
	})
	before := s.world.Version()
	s.must(204, "PATCH", "/users/"+ann, `{"city":"Zürich"}`)
	if s.world.Version() != before {
		t.Error("a value that was there already is a change")
	}
	for _, filter := range []string{"employeeId eq 'E-1'", "userPrincipalName eq 'anna@contoso.example'", "mailNickname eq 'ann' and city eq 'x' or employeeId in ('q','E-1')",
		"proxyAddresses/any(p:p eq 'smtp:anna@contoso.example')", "startswith(userPrincipalName,'anna@')", "id eq '" + ann + "'"} {
		want := 200
		if strings.Contains(filter, "city") {
			want = 400 // no filter names it
		}
		list := s.must(want, "GET", "/users?$filter="+filter, "")
		if want == 200 && (len(list.values()) != 1 || list.values()[0]["id"] != ann) {
			t.Errorf("%s: %s", filter, list.body)
		}
	}
}

// find returns the id of the first object of the seed whose property is so.
func (s *service) find(k tenant.Kind, fits func(v tenant.View, r tenant.Ref) bool) string {
	s.t.Helper()
	v := s.world.View(s.world.Version())
	defer v.Close()
	for i := range uint32(s.world.Count(k)) {
		if r := (tenant.Ref{Kind: k, Index: i}); fits(v, r) {
			return s.world.ID(r)
		}
	}
	s.t.Fatalf("the tenant has no such %s", k)
	return ""
}

func isTrue(property string) func(tenant.View, tenant.Ref) bool {
	return func(v tenant.View, r tenant.Ref) bool { return string(v.Value(r, property)) == "true" }
}

func TestSyncedObjects(t *testing.T) {
	s := newService(t, nil)
	user, group := s.find(tenant.User, isTrue("onPremisesSyncEnabled")), s.find(tenant.Group, isTrue("onPremisesSyncEnabled"))
	const code, message = "Request_BadRequest", "Unable to update the specified properties for on-premises mastered Directory Sync objects"
	other := s.newUser("ann")
	s.run([]step{
		{"PATCH", "/users/" + user, `{"city":"Bern"}`, 400, code, message},
		{"PATCH", "/users/" + user, `{"usageLocation":"CH"}`, 204, "", ""},
		{"PUT", "/users/" + user + "/manager/$ref", ref(other), 400, code, message},
		{"PATCH", "/groups/" + group, `{"description":"x"}`, 400, code, message},
		{"POST", "/groups/" + group + "/members/$ref", ref(other), 400, code, message},
		{"DELETE", "/groups/" + group, "", 400, code, message},
	})
}

func TestPrivilegedUsers(t *testing.T) {
	s := newService(t, nil)
	ann := s.newUser("ann")
	const newPassword = `{"passwordProfile":{"password":"Another-1-one"}}`
	s.must(204, "PATCH", "/users/"+ann, newPassword)
	s.must(204, "POST", "/directoryRoles/roleTemplateId=729827e3-9c14-49f7-bb1b-9608f156bbb8/members/$ref", ref(ann))
	denied := func(method, path, body string) step {
		return step{method, path, body, 403, "Authorization_RequestDenied", "Insufficient privileges"}
	}
	s.run([]step{
		denied("PATCH", "/users/"+ann, newPassword), denied("PATCH", "/users/"+ann, `{"accountEnabled":false}`),
		denied("DELETE", "/users/"+ann, ""),
		{"PATCH", "/users/" + ann, `{"city":"Bern"}`, 204, "", ""},
	})
	s.who.DirectoryRoles = []string{edit.PrivilegedAuthAdministrator}
	s.run([]step{{"PATCH", "/users/" + ann, newPassword, 204, "", ""}, {"DELETE", "/users/" + ann, "", 204, "", ""}})
	s.who.DirectoryRoles = nil
	bob := s.newUser("bob")
	s.run([]step{denied("PATCH", "/users/"+bob, newPassword), {"PATCH", "/users/" + bob, `{"accountEnabled":false}`, 204, "", ""}})
}

// TestLeastPermissions checks that the documented least permission is enough for
// what it is for, and for nothing else.
func TestLeastPermissions(t *testing.T) {
	s := newService(t, nil)
	all := s.who.Roles
	ann, group := s.newUser("ann"), s.newGroup("readers")
	for _, tt := range []struct {
		roles              []string
		method, path, body string
		status             int
	}{
		{[]string{"User.EnableDisableAccount.All", "User.Read.All"}, "PATCH", "/users/" + ann, `{"accountEnabled":false}`, 204},
		{[]string{"User.EnableDisableAccount.All"}, "PATCH", "/users/" + ann, `{"accountEnabled":true}`, 403},
		{[]string{"User-Phone.ReadWrite.All"}, "PATCH", "/users/" + ann, `{"mobilePhone":"1"}`, 204},
		{[]string{"User-Phone.ReadWrite.All"}, "PATCH", "/users/" + ann, `{"mobilePhone":"1","city":"Bern"}`, 403},
		{[]string{"User-Mail.ReadWrite.All"}, "PATCH", "/users/" + ann, `{"otherMails":["a@b.example"]}`, 204},
		{[]string{"User-PasswordProfile.ReadWrite.All"}, "PATCH", "/users/" + ann, `{"passwordProfile":{"password":"Another-1-one"}}`, 204},
		{[]string{"User.ReadUpdate.All"}, "PATCH", "/users/" + ann, `{"city":"Bern"}`, 204},
		{[]string{"User.ReadWrite.All"}, "PATCH", "/users/" + ann, `{"employeeLeaveDateTime":"2026-12-31T00:00:00Z"}`, 403},
		{[]string{"User-LifeCycleInfo.ReadWrite.All"}, "PATCH", "/users/" + ann, `{"employeeLeaveDateTime":"2026-12-31T00:00:00Z"}`, 204},
		{[]string{"User.ReadWrite.All"}, "PATCH", "/users/" + ann, `{"customSecurityAttributes":null}`, 403},
		{[]string{"User.Read.All"}, "PATCH", "/users/" + ann, `{"city":"Bern"}`, 403},
		{[]string{"User.ReadUpdate.All"}, "POST", "/users", user(map[string]any{"userPrincipalName": "b@contoso.example"}), 403},
		{[]string{"User.RevokeSessions.All"}, "POST", "/users/" + ann + "/revokeSignInSessions", "", 200},
		{[]string{"GroupMember.ReadWrite.All"}, "POST", "/groups/" + group + "/members/$ref", ref(ann), 204},
		{[]string{"GroupMember.ReadWrite.All"}, "POST", "/groups/" + group + "/owners/$ref", ref(ann), 403},
		{[]string{"GroupMember.ReadWrite.All"}, "PATCH", "/groups/" + group, `{"description":"x"}`, 403},
		{[]string{"Group.Create"}, "PATCH", "/groups/" + group, `{"description":"x"}`, 403},
		{[]string{"Group.ReadWrite.All"}, "POST", "/groups/" + group + "/owners/$ref", ref(ann), 204},
		{[]string{"GroupMember.ReadWrite.All"}, "DELETE", "/groups/" + group + "/members/" + ann, "", 403}, // would delete the user
		{[]string{"Directory.ReadWrite.All"}, "DELETE", "/users/" + ann, "", 403},
		{[]string{"User.DeleteRestore.All"}, "DELETE", "/users/" + ann, "", 204},
		{[]string{"User.DeleteRestore.All"}, "POST", "/directory/deletedItems/" + ann + "/restore", "", 200},
		{[]string{"Group.ReadWrite.All"}, "DELETE", "/groups/" + group, "", 204},
		{all, "DELETE", "/directory/deletedItems/" + group, "", 403}, // not for applications
	} {
		s.who.Roles = tt.roles
		if got := s.send(tt.method, tt.path, tt.body); got.status != tt.status {
			t.Errorf("%s %s %s with %v: %d %s", tt.method, tt.path, tt.body, tt.roles, got.status, got.body)
		}
	}
}

func TestSecurityAttributes(t *testing.T) {
	s := newService(t, nil)
	ann := s.newUser("ann")
	patch := func(set string) string {
		return `{"customSecurityAttributes":{"Engineering":{"@odata.type":"#Microsoft.DirectoryServices.CustomSecurityAttributeValue",` + set + `}}}`
	}
	s.run([]step{
		{"PATCH", "/users/" + ann, patch(`"ProjectDate":"2022-10-01"`), 204, "", ""},
		{"PATCH", "/users/" + ann, patch(`"NumVendors@odata.type":"#Int32","NumVendors":4`), 204, "", ""},
		{"PATCH", "/users/" + ann, patch(`"Project@odata.type":"#Collection(String)","Project":["Baker"]`), 204, "", ""},
		{"PATCH", "/users/" + ann, patch(`"ProjectDate":null`), 204, "", ""},
		{"PATCH", "/users/" + ann, patch(`"NumVendors":4`), 400, "Request_BadRequest", "type Integer"},
		{"PATCH", "/users/" + ann, patch(`"Colour":"red"`), 400, "Request_BadRequest", "Engineering_Colour"},
		{"PATCH", "/users/" + ann, `{"customSecurityAttributes":{"Engineering":{"ProjectDate":"x"}}}`, 400, "Request_BadRequest", "@odata.type"},
	})
	got := s.must(200, "GET", "/users/"+ann+"?$select=customSecurityAttributes", "")
	if want := `"customSecurityAttributes":{"Engineering":{"@odata.type":"#microsoft.graph.customSecurityAttributeValue",` +
		`"NumVendors":4,"NumVendors@odata.type":"#Int32","Project":["Baker"],"Project@odata.type":"#Collection(String)"}}`; !strings.Contains(got.body, want) {
		t.Errorf("got %s", got.body)
	}
	s.run([]step{{"PATCH", "/users/" + ann, patch(`"NumVendors":null,"Project":[]`), 204, "", ""}})
	if got := s.must(200, "GET", "/users/"+ann+"?$select=customSecurityAttributes", ""); got.json["customSecurityAttributes"] != nil {
		t.Errorf("cleared: %s", got.body)
	}
	if got := s.must(200, "GET", "/directory/customSecurityAttributeDefinitions", ""); len(got.values()) < 5 {
		t.Errorf("definitions: %s", got.body)
	}
}
