package schema_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/sdk"
)

const id = "aaaaaaaa-0000-0000-0000-000000000001"

func attributes(pairs ...string) (all []sdk.OrderAttribute) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, sdk.OrderAttribute{Path: pairs[i], Value: json.RawMessage(pairs[i+1])})
	}
	return all
}

func update(pairs ...string) sdk.Order {
	return sdk.Order{ID: "1", Operation: sdk.Update, Entity: "user", Key: sdk.ObjectKey{ID: id}, Attributes: attributes(pairs...)}
}

func TestValues(t *testing.T) {
	for _, tc := range []struct{ path, value, want string }{
		{"displayName", `"x"`, `"x"`},
		{"city", `""`, `null`},
		{"city", `null`, `null`},
		{"accountEnabled", `"True"`, `true`},
		{"accountEnabled", `"0"`, `false`},
		{"businessPhones", `"+1"`, `["+1"]`},
		{"businessPhones", `["+1","+2"]`, `["+1","+2"]`},
		{"businessPhones", `null`, `[]`},
		{"businessPhones", `""`, `[]`},
		{"employeeHireDate", `"2026-02-01"`, `"2026-02-01T00:00:00Z"`},
		{"employeeHireDate", `"2026-02-01T10:00:00+02:00"`, `"2026-02-01T08:00:00Z"`},
		{"employeeOrgData", `{"costCenter":"1","division":null}`, `{"costCenter":"1","division":null}`},
		{"employeeOrgData/costCenter", `"1"`, `"1"`},
		{"onPremisesExtensionAttributes/extensionAttribute15", `"1"`, `"1"`},
		{"extension_fe2174665583431c953114ff7268b7b3_level", `3`, `3`},
		{"customSecurityAttributes/Set/Level", `3`, `3`},
		{"identities", `{"issuer":"a"}`, `[{"issuer":"a"}]`},
	} {
		c, problems := schema.Examine(update(tc.path, tc.value))
		if len(problems) > 0 {
			t.Errorf("%s %s: %v", tc.path, tc.value, problems)
		} else if got := string(c.Values[0].JSON); got != tc.want {
			t.Errorf("%s %s becomes %s, want %s", tc.path, tc.value, got, tc.want)
		}
	}
}

