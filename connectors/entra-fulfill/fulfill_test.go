package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/sandboxed"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const password = "S3cret!canary-99"

func sorted(all map[string]sandboxed.Object) []string { return slices.Sorted(maps.Keys(all)) }

// values makes attributes of pairs of path and JSON.
func values(pairs ...string) (all []sdk.OrderAttribute) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, sdk.OrderAttribute{Path: pairs[i], Value: json.RawMessage(pairs[i+1])})
	}
	return all
}

func keys(ids ...string) (all []sdk.ObjectKey) {
	for _, id := range ids {
		all = append(all, sdk.ObjectKey{ID: id})
	}
	return all
}

func named(attribute, value string) sdk.ObjectKey {
	return sdk.ObjectKey{Attribute: attribute, Value: value}
}

func newUser(id, name string) sdk.Order {
	return sdk.Order{
		ID: id, Operation: sdk.Create, Entity: "user", Secrets: map[string]string{"passwordProfile/password": password},
		Attributes: values("userPrincipalName", `"`+name+`@contoso.com"`, "displayName", `"`+name+`"`, "mailNickname", `"`+name+`"`, "accountEnabled", `"true"`,
			"passwordProfile/forceChangePasswordNextSignIn", "true", "usageLocation", `"DE"`),
	}
}

func newGroup(id, name string) sdk.Order {
	return sdk.Order{
		ID: id, Operation: sdk.Create, Entity: "group",
		Attributes: values("displayName", `"`+name+`"`, "mailNickname", `"`+name+`"`, "mailEnabled", "false", "securityEnabled", "true"),
	}
}

func links(navigation string, add, remove []sdk.ObjectKey) []sdk.LinkChange {
	return []sdk.LinkChange{{Navigation: navigation, Add: add, Remove: remove}}
}

// good fails the test if an order failed.
func good(t *testing.T, o sdk.Outcome) sdk.Outcome {
	t.Helper()
	if o.Failure != nil {
		t.Fatalf("%s: %v (%s)", o.Order, o.Failure, o.Failure.Hint)
	}
	return o
}

func TestLifeOfAUser(t *testing.T) {
	sb := startSandbox(t)
	one := func(o sdk.Order) sdk.Outcome {
		t.Helper()
		return good(t, sb.fulfill(t, o)[o.ID])
	}
	created := one(newUser("1", "ada"))
	id := created.ObjectID
	ada := func() sandboxed.Object { return sb.Truth(t, "users")[id] }
	if got := string(ada().Properties["userPrincipalName"]); got != `"ada@contoso.com"` {
		t.Fatalf("the user has the name %s", got)
	}
	key := sdk.ObjectKey{ID: id}
	if o := one(sdk.Order{ID: "2", Operation: sdk.Update, Entity: "user", Key: named("userPrincipalName", "ada@contoso.com"), Attributes: values(
		"department", `"Sales"`, "employeeOrgData/costCenter", `"C1"`, "businessPhones", `"+1 1"`, "onPremisesExtensionAttributes/extensionAttribute3", `"x"`)}); o.Unchanged || len(o.Changes) != 4 {
		t.Errorf("the update has the outcome %+v", o)
	}
	one(sdk.Order{ID: "3", Operation: sdk.Update, Entity: "user", Key: key, Attributes: values("employeeOrgData/division", `"D1"`)})
	if got := string(ada().Properties["employeeOrgData"]); !strings.Contains(got, "C1") || !strings.Contains(got, "D1") {
		t.Errorf("employeeOrgData is %s", got)
	}
	if o := one(sdk.Order{ID: "4", Operation: sdk.Update, Entity: "user", Key: key, Attributes: values("department", `"Sales"`)}); !o.Unchanged {
		t.Errorf("the same again has the outcome %+v", o)
	}
	one(sdk.Order{ID: "5", Operation: sdk.Disable, Entity: "user", Key: key})
	if got := string(ada().Properties["accountEnabled"]); got != "false" {
		t.Errorf("accountEnabled is %s", got)
	}
	one(sdk.Order{ID: "6", Operation: sdk.Enable, Entity: "user", Key: key})
	one(sdk.Order{ID: "7", Operation: sdk.RevokeSessions, Entity: "user", Key: key})
	one(sdk.Order{ID: "8", Operation: sdk.SetPassword, Entity: "user", Key: key, Secrets: map[string]string{"passwordProfile/password": "An0ther!" + password}})
	boss := sb.some(t, "users", 1, nil)[0]
	one(sdk.Order{ID: "9", Operation: sdk.Update, Entity: "user", Key: key, Links: links("manager", keys(boss), nil)})
	if got := ada().Links["manager"]; !slices.Equal(got, []string{boss}) {
		t.Errorf("the manager is %v", got)
	}
	one(sdk.Order{ID: "10", Operation: sdk.Update, Entity: "user", Key: key, Links: links("manager", nil, []sdk.ObjectKey{{}})})
	if o := one(sdk.Order{ID: "11", Operation: sdk.Update, Entity: "user", Key: key, Links: links("manager", nil, keys(boss))}); !o.Unchanged {
		t.Errorf("to remove no manager has the outcome %+v", o)
	}
	one(sdk.Order{ID: "12", Operation: sdk.Delete, Entity: "user", Key: key})
	if o := one(sdk.Order{ID: "13", Operation: sdk.Delete, Entity: "user", Key: key}); !o.Unchanged {
		t.Errorf("deleted again has the outcome %+v", o)
	}
	one(sdk.Order{ID: "14", Operation: sdk.Restore, Entity: "user", Key: key})
	if o := one(sdk.Order{ID: "15", Operation: sdk.Restore, Entity: "user", Key: key}); !o.Unchanged {
		t.Errorf("restored again has the outcome %+v", o)
	}
	if o := sb.fulfill(t, newUser("16", "ada"))["16"]; !fault.Is(o.Failure, fault.Conflict) || o.Failure.RequestID == "" {
		t.Errorf("a second user of the name has the outcome %+v", o.Failure)
	}
	text, _ := json.Marshal(created)
	if strings.Contains(string(text), password) {
		t.Errorf("the outcome shows the password: %s", text)
	}
}

