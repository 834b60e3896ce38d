package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/usher-iga/usher/agent/trial"
)

// The orders at scale 1.
const (
	memberAdditions = 10_000 // one an order
	additionsTo     = 500    // groups
	creates         = 1000
	fewOrders       = 10_000
	manyOrders      = 20 * fewOrders

	// The documented quota of writes of one application in one tenant: so many go out at once,
	// and as many more again in each window.
	quotaWrites = 3000
	quotaWindow = 150 * time.Second
)

// The bounds of orders.
const (
	mostWriteRequests   = 40
	leastFasterLinks    = 50 // times, than one request an order in sequence
	leastFasterCreates  = 15
	mostQuota           = 1.1  // wall time, in the least that the quota of writes allows
	mostGrowthForOrders = 1.25 // memory with 20 times the orders, in that with one time
)

// orders shows that orders are carried out many at once.
func orders(ctx context.Context, programs trial.Programs, b *bounds, scale float64) error {
	fmt.Printf("5. orders, %v latency, against one request an order in sequence\n", latency)
	for _, part := range []func(context.Context, trial.Programs, *bounds, float64) error{additions, creations, paced, twentyTimes} {
		if err := part(ctx, programs, b, scale); err != nil {
			return err
		}
	}
	fmt.Println()
	return nil
}

// additions adds members to groups.
func additions(ctx context.Context, programs trial.Programs, b *bounds, scale float64) error {
	n, groups := max(1, int(memberAdditions*scale)), max(1, int(additionsTo*scale))
	s, err := startFulfilling(ctx, programs, "--write-quota", "0", "--latency", latency.String(),
		"--users", strconv.Itoa((n+sample)/groups+1), "--groups", strconv.Itoa(3*groups), "--memberships", "0")
	if err != nil {
		return err
	}
	defer s.stop()
	d, err := s.directory(ctx, groups)
	if err != nil {
		return err
	}
	each, err := s.oneByOne(ctx, d.posts(n))
	if err != nil {
		return err
	}
	f, err := s.fulfillAll(ctx, n, d.order)
	if err != nil {
		return err
	}
	tell("additions", "%d of members to %d groups: %s", n, groups, f.speed(n))
	b.atMost("requests", float64(f.requests), mostWriteRequests, "", fmt.Sprintf("(reads counted in; beside them %d to sign in)", f.signIns))
	b.faster(f.took, each, n, leastFasterLinks)
	return nil
}

// posts are the requests for a sample of memberships from one on.
func (d directory) posts(from int) (posts []post) {
	for i := range sample {
		group, user := d.membership(from + i)
		posts = append(posts, post{"groups/" + group + "/members/$ref", map[string]string{
			"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/" + user,
		}})
	}
	return posts
}

// order asks for the nth membership.
func (d directory) order(n int) any {
	group, user := d.membership(n)
	type object map[string]any
	return object{
		"id": fmt.Sprintf("add-%d", n), "operation": "update", "entity": "group", "key": object{"id": group},
		"links": object{"members": object{"add": []object{{"id": user}}}},
	}
}

// creations makes users without a quota.
func creations(ctx context.Context, programs trial.Programs, b *bounds, scale float64) error {
	n := max(1, int(creates*scale))
	s, err := startFulfilling(ctx, programs, "--write-quota", "0", "--latency", latency.String())
	if err != nil {
		return err
	}
	defer s.stop()
	var posts []post
	for i := range sample {
		user := newUser(fmt.Sprintf("sample%d", i))
		user["passwordProfile"] = map[string]any{"password": "Not-a-Secret-" + fmt.Sprint(i), "forceChangePasswordNextSignIn": true}
		posts = append(posts, post{"users", user})
	}
	each, err := s.oneByOne(ctx, posts)
	if err != nil {
		return err
	}
	f, err := s.fulfillAll(ctx, n, createUser)
	if err != nil {
		return err
	}
	tell("creates", "%d of users: %s", n, f.speed(n))
	b.faster(f.took, each, n, leastFasterCreates)
	return nil
}

// paced makes users with the documented quota of writes: what it allows at once, and
// then as many as are to be measured.
func paced(ctx context.Context, programs trial.Programs, b *bounds, scale float64) error {
	beyond := max(1, int(creates*scale))
	s, err := startFulfilling(ctx, programs, "--latency", latency.String())
	if err != nil {
		return err
	}
	defer s.stop()
	f, err := s.fulfillAll(ctx, quotaWrites+beyond, createUser)
	if err != nil {
		return err
	}
	least := time.Duration(float64(beyond) / quotaWrites * float64(quotaWindow))
	tell("creates, quota", "%d of users, %d of which the quota allows at once: %s", quotaWrites+beyond, quotaWrites, f.speed(quotaWrites+beyond))
	tell("least", "%d writes more at %d in %v: %.2f s", beyond, quotaWrites, quotaWindow, least.Seconds())
	b.atMost("wall / least", f.wall.Seconds()/least.Seconds(), mostQuota, "", "")
	return nil
}

// twentyTimes shows that memory does not grow with the number of orders. There is nothing to do for them,
// which is found by reading, because the quota would let so many writes go out in hours only.
func twentyTimes(ctx context.Context, programs trial.Programs, b *bounds, scale float64) error {
	few, many := max(1, int(fewOrders*scale)), max(1, int(manyOrders*scale))
	s, err := startFulfilling(ctx, programs, "--users", strconv.Itoa(few+many), "--groups", "1", "--memberships", "0")
	if err != nil {
		return err
	}
	defer s.stop()
	users, err := s.ids(ctx, "users")
	if err != nil {
		return err
	}
	applications, err := s.ids(ctx, "servicePrincipals")
	if err != nil {
		return err
	}
	order := func(n int) any { return takeRole(users[n], applications[0]) }
	base, err := s.fulfill(ctx, few, order)
	if err != nil {
		return err
	}
	tell("nothing to do", "%d orders: %s, %s", few, base.speed(few), base.inMemory())
	f, err := s.fulfill(ctx, many, func(n int) any { return order(few + n) })
	if err != nil {
		return err
	}
	tell("nothing to do", "%d orders: %s, %s", many, f.speed(many), f.inMemory())
	b.atMost("effects", float64(base.written+f.written), 0, "", "")
	b.growth(base.took, f.took, mostGrowthForOrders)
	return nil
}

// takeRole asks for a user to lose a role in an application, which they do not have.
func takeRole(user, application string) any {
	type object map[string]any
	return object{
		"id": "take-" + user, "operation": "update", "entity": "user", "key": object{"id": user},
		"links": object{"appRoleAssignments": object{"remove": []object{{"id": application}}}},
	}
}

func newUser(name string) map[string]any {
	return map[string]any{
		"userPrincipalName": name + "@contoso.com", "displayName": name, "mailNickname": name, "accountEnabled": true,
	}
}

// createUser asks for the nth new user.
func createUser(n int) any {
	return map[string]any{
		"id": fmt.Sprintf("create-%d", n), "operation": "create", "entity": "user",
		"attributes": newUser(fmt.Sprintf("bench%d", n)), "password": map[string]any{"setting": "silent"},
	}
}

// faster compares what n orders took with as many requests in sequence.
func (b *bounds) faster(t took, each time.Duration, n int, bound float64) {
	sequential := time.Duration(n) * each
	tell("in sequence", "%.1f ms each, by a sample of %d: %.0f s for %d", float64(each.Microseconds())/1000, sample, sequential.Seconds(), n)
	b.atLeast("times faster", sequential.Seconds()/t.wall.Seconds(), bound, "", "")
}
