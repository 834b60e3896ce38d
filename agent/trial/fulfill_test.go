package trial_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/trial"
)

// newUser is an order that makes a user with a password for whoever runs the desk.
func newUser(id, name string) string {
	return fmt.Sprintf(`{"id": %q, "operation": "create", "entity": "user", "password": {"notify": {"email": "desk@contoso.com"}},
		"attributes": {"userPrincipalName": "%[2]s@contoso.com", "displayName": %[2]q, "mailNickname": %[2]q, "accountEnabled": true}}`, id, name)
}

// newGroup is an order that makes a group.
func newGroup(id, name string) string {
	return fmt.Sprintf(`{"id": %q, "operation": "create", "entity": "group",
		"attributes": {"uniqueName": %[2]q, "displayName": %[2]q, "mailNickname": %[2]q, "mailEnabled": false, "securityEnabled": true}}`, id, name)
}

// A file with something wrong is refused whole: nothing is written, and everything wrong is told, with
// its place.
func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	f.mustFulfill(t, f.orders(t, "before.json", newGroup("known", "known")))
	good := newGroup("good", "good")
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"syntax":  {"{\"orders\": [\n {\"id\": \"x\", operation}\n]}", []string{"syntax.json:2:14: the character 'o' does not belong here"}},
		"cut off": {`{"orders": [` + good, []string{"cut off.json:2:", "the file ends too early"}},
		"property": {`{"orders": [{"id": "x", "operation": "create", "entity": "group", "attribute": {}}]}`,
			[]string{`property.json:1:67: order x: the property "attribute" is not known, did you mean attributes?`}},
		"attribute": {`{"orders": [` + strings.ReplaceAll(good, "displayName", "displayNam") + `]}`,
			[]string{`attribute.json:1:13: order good: displayNam: group has no attribute "displayNam"`, "Did you mean displayName?"}},
		"type": {`{"orders": [` + strings.ReplaceAll(good, "false", `"perhaps"`) + `]}`, []string{"type.json:1:13: order good: mailEnabled"}},
		"connection": {`{"orders": [{"id": "x", "connection": "Other", "operation": "delete", "entity": "group", "key": {"uniqueName": "a"}}]}`,
			[]string{"order x: it is for the connection Other, not for Contoso"}},
		"key":       {`{"orders": [{"id": "x", "operation": "delete", "entity": "group"}]}`, []string{"order x: the key is missing"}},
		"operation": {`{"orders": [{"id": "x", "operation": "destroy", "entity": "group"}]}`, []string{"destroy"}},
		"entity":    {`{"orders": [{"id": "x", "operation": "delete", "entity": "orgContact", "key": "0f5f0b0c-0000-4000-8000-000000000000"}]}`, []string{"order x: ", "orgContact"}},
		"circle": {`{"orders": [
			{"id": "a", "operation": "disable", "entity": "user", "key": {"employeeId": "1"}, "dependsOn": ["b"]},
			{"id": "b", "operation": "disable", "entity": "user", "key": {"employeeId": "2"}, "dependsOn": ["a"]}]}`,
			[]string{"circle.json:2:", "a", "b", "circle"}},
		"reference": {`{"orders": [{"id": "x", "operation": "delete", "entity": "group", "key": {"order": "nobody"}}]}`, []string{"order x: ", "nobody"}},
		"id": {`{"orders": [{"id": "known", "operation": "delete", "entity": "group", "key": {"uniqueName": "known"}}]}`,
			[]string{"order known: an order of this id came before and asked for something else"}},
		"id twice": {`{"orders": [` + newGroup("x", "one") + `,` + newGroup("x", "two") + `]}`, []string{"id twice.json:2:", "order x"}},
		"password": {`{"orders": [{"id": "x", "operation": "update", "entity": "user", "key": {"employeeId": "1"}, "attributes": {"passwordProfile": {"password": "c4nary"}}}]}`,
			[]string{"a password cannot stand among the attributes"}},
		"setting": {`{"orders": [{"id": "x", "operation": "setPassword", "entity": "user", "key": {"employeeId": "1"}, "password": {"setting": "none"}}]}`,
			[]string{`there are no password settings named "none"`}},
		"several": {`{"orders": [{"id": "a", "operation": "delete", "entity": "group"},` + "\n" + `{"id": "b", "operation": "delete", "entity": "group"},` + good + `]}`,
			[]string{"several.json:1:13: order a: the key is missing", "several.json:2:1: order b: the key is missing"}},
	} {
		file := f.file(t, name+".json", tc.text)
		f.wroteNothing(t, func() {
			got := f.ends(t, 2, file).messages()
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s: %q is not among\n%s", name, want, got)
				}
			}
			if strings.Contains(got, "c4nary") {
				t.Errorf("%s shows a password:\n%s", name, got)
			}
			if !exists(file + ".results.csv") {
				t.Errorf("%s: there are no results", name)
			}
			result := usher(t, f.installation, "fulfill", trial.Connection, "--plan", file)
			if result.Code != 2 {
				t.Errorf("the plan of %s: exit code %d\n%s%s", name, result.Code, result.Stdout, result.Stderr)
			}
			for _, want := range tc.want {
				if !strings.Contains(result.Stderr, want) {
					t.Errorf("the plan of %s: %q is not among\n%s", name, want, result.Stderr)
				}
			}
		})
	}
	// What is not there is told before anything is taken.
	for _, arguments := range [][]string{{trial.Connection, "nofile.json"}, {"Nobody", f.orders(t, "good.json", good)}} {
		f.wroteNothing(t, func() {
			result := usher(t, f.installation, append([]string{"fulfill"}, arguments...)...)
			if result.Code != 2 || result.Stdout != "" {
				t.Errorf("usher fulfill %v: exit code %d\n%s%s", arguments, result.Code, result.Stdout, result.Stderr)
			}
		})
	}
	// A refused file keeps no other from being carried out.
	got := f.ends(t, 2, filepath.Join(f.files, "key.json"), filepath.Join(f.files, "good.json"))
	if got.Files[0].State != "Refused" || got.Files[1].Executed != 1 {
		t.Errorf("with a good file: %+v", got)
	}
}

