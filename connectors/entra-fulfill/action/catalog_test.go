package action_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/usher-iga/usher/connectors/entra-fulfill/action"
	"github.com/usher-iga/usher/connectors/entra/change/permit"
	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	ann  = "aaaaaaaa-0000-0000-0000-000000000001"
	crew = "cccccccc-0000-0000-0000-000000000001"
)

// Each action is described whole, and there are all that there have to be.
func TestActions(t *testing.T) {
	c := action.NewCatalog()
	missing := map[string]bool{}
	for _, name := range []string{
		"add-user-licence", "remove-user-licence", "add-user-to-group", "create-group", "create-user", "delete-group", "delete-user",
		"disable-user", "get-group", "get-user", "get-user-licence", "remove-user-from-group", "search-users", "update-group",
		"search-group-members", "search-transitive-group-members", "update-user",
		"invite-guest", "restore-user", "revoke-sessions", "reset-password", "assign-directory-role", "remove-directory-role",
	} {
		missing[name] = true
	}
	known := map[string]bool{"User.Read.All": true, "GroupMember.Read.All": true, "LicenseAssignment.Read.All": true}
	for _, n := range permit.All() {
		known[n.Permission.Name] = true
	}
	for _, a := range c.Actions() {
		delete(missing, a.Name)
		if a.Title == "" || a.Description == "" || len(a.Permissions) == 0 || !known[a.Permissions[0]] {
			t.Errorf("%s: %q, %q, %v", a.Name, a.Title, a.Description, a.Permissions)
		}
		for _, text := range []json.RawMessage{a.InputSchema, a.OutputSchema} {
			compile(t, a.Name, text)
		}
		_, err := c.Prepare(a.Name, json.RawMessage(`{"nonsense":1}`), "1")
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s takes nonsense: %v", a.Name, err)
		}
	}
	if len(missing) > 0 {
		t.Errorf("missing are %v", missing)
	}
}

func compile(t *testing.T, name string, text json.RawMessage) *jsonschema.Schema {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, text)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("x.json", value); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("x.json")
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return compiled
}

