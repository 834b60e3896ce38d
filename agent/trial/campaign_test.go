package trial_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/trial"
)

// Whatever is lost, throttled, delayed or killed: in the end the tenant is as the orders say, nothing is
// there twice, and each order has one outcome, which is true (P1).
func TestCampaign(t *testing.T) {
	t.Parallel()
	c := newCampaign(t, 1, 400*time.Millisecond, 2*time.Second)
	c.file(t, 2, 2)
	c.file(t, 3, 4)
	c.verify(t)
	if c.orders < 50 || c.kills < 6 {
		t.Errorf("there were %d orders and %d kills", c.orders, c.kills)
	}
}

// The same with 5,000 orders, 100 kills, and copies of the directory that lag by up to five seconds; and with
// more for as long as USHER_SOAK says.
func TestSoakCampaign(t *testing.T) {
	duration, began := soakTime(t), time.Now()
	c := newCampaign(t, uint64(began.UnixNano()), 5*time.Second, 20*time.Second)
	for c.orders < 5000 || c.kills < 100 || time.Since(began) < duration {
		c.file(t, 90, 25)
	}
	c.verify(t)
}

// campaign makes files of mixed orders, has them carried out while everything goes wrong, and
// remembers what the tenant must be like in the end.
type campaign struct {
	*fulfilling
	random *rand.Rand
	delay  time.Duration // of the tenant's copies, at most
	life   time.Duration // of what is killed, at most

	files, orders, kills int
	rounds               int // what new objects are numbered by
	users, groups        map[string]*wanted
	wants                map[string]string // states of orders
	made                 map[string]string // what orders make: kind and name
	paths                []string
}

// wanted is how one object must be in the end.
type wanted struct {
	order   string // that made it
	file    int    // in which
	values  map[string]any
	links   map[string]map[string]bool // names of users by navigation
	deleted bool
	mailed  bool // its password was sent
}

func newCampaign(t *testing.T, seed uint64, delay, life time.Duration) *campaign {
	t.Helper()
	t.Logf("seed %d", seed)
	c := &campaign{
		fulfilling: startFulfilling(t), random: rand.New(rand.NewPCG(seed, 2)), delay: delay, life: life,
		users: map[string]*wanted{}, groups: map[string]*wanted{}, wants: map[string]string{}, made: map[string]string{},
	}
	return c
}

// fail lets a part of the requests fail, with copies that lag by another time.
func (c *campaign) fail(t *testing.T) {
	t.Helper()
	control(t, c.sandbox, "PUT", "/faults", map[string]any{
		"path":       "/v1.0/",
		"rates":      map[string]float64{"lostAnswer": 0.1, "reset": 0.1, "throttle": 0.05, "unavailable": 0.05},
		"batchRates": map[string]float64{"throttle": 0.05, "unavailable": 0.05},
		"retryAfter": []string{"0.02", "0.1", "1"},

		"replicationDelay": time.Duration(c.random.Int64N(int64(c.delay))).String(),
	})
}

// some picks up to n names of objects of earlier files that are as is wants them, those that were picked
// before aside: orders about one object keep their sequence only if they name it in the same way.
func (c *campaign) some(all map[string]*wanted, n int, picked map[string]bool, is func(*wanted) bool) (names []string) {
	list := slices.Sorted(maps.Keys(all))
	c.random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for _, name := range list {
		if len(names) < n && !picked[name] && all[name].file < c.files && is(all[name]) {
			names = append(names, name)
			picked[name] = true
		}
	}
	return names
}

func isThere(w *wanted) bool { return !w.deleted }

// file makes a file of some rounds of orders about new objects and those of earlier files, and has it
// carried out, with some kills.
func (c *campaign) file(t *testing.T, rounds, kills int) {
	t.Helper()
	c.files++
	f := &campaignFile{campaign: c, picked: map[string]bool{}}
	for range rounds {
		c.rounds++
		f.old()
		f.new()
	}
	f.failing()
	path := c.fulfilling.orders(t, fmt.Sprintf("campaign-%04d.json", c.files), f.lines...)
	c.paths = append(c.paths, path)
	c.orders += len(f.lines)
	began := time.Now()
	c.carryOut(t, path, kills)
	t.Logf("file %d: %d orders, %d kills so far, %s", c.files, len(f.lines), c.kills, time.Since(began).Round(time.Second))
}

// campaignFile is a file while its orders are made.
type campaignFile struct {
	*campaign
	lines  []string
	picked map[string]bool // names of users that orders of the file are about
}