// An order that fails is told with Graph's words and ids, and the others go on.
func TestOrdersThatFail(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	file := f.orders(t, "some.json", newUser("u", "ann"), newGroup("g", "crew"),
		`{"id": "again", "operation": "create", "entity": "user", "dependsOn": ["u"], "password": {"setting": "silent"},
		  "attributes": {"userPrincipalName": "ANN@contoso.com", "displayName": "x", "mailNickname": "annx", "accountEnabled": true}}`,
		`{"id": "after", "operation": "disable", "entity": "user", "key": {"order": "again"}}`,
		`{"id": "nobody", "operation": "disable", "entity": "user", "key": {"userPrincipalName": "nobody@contoso.com"}}`)
	got := f.ends(t, 1, file)
	if got.Run.Executed != 2 || got.Run.Errored != 3 {
		t.Errorf("the run has %+v", got.Run)
	}
	all := results(t, file)
	for order, want := range map[string]string{"again": "already", "after": "order again", "nobody": "nobody@contoso.com"} {
		if r := all[order]; r.State != "Errored" || !strings.Contains(r.Message, want) {
			t.Errorf("order %s: %+v", order, r)
		}
	}
	if all["again"].RequestID == "" {
		t.Errorf("there is no request id: %+v", all["again"])
	}
	if users := f.all(t, "user", "userPrincipalName", "ann@contoso.com"); len(users) != 1 {
		t.Errorf("there are %d users of the name", len(users))
	}
	shown := mustSucceed(t, f.installation, "orders", "show", trial.Connection, "nobody").Stdout
	if !strings.Contains(shown, "Order nobody: disable user, Errored") || !strings.Contains(shown, "nobody@contoso.com") {
		t.Errorf("usher orders show says\n%s", shown)
	}
	// It is put right, and the order begins again.
	f.mustFulfill(t, f.orders(t, "missing.json", newUser("n", "nobody")))
	mustSucceed(t, f.installation, "orders", "retry", trial.Connection, "nobody")
	if got := f.ends(t, 0); got.Run.Executed != 1 {
		t.Errorf("the retry has %+v", got.Run)
	}
	if r := results(t, file)["nobody"]; r.State != "Executed" {
		t.Errorf("the results after the retry: %+v", r)
	}
}

