package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/sandboxed"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/conformance"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestConformance(t *testing.T) {
	sb := startSandbox(t)
	conformance.Run(t, sb.conformance(t))
}

// The same holds where reads show writes late: 3 seconds, on the clock of the connector.
func TestConformanceOfALateDirectory(t *testing.T) {
	sb := startSandbox(t)
	cfg := sb.conformance(t)
	cfg.NaturalKey = "" // which does not lead there yet
	sb.Ask(t, http.MethodPut, "/faults", `{"replicationDelay":"30ms","path":"/v1.0/"}`)
	conformance.Run(t, cfg)
}

func (sb sandbox) conformance(t *testing.T) conformance.Config {
	t.Helper()
	users, group := sb.some(t, "users", 2, nil), sb.some(t, "groups", 1, isPlain)[0]
	app := sb.some(t, "servicePrincipals", 1, func(sp sandboxed.Object) bool { return string(sp.Properties["appRoles"]) == "[]" })[0]
	return conformance.Config{
		Connector: sb.connector(), Connection: sb.Connection(),
		Order:      func(n int) sdk.Order { return newUser(fmt.Sprint("conform", n), fmt.Sprint("conform", n)) },
		NaturalKey: "userPrincipalName",
		Writes:     func() int { return bytes.Count(sb.Ask(t, http.MethodGet, "/journal", ""), []byte("\n")) },
		Changes:    func(id string) []sdk.Order { return lifeOf(id, users, group, app) },
		Inputs:     inputs(users[0], group),
	}
}

// isPlain reports whether members of a group come and go by requests.
func isPlain(g sandboxed.Object) bool {
	return string(g.Properties["groupTypes"]) == "[]" && string(g.Properties["onPremisesSyncEnabled"]) != "true" &&
		string(g.Properties["isAssignableToRole"]) != "true" && string(g.Properties["mailEnabled"]) != "true"
}

// lifeOf is what may happen to a user.
func lifeOf(id string, managers []string, group, app string) []sdk.Order {
	order := func(o sdk.Operation, attributes []sdk.OrderAttribute, links []sdk.LinkChange) sdk.Order {
		return sdk.Order{Operation: o, Entity: "user", Key: sdk.ObjectKey{ID: id}, Attributes: attributes, Links: links}
	}
	link := func(navigation string, target sdk.ObjectKey, add bool) sdk.Order {
		if add {
			return order(sdk.Update, nil, links(navigation, []sdk.ObjectKey{target}, nil))
		}
		return order(sdk.Update, nil, links(navigation, nil, []sdk.ObjectKey{target}))
	}
	licence := named("skuPartNumber", "ENTERPRISEPACK")
	return []sdk.Order{
		order(sdk.Update, values("department", `"Sales"`, "employeeOrgData/costCenter", `"1"`), nil),
		order(sdk.Update, values("employeeOrgData/division", `"2"`), nil),
		link("manager", sdk.ObjectKey{ID: managers[0]}, true),
		link("manager", sdk.ObjectKey{ID: managers[1]}, true),
		link("manager", sdk.ObjectKey{ID: managers[1]}, false),
		link("memberOf", sdk.ObjectKey{ID: group}, true),
		link("memberOf", sdk.ObjectKey{ID: group}, false),
		link("memberOf", sdk.ObjectKey{ID: group}, true),
		link("appRoleAssignments", sdk.ObjectKey{ID: app}, true),
		link("appRoleAssignments", sdk.ObjectKey{ID: app}, false),
		link("assignedLicenses", licence, true),
		link("assignedLicenses", licence, false),
		order(sdk.Disable, nil, nil),
		order(sdk.Delete, nil, nil),
		order(sdk.Restore, nil, nil),
		order(sdk.Delete, nil, nil),
	}
}

// inputs are good inputs of all actions, about a user and a group.
func inputs(user, group string) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for names, input := range map[string]string{
		"get-user delete-user disable-user enable-user revoke-sessions restore-user get-user-licence": `{"user":"U"}`,
		"get-group delete-group": `{"group":"G"}`,
		"search-users":           `{"top":3}`,
		"search-group-members search-transitive-group-members": `{"group":"G"}`,
		"add-user-to-group remove-user-from-group":             `{"user":"U","group":"G"}`,
		"add-user-licence remove-user-licence":                 `{"user":"U","licence":"ENTERPRISEPACK"}`,
		"assign-directory-role remove-directory-role":          `{"user":"U","role":"User Administrator"}`,
		"create-user":    `{"userPrincipalName":"act@contoso.com","displayName":"Act","password":"` + password + `"}`,
		"update-user":    `{"user":"U","attributes":{"city":"Bern"}}`,
		"reset-password": `{"user":"U","password":"` + password + `"}`,
		"invite-guest":   `{"invitedUserEmailAddress":"g@fabrikam.com"}`,
		"create-group":   `{"displayName":"Crew"}`,
		"update-group":   `{"group":"G","attributes":{"description":"Crew"}}`,
	} {
		for name := range strings.FieldsSeq(names) {
			all[name] = json.RawMessage(strings.NewReplacer(`"U"`, `"`+user+`"`, `"G"`, `"`+group+`"`).Replace(input))
		}
	}
	return all
}