// add adds an order and the state that it has to end in.
func (f *campaignFile) add(state, format string, args ...any) (id string) {
	id = fmt.Sprintf("%d-%d", f.files, len(f.lines))
	f.lines = append(f.lines, fmt.Sprintf(`{"id": %q, `, id)+fmt.Sprintf(format, args...)+"}")
	f.wants[id] = state
	return id
}

func upn(name string) string { return name + "@contoso.com" }

// old makes orders about objects of earlier files.
func (f *campaignFile) old() {
	for _, name := range f.some(f.users, 4, f.picked, isThere) {
		title := fmt.Sprint("title ", f.rounds)
		f.add("Executed", `"operation": "update", "entity": "user", "key": {"userPrincipalName": %q}, "attributes": {"jobTitle": %q, "businessPhones": ["+1 %d"]}`, upn(name), title, f.rounds)
		f.users[name].values["jobTitle"] = title
	}
	for _, name := range f.some(f.users, 2, f.picked, isThere) {
		operation, enabled := "disable", false
		if f.users[name].values["accountEnabled"] == false {
			operation, enabled = "enable", true
		}
		f.add("Executed", `"operation": %q, "entity": "user", "key": {"userPrincipalName": %q}`, operation, upn(name))
		f.users[name].values["accountEnabled"] = enabled
	}
	for _, name := range f.some(f.users, 2, f.picked, isThere) {
		f.add("Executed", `"operation": "delete", "entity": "user", "key": {"userPrincipalName": %q}`, upn(name))
		f.users[name].deleted = true
	}
	for _, name := range f.some(f.users, 1, f.picked, func(w *wanted) bool { return w.deleted }) {
		f.add("Executed", `"operation": "restore", "entity": "user", "key": {"order": %q}`, f.users[name].order)
		f.users[name].deleted = false
	}
	for _, name := range f.some(f.users, 1, f.picked, isThere) {
		f.add("Executed", `"operation": "setPassword", "entity": "user", "key": {"userPrincipalName": %q}, "password": {"setting": "silent"}`, upn(name))
		f.users[name].mailed = false
	}
	f.oldMembers()
}

// failing makes orders that cannot be carried out.
func (f *campaignFile) failing() {
	nobody := f.add("Errored", `"operation": "disable", "entity": "user", "key": {"userPrincipalName": "nobody%d@contoso.com"}`, f.files)
	f.add("Errored", `"operation": "update", "entity": "user", "key": {"userPrincipalName": "nobody@contoso.com"}, "attributes": {"jobTitle": "x"}, "dependsOn": [%q]`, nobody)
}

// oldMembers adds and removes members of groups of earlier files.
func (f *campaignFile) oldMembers() {
	for _, group := range f.some(f.groups, 2, f.picked, isThere) {
		members := f.groups[group].links["members"]
		var added, removed []string
		for _, name := range f.some(f.users, 3, f.picked, isThere) {
			if members[name] {
				delete(members, name)
				removed = append(removed, fmt.Sprintf(`{"userPrincipalName": %q}`, upn(name)))
			} else {
				members[name] = true
				added = append(added, fmt.Sprintf(`{"userPrincipalName": %q}`, upn(name)))
			}
		}
		if len(added)+len(removed) > 0 {
			f.add("Executed", `"operation": "update", "entity": "group", "key": {"mailNickname": %q}, "links": {"members": {"add": [%s], "remove": [%s]}}`,
				group, strings.Join(added, ","), strings.Join(removed, ","))
		}
	}
}

// new makes orders that make users and groups, and link them.
func (f *campaignFile) new() {
	var groups []string
	for i := range 2 {
		name := fmt.Sprintf("troop%d-%d", f.rounds, i)
		unique := ""
		if i == 0 { // the other is known by nothing that Entra keeps unique
			unique = fmt.Sprintf(`"uniqueName": %q, `, name)
		}
		id := f.add("Executed", `"operation": "create", "entity": "group", "attributes": {%s"displayName": %q, "mailNickname": %[2]q, "mailEnabled": false, "securityEnabled": true}`, unique, name)
		f.groups[name] = &wanted{order: id, file: f.files, values: map[string]any{}, links: map[string]map[string]bool{"members": {}}}
		f.made[id] = "group " + name
		groups = append(groups, name)
	}
	var first string
	for i := range 6 {
		name := fmt.Sprintf("soldier%d-%d", f.rounds, i)
		w := &wanted{file: f.files, values: map[string]any{"accountEnabled": true, "displayName": name}, links: map[string]map[string]bool{"manager": {}}, mailed: i < 2}
		password := `{"setting": "silent"}`
		if w.mailed {
			password = fmt.Sprintf(`{"notify": {"email": %q}}`, upn(name))
		}
		group := f.groups[groups[i%len(groups)]]
		links := fmt.Sprintf(`"memberOf": {"add": [{"order": %q}]}`, group.order)
		group.links["members"][name] = true
		if i > 0 {
			links += fmt.Sprintf(`, "manager": {"add": [{"order": %q}]}`, f.users[first].order)
			w.links["manager"][first] = true
		} else {
			first = name
		}
		w.order = f.add("Executed", `"operation": "create", "entity": "user", "password": %s, "links": {%s},
			"attributes": {"userPrincipalName": %q, "displayName": %q, "mailNickname": %[4]q, "accountEnabled": true}`, password, links, upn(name), name)
		f.users[name] = w
		f.made[w.order] = "user " + name
		if i == 5 {
			f.add("Executed", `"operation": "update", "entity": "user", "key": {"order": %q}, "attributes": {"department": %q}`, w.order, "D"+name)
			w.values["department"] = "D" + name
		}
	}
	f.add("Executed", `"operation": "update", "entity": "group", "key": {"order": %q}, "links": {"members": {"add": [{"order": %q}]}}`, f.groups[groups[1]].order, f.users[first].order)
	f.groups[groups[1]].links["members"][first] = true
}

