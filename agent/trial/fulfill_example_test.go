package trial_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/trial"
)

// extensionApp stands in the names of the simulated tenant's directory extensions.
const extensionApp = "b7d8e648520f41d3b9c0fdeb91768a0a"

// fenced finds the examples in a document.
var fenced = regexp.MustCompile("(?ms)^```(json|xml)\n(.*?)^```$")

// examples are the files of orders in docs/fulfil.md in their sequence, and the mapping.
func examples(t *testing.T) (own []string, reference, mapping string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "fulfil.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range fenced.FindAllStringSubmatch(string(text), -1) {
		switch {
		case found[1] == "xml":
			mapping = found[2]
		case strings.Contains(found[2], "ProvisioningOrdersList"):
			reference = found[2]
		default:
			own = append(own, found[2])
		}
	}
	if len(own) < 10 || reference == "" || mapping == "" {
		t.Fatalf("docs/fulfil.md has %d examples", len(own))
	}
	return own, reference, mapping
}

// Every example in the documentation does what it says. Together they do everything once that orders
// can do.
func TestExamplesOfTheDocumentation(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	own, _, _ := examples(t)
	app, role := f.assignable(t)
	var unit string
	for _, o := range f.tenant(t, "administrativeUnit") {
		if o.Properties["isMemberManagementRestricted"] != true && o.Properties["membershipType"] != "Dynamic" {
			unit = o.Properties["displayName"].(string)
		}
	}
	placeholders := strings.NewReplacer("0123456789abcdef0123456789abcdef", extensionApp,
		"5f8d7c1e-0b5a-4e55-9f0e-3f2f6a6f8a01", app, "7a0d3f6e-5b0f-4a51-8a36-6b7f0c7d9f02", role, "Unit North", unit)
	steps := map[string]func(){} // by the first order of an example
	user := func(name string) trial.Object { return f.find(t, "user", "userPrincipalName", name+"@contoso.com") }
	group := func(name string) trial.Object { return f.find(t, "group", "uniqueName", name) }
	check := func(what string, got, want any) {
		t.Helper()
		if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
			t.Errorf("%s is %s, want %s", what, g, w)
		}
	}
	steps["1001"] = func() {
		bob, ann, aurora := user("bob"), user("ann"), group("project-aurora")
		check("the owner", aurora.Links["owners"], []string{bob.ID})
		check("the members", aurora.Links["members"], []string{ann.ID})
		check("Ann's manager", ann.Links["manager"], []string{bob.ID})
		check("Ann's cost centre", lookup(ann.Properties, []string{"employeeOrgData", "costCenter"}), "R12")
		check("Ann's licences", len(ann.Properties["assignedLicenses"].([]any)), 1)
		check("the mails", len(f.mails(t)), 2)
	}
	steps["1101"] = func() {
		team := group("team-aurora")
		members := []string{user("ann").ID, user("bob").ID}
		slices.Sort(members)
		check("the members of the team", team.Links["members"], members)
		check("the types of the team", team.Properties["groupTypes"], []any{"Unified"})
	}
	steps["1201"] = func() {
		ann := user("ann").Properties
		check("the title", ann["jobTitle"], "Analyst")
		check("the office", ann["officeLocation"], nil)
		check("the division", lookup(ann, []string{"employeeOrgData", "division"}), "North")
		check("the cost centre beside it", lookup(ann, []string{"employeeOrgData", "costCenter"}), "R12")
		check("the extension attribute", lookup(ann, []string{"onPremisesExtensionAttributes", "extensionAttribute3"}), "x")
		check("the directory extension", ann["extension_"+extensionApp+"_costCenter"], "R12")
		secured := f.effects(t, func(e effect) bool { return e.What == "update" && e.Properties["customSecurityAttributes"] != nil })
		check("the security attributes", lookup(secured[0].Properties, []string{"customSecurityAttributes", "Engineering", "Project"}), []any{"Aurora", "Borealis"})
		check("the description", group("project-aurora").Properties["description"], "Everybody in the project, until it ends")
	}
	steps["1301"] = func() {
		members := []string{user("ann").ID, user("bob").ID}
		slices.Sort(members)
		check("the members", group("project-aurora").Links["members"], []string{user("bob").ID})
		check("the owners", group("project-aurora").Links["owners"], members)
		check("the members of the team", group("team-aurora").Links["members"], []string{user("bob").ID})
	}
	steps["1401"] = func() {
		check("Ann's managers", len(user("ann").Links["manager"]), 0)
		check("Bob's manager", user("bob").Links["manager"], []string{user("ann").ID})
	}
	steps["1501"] = func() {
		readers := f.find(t, "directoryRole", "roleTemplateId", "88d8e3e3-8f55-4a1e-953a-9b9898b8876b")
		check("Bob is a reader", slices.Contains(readers.Links["members"], user("bob").ID), false)
	}
	steps["1601"] = func() {
		assigned := f.effects(t, func(e effect) bool { return e.Properties["principalId"] == user("ann").ID })
		check("the assignments", len(assigned), 1)
		check("the app", assigned[0].Properties["resourceId"], app)
		check("the app role", assigned[0].Properties["appRoleId"], role)
	}
	steps["1701"] = func() {
		check("Bob's licences", len(user("bob").Properties["assignedLicenses"].([]any)), 1)
		check("Ann's licences", len(user("ann").Properties["assignedLicenses"].([]any)), 0)
	}
	steps["1801"] = func() {
		members := f.find(t, "administrativeUnit", "displayName", unit).Links["members"]
		check("Ann is in the unit", slices.Contains(members, user("ann").ID), true)
	}
	steps["1901"] = func() {
		check("the guest's name", f.find(t, "user", "mail", "guest@example.org").Properties["displayName"], "Guest Example")
	}
	steps["2001"] = func() {
		check("Bob is enabled", user("bob").Properties["accountEnabled"], false)
		check("the mails", len(f.mails(t)), 2)
	}
	steps["2101"] = func() {
		check("Bob is enabled", user("bob").Properties["accountEnabled"], true)
		check("groups of the name", len(f.all(t, "group", "uniqueName", "project-aurora")), 0)
	}
	for i, example := range own {
		file := f.file(t, fmt.Sprintf("example-%02d.json", i), placeholders.Replace(example))
		var first struct{ Orders []struct{ ID string } }
		if err := json.Unmarshal([]byte(example), &first); err != nil {
			t.Fatalf("example %d: %v", i, err)
		}
		id := first.Orders[0].ID
		// The plan of it changes nothing, and tells of each order.
		f.wroteNothing(t, func() {
			result := usher(t, f.installation, "fulfill", trial.Connection, "--plan", file)
			if result.Code != 0 || !strings.Contains(result.Stdout, "Nothing was changed.") {
				t.Errorf("the plan of %s: exit code %d\n%s%s", id, result.Code, result.Stdout, result.Stderr)
			}
		})
		got := f.mustFulfill(t, file)
		check("the invitation", id == "1901", got["1901"].Details["inviteRedeemUrl"] != "")
		if steps[id] == nil {
			t.Fatalf("nothing looks at what the example %s does", id)
		}
		steps[id]()
		delete(steps, id)
		// All of it again is the same orders, and changes nothing.
		f.wroteNothing(t, func() {
			again := f.mustFulfill(t, file)
			for order, r := range got {
				check("the result of "+order, again[order], r)
			}
		})
	}
	for id := range steps {
		t.Errorf("there is no example %s", id)
	}
	mustSucceed(t, f.installation, "audit", "verify", trial.Connection)
}