// Orders are those that a policy engine would give.
func TestPrepare(t *testing.T) {
	values := func(pairs ...string) (all []sdk.OrderAttribute) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, sdk.OrderAttribute{Path: pairs[i], Value: json.RawMessage(pairs[i+1])})
		}
		return all
	}
	user, group := sdk.ObjectKey{ID: ann}, sdk.ObjectKey{ID: crew}
	link := func(o sdk.Operation, entity string, key sdk.ObjectKey, l sdk.LinkChange) sdk.Order {
		return sdk.Order{Operation: o, Entity: entity, Key: key, Links: []sdk.LinkChange{l}}
	}
	for _, tc := range []struct {
		name, input string
		want        sdk.Order
	}{
		{"create-user", `{"userPrincipalName":"a@c.d","displayName":"A","password":"p","attributes":{"city":"Bern"}}`, sdk.Order{
			Operation: sdk.Create, Entity: "user", Secrets: map[string]string{schema.Password: "p"}, Attributes: values("userPrincipalName", `"a@c.d"`,
				"displayName", `"A"`, "city", `"Bern"`, "mailNickname", `"a"`, "accountEnabled", "true", "passwordProfile/forceChangePasswordNextSignIn", "true"),
		}},
		{"create-group", `{"displayName":"A crew","kind":"microsoft365","owners":["a@c.d"]}`, sdk.Order{
			Operation: sdk.Create, Entity: "group",
			Attributes: values("displayName", `"A crew"`, "mailNickname", `"Acrew"`, "mailEnabled", "true", "securityEnabled", "false", "groupTypes", `["Unified"]`),
			Links:      []sdk.LinkChange{{Navigation: "owners", Add: []sdk.ObjectKey{{Attribute: "userPrincipalName", Value: "a@c.d"}}}},
		}},
		{"update-user", `{"user":"` + ann + `","attributes":{"city":null}}`, sdk.Order{Operation: sdk.Update, Entity: "user", Key: user, Attributes: values("city", "null")}},
		{"update-group", `{"group":"Crew","attributes":{"description":"d"}}`, sdk.Order{
			Operation: sdk.Update, Entity: "group", Key: sdk.ObjectKey{Attribute: "displayName", Value: "Crew"}, Attributes: values("description", `"d"`),
		}},
		{"delete-user", `{"user":"a@c.d"}`, sdk.Order{Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{Attribute: "userPrincipalName", Value: "a@c.d"}}},
		{"delete-group", `{"group":"` + crew + `"}`, sdk.Order{Operation: sdk.Delete, Entity: "group", Key: group}},
		{"disable-user", `{"user":"` + ann + `"}`, sdk.Order{Operation: sdk.Disable, Entity: "user", Key: user}},
		{"revoke-sessions", `{"user":"` + ann + `"}`, sdk.Order{Operation: sdk.RevokeSessions, Entity: "user", Key: user}},
		{"restore-user", `{"user":"` + ann + `"}`, sdk.Order{Operation: sdk.Restore, Entity: "user", Key: user}},
		{"reset-password", `{"user":"` + ann + `","password":"p","forceChangePasswordNextSignIn":false}`, sdk.Order{
			Operation: sdk.SetPassword, Entity: "user", Key: user, Secrets: map[string]string{schema.Password: "p"},
			Attributes: values("passwordProfile/forceChangePasswordNextSignIn", "false"),
		}},
		{"reset-password", `{"user":"` + ann + `","setting":"strong","notify":{"email":"desk@c.d","name":"Desk"}}`, sdk.Order{ // both are for the agent
			Operation: sdk.SetPassword, Entity: "user", Key: user, Attributes: values("passwordProfile/forceChangePasswordNextSignIn", "true"),
		}},
		{"invite-guest", `{"invitedUserEmailAddress":"a@c.d"}`, sdk.Order{Operation: sdk.Invite, Entity: "user", Attributes: values("invitedUserEmailAddress", `"a@c.d"`)}},
		{"add-user-to-group", `{"user":"` + ann + `","group":"` + crew + `"}`, link(sdk.Update, "group", group, sdk.LinkChange{Navigation: "members", Add: []sdk.ObjectKey{user}})},
		{"remove-user-from-group", `{"user":"` + ann + `","group":"` + crew + `"}`, link(sdk.Update, "group", group, sdk.LinkChange{Navigation: "members", Remove: []sdk.ObjectKey{user}})},
		{"add-user-licence", `{"user":"` + ann + `","licence":"E5","disabledPlans":["x"]}`, link(sdk.Update, "user", user, sdk.LinkChange{
			Navigation: "assignedLicenses", Add: []sdk.ObjectKey{{Attribute: "skuPartNumber", Value: "E5"}}, Details: []json.RawMessage{json.RawMessage(`{"disabledPlans":["x"]}`)},
		})},
		{"remove-user-licence", `{"user":"` + ann + `","licence":"` + crew + `"}`, link(sdk.Update, "user", user, sdk.LinkChange{Navigation: "assignedLicenses", Remove: []sdk.ObjectKey{group}})},
		{"assign-directory-role", `{"user":"` + ann + `","role":"` + crew + `"}`, link(sdk.Update, "directoryRole", sdk.ObjectKey{Attribute: "roleTemplateId", Value: crew},
			sdk.LinkChange{Navigation: "members", Add: []sdk.ObjectKey{user}})},
		{"remove-directory-role", `{"user":"` + ann + `","role":"Helpdesk"}`, link(sdk.Update, "directoryRole", sdk.ObjectKey{Attribute: "displayName", Value: "Helpdesk"},
			sdk.LinkChange{Navigation: "members", Remove: []sdk.ObjectKey{user}})},
	} {
		got, err := action.NewCatalog().Prepare(tc.name, json.RawMessage(tc.input), "7")
		tc.want.ID = "7"
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s:\ngot  %+v %v\nwant %+v", tc.name, got, err, tc.want)
		}
		_, problems := schema.Examine(got)
		for _, p := range problems {
			if p.Attribute != schema.Password { // which the agent generates
				t.Errorf("%s: %+v", tc.name, p)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	c := action.NewCatalog()
	for _, tc := range []struct{ name, input, want string }{
		{"get-usr", `{}`, "Did you mean get-user?"},
		{"delete-user", `{`, "not JSON"},
		{"delete-user", `{}`, "user is missing"},
		{"delete-user", `[]`, "it must be of the type object, not array"},
		{"delete-user", `{"user":5}`, "user must be of the type string, not number"},
		{"delete-user", `{"user":""}`, "user is empty"},
		{"create-user", `{"displayName":"x"}`, "userPrincipalName is missing"},
		{"create-user", `{"displayName":"x","userPrincipalName":"a@b.c","naem":"c4nary"}`, `there is no "naem"`},
		{"create-user", `{"naem":1}`, `displayName is missing; there is no "naem"`},
		{"create-group", `{"displayName":"x","kind":"c4nary"}`, "kind must be one of security, microsoft365"},
		{"search-users", `{"top":0}`, "top must be at least 1"},
		{"search-users", `{"top":1000}`, "top must be at most 999"},
		{"add-user-licence", `{"user":"a","licence":"b","disabledPlans":[1]}`, "disabledPlans/0 must be of the type string"},
		{"reset-password", `{"user":"a","password":["c4nary"]}`, "password must be of the type string"},
		{"reset-password", `{"user":"a","notify":{"name":"x"}}`, "email is missing"},
		{"create-user", `{"userPrincipalName":"a@c.d","displayName":"A","notify":{"mail":"c4nary"}}`, "notify"},
		{"get-user", `{"user":"a"}`, "reads only"},
	} {
		_, err := c.Prepare(tc.name, json.RawMessage(tc.input), "1")
		f := fault.Of(err)
		if f == nil || f.Code != fault.Invalid || !strings.Contains(f.Error()+f.Hint, tc.want) || strings.Contains(f.Error(), "c4nary") {
			t.Errorf("%s %s: %v", tc.name, tc.input, err)
		}
	}
	if _, err := c.Run(t.Context(), nil, "delete-user", json.RawMessage(`{"user":"a"}`)); !fault.Is(err, fault.Invalid) {
		t.Errorf("a write was run: %v", err)
	}
}

// reader is a Graph that answers one thing and remembers the path.
type reader struct {
	status int // 0: 200
	body   string

	path  string
	level string // the header ConsistencyLevel
}

func (*reader) Find(_ context.Context, entity string, key sdk.ObjectKey) (string, error) {
	if key.ID != "" {
		return key.ID, nil
	}
	return entity + "-" + key.Value, nil
}

func (r *reader) Do(ctx context.Context, request graph.Request, _ func(graph.Answer)) (graph.Answer, error) {
	r.path = request.Path()
	client, err := graph.New("https://graph.example/", doer(func(req *http.Request) (*http.Response, error) {
		r.level = req.Header.Get("ConsistencyLevel")
		return &http.Response{StatusCode: cmp.Or(r.status, 200), Header: http.Header{}, Request: req, Body: io.NopCloser(strings.NewReader(r.body))}, nil
	}))
	if err != nil {
		return graph.Answer{}, err
	}
	return client.Send(ctx, request)
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(req *http.Request) (*http.Response, error) { return d(req) }

// Only what needs it takes part in advanced queries.
func TestAdvancedQueries(t *testing.T) {
	for input, want := range map[string]string{
		`{"filter":"department eq 'not endsWith ne'"}`: "", `{"filter":"startsWith(displayName,'a')"}`: "", `{}`: "",
		`{"search":"ne"}`: "eventual", `{"filter":"endsWith(mail,'@a.b')"}`: "eventual", `{"filter":"not(city in ('a'))"}`: "eventual",
		`{"filter":"city ne null"}`: "eventual", `{"filter":"assignedLicenses/$count eq 0"}`: "eventual",
	} {
		r := &reader{body: `{"value":[]}`}
		if _, err := action.NewCatalog().Run(t.Context(), r, "search-users", json.RawMessage(input)); err != nil || r.level != want {
			t.Errorf("%s: the ConsistencyLevel is %q, want %q: %v", input, r.level, want, err)
		}
	}
}

// Refused readings say what to do about the input, and which permission is missing.
func TestRefusedReadings(t *testing.T) {
	for status, want := range map[int]string{
		400: "Correct the input", 404: "Check that the object exists", 403: "User.Read.All",
	} {
		r := &reader{status: status, body: `{"error":{"code":"Authorization_RequestDenied","message":"no"}}`}
		_, err := action.NewCatalog().Run(t.Context(), r, "search-users", nil)
		if f := fault.Of(err); f == nil || !strings.Contains(f.Hint, want) {
			t.Errorf("%d: %v, %+v", status, err, f)
		}
	}
}

func TestNicknames(t *testing.T) {
	for name, want := range map[string]string{"日本": "", "A crew": "Acrew", "日本 crew": "crew"} {
		o, err := action.NewCatalog().Prepare("create-group", json.RawMessage(`{"displayName":"`+name+`"}`), "1")
		if err != nil {
			t.Fatal(err)
		}
		c, problems := schema.Examine(o)
		if c.Text("mailNickname") != want || want == "" && (len(problems) != 1 || !strings.Contains(problems[0].Message, "missing")) {
			t.Errorf("%s: %q, %+v", name, c.Text("mailNickname"), problems)
		}
	}
}

func TestReadings(t *testing.T) {
	page := `{"@odata.nextLink":"https://graph.example/x","value":[{"id":"1"}]}`
	for _, tc := range []struct{ name, input, body, path, want string }{
		{"get-user", `{"user":"a@b.c","properties":["id","city"]}`, `{"id":"1"}`, "users/user-a@b.c?$select=id,city", `{"id":"1"}`},
		{"get-group", `{"group":"` + crew + `"}`, `{"id":"1"}`, "groups/" + crew, `{"id":"1"}`},
		{"get-user-licence", `{"user":"` + ann + `"}`, `{"value":[]}`, "users/" + ann + "/licenseDetails", `{"value":[],"more":false}`},
		{"search-users", `{"search":"An \"x\"","top":5}`, page, `users?$top=5&$search=%22displayName%3AAn%20%5C%22x%5C%22%22`, `{"value":[{"id":"1"}],"more":true}`},
		{"search-users", `{"filter":"city eq 'Bern'"}`, page, `users?$top=100&$filter=city%20eq%20%27Bern%27`, `{"value":[{"id":"1"}],"more":true}`},
		{"search-users", `{"filter":"city ne 'a' and department eq 'ne'"}`, page, `users?$top=100&$filter=city%20ne%20%27a%27%20and%20department%20eq%20%27ne%27&$count=true`, `{"value":[{"id":"1"}],"more":true}`},
		{"search-group-members", `{"group":"` + crew + `"}`, page, "groups/" + crew + "/members?$top=100", `{"value":[{"id":"1"}],"more":true}`},
		{"search-transitive-group-members", `{"group":"` + crew + `"}`, page, "groups/" + crew + "/transitiveMembers?$top=100", `{"value":[{"id":"1"}],"more":true}`},
	} {
		r := &reader{body: tc.body}
		got, err := action.NewCatalog().Run(t.Context(), r, tc.name, json.RawMessage(tc.input))
		if err != nil || string(got) != tc.want || r.path != tc.path {
			t.Errorf("%s: got %s %v from %s, want %s from %s", tc.name, got, err, r.path, tc.want, tc.path)
		}
	}
}