func TestWrongSecretEndsTheCall(t *testing.T) {
	sb := startSandbox(t)
	connection := sb.Connection()
	connection.Secrets["ApplicationKey"] = "wr0ng-canary"
	sink := &sink{outcomes: map[string]sdk.Outcome{}}
	err := sb.connector().Fulfill(t.Context(), connection, &source{orders: []sdk.Order{newUser("1", "ada")}}, sink)
	if !fault.Is(err, fault.Unauthorized) || len(sink.outcomes) > 0 || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v with %d outcomes", err, len(sink.outcomes))
	}
}

// A preview against a whole tenant leaves no trace in it.
func TestPreviewWritesNothing(t *testing.T) {
	sb := startSandbox(t)
	users, groups := sb.some(t, "users", 20, nil), sb.some(t, "groups", 5, nil)
	var orders []sdk.Order
	for n, id := range users {
		key := sdk.ObjectKey{ID: id}
		orders = append(orders,
			newUser(fmt.Sprint("create", n), fmt.Sprint("new", n)),
			sdk.Order{ID: fmt.Sprint("update", n), Operation: sdk.Update, Entity: "user", Key: key, Attributes: values("city", `"Bern"`), Links: links("manager", keys(users[0]), nil)},
			sdk.Order{ID: fmt.Sprint("member", n), Operation: sdk.Update, Entity: "group", Key: sdk.ObjectKey{ID: groups[n%5]}, Links: links("members", keys(id), keys(users[(n+1)%20]))},
			sdk.Order{ID: fmt.Sprint("delete", n), Operation: sdk.Delete, Entity: "user", Key: key})
	}
	sb.Ask(t, http.MethodDelete, "/journal", "")
	n := 0
	err := sb.connector().Preview(t.Context(), sb.Connection(), orders, func(p sdk.Preview) error {
		n++
		if p.Failure != nil {
			t.Errorf("%s: %v", p.Order, p.Failure)
		}
		return nil
	})
	if err != nil || n != len(orders) {
		t.Errorf("%d previews, %v", n, err)
	}
	if written := sb.Ask(t, http.MethodGet, "/journal", ""); len(written) > 0 {
		t.Errorf("written was %s", written)
	}
}

func TestActionOnATenant(t *testing.T) {
	sb := startSandbox(t)
	order, err := sb.connector().PrepareAction(t.Context(), "create-user", inputs("", "")["create-user"], "7")
	if err != nil {
		t.Fatal(err)
	}
	good(t, sb.fulfill(t, order)["7"])
}

// 1,000 users are created as fast as the line and the quota allow.
func TestManyUsers(t *testing.T) {
	sb := startSandbox(t, "--quota", "0", "--latency", "50ms")
	var orders []sdk.Order
	for n := range 1000 {
		orders = append(orders, newUser(fmt.Sprint(n), fmt.Sprint("recruit", n)))
	}
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
		good(t, o)
	}
	if len(sink.outcomes) != 1000 || requests > 100 || sink.progress.Writes == 0 {
		t.Errorf("%d outcomes, %d requests, %+v", len(sink.outcomes), requests, sink.progress)
	}
}

// The figures at the end are those of the whole call, however small it was.
func TestProgressAtTheEnd(t *testing.T) {
	sb := startSandbox(t)
	user := sb.some(t, "users", 1, func(u sandboxed.Object) bool { return string(u.Properties["onPremisesSyncEnabled"]) != "true" })[0]
	sink := &sink{outcomes: map[string]sdk.Outcome{}}
	before := sb.counted(t)
	err := sb.connector().Fulfill(t.Context(), sb.Connection(), &source{orders: []sdk.Order{
		{ID: "1", Operation: sdk.Update, Entity: "user", Key: sdk.ObjectKey{ID: user}, Attributes: values("department", `"Sales"`)},
	}}, sink)
	if err != nil {
		t.Fatal(err)
	}
	good(t, sink.outcomes["1"])
	if got, want := int(sink.progress.Requests), sb.counted(t)-before; got != want || want < 2 || sink.progress.Writes != 1 {
		t.Errorf("told %d requests and %d writes of %d requests", got, sink.progress.Writes, want)
	}
}
