package main

import (
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
	conformance.Run(t, conformance.Config{Connector: sb.connector(), Connection: sb.connection()})
}

func TestCheckNamesEachPermission(t *testing.T) {
	sb := startSandbox(t)
	report, err := sb.connector().Check(t.Context(), sdk.CheckRequest{Connection: sb.connection(), Extent: sdk.Full})
	if err != nil {
		t.Fatal(err)
	}
	purposes := ""
	for _, p := range report.Permissions {
		purposes += p.Purpose + "\n"
		if p.Grant != sdk.Granted {
			t.Errorf("%s is %q", p.Name, p.Grant)
		}
	}
	for _, want := range []string{"invite guests", "members of groups", "licences of users"} {
		if !strings.Contains(purposes, want) {
			t.Errorf("nothing is told of %q", want)
		}
	}
}

func TestExamine(t *testing.T) {
	problems, err := newConnector("test", nil).Examine(t.Context(), []sdk.Order{
		{ID: "1", Operation: sdk.Delete, Entity: "user"}, {ID: "2", Operation: sdk.Delete, Entity: "user", Key: keys("aaaaaaaa-0000-0000-0000-000000000001")[0]},
	})
	if err != nil || len(problems) != 1 || problems[0].Order != "1" {
		t.Errorf("%+v, %v", problems, err)
	}
}

func TestWrongSecretEndsTheCall(t *testing.T) {
	sb := startSandbox(t)
	connection := sb.connection()
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
	sb.control(t, http.MethodDelete, "/journal", "")
	n := 0
	err := sb.connector().Preview(t.Context(), sb.connection(), orders, func(p sdk.Preview) error {
		n++
		if p.Failure != nil {
			t.Errorf("%s: %v", p.Order, p.Failure)
		}
		return nil
	})
	if err != nil || n != len(orders) {
		t.Errorf("%d previews, %v", n, err)
	}
	if written := sb.control(t, http.MethodGet, "/journal", ""); len(written) > 0 {
		t.Errorf("written was %s", written)
	}
}

func TestActionsOnATenant(t *testing.T) {
	sb := startSandbox(t)
	c := sb.connector()
	group := sb.some(t, "groups", 1, func(g truth) bool { return len(g.Links["members"]) > 0 })[0]
	for name, input := range map[string]string{
		"get-user": `{"user":"` + sb.some(t, "users", 1, nil)[0] + `"}`, "get-group": `{"group":"` + group + `"}`,
		"search-users": `{"top":3}`, "search-group-members": `{"group":"` + group + `"}`,
		"search-transitive-group-members": `{"group":"` + group + `"}`,
	} {
		output, err := c.RunAction(t.Context(), sb.connection(), name, json.RawMessage(input))
		if err != nil || len(output) < 20 {
			t.Errorf("%s: %s %v", name, output, err)
		}
	}
	order, err := c.PrepareAction(t.Context(), "create-user", json.RawMessage(`{"userPrincipalName":"act@contoso.com","displayName":"Act","password":"`+password+`"}`), "7")
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
	c.clock = clock.System
	sink := &sink{outcomes: map[string]sdk.Outcome{}}
	before, began := sb.counted(t), time.Now()
	if err := c.Fulfill(t.Context(), sb.connection(), &source{orders: orders}, sink); err != nil {
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
