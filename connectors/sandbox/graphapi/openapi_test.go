package graphapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// graphDataVariable names the folder of Microsoft Graph's test data: the OpenAPI
// description of the directory and the documentation's examples.
const graphDataVariable = "USHER_GRAPH_DATA"

func graphData(t *testing.T) string {
	t.Helper()
	folder := os.Getenv(graphDataVariable)
	if folder == "" {
		t.Skip(graphDataVariable + " does not name the folder of Microsoft Graph's test data")
	}
	return folder
}

// described compares exchanges with a description.
type described struct {
	*service
	doc *openapi3.T
}

// do sends a request, which must end in a status, and compares it and its answer
// with the description.
func (d *described) do(status int, method, path, body string, header ...string) reply {
	d.t.Helper()
	got := d.must(status, method, path, body, header...)
	template, operation := d.operation(method, path)
	if operation == nil {
		d.t.Fatalf("the description has no %s %s", method, path)
	}
	if body != "" {
		var value any
		if err := json.Unmarshal([]byte(body), &value); err != nil {
			d.t.Fatal(err)
		}
		if err := operation.RequestBody.Value.Content.Get("application/json").Schema.Value.VisitJSON(value); err != nil {
			d.t.Errorf("the request %s %s: %v", method, template, err)
		}
	}
	responses := operation.Responses
	response := responses.Value(fmt.Sprint(status))
	if response == nil || len(got.json) > 0 && response.Value.Content == nil {
		response = responses.Value(fmt.Sprintf("%dXX", status/100))
	}
	if response == nil {
		d.t.Fatalf("the description has no %d for %s %s", status, method, template)
	}
	if len(got.json) == 0 {
		return got
	}
	if err := response.Value.Content.Get("application/json").Schema.Value.VisitJSON(got.json); err != nil {
		d.t.Errorf("the answer to %s %s: %v", method, template, err)
	}
	return got
}

// operation finds the description of a path.
func (d *described) operation(method, path string) (string, *openapi3.Operation) {
	path, _, _ = strings.Cut(path, "?")
	segments := strings.Split(path, "/")
	best := ""
	for template := range d.doc.Paths.Map() {
		parts := strings.Split(template, "/")
		if len(parts) != len(segments) {
			continue
		}
		fits := true
		for i, part := range parts {
			before, _, isParameter := strings.Cut(part, "{")
			fits = fits && (part == segments[i] || isParameter && strings.HasPrefix(segments[i], before) && (before != "" || !strings.Contains(segments[i], "(")))
		}
		if fits && (best == "" || strings.Count(template, "{") < strings.Count(best, "{")) {
			best = template
		}
	}
	if best == "" {
		return "", nil
	}
	return best, d.doc.Paths.Value(best).GetOperation(method)
}

