package trial_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/trial"
)

// Killed between a write and its answer, the agent tells the write all the same: each stands in the audit log, as one
// that may have been done by an attempt that was cut off.
func TestAuditOfWhatWasCutOff(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	group := f.mustFulfill(t, f.orders(t, "group.json", newGroup("g", "crew")))["g"].ObjectID
	var orders []string
	for id, user := range f.tenant(t, "user") {
		if user.Properties["onPremisesSyncEnabled"] == true { // it is written elsewhere
			continue
		}
		n := len(orders)
		orders = append(orders, fmt.Sprintf(`{"id": "u%d", "operation": "update", "entity": "user", "key": %q, "attributes": {"jobTitle": "Job %[1]d"}}`, n, id),
			fmt.Sprintf(`{"id": "m%d", "operation": "update", "entity": "group", "key": %q, "links": {"members": {"add": [%q]}}}`, n, group, id))
		if len(orders) == 10 {
			break
		}
	}
	orders = append(orders, newGroup("n", "band"))
	file := f.orders(t, "some.json", orders...)
	before := len(f.journal(t))
	// What is asked is done at once, and the answer takes its time.
	control(t, f.sandbox, "PUT", "/faults", map[string]any{"path": "/v1.0/", "rates": map[string]float64{"slow": 1}, "slowBody": "500ms"})
	cmd := f.installation.Command(t.Context(), "fulfill", trial.Connection, file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "a write", func() bool { return len(f.journal(t)) > before })
	children := trial.Children(cmd.Process.Pid)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	for _, pid := range children {
		await(t, fmt.Sprintf("connector %d to end", pid), func() bool { return !runs(pid) })
	}
	control(t, f.sandbox, "PUT", "/faults", map[string]any{})
	if result := usher(t, f.installation, "fulfill", trial.Connection); result.Code != 0 {
		t.Fatalf("exit code %d\n%s%s\n%+v", result.Code, result.Stdout, result.Stderr, results(t, file))
	}
	f.checkAudit(t)
}

// checkAudit compares the audit log with the tenant's own journal: what was written stands there, and of no order
// that wrote is it said that all was so already.
func (f *fulfilling) checkAudit(t *testing.T) {
	t.Helper()
	type line struct {
		Object               string
		Uncertain, Unchanged bool
		Changes              []struct {
			Path  string
			After any
		}
	}
	told, uncertain := map[string]bool{}, 0
	for text := range strings.Lines(mustSucceed(t, f.installation, "audit", "show", trial.Connection, "--json").Stdout) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		if l.Uncertain {
			uncertain++
		}
		if l.Unchanged {
			t.Errorf("it was not so already: %s", text)
		}
		for _, c := range l.Changes {
			told[fmt.Sprint(l.Object, " ", c.Path, " ", c.After)] = true
		}
	}
	if uncertain == 0 {
		t.Error("no line is uncertain: nothing was cut off")
	}
	written := f.effects(t, func(e effect) bool { return e.What == "create" || e.What == "update" || e.What == "link" })
	for _, e := range written {
		for _, property := range []string{"jobTitle", "displayName"} {
			if value, is := e.Properties[property]; is && !told[fmt.Sprint(e.ID, " ", property, " ", value)] {
				t.Errorf("no line tells that the %s of %s became %v", property, e.ID, value)
			}
		}
		if e.What == "link" && !told[fmt.Sprint(e.ID, " ", e.Navigation, " ", []any{e.Target})] {
			t.Errorf("no line tells that %s was added to the %s of %s", e.Target, e.Navigation, e.ID)
		}
	}
	if len(written) < 11 {
		t.Errorf("only %d changes were made", len(written))
	}
}