func TestProblems(t *testing.T) {
	user := sdk.ObjectKey{ID: id}
	secret := map[string]string{schema.Password: "x"}
	for name, tc := range map[string]struct {
		order sdk.Order
		want  string // in message or hint
	}{
		"unknown entity":       {sdk.Order{Operation: sdk.Update, Entity: "usr"}, "Did you mean user?"},
		"contact":              {sdk.Order{Operation: sdk.Delete, Entity: "orgContact", Key: user}, "cannot be written"},
		"operation":            {sdk.Order{Operation: sdk.Enable, Entity: "group", Key: user}, `no operation "enable"`},
		"no key":               {sdk.Order{Operation: sdk.Delete, Entity: "user"}, "does not say which user"},
		"no GUID":              {sdk.Order{Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{ID: "groups/x/members"}}, "not an object id"},
		"unknown key":          {sdk.Order{Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{Attribute: "userPrincipalname", Value: "x"}}, "Did you mean userPrincipalName?"},
		"empty key":            {sdk.Order{Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{Attribute: "mail"}}, "is empty"},
		"key of a deleted one": {sdk.Order{Operation: sdk.Restore, Entity: "user", Key: sdk.ObjectKey{Attribute: "mail", Value: "x"}}, "object id that it had"},
		"key of a new one":     {sdk.Order{Operation: sdk.Create, Entity: "user", Key: user}, "cannot be named by a key"},
		"unknown attribute":    {update("dispalyName", `"x"`), "Did you mean displayName?"},
		"unknown member":       {update("employeeOrgData/x", `"x"`), "no attribute"},
		"twice":                {update("city", `"x"`, "city", `"y"`), "twice"},
		"read-only":            {update("createdDateTime", `"2026-01-01"`), "cannot be written"},
		"delegated":            {update("skills", `["x"]`), "not an application"},
		"licences":             {update("assignedLicenses", `[]`), "links"},
		"cleared":              {update("usageLocation", `null`), "cannot be cleared"},
		"too long":             {update("employeeId", `"12345678901234567"`), "16 characters"},
		"number":               {update("city", `5`), "has to be a text"},
		"truth":                {update("accountEnabled", `"maybe"`), "true or false"},
		"list":                 {update("businessPhones", `["a",1]`), "each value of the list"},
		"date":                 {update("employeeHireDate", `"soon"`), "a date"},
		"object":               {update("employeeOrgData", `{"x":1}`), `no member "x"`},
		"not JSON":             {update("city", `{`), "JSON"},
		"navigation":           {update("manager", `"x"`), "among the links"},
		"password":             {update("passwordProfile/password", `"x"`), "as a secret"},
		"security attributes":  {update("customSecurityAttributes/Set", `{}`), "one attribute of a set"},
		"on create only":       {sdk.Order{Operation: sdk.Update, Entity: "group", Key: user, Attributes: attributes("uniqueName", `"x"`)}, "cannot be changed once"},
		"attributes":           {sdk.Order{Operation: sdk.Delete, Entity: "user", Key: user, Attributes: attributes("city", `"x"`)}, "takes no attributes"},
		"required":             {sdk.Order{Operation: sdk.Create, Entity: "user", Secrets: secret}, "a new user needs it"},
		"required password":    {sdk.Order{Operation: sdk.Create, Entity: "user"}, schema.Password},
		"secret of a group":    {sdk.Order{Operation: sdk.Update, Entity: "group", Key: user, Secrets: secret}, "no such secret"},
		"secret of an update":  {sdk.Order{Operation: sdk.Update, Entity: "user", Key: user, Secrets: secret}, "Use setPassword"},
		"no new password":      {sdk.Order{Operation: sdk.SetPassword, Entity: "user", Key: user}, "is missing"},
		"no address":           {sdk.Order{Operation: sdk.Invite, Entity: "user"}, "address of the guest"},
		"unknown navigation":   {sdk.Order{Operation: sdk.Update, Entity: "group", Key: user, Links: []sdk.LinkChange{{Navigation: "member"}}}, "Did you mean members?"},
		"links of a deletion":  {sdk.Order{Operation: sdk.Delete, Entity: "group", Key: user, Links: []sdk.LinkChange{{Navigation: "members"}}}, "takes no links"},
		"two managers":         {sdk.Order{Operation: sdk.Update, Entity: "user", Key: user, Links: []sdk.LinkChange{{Navigation: "manager", Add: []sdk.ObjectKey{user, user}}}}, "one only"},
		"empty target":         {sdk.Order{Operation: sdk.Update, Entity: "group", Key: user, Links: []sdk.LinkChange{{Navigation: "members", Add: []sdk.ObjectKey{{}}}}}, "empty"},
		"licence without name": {sdk.Order{Operation: sdk.Update, Entity: "user", Key: user, Links: []sdk.LinkChange{{Navigation: "assignedLicenses", Add: []sdk.ObjectKey{{Attribute: "name", Value: "x"}}}}}, "skuId"},
		"password of a group":  {sdk.Order{Operation: sdk.Update, Entity: "group", Key: user, Attributes: attributes("passwordProfile/forceChangePasswordNextSignIn", `true`)}, "no attribute"},
		"nothing":              {sdk.Order{Operation: sdk.Update, Entity: "group", Key: user}, "changes nothing"},
		"no links":             {sdk.Order{Operation: sdk.Update, Entity: "group", Key: user, Links: []sdk.LinkChange{{Navigation: "members"}}}, "changes nothing"},
		"target twice":         {sdk.Order{Operation: sdk.Update, Entity: "group", Key: user, Links: []sdk.LinkChange{{Navigation: "members", Add: []sdk.ObjectKey{user, {ID: strings.ToUpper(id)}}}}}, "there twice"},
		"added and removed":    {sdk.Order{Operation: sdk.Update, Entity: "group", Key: user, Links: []sdk.LinkChange{{Navigation: "members", Add: []sdk.ObjectKey{user}}, {Navigation: "members", Remove: []sdk.ObjectKey{user}}}}, "there twice"},
		"too many details":     {sdk.Order{Operation: sdk.Update, Entity: "user", Key: user, Links: []sdk.LinkChange{{Navigation: "appRoleAssignments", Details: []json.RawMessage{nil}}}}, "more details"},
	} {
		tc.order.ID = "7"
		_, problems := schema.Examine(tc.order)
		found := slices.ContainsFunc(problems, func(p sdk.OrderProblem) bool {
			return strings.Contains(p.Attribute+": "+p.Message+". "+p.Hint, tc.want) && p.Order == "7" && p.Hint != ""
		})
		if !found {
			t.Errorf("%s: got %+v, want %q", name, problems, tc.want)
		}
	}
}