// carryOut has a file carried out: in runs that are killed, agent or connector, and in one that is let
// come to its end.
func (c *campaign) carryOut(t *testing.T, path string, kills int) {
	t.Helper()
	for end := c.kills + kills; ; {
		c.fail(t)
		arguments := []string{"fulfill", trial.Connection, path}
		// Given again, or left to itself: once it was accepted it makes no difference.
		if c.random.IntN(2) == 0 && c.accepted(t) {
			arguments = arguments[:2]
		}
		killed, code, output := c.once(t, arguments, c.kills < end)
		switch {
		case killed:
		case code != 0 && code != 1:
			t.Fatalf("exit code %d\n%s", code, output)
		case len(arguments) == 3 && c.accepted(t) && c.pending(t) == 0:
			return
		}
	}
}

// accepted reports whether the last file is in the journal.
func (c *campaign) accepted(t *testing.T) bool {
	t.Helper()
	for _, in := range c.intakes(t) {
		if in.Source.Name == c.paths[len(c.paths)-1] {
			return true
		}
	}
	return false
}

// once runs usher. If it is to be killed, that or its connector is killed after a while, unless it has
// ended by then; killed says that it was not the connector.
func (c *campaign) once(t *testing.T, arguments []string, kill bool) (killed bool, code int, output string) {
	t.Helper()
	cmd := c.installation.Command(t.Context(), arguments...)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // ProcessState tells how it ended
		close(ended)
	}()
	for kill && !killed {
		select {
		case <-ended:
		case <-time.After(c.lifetime()):
			killed = c.kill(t, cmd.Process.Pid)
			continue
		}
		break
	}
	<-ended
	if strings.Contains(text.String(), "DATA RACE") {
		t.Errorf("data race:\n%s", &text)
	}
	return killed, cmd.ProcessState.ExitCode(), text.String()
}

// lifetime is how long to wait before a kill: more often a moment than long.
func (c *campaign) lifetime() time.Duration {
	x := c.random.Float64()
	return time.Duration(x * x * x * float64(c.life))
}

// kill kills an agent or its connector, and reports whether it was the agent.
func (c *campaign) kill(t *testing.T, agent int) bool {
	t.Helper()
	children := trial.Children(agent)
	victim := agent
	if len(children) > 0 && c.random.IntN(2) == 0 {
		victim = children[0]
	}
	process, err := os.FindProcess(victim)
	if err != nil || process.Kill() != nil {
		return false // it has ended by itself
	}
	c.kills++
	if victim != agent {
		return false
	}
	for _, pid := range children {
		await(t, fmt.Sprintf("connector %d to end", pid), func() bool { return !runs(pid) })
	}
	return true
}

// taken is an intake as the command line lists it.
type taken struct {
	Source                              struct{ Name string }
	Orders, Executed, Errored, Canceled uint64
}

func (c *campaign) intakes(t *testing.T) []taken {
	t.Helper()
	var list struct{ Intakes []taken }
	h := &heldRun{installation: c.installation}
	h.read(t, &list, "orders", "list", trial.Connection, "--last", "0")
	return list.Intakes
}

// pending counts the orders that have not ended.
func (c *campaign) pending(t *testing.T) (n uint64) {
	t.Helper()
	for _, in := range c.intakes(t) {
		n += in.Orders - in.Executed - in.Errored - in.Canceled
	}
	return n
}