func TestLifeOfAGroup(t *testing.T) {
	sb := startSandbox(t)
	one := func(o sdk.Order) sdk.Outcome {
		t.Helper()
		return good(t, sb.fulfill(t, o)[o.ID])
	}
	users := sb.some(t, "users", 30, nil)
	order := newGroup("1", "crew")
	order.Links = append(links("owners", keys(users[:2]...), nil), links("members", keys(users...), nil)...)
	id := one(order).ObjectID
	crew := func() sandboxed.Object { return sb.Truth(t, "groups")[id] }
	if got := crew().Links; len(got["owners"]) != 2 || len(got["members"]) != 30 {
		t.Errorf("the group has %d owners and %d members", len(got["owners"]), len(got["members"]))
	}
	key := sdk.ObjectKey{ID: id}
	one(sdk.Order{ID: "2", Operation: sdk.Update, Entity: "group", Key: named("displayName", "crew"), Attributes: values("description", `"d"`)})
	if o := one(sdk.Order{ID: "3", Operation: sdk.Update, Entity: "group", Key: key, Links: links("members", keys(users...), nil)}); !o.Unchanged {
		t.Errorf("members who are there have the outcome %+v", o)
	}
	one(sdk.Order{ID: "4", Operation: sdk.Update, Entity: "group", Key: key, Links: links("members", nil, keys(users[:3]...))})
	if o := one(sdk.Order{ID: "5", Operation: sdk.Update, Entity: "group", Key: key, Links: links("members", nil, keys(users[:3]...))}); !o.Unchanged {
		t.Errorf("members who are not there have the outcome %+v", o)
	}
	if got := crew().Links["members"]; len(got) != 27 {
		t.Errorf("%d members", len(got))
	}
	last := sb.fulfill(t, sdk.Order{ID: "6", Operation: sdk.Update, Entity: "group", Key: key, Links: links("owners", nil, keys(users[:2]...))})["6"]
	if len(last.FailedLinks) != 1 || !strings.Contains(last.Failure.Hint, "owner") {
		t.Errorf("without owners: %+v", last.Failure)
	}
	unknown := "00000000-1111-2222-3333-444444444444"
	mixed := sb.fulfill(t, sdk.Order{ID: "7", Operation: sdk.Update, Entity: "group", Key: key, Links: links("members", append(keys(users[:3]...), keys(unknown)...), nil)})["7"]
	if len(mixed.FailedLinks) != 1 || mixed.FailedLinks[0].Key.ID != unknown || len(crew().Links["members"]) != 30 {
		t.Errorf("with an unknown member: %v, %d members", mixed.Failure, len(crew().Links["members"]))
	}
	one(sdk.Order{ID: "8", Operation: sdk.Update, Entity: "user", Key: named("userPrincipalName", strings.Trim(string(sb.Truth(t, "users")[users[5]].Properties["userPrincipalName"]), `"`)),
		Links: links("memberOf", nil, keys(id))})
	if slices.Contains(crew().Links["members"], users[5]) {
		t.Error("memberOf has not removed the member")
	}
	unique := newGroup("9", "unique")
	unique.Attributes = append(unique.Attributes, values("uniqueName", `"u-1"`)...)
	first := one(unique)
	unique.ID = "10"
	if again := sb.fulfill(t, unique)["10"]; !fault.Is(again.Failure, fault.Conflict) || !strings.Contains(again.Failure.Message, first.ObjectID) {
		t.Errorf("a second group of the uniqueName has the outcome %+v", again.Failure)
	}
	one(sdk.Order{ID: "11", Operation: sdk.Delete, Entity: "group", Key: named("uniqueName", "u-1")})
	one(sdk.Order{ID: "12", Operation: sdk.Restore, Entity: "group", Key: sdk.ObjectKey{ID: first.ObjectID}})
	if n := len(sb.Truth(t, "users")); n != 300 {
		t.Errorf("%d users are left of 300", n)
	}
}