// TestWritesFitTheDescription sends one of each write.
func TestWritesFitTheDescription(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(graphData(t), "openapi-directory-v1.0.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	d := &described{service: newService(t, func(c *tenant.Config) { c.DirectoryRoles = 2 }), doc: doc}
	ann := d.do(201, "POST", "/users", adele).id()
	bob := d.do(201, "POST", "/users", user(map[string]any{"userPrincipalName": "bob@contoso.example", "usageLocation": "CH"})).id()
	d.do(400, "POST", "/users", adele)
	d.do(204, "PATCH", "/users/"+ann, `{"city":"Bern","usageLocation":"CH","otherMails":["a@b.example"],"employeeOrgData":{"costCenter":"1"}}`)
	all := d.do(200, "GET", "/users/"+ann+"?$select="+strings.Join(names(d.world, tenant.User), ","), "")
	if len(all.json) < 70 {
		t.Errorf("the user has %d properties", len(all.json))
	}
	group := d.do(201, "POST", "/groups", `{"displayName":"x","mailEnabled":false,"mailNickname":"x","securityEnabled":true,"groupTypes":[],
		"members@odata.bind":["https://graph.microsoft.com/v1.0/users/`+ann+`"]}`).id()
	d.do(204, "PATCH", "/groups/"+group, `{"description":"x","members@odata.bind":["https://graph.microsoft.com/v1.0/users/`+bob+`"]}`)
	d.do(201, "PATCH", "/groups(uniqueName='golf')", `{"displayName":"x","mailEnabled":false,"mailNickname":"x","securityEnabled":true}`, "Prefer", "create-if-missing")
	d.do(204, "DELETE", "/groups/"+group+"/members/"+ann+"/$ref", "")
	d.do(204, "POST", "/groups/"+group+"/members/$ref", ref(ann))
	d.do(400, "POST", "/groups/"+group+"/members/$ref", ref(ann))
	d.do(204, "POST", "/groups/"+group+"/owners/$ref", ref(ann))
	d.do(204, "POST", "/groups/"+group+"/owners/$ref", ref(bob))
	d.do(204, "DELETE", "/groups/"+group+"/owners/"+bob+"/$ref", "")
	d.do(204, "PUT", "/users/"+ann+"/manager/$ref", ref(bob))
	d.do(200, "GET", "/users/"+ann+"/manager", "")
	d.do(204, "DELETE", "/users/"+ann+"/manager/$ref", "")
	d.do(200, "GET", "/users/"+ann+"/memberOf", "")
	d.do(200, "GET", "/users/"+ann+"/transitiveMemberOf", "")
	d.do(200, "POST", "/users/"+ann+"/assignLicense", add(enterprise))
	d.do(202, "POST", "/groups/"+group+"/assignLicense", add(enterprise))
	d.do(200, "GET", "/users/"+ann+"/licenseDetails", "")
	d.do(200, "GET", "/subscribedSkus", "")
	d.do(200, "POST", "/users/"+ann+"/revokeSignInSessions", "")
	d.do(201, "POST", "/invitations", `{"invitedUserEmailAddress":"a@b.example","inviteRedirectUrl":"https://a.example","sendInvitationMessage":true}`)
	d.do(201, "POST", "/directoryRoles", `{"roleTemplateId":"729827e3-9c14-49f7-bb1b-9608f156bbb8"}`)
	role := d.id(tenant.DirectoryRole, 1)
	d.do(204, "POST", "/directoryRoles/"+role+"/members/$ref", ref(bob))
	d.do(204, "DELETE", "/directoryRoles/"+role+"/members/"+bob+"/$ref", "")
	d.do(200, "POST", "/directoryObjects/getByIds", `{"ids":["`+ann+`"],"types":["user"]}`)
	app := d.find(tenant.ServicePrincipal, func(v tenant.View, r tenant.Ref) bool { return string(v.Value(r, "appRoles")) == "[]" })
	body := `{"principalId":"` + ann + `","resourceId":"` + app + `","appRoleId":"00000000-0000-0000-0000-000000000000"}`
	assignment := d.do(201, "POST", "/users/"+ann+"/appRoleAssignments", body).id()
	d.do(200, "GET", "/users/"+ann+"/appRoleAssignments", "")
	d.do(200, "GET", "/servicePrincipals/"+app+"/appRoleAssignedTo", "")
	d.do(204, "DELETE", "/users/"+ann+"/appRoleAssignments/"+assignment, "")
	d.do(201, "POST", "/servicePrincipals/"+app+"/appRoleAssignedTo", body)
	unit := d.do(201, "POST", "/directory/administrativeUnits", `{"displayName":"North"}`).id()
	d.do(204, "PATCH", "/directory/administrativeUnits/"+unit, `{"description":"x"}`)
	d.do(204, "POST", "/directory/administrativeUnits/"+unit+"/members/$ref", ref(bob))
	made := d.do(201, "POST", "/applications", `{"displayName":"Pay","signInAudience":"AzureADMyOrg"}`)
	d.do(204, "PATCH", "/applications/"+made.id(), `{"tags":["a"]}`)
	d.do(201, "PATCH", "/applications(uniqueName='pay')", `{"displayName":"Pay"}`, "Prefer", "create-if-missing")
	principal := d.do(201, "POST", "/servicePrincipals", `{"appId":"`+made.json["appId"].(string)+`"}`).id()
	d.do(204, "PATCH", "/servicePrincipals/"+principal, `{"accountEnabled":false}`)
	d.do(204, "PATCH", "/devices/"+d.id(tenant.Device, 0), `{"accountEnabled":false}`)
	grant := d.do(201, "POST", "/oauth2PermissionGrants", `{"clientId":"`+principal+`","consentType":"AllPrincipals","principalId":null,"resourceId":"`+app+`","scope":"a"}`).id()
	d.do(204, "PATCH", "/oauth2PermissionGrants/"+grant, `{"scope":"a b"}`)
	d.do(204, "DELETE", "/oauth2PermissionGrants/"+grant, "")
	d.do(204, "DELETE", "/users/"+ann, "")
	d.do(200, "GET", "/directory/deletedItems/graph.user", "")
	d.do(200, "POST", "/directory/deletedItems/"+ann+"/restore", `{"newUserPrincipalName":"new@contoso.example"}`)
	d.do(204, "DELETE", "/users/"+ann, "")
	d.do(204, "DELETE", "/directory/deletedItems/"+ann, "")
	d.do(404, "DELETE", "/directory/deletedItems/"+ann, "")
	d.do(204, "DELETE", "/groups/"+group, "")
	d.do(200, "GET", "/directory/attributeSets", "")
	d.do(200, "GET", "/directory/customSecurityAttributeDefinitions", "")
}

// names lists the properties that one object can be asked for.
func names(w *tenant.World, k tenant.Kind) []string {
	var all []string
	for _, p := range w.Schema(k).Properties {
		all = append(all, p.Name)
	}
	return all
}

// example is a documented exchange.
type example struct {
	Request struct {
		Method, Path string
		Headers      map[string]string
		Body         json.RawMessage
	}
	Response struct {
		Status int
		Body   any
	}
}

func readExample(t *testing.T, name string) example {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(graphData(t), "examples", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var e example
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// TestWritesFitTheExamples sends the requests of the documentation, with ids of
// this tenant in the place of its own, and compares status and members of the
// answers.
func TestWritesFitTheExamples(t *testing.T) {
	s := newService(t, func(c *tenant.Config) { c.DirectoryRoles = 1 })
	ann, bob, group, other := s.newUser("ann"), s.newUser("bob"), s.newGroup("readers"), s.newGroup("writers")
	for _, setUp := range []step{
		{"PATCH", "/users/" + ann, `{"usageLocation":"CH"}`, 204, "", ""},
		{"POST", "/users/" + ann + "/assignLicense", add("b05e124f-c7cc-45a0-a6aa-8cf78c946968"), 200, "", ""},
		{"POST", "/groups/" + other + "/members/$ref", ref(ann), 204, "", ""},
		{"POST", "/groups/" + other + "/owners/$ref", ref(ann), 204, "", ""},
		{"POST", "/groups/" + other + "/owners/$ref", ref(bob), 204, "", ""},
		{"PUT", "/users/" + ann + "/manager/$ref", ref(bob), 204, "", ""},
	} {
		s.run([]step{setUp})
	}
	role := s.id(tenant.DirectoryRole, 0)
	unit := s.find(tenant.AdministrativeUnit, func(v tenant.View, r tenant.Ref) bool { return string(v.Value(r, "membershipType")) != `"Dynamic"` })
	app := s.find(tenant.ServicePrincipal, func(v tenant.View, r tenant.Ref) bool { return len(v.Value(r, "appRoles")) > 2 })
	plain := s.find(tenant.ServicePrincipal, func(v tenant.View, r tenant.Ref) bool { return string(v.Value(r, "appRoles")) == "[]" })
	appID, _ := s.must(200, "GET", "/servicePrincipals/"+app, "").json["appId"].(string)
	unified := s.id(tenant.Group, 3)
	for _, tt := range []struct {
		name, path string
		replace    []string // in the body
		status     int      // where the documentation's differs from what the service says
		absent     string   // members of the documented answer that this one need not have
	}{
		{name: "007-administrativeunit-post-members-1", path: "/directory/administrativeUnits/" + unit + "/members/$ref", replace: []string{"{id}", group}},
		{name: "010-application-post-applications-1", path: "/applications"},
		{name: "011-application-upsert-1", path: "/applications(uniqueName='app-65278')", absent: "samlMetadataUrl windows"},
		{name: "070-oauth2permissiongrant-post-1", path: "/oauth2PermissionGrants", replace: []string{
			"clientId-value", app, "consentType-value", "Principal", "principalId-value", ann, "resourceId-value", plain}},
		{name: "080-serviceprincipal-upsert-1", path: "/servicePrincipals(appId='" + appID + "')"},
		{name: "012-custom-security-attributes-examples-1", path: "/users/" + ann},
		{name: "013-custom-security-attributes-examples-2", path: "/users/" + ann},
		{name: "014-custom-security-attributes-examples-3", path: "/users/" + ann},
		{name: "017-custom-security-attributes-examples-6", path: "/users/" + ann},
		{name: "034-directoryobject-getbyids-1", path: "/directoryObjects/getByIds", replace: []string{"84b80893874940a3-97b7-68513b600544", ann, "5d6059b6368d-45f8-91e18e07d485f1d0", bob}},
		{name: "040-directoryrole-post-directoryroles-1", path: "/directoryRoles"},
		{name: "041-directoryrole-post-members-1", path: "/directoryRoles/" + role + "/members/$ref", replace: []string{"15c1a2d5-9101-44b2-83ab-885db8a647ca", bob}},
		{name: "035-directoryrole-delete-member-1", path: "/directoryRoles/" + role + "/members/" + bob + "/$ref"},
		{name: "042-group-assignlicense-1", path: "/groups/" + group + "/assignLicense",
			replace: []string{"11b0131d-43c8-4bbb-b2c8-e80f9a50834a", "113feb6c-3fe4-4440-bddc-54d774bf0318", "skuId-value-1", enterprise,
				"a571ebcc-fqe0-4ca2-8c8c-7a284fd6c235", "c1ec4a95-1f05-45b3-a911-aa3fa01094f5", "skuId-value-2", "b05e124f-c7cc-45a0-a6aa-8cf78c946968"}},
		{name: "043-group-assignlicense-2", path: "/groups/" + group + "/assignLicense",
			replace: []string{"skuId-value-1", enterprise, "skuId-value-2", "b05e124f-c7cc-45a0-a6aa-8cf78c946968"}},
		{name: "044-group-delete-members-1", path: "/groups/" + other + "/members/" + ann + "/$ref"},
		{name: "045-group-delete-owners-1", path: "/groups/" + other + "/owners/" + ann + "/$ref"},
		{name: "059-group-post-groups-1", path: "/groups", absent: "creationOptions"},
		{name: "060-group-post-groups-2", path: "/groups"},
		{name: "061-group-post-members-1", path: "/groups/" + group + "/members/$ref", replace: []string{"{id}", ann}},
		{name: "062-group-post-owners-1", path: "/groups/" + group + "/owners/$ref", replace: []string{"{id}", ann}},
		{name: "063-group-update-1", path: "/groups/" + unified},
		{name: "064-group-upsert-1", path: "/groups(uniqueName='uniqueName')"},
		{name: "065-invitation-post-1", path: "/invitations"},
		{name: "066-invitation-post-2", path: "/invitations"},
		{name: "079-serviceprincipal-post-approleassignedto-1", path: "/servicePrincipals/" + app + "/appRoleAssignedTo",
			replace: []string{"33ad69f9-da99-4bed-acd0-3f24235cb296", group, "9028d19c-26a9-4809-8e3f-20ff73e2d75e", app, "ef7437e6-4f94-4a0a-a110-a439eb2aa8f7", "1c8d8a51-4f5a-4f1c-9d52-7d3c0b6b1a01"}},
		{name: "101-user-post-approleassignments-1", path: "/users/" + ann + "/appRoleAssignments", status: 201,
			replace: []string{"cde330e5-2150-4c11-9c5b-14bfdc948c79", ann, "8e881353-1735-45af-af21-ee1344582a4d", plain}},
		{name: "082-user-assignlicense-1", path: "/users/" + ann + "/assignLicense?$select=accountEnabled,assignedLicenses,assignedPlans,businessPhones,city,companyName",
			replace: []string{"11b0131d-43c8-4bbb-b2c8-e80f9a50834a", "113feb6c-3fe4-4440-bddc-54d774bf0318", `"guid"`, `"` + enterprise + `"`,
				"bea13e0c-3828-4daa-a392-28af7ff61a0f", "b05e124f-c7cc-45a0-a6aa-8cf78c946968"}},
		{name: "102-user-post-manager-1", path: "/users/" + ann + "/manager/$ref", replace: []string{"{id}", bob}},
		{name: "083-user-delete-manager-1", path: "/users/" + ann + "/manager/$ref"},
		{name: "103-user-post-users-1", path: "/users", replace: []string{"contoso.onmicrosoft.com", "contoso.example"}},
		{name: "104-user-revokesigninsessions-1", path: "/users/" + ann + "/revokeSignInSessions"},
		{name: "106-user-update-2", path: "/users/" + ann},
		{name: "084-user-delete-1", path: "/users/" + ann},
		{name: "029-directory-deleteditems-restore-1", path: "/directory/deletedItems/" + ann + "/restore", absent: "groupTypes mailEnabled mailNickname securityEnabled visibility"},
		{name: "084-user-delete-1", path: "/users/" + bob},
		{name: "027-directory-deleteditems-delete-1", path: "/directory/deletedItems/" + bob},
		{name: "046-group-delete-1", path: "/groups/" + group},
	} {
		e := readExample(t, tt.name)
		body := strings.NewReplacer(tt.replace...).Replace(string(e.Request.Body))
		if body == "null" {
			body = ""
		}
		var header []string
		if prefer := e.Request.Headers["Prefer"]; prefer != "" {
			header = []string{"Prefer", prefer}
		}
		want := e.Response.Status
		if tt.status != 0 {
			want = tt.status
		}
		got := s.send(e.Request.Method, tt.path, body, header...)
		if got.status != want {
			t.Errorf("%s: %s %s %s: %d %s", tt.name, e.Request.Method, tt.path, body, got.status, got.body)
			continue
		}
		documented, _ := e.Response.Body.(map[string]any)
		for name := range documented {
			if _, has := got.json[name]; !has && !strings.Contains(tt.absent, name) && e.Request.Method != http.MethodGet {
				t.Errorf("%s: %q is not in %s", tt.name, name, got.body)
			}
		}
	}
}