// verify compares the tenant with what the orders say, and the outcomes with both.
func (c *campaign) verify(t *testing.T) {
	t.Helper()
	control(t, c.sandbox, "PUT", "/faults", map[string]any{})
	t.Logf("%d orders in %d files, %d kills", c.orders, c.files, c.kills)
	outcomes := map[string]ordered{}
	for _, path := range c.paths {
		c.wroteNothing(t, func() { // the same file again is the same orders
			result := usher(t, c.installation, "fulfill", trial.Connection, path)
			if result.Code != 0 && result.Code != 1 {
				t.Errorf("%s again: exit code %d\n%s%s", path, result.Code, result.Stdout, result.Stderr)
			}
		})
		maps.Copy(outcomes, results(t, path))
	}
	for id, want := range c.wants {
		if got := outcomes[id]; got.State != want {
			t.Errorf("order %s: %+v, want %s", id, got, want)
		}
	}
	c.verifyUsers(t, outcomes)
	c.verifyGroups(t, outcomes)
	c.verifyOnce(t)
	c.verifyPasswords(t)
	mustSucceed(t, c.installation, "audit", "verify", trial.Connection)
}

func (c *campaign) verifyUsers(t *testing.T, outcomes map[string]ordered) {
	t.Helper()
	users := c.tenant(t, "user")
	for name, want := range c.users {
		id := outcomes[want.order].ObjectID
		user, ok := users[id]
		if ok == want.deleted {
			t.Errorf("%s is there: %t", name, ok)
		}
		if !ok || want.deleted {
			continue
		}
		if user.Properties["userPrincipalName"] != upn(name) {
			t.Errorf("%s is said to be %s, which is %v", name, id, user.Properties["userPrincipalName"])
		}
		for property, value := range want.values {
			if user.Properties[property] != value {
				t.Errorf("%s of %s is %v, want %v", property, name, user.Properties[property], value)
			}
		}
		c.verifyLinks(t, name, "manager", user, want, outcomes)
	}
}

func (c *campaign) verifyGroups(t *testing.T, outcomes map[string]ordered) {
	t.Helper()
	groups := c.tenant(t, "group")
	for name, want := range c.groups {
		group, ok := groups[outcomes[want.order].ObjectID]
		if !ok || group.Properties["mailNickname"] != name {
			t.Errorf("%s is %v", name, group)
			continue
		}
		c.verifyLinks(t, name, "members", group, want, outcomes)
	}
}

// verifyLinks compares links, without those to users who are deleted.
func (c *campaign) verifyLinks(t *testing.T, name, navigation string, got trial.Object, want *wanted, outcomes map[string]ordered) {
	t.Helper()
	var ids []string
	for user := range want.links[navigation] {
		if !c.users[user].deleted {
			ids = append(ids, outcomes[c.users[user].order].ObjectID)
		}
	}
	slices.Sort(ids)
	if have := slices.Sorted(slices.Values(got.Links[navigation])); !slices.Equal(have, ids) {
		t.Errorf("%s of %s are %v, want %v", navigation, name, have, ids)
	}
}

// verifyOnce looks for objects that were made twice, if only for a while.
func (c *campaign) verifyOnce(t *testing.T) {
	t.Helper()
	made := map[string]int{}
	for _, e := range c.effects(t, func(e effect) bool { return e.What == "create" }) {
		made[fmt.Sprint(e.Entity, " ", e.Properties["mailNickname"])]++
	}
	for _, name := range c.made {
		if made[name] != 1 {
			t.Errorf("%s was made %d times", name, made[name])
		}
	}
}

// verifyPasswords compares the passwords in mails with those in force.
func (c *campaign) verifyPasswords(t *testing.T) {
	t.Helper()
	inForce := map[string]any{} // by user
	for _, e := range c.effects(t, func(e effect) bool { return e.Entity == "user" }) {
		if digest := e.Properties["passwordSha256"]; digest != nil {
			inForce[e.ID] = digest
		}
	}
	mails := map[string][]string{} // by user
	for _, path := range glob(t, filepath.Join(c.installation.Root, "Mails", "*.eml")) {
		name, password := readMail(t, path)
		mails[name] = append(mails[name], password)
	}
	for name, want := range c.users {
		if !want.mailed || want.deleted {
			continue
		}
		id := c.find(t, "user", "userPrincipalName", upn(name)).ID
		if !slices.ContainsFunc(mails[upn(name)], func(password string) bool {
			sum := sha256.Sum256([]byte(password))
			return hex.EncodeToString(sum[:]) == inForce[id]
		}) {
			t.Errorf("of %d mails to %s none has the password in force", len(mails[upn(name)]), name)
		}
	}
}