// What is beyond a limit waits for an operator.
func TestLimits(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	var users []string
	for i := range 4 {
		users = append(users, newUser(fmt.Sprint("user-", i), fmt.Sprint("leaver", i)))
	}
	f.mustFulfill(t, f.orders(t, "users.json", users...))
	mustExport(t, f.installation)
	members := f.tenant(t, "user")
	orders := func(name string, from, n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`{"id": "%s-%d", "operation": "delete", "entity": "user", "key": {"userPrincipalName": "leaver%d@contoso.com"}}`, name, i, from+i))
		}
		return f.orders(t, name+".json", all...)
	}
	for _, tc := range []struct {
		name   string
		limits map[string]any
		want   string
	}{
		{"count", map[string]any{"MaximumDeletes": 2}, "it deletes 3 objects, and 2 are allowed at once"},
		{"percent", map[string]any{"MaxPercentageDeletes": 2}, fmt.Sprintf("it deletes 3 of %d user objects, and 2 %% are allowed at once", len(members))},
	} {
		f.change(t, func(c map[string]any) {
			maps.Copy(c, tc.limits)
		})
		file := orders(tc.name, 0, 3)
		f.wroteNothing(t, func() {
			got := f.ends(t, 3, file)
			if got.Files[0].State != "Held" || got.Files[0].Reason != tc.want {
				t.Errorf("%s: %+v", tc.name, got.Files[0])
			}
			if r := results(t, file)[tc.name+"-0"]; r.State != "Held" {
				t.Errorf("%s: %+v", tc.name, r)
			}
			f.ends(t, 3) // nothing to do until somebody decides
		})
		list := mustSucceed(t, f.installation, "orders", "list", trial.Connection).Stdout
		if !strings.Contains(list, "Held") {
			t.Errorf("usher orders list says\n%s", list)
		}
	}
	intake := func(n string, arguments ...string) {
		t.Helper()
		mustSucceed(t, f.installation, append([]string{"orders"}, append(arguments, trial.Connection, n)...)...)
	}
	f.wroteNothing(t, func() {
		intake("2", "cancel")
		f.ends(t, 3) // the other one is still held
	})
	if r := results(t, filepath.Join(f.files, "count.json"))["count-0"]; r.State != "Canceled" {
		t.Errorf("after cancel: %+v", r)
	}
	intake("3", "release")
	if got := f.ends(t, 0); got.Run.Executed != 3 {
		t.Errorf("after release: %+v", got.Run)
	}
	if left := len(f.tenant(t, "user")); left != len(members)-3 {
		t.Errorf("%d users are left of %d", left, len(members))
	}
	if r := results(t, filepath.Join(f.files, "percent.json"))["percent-0"]; r.State != "Executed" {
		t.Errorf("after release: %+v", r)
	}
	f.mustFulfill(t, orders("few", 3, 1))
}

// A limit in per cent holds also while an export is at work: what was published last counts.
func TestPercentageDuringExport(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	mustExport(t, f.installation)
	f.change(t, func(c map[string]any) { c["MaxPercentageDeletes"] = 1 })
	control(t, f.sandbox, "PUT", "/faults", map[string]any{"latency": "10s"})
	before := f.journal(t)
	export := f.installation.Command(t.Context(), "export", trial.Connection)
	if err := export.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = export.Process.Kill(), export.Wait() }()
	await(t, "the export", func() bool {
		return exists(filepath.Join(f.installation.Root, "Work", "Store", "contoso", "store.holder"))
	})
	got := f.ends(t, 3, f.orders(t, "leavers.json",
		`{"id": "1", "operation": "delete", "entity": "user", "key": "0f5f0b0c-0000-4000-8000-000000000001"}`, `{"id": "2", "operation": "delete", "entity": "user", "key": "0f5f0b0c-0000-4000-8000-000000000002"}`))
	if !strings.Contains(got.Files[0].Reason, "1 % are allowed at once") {
		t.Errorf("it is %+v", got.Files[0])
	}
	if after := f.journal(t); len(after) != len(before) {
		t.Errorf("something was written: %+v", after)
	}
}