// assignable returns a service principal with a role for users, and the role.
func (f *fulfilling) assignable(t *testing.T) (app, role string) {
	t.Helper()
	for id, o := range f.tenant(t, "servicePrincipal") {
		roles, _ := o.Properties["appRoles"].([]any)
		for _, r := range roles {
			if slices.Contains(lookup(r, []string{"allowedMemberTypes"}).([]any), any("User")) {
				return id, lookup(r, []string{"id"}).(string)
			}
		}
	}
	t.Fatal("no service principal has a role for users")
	return "", ""
}

// Files of the reference product do what their mapping says.
func TestReferenceOrders(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	_, reference, mapping := examples(t)
	xml := filepath.Join(f.installation.Settings(), "mapping.xml")
	if err := os.WriteFile(xml, []byte(mapping), 0o600); err != nil {
		t.Fatal(err)
	}
	f.change(t, func(c map[string]any) {
		without(c, "EntityTypeMapping")
		c["EntityTypeMappingFiles"] = []string{"mapping.xml"}
	})
	var user, group string
	for id, o := range f.tenant(t, "user") {
		if o.Properties["onPremisesSyncEnabled"] == nil && o.Properties["userType"] == "Member" {
			user = max(user, id)
		}
	}
	for id, o := range f.tenant(t, "group") {
		if len(o.Properties["groupTypes"].([]any)) == 0 && o.Properties["onPremisesSyncEnabled"] == nil && o.Properties["mailEnabled"] == false &&
			o.Properties["isAssignableToRole"] != true && !slices.Contains(o.Links["members"], user) {
			group = max(group, id)
		}
	}
	text := strings.NewReplacer("6f1c0a52-7b7e-4f0b-8f6e-0d6a4f1c2b3d", user, "9d2b1c3e-6a4f-4f80-9a51-2c7e8d3f5b04", group).Replace(reference)
	file := f.file(t, "20261122101500.json", text)
	got := f.mustFulfill(t, file)
	if got["3930001@20261122101500.json"].ObjectID != f.find(t, "user", "userPrincipalName", "eve@contoso.com").ID {
		t.Errorf("the results are %+v", got)
	}
	if title := f.tenant(t, "user")[user].Properties["jobTitle"]; title != "Analyst" {
		t.Errorf("the title is %v", title)
	}
	if members := f.tenant(t, "group")[group].Links["members"]; !slices.Contains(members, user) {
		t.Errorf("the members are %v", members)
	}
	if mails := f.mails(t); len(mails) != 1 || !strings.Contains(mails[0], "eve@home.example") {
		t.Errorf("the mails are %v", mails)
	}
}
