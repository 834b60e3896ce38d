package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/conformance"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestConformance(t *testing.T) {
	sb := startSandbox(t)
	conformance.Run(t, conformance.Config{
		Connector: sb.connector(), Connection: sb.Connection(),
		Order:  func(n int) sdk.Order { return newUser(fmt.Sprint("conform", n), fmt.Sprint("conform", n)) },
		Writes: func() int { return bytes.Count(sb.Ask(t, http.MethodGet, "/journal", ""), []byte("\n")) },
		Inputs: inputs(sb.some(t, "users", 1, nil)[0], sb.some(t, "groups", 1, nil)[0]),
	})
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
			sdk.Order{ID: fmt.Sprint("member", n), Operation: sdk.Update, Entity: "group", Key: sdk.ObjectKey{ID: groups[n%5]}, Links: links("members", keys(id), keys(users[3]))},
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
