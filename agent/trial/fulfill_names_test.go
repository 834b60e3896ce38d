package trial_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/trial"
)

// Of two orders about one user the later one has the last word, though the first one names the user by
// userPrincipalName, which has to be looked up, and the second by the id.
func TestSequenceByAnyName(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	var orders, users []string
	for id, user := range f.tenant(t, "user") {
		name, _ := user.Properties["userPrincipalName"].(string)
		if name == "" || user.Properties["onPremisesSyncEnabled"] != nil || user.Properties["userType"] != "Member" {
			continue
		}
		users = append(users, id)
		keys := []string{fmt.Sprintf(`{"userPrincipalName": %q}`, strings.ToUpper(name)), fmt.Sprintf("%q", id)}
		for i, title := range []string{"first", "second"} {
			orders = append(orders, fmt.Sprintf(`{"id": "%s-%d", "operation": "update", "entity": "user", "key": %s, "attributes": {"jobTitle": %q}}`,
				title, len(users), keys[(i+len(users)/20)%2], title))
		}
		if len(users) == 40 {
			break
		}
	}
	for id, r := range f.mustFulfill(t, f.orders(t, "pairs.json", orders...)) {
		if r.State != "Executed" {
			t.Errorf("order %s: %+v", id, r)
		}
	}
	now := f.tenant(t, "user")
	for _, id := range users {
		if title := now[id].Properties["jobTitle"]; title != "second" {
			t.Errorf("user %s is %v at the end", id, title)
		}
	}
}

// The audit log tells each attempt of an order, and who let it begin again.
func TestAuditOfARetry(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	file := f.orders(t, "one.json", `{"id": "one", "operation": "disable", "entity": "user", "key": {"userPrincipalName": "nobody@contoso.com"}}`)
	f.ends(t, 1, file)
	f.mustFulfill(t, f.orders(t, "two.json", newUser("two", "nobody")))
	mustSucceed(t, f.installation, "orders", "retry", trial.Connection, "one")
	f.ends(t, 0)
	shown := mustSucceed(t, f.installation, "audit", "show", trial.Connection, "--order", "one").Stdout
	last := 0
	for _, want := range []string{"Errored", "order one", "Executed"} {
		i := strings.Index(shown[last:], want)
		if i < 0 {
			t.Fatalf("%q does not follow in\n%s", want, shown)
		}
		last += i
	}
	mustSucceed(t, f.installation, "audit", "verify", trial.Connection)
}