// Files in the watched folder are carried out and put away, those that were there before, too; and
// an operator decides meanwhile.
func TestWatchedFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Go sends no interrupts there")
	}
	t.Parallel()
	f := startFulfilling(t)
	folder := filepath.Join(f.installation.Root, "Work", "ProvisioningOrders", trial.Connection)
	put := func(name string, orders ...string) {
		t.Helper()
		to := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(f.orders(t, filepath.Base(name), orders...), to); err != nil {
			t.Fatal(err)
		}
	}
	f.change(t, func(c map[string]any) { c["MaximumDeletes"] = 1 })
	put("before.json", newGroup("g", "crew"), newUser("u", "ann"))
	cmd := f.installation.Command(t.Context(), "fulfill", trial.Connection, "--watch", "--json")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	away := func(path string) {
		t.Helper()
		await(t, path+" to be put away", func() bool { return exists(filepath.Join(folder, path)) })
	}
	away(filepath.Join("Completed", "before.json"))
	list := mustSucceed(t, f.installation, "orders", "list", trial.Connection).Stdout
	if !strings.Contains(list, "2 orders: 2 executed") {
		t.Errorf("usher orders beside a watch says\n%s", list)
	}
	put("sub/members.json", `{"id": "m", "operation": "update", "entity": "group", "key": {"uniqueName": "crew"}, "links": {"members": {"add": [{"userPrincipalName": "ann@contoso.com"}]}}}`)
	put("wrong.json", `{"id": "w", "operation": "delete", "entity": "group"}`)
	put("failing.json", newUser("f", "ann"))
	away(filepath.Join("Completed", "sub", "members.json"))
	away(filepath.Join("Errored", "wrong.json"))
	away(filepath.Join("Errored", "failing.json"))
	if r := results(t, filepath.Join(folder, "Errored", "failing.json"))["f"]; r.State != "Errored" {
		t.Errorf("the results are %+v", r)
	}
	if text, err := os.ReadFile(filepath.Join(folder, "Errored", "wrong.json.results.csv")); err != nil || !strings.Contains(string(text), "the key is missing") {
		t.Errorf("the reasons are %s, %v", text, err)
	}
	if crew := f.find(t, "group", "uniqueName", "crew"); len(crew.Links["members"]) != 1 {
		t.Errorf("the members are %v", crew.Links)
	}
	// A file is held, and is put away when somebody has decided on it, whoever carries it out.
	put("users.json", newUser("l1", "leaver1"), newUser("l2", "leaver2"), newUser("l3", "leaver3"), newUser("l4", "leaver4"))
	away(filepath.Join("Completed", "users.json"))
	leavers := func(name, one, other string) {
		t.Helper()
		leaver := func(user string) string {
			return fmt.Sprintf(`{"id": "d-%s", "operation": "delete", "entity": "user", "key": {"userPrincipalName": "%[1]s@contoso.com"}}`, user)
		}
		put(name, leaver(one), leaver(other))
		held := "" // its number
		await(t, name+" to be held", func() bool {
			for line := range strings.Lines(mustSucceed(t, f.installation, "orders", "list", trial.Connection).Stdout) {
				if strings.Contains(line, name) && strings.Contains(line, "Held") {
					held = strings.Fields(line)[0]
				}
			}
			return held != ""
		})
		mustSucceed(t, f.installation, "orders", "release", trial.Connection, held)
	}
	leavers("some.json", "leaver1", "leaver2")
	away(filepath.Join("Completed", "some.json"))
	leavers("more.json", "leaver3", "leaver4")
	mustSucceed(t, f.installation, "fulfill", trial.Connection)
	away(filepath.Join("Completed", "more.json"))
	for _, name := range []string{"leaver1", "leaver4"} {
		if left := f.all(t, "user", "displayName", name); len(left) > 0 {
			t.Errorf("%s is there still", name)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the watch ended by %v\n%s", err, &output)
	}
	if strings.Contains(output.String(), "DATA RACE") {
		t.Errorf("data race:\n%s", &output)
	}
}