// Of one application there may be several roles, and one may go while another comes.
func TestTargetsThatAreNotTwice(t *testing.T) {
	app := sdk.ObjectKey{ID: id}
	role := func(n string) json.RawMessage { return json.RawMessage(`{"appRoleId":"` + n + `"}`) }
	for name, l := range map[string]sdk.LinkChange{
		"two roles":   {Navigation: "appRoleAssignments", Add: []sdk.ObjectKey{app, app}, Details: []json.RawMessage{role("1"), role("2")}},
		"another one": {Navigation: "appRoleAssignments", Add: []sdk.ObjectKey{app}, Details: []json.RawMessage{role("1")}, Remove: []sdk.ObjectKey{app}},
		"manager":     {Navigation: "manager", Add: []sdk.ObjectKey{app}, Remove: []sdk.ObjectKey{{}}},
	} {
		_, problems := schema.Examine(sdk.Order{ID: "1", Operation: sdk.Update, Entity: "user", Key: app, Links: []sdk.LinkChange{l}})
		if len(problems) > 0 {
			t.Errorf("%s: %+v", name, problems)
		}
	}
}

func TestBodies(t *testing.T) {
	c, problems := schema.Examine(update("city", `"x"`, "employeeOrgData/costCenter", `"1"`, "employeeOrgData/division", `"2"`,
		"customSecurityAttributes/Set/Level", `3`, "customSecurityAttributes/Set/Names", `["a"]`, "customSecurityAttributes/Set/Text", `"t"`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	bodies, err := schema.Bodies(c.Values, `pass"word`)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct{ sent, shown string }{
		{
			`{"city":"x","employeeOrgData":{"costCenter":"1","division":"2"},"passwordProfile":{"password":"pass\"word"}}`,
			`{"city":"x","employeeOrgData":{"costCenter":"1","division":"2"},"passwordProfile":{"password":"***"}}`,
		},
		{
			`{"customSecurityAttributes":{"Set":{"@odata.type":"#Microsoft.DirectoryServices.CustomSecurityAttributeValue","Level":3,` +
				`"Level@odata.type":"#Int32","Names":["a"],"Names@odata.type":"#Collection(String)","Text":"t"}}}`, "",
		},
	}
	if len(bodies) != len(want) {
		t.Fatalf("%d bodies", len(bodies))
	}
	for i, b := range bodies {
		if want[i].shown == "" {
			want[i].shown = want[i].sent
		}
		if string(b.JSON) != want[i].sent || string(b.Shown) != want[i].shown {
			t.Errorf("sent %s, shown %s", b.JSON, b.Shown)
		}
	}
}

func TestEntitiesAreWhole(t *testing.T) {
	for _, e := range schema.Entities() {
		if e.Name == "" || e.Path == "" || len(e.Operations) == 0 {
			t.Errorf("%+v", e)
		}
		for _, name := range slices.Concat(e.Required, e.Keys) {
			if _, ok := e.Property(strings.Split(name, "/")); !ok && name != schema.Password {
				t.Errorf("%s has no %s", e.Name, name)
			}
		}
		for _, n := range e.Links {
			if _, ok := schema.Find(n.Target); !ok && n.Kind != schema.Licences {
				t.Errorf("the links %s of %s lead nowhere", n.Name, e.Name)
			}
		}
	}
}

// What Microsoft's metadata calls read-only cannot be written.
func TestReadOnlyProperties(t *testing.T) {
	folder := os.Getenv("USHER_GRAPH_DATA")
	if folder == "" {
		t.Skip("USHER_GRAPH_DATA does not name a folder with schema.json")
	}
	text, err := os.ReadFile(filepath.Join(folder, "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var graph map[string]map[string]struct{ ReadOnly bool }
	if err := json.Unmarshal(text, &graph); err != nil {
		t.Fatal(err)
	}
	for _, e := range schema.Entities() {
		for name, p := range graph[e.Name] {
			order := sdk.Order{Operation: sdk.Update, Entity: e.Name, Key: sdk.ObjectKey{ID: id}, Attributes: attributes(name, `"x"`)}
			_, problems := schema.Examine(order)
			refused := slices.ContainsFunc(problems, func(p sdk.OrderProblem) bool { return p.Attribute == name && strings.Contains(p.Message, "cannot be") })
			if p.ReadOnly && !refused {
				t.Errorf("%s.%s can be written", e.Name, name)
			}
		}
	}
}