func TestAccess(t *testing.T) {
	sb := startSandbox(t)
	one := func(o sdk.Order) sdk.Outcome {
		t.Helper()
		return good(t, sb.fulfill(t, o)[o.ID])
	}
	id := one(newUser("1", "eve")).ObjectID
	key := sdk.ObjectKey{ID: id}
	eve := func() sandboxed.Object { return sb.Truth(t, "users")[id] }
	one(sdk.Order{ID: "2", Operation: sdk.Update, Entity: "user", Key: key, Links: links("assignedLicenses", []sdk.ObjectKey{named("skuPartNumber", "ENTERPRISEPACK")}, nil)})
	if got := string(eve().Properties["assignedLicenses"]); !strings.Contains(got, "skuId") {
		t.Errorf("the licences are %s", got)
	}
	one(sdk.Order{ID: "3", Operation: sdk.Update, Entity: "user", Key: key, Links: links("assignedLicenses", nil, []sdk.ObjectKey{named("skuPartNumber", "ENTERPRISEPACK")})})
	if o := one(sdk.Order{ID: "4", Operation: sdk.Update, Entity: "user", Key: key, Links: links("assignedLicenses", nil, []sdk.ObjectKey{named("skuPartNumber", "ENTERPRISEPACK")})}); !o.Unchanged {
		t.Errorf("a licence that is not there has the outcome %+v", o)
	}
	bad := sb.fulfill(t, sdk.Order{ID: "5", Operation: sdk.Update, Entity: "user", Key: key, Links: links("assignedLicenses", []sdk.ObjectKey{named("skuPartNumber", "ENTERPRISEPACK"), named("skuPartNumber", "CRMSTANDARD")}, nil)})["5"]
	if len(bad.FailedLinks) != 1 || !strings.Contains(string(eve().Properties["assignedLicenses"]), "skuId") {
		t.Errorf("one good and one bad licence: %v", bad.Failure)
	}

	roles := sb.Truth(t, "directoryRoles")
	role := sorted(roles)[0]
	template := strings.Trim(string(roles[role].Properties["roleTemplateId"]), `"`)
	one(sdk.Order{ID: "6", Operation: sdk.Update, Entity: "directoryRole", Key: named("roleTemplateId", template), Links: links("members", keys(id), nil)})
	if o := one(sdk.Order{ID: "7", Operation: sdk.Update, Entity: "directoryRole", Key: sdk.ObjectKey{ID: role}, Links: links("members", keys(id), nil)}); !o.Unchanged {
		t.Errorf("a role that is there has the outcome %+v", o)
	}
	one(sdk.Order{ID: "8", Operation: sdk.Update, Entity: "directoryRole", Key: sdk.ObjectKey{ID: role}, Links: links("members", nil, keys(id))})

	app := sb.some(t, "servicePrincipals", 1, func(sp sandboxed.Object) bool { return strings.Contains(string(sp.Properties["appRoles"]), "User") })[0]
	var appRoles []struct {
		ID                 string
		AllowedMemberTypes []string
	}
	if err := json.Unmarshal(sb.Truth(t, "servicePrincipals")[app].Properties["appRoles"], &appRoles); err != nil {
		t.Fatal(err)
	}
	assign := sdk.Order{ID: "9", Operation: sdk.Update, Entity: "user", Key: key, Links: links("appRoleAssignments", keys(app), nil)}
	assign.Links[0].Details = []json.RawMessage{json.RawMessage(`{"appRoleId":"` + appRoles[0].ID + `"}`)}
	one(assign)
	assign.ID = "10"
	if o := one(assign); !o.Unchanged {
		t.Errorf("a second assignment has the outcome %+v", o)
	}
	one(sdk.Order{ID: "11", Operation: sdk.Update, Entity: "user", Key: key, Links: links("appRoleAssignments", nil, keys(app))})
	if o := one(sdk.Order{ID: "12", Operation: sdk.Update, Entity: "user", Key: key, Links: links("appRoleAssignments", nil, keys(app))}); !o.Unchanged {
		t.Errorf("no assignment has the outcome %+v", o)
	}

	unit := sb.some(t, "administrativeUnits", 1, func(u sandboxed.Object) bool { return string(u.Properties["isMemberManagementRestricted"]) != "true" })[0]
	one(sdk.Order{ID: "13", Operation: sdk.Update, Entity: "administrativeUnit", Key: sdk.ObjectKey{ID: unit}, Links: links("members", keys(id), nil)})
	one(sdk.Order{ID: "14", Operation: sdk.Update, Entity: "administrativeUnit", Key: sdk.ObjectKey{ID: unit}, Links: links("members", nil, keys(id))})

	guest := one(sdk.Order{ID: "15", Operation: sdk.Invite, Entity: "user", Attributes: values("mail", `"g@fabrikam.com"`, "displayName", `"G"`, "department", `"Out"`)})
	if guest.Details["inviteRedeemUrl"] == "" || string(sb.Truth(t, "users")[guest.ObjectID].Properties["department"]) != `"Out"` {
		t.Errorf("the guest is %+v", guest)
	}
}