// Interrupted, a run ends with its own exit code, tells how far it is, and the next one goes on.
func TestInterruptedOrders(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Go sends no interrupts there")
	}
	t.Parallel()
	f := startFulfilling(t)
	control(t, f.sandbox, "PUT", "/faults", map[string]any{"latency": "1s", "path": "/v1.0/"})
	file := f.orders(t, "some.json", newGroup("g", "crew"), newUser("u", "ann"),
		`{"id": "m", "operation": "update", "entity": "group", "key": {"order": "g"}, "links": {"members": {"add": [{"order": "u"}]}}}`)
	cmd := f.installation.Command(t.Context(), "fulfill", trial.Connection, file)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitRequests(t, f.sandbox, "/v1.0/", 1)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code tells
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(output.String(), "the next run goes on with what is left") {
		t.Errorf("exit code %d, want 130\n%s", code, &output)
	}
	if r := results(t, file)["m"]; r.State != "Pending" && r.State != "Started" {
		t.Errorf("the results are %+v", r)
	}
	control(t, f.sandbox, "PUT", "/faults", map[string]any{})
	f.ends(t, 0)
	if r := results(t, file)["m"]; r.State != "Executed" {
		t.Errorf("the results are %+v", r)
	}
	if crew := f.find(t, "group", "uniqueName", "crew"); len(crew.Links["members"]) != 1 {
		t.Errorf("the members are %v", crew.Links)
	}
}

// An action that is interrupted tells its order, with which the next run goes on.
func TestInterruptedAction(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Go sends no interrupts there")
	}
	t.Parallel()
	f := startFulfilling(t)
	control(t, f.sandbox, "PUT", "/faults", map[string]any{"latency": "1m"})
	cmd := f.installation.Command(t.Context(), "actions", "run", trial.Connection, "create-user", "--input",
		`{"userPrincipalName": "ann@contoso.com", "displayName": "Ann", "setting": "silent"}`)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitRequests(t, f.sandbox, "/token", 1)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code tells
	id := regexp.MustCompile(`order (action-\S+) is left for the next run`).FindStringSubmatch(output.String())
	if code := cmd.ProcessState.ExitCode(); code != 130 || id == nil {
		t.Fatalf("exit code %d, want 130\n%s", code, &output)
	}
	control(t, f.sandbox, "PUT", "/faults", map[string]any{})
	f.ends(t, 0)
	if shown := mustSucceed(t, f.installation, "orders", "show", trial.Connection, id[1]).Stdout; !strings.Contains(shown, "Executed") {
		t.Errorf("usher orders show says\n%s", shown)
	}
	f.find(t, "user", "userPrincipalName", "ann@contoso.com")
}

// Without the program that can write, an installation says so, and reads all the same.
func TestInstallationForExportsOnly(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	connectors := filepath.Join(t.TempDir(), "connectors")
	if err := os.CopyFS(connectors, os.DirFS(programs.Connectors)); err != nil {
		t.Fatal(err)
	}
	for _, path := range glob(t, filepath.Join(connectors, "entra-fulfill*")) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	f.installation.Programs.Connectors = connectors
	write(t, f.installation)
	mustExport(t, f.installation)
	f.wroteNothing(t, func() {
		result := usher(t, f.installation, "fulfill", trial.Connection, f.orders(t, "group.json", newGroup("g", "crew")))
		if result.Code != 2 || !strings.Contains(result.Stderr, `there is no connector "entra-fulfill"`) || !strings.Contains(result.Stderr, "FulfillConnector") {
			t.Errorf("exit code %d\n%s%s", result.Code, result.Stdout, result.Stderr)
		}
	})
}