// 10,000 additions to 500 groups, one an order and spread all over, take hardly more
// requests than the 25 batches of 20 requests with 20 members each.
func TestManyMembersGoIntoFewRequests(t *testing.T) {
	sb := startSandbox(t, "--write-quota", "0", "--quota", "0", "--users", "1000", "--groups", "1400", "--memberships", "3000", "--latency", "50ms")
	groups := sb.Truth(t, "groups")
	users := sorted(sb.Truth(t, "users"))
	var orders []sdk.Order
	chosen := 0
	for _, id := range sorted(groups) {
		g := groups[id]
		if strings.Contains(string(g.Properties["groupTypes"]), "Dynamic") || string(g.Properties["onPremisesSyncEnabled"]) == "true" ||
			string(g.Properties["isAssignableToRole"]) == "true" ||
			string(g.Properties["mailEnabled"]) == "true" || len(g.Links["members"]) > 500 {
			continue
		}
		there := map[string]bool{}
		for _, m := range g.Links["members"] {
			there[m] = true
		}
		for n, added := chosen, 0; added < 20; n++ {
			if user := users[n%len(users)]; !there[user] {
				added++
				orders = append(orders, sdk.Order{
					ID: fmt.Sprint(len(orders)), Operation: sdk.Update, Entity: "group", Key: sdk.ObjectKey{ID: id}, Links: links("members", keys(user), nil),
				})
			}
		}
		if chosen++; chosen == 500 {
			break
		}
	}
	if len(orders) != 10000 {
		t.Fatalf("%d orders", len(orders))
	}
	slices.SortStableFunc(orders, func(a, b sdk.Order) int { return strings.Compare(a.Links[0].Add[0].ID, b.Links[0].Add[0].ID) })
	c := sb.connector()
	c.Clock = clock.System
	sink := &sink{outcomes: map[string]sdk.Outcome{}}
	before, began := sb.counted(t), time.Now()
	if err := c.Fulfill(t.Context(), sb.Connection(), &source{orders: orders}, sink); err != nil {
		t.Fatal(err)
	}
	requests := sb.counted(t) - before
	t.Logf("%d requests in %s", requests, time.Since(began))
	for _, o := range sink.outcomes {
		if good(t, o).Unchanged {
			t.Errorf("the order %s has changed nothing", o.Order)
		}
	}
	if len(sink.outcomes) != 10000 || requests > 40 {
		t.Errorf("%d outcomes after %d requests", len(sink.outcomes), requests)
	}
	after := sb.Truth(t, "groups")
	for _, o := range orders {
		if !slices.Contains(after[o.Key.ID].Links["members"], o.Links[0].Add[0].ID) {
			t.Fatalf("the order %s was not carried out", o.ID)
		}
	}
}

func (sb sandbox) counted(t *testing.T) int {
	t.Helper()
	var counters struct{ Requests map[string]map[string]int }
	if err := json.Unmarshal(sb.Ask(t, http.MethodGet, "/counters", ""), &counters); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for path, n := range counters.Requests {
		if strings.Contains(path, "/v1.0/") {
			for _, n := range n {
				sum += n
			}
		}
	}
	return sum
}