// Actions read at once and write as orders.
func TestActions(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	run := func(want int, action, input string) string {
		t.Helper()
		result := usher(t, f.installation, "actions", "run", trial.Connection, action, "--input", input)
		if result.Code != want {
			t.Fatalf("usher actions run %s: exit code %d, want %d\n%s%s", action, result.Code, want, result.Stdout, result.Stderr)
		}
		return result.Stdout + result.Stderr
	}
	if list := mustSucceed(t, f.installation, "actions", "list", trial.Connection).Stdout; !strings.Contains(list, "add-user-to-group") || !strings.Contains(list, "search-users") {
		t.Errorf("the actions are\n%s", list)
	}
	if about := mustSucceed(t, f.installation, "actions", "describe", trial.Connection, "create-user").Stdout; !strings.Contains(about, "User.ReadWrite.All") || !strings.Contains(about, `"userPrincipalName"`) {
		t.Errorf("create-user is\n%s", about)
	}
	// First, as later the user could be one that was made a moment ago.
	f.wroteNothing(t, func() { run(1, "disable-user", `{"user": "nobody@contoso.com"}`) })
	run(0, "create-group", `{"displayName": "Crew", "mailNickname": "crew"}`)
	run(0, "create-user", `{"userPrincipalName": "ann@contoso.com", "displayName": "Ann", "attributes": {"mail": "ann@home.example"}}`)
	if mails := f.mails(t); len(mails) != 1 || !strings.Contains(mails[0], "ann@home.example") {
		t.Errorf("the mails are %v", mails)
	}
	run(0, "add-user-to-group", `{"user": "ann@contoso.com", "group": "Crew"}`)
	if got := run(0, "add-user-to-group", `{"user": "ann@contoso.com", "group": "Crew"}`); !strings.Contains(got, "it was so already") {
		t.Errorf("added again:\n%s", got)
	}
	crew := f.find(t, "group", "displayName", "Crew")
	if ann := f.find(t, "user", "userPrincipalName", "ann@contoso.com"); len(crew.Links["members"]) != 1 || crew.Links["members"][0] != ann.ID {
		t.Errorf("the members are %v", crew.Links)
	}
	f.wroteNothing(t, func() {
		if got := run(0, "get-user", `{"user": "ann@contoso.com"}`); !strings.Contains(got, `"displayName": "Ann"`) {
			t.Errorf("get-user gives\n%s", got)
		}
		if got := run(0, "search-group-members", `{"group": "Crew"}`); !strings.Contains(got, "ann@contoso.com") {
			t.Errorf("search-group-members gives\n%s", got)
		}
		if got := run(2, "get-user", `{"usr": "ann@contoso.com"}`); strings.Contains(got, "appsettings") || !strings.Contains(got, "usr") {
			t.Errorf("a wrong input is told as\n%s", got)
		}
		run(2, "get-user", `no JSON`)
		run(2, "destroy-everything", `{}`)
	})
	file := f.file(t, "input.json", `{"user": "ann@contoso.com"}`)
	run(0, "delete-user", "@"+file)
	if left := f.all(t, "user", "userPrincipalName", "ann@contoso.com"); len(left) != 0 {
		t.Error("the user is there still")
	}
	if list := mustSucceed(t, f.installation, "orders", "list", trial.Connection).Stdout; !strings.Contains(list, "action delete-user") {
		t.Errorf("the intakes are\n%s", list)
	}
}

// The audit log tells what was done, and that somebody has changed it.
func TestAuditLog(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	f.mustFulfill(t, f.orders(t, "some.json", newUser("u", "ann"), newGroup("g", "crew"),
		`{"id": "t", "operation": "update", "entity": "user", "key": {"order": "u"}, "attributes": {"jobTitle": "Analyst"}, "requestedBy": "hr@contoso.com"}`))
	if verified := mustSucceed(t, f.installation, "audit", "verify", trial.Connection).Stdout; !strings.Contains(verified, "3 lines") {
		t.Errorf("usher audit verify says\n%s", verified)
	}
	shown := mustSucceed(t, f.installation, "audit", "show", trial.Connection, "--order", "t").Stdout
	if !strings.Contains(shown, "hr@contoso.com asked for order t: update user") || !strings.Contains(shown, `jobTitle: null -> "Analyst"`) || strings.Contains(shown, "crew") {
		t.Errorf("usher audit show says\n%s", shown)
	}
	file := glob(t, filepath.Join(f.installation.Root, "Work", "Audit", "contoso", "*.jsonl"))[0]
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte("Analyst"), []byte("Manager"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	result := usher(t, f.installation, "audit", "verify", trial.Connection)
	if result.Code != 1 || !strings.Contains(result.Stderr, filepath.Base(file)+":") {
		t.Errorf("of a changed log usher audit verify says, with exit code %d,\n%s%s", result.Code, result.Stdout, result.Stderr)
	}
}

// Passwords, made and given, stand in no file of the agent, in no output, and in no request but the one
// that sets them; the mail has them.
func TestCanaryOfPasswords(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	given := canary{"given password", `Giv3n~"k\ey<&+/=é>7`}
	text := strings.NewReplacer("GIVEN", `Giv3n~\"k\\ey<&+/=é>7`).Replace(`{"orders": [` + newUser("made", "ann") + `,
		{"id": "given", "operation": "create", "entity": "user", "password": {"setting": "silent", "value": "GIVEN"},
		 "attributes": {"userPrincipalName": "bob@contoso.com", "displayName": "Bob", "mailNickname": "bob", "accountEnabled": true}},
		{"id": "weak", "operation": "setPassword", "entity": "user", "key": {"order": "given"}, "password": {"setting": "silent", "value": "weak-GIVEN"}}]}`)
	file := f.file(t, "passwords.json", text)
	var outputs strings.Builder
	for _, arguments := range [][]string{
		{"fulfill", trial.Connection, "--plan", file}, {"fulfill", trial.Connection, "--plan", file, "--json"},
		{"fulfill", trial.Connection, file}, {"fulfill", trial.Connection, file, "--json"},
		{"orders", "list", trial.Connection}, {"orders", "show", trial.Connection, "1", "--json"},
		{"orders", "show", trial.Connection, "made"}, {"orders", "show", trial.Connection, "given", "--json"},
		{"audit", "show", trial.Connection, "--json"}, {"settings", "show"},
		{"actions", "run", trial.Connection, "reset-password", "--input", `{"user": "bob@contoso.com", "password": "Giv3n~\"k\\ey<&+/=é>7"}`},
	} {
		result := usher(t, f.installation, append(arguments, "--log-level", "trace")...)
		outputs.WriteString(result.Stdout + result.Stderr)
	}
	mails := glob(t, filepath.Join(f.installation.Root, "Mails", "*.eml"))
	if len(mails) != 1 {
		t.Fatalf("there are %d mails", len(mails))
	}
	_, generated := readMail(t, mails[0])
	all := []canary{given, {"generated password", generated}}
	for _, what := range seen([]byte(outputs.String()), all) {
		t.Errorf("a command shows the %s", what)
	}
	err := filepath.WalkDir(f.installation.Root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.Contains(path, "Mails") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, what := range seen(text, all) {
			t.Errorf("%s holds the %s", path, what)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range glob(t, filepath.Join(f.files, "*.results.*")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range seen(text, all) {
			t.Errorf("%s holds the %s", path, what)
		}
	}
}

// Without a certificate to encrypt them for, orders with passwords are refused, and the way out is told.
func TestPasswordsWithoutCertificate(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	f.installation.ChangeRoot = nil
	write(t, f.installation)
	f.wroteNothing(t, func() {
		got := f.ends(t, 2, f.orders(t, "user.json", newUser("u", "ann"))).messages()
		if !strings.Contains(got, "nothing says how to encrypt them | Set up EncryptionCertificate") {
			t.Errorf("it says\n%s", got)
		}
	})
	f.mustFulfill(t, f.orders(t, "group.json", newGroup("g", "crew")))
}
