package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// campaign hands orders over as the agent does: again, as uncertain, if a call ended before
// their outcome.
type campaign struct {
	sandbox
	random   *rand.Rand
	outcomes map[string]sdk.Outcome
	crashes  int
}

// run has orders carried out side by side, and cuts calls off at random.
func (c *campaign) run(t *testing.T, orders []sdk.Order) {
	t.Helper()
	first := time.Now()
	for open := orders; len(open) > 0; {
		ctx, cut := context.WithCancel(t.Context())
		sink := &cutting{after: 1 + c.random.IntN(len(orders)), cut: cut}
		sink.outcomes = map[string]sdk.Outcome{}
		connection := c.Connection()
		connection.LastWrite = time.Now()
		err := c.connector().Fulfill(ctx, connection, &source{orders: open}, sink)
		cut()
		if err != nil && !errors.Is(err, context.Canceled) && !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
		if len(sink.twice) > 0 {
			t.Fatalf("two outcomes of %v", sink.twice)
		}
		var left []sdk.Order
		for _, o := range open {
			if done, ok := sink.outcomes[o.ID]; ok {
				c.outcomes[o.ID] = done
				continue
			}
			o.Uncertain, o.FirstAttempt = true, first
			left = append(left, o)
		}
		if len(left) > 0 {
			c.crashes++
		}
		open = left
	}
}

// cutting is a sink that ends the call after some outcomes.
type cutting struct {
	sink
	after int
	cut   context.CancelFunc
}

func (s *cutting) Done(o sdk.Outcome) error {
	if err := s.sink.Done(o); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.outcomes) == s.after {
		s.cut()
	}
	return nil
}

// Whatever is lost, throttled, delayed or cut off: in the end the tenant is as the orders say, nothing
// is there twice, and each order has an outcome that is true.
func TestCampaign(t *testing.T) {
	const users, groups = 120, 12
	sb := startSandbox(t, "--write-quota", "0", "--quota", "0")
	before := len(sb.Truth(t, "users"))
	sb.Ask(t, http.MethodPut, "/faults", `{"rates":{"lostAnswer":0.1,"reset":0.1,"throttle":0.05,"unavailable":0.05},
		"batchRates":{"throttle":0.05,"unavailable":0.05},"replicationDelay":"50ms","path":"/v1.0/"}`)
	c := &campaign{sandbox: sb, random: rand.New(rand.NewPCG(1, 2)), outcomes: map[string]sdk.Outcome{}}

	var orders []sdk.Order
	for n := range users {
		orders = append(orders, newUser(fmt.Sprint("user", n), fmt.Sprint("soldier", n)))
	}
	for n := range groups {
		orders = append(orders, newGroup(fmt.Sprint("group", n), fmt.Sprint("troop", n)))
	}
	c.run(t, orders)
	user := func(n int) sdk.ObjectKey { return sdk.ObjectKey{ID: c.outcomes[fmt.Sprint("user", n)].ObjectID} }
	group := func(n int) sdk.ObjectKey { return sdk.ObjectKey{ID: c.outcomes[fmt.Sprint("group", n)].ObjectID} }

	orders = nil
	for n := range users {
		orders = append(orders,
			sdk.Order{ID: fmt.Sprint("update", n), Operation: sdk.Update, Entity: "user", Key: user(n), Attributes: values("department", fmt.Sprintf(`"D%d"`, n)), Links: links("manager", []sdk.ObjectKey{user((n + 1) % users)}, nil)},
			sdk.Order{ID: fmt.Sprint("member", n), Operation: sdk.Update, Entity: "group", Key: group(n % groups), Links: links("members", []sdk.ObjectKey{user(n), user((n + 7) % users)}, nil)})
	}
	c.run(t, orders)

	orders = nil
	for n := range users {
		switch n % 3 {
		case 0:
			orders = append(orders, sdk.Order{ID: fmt.Sprint("delete", n), Operation: sdk.Delete, Entity: "user", Key: user(n)})
		case 1:
			orders = append(orders, sdk.Order{ID: fmt.Sprint("remove", n), Operation: sdk.Update, Entity: "group", Key: group(n % groups), Links: links("members", nil, []sdk.ObjectKey{user(n)})})
		}
	}
	c.run(t, orders)
	t.Logf("%d calls were cut off", c.crashes)

	for id, o := range c.outcomes {
		if o.Failure != nil {
			t.Errorf("%s failed: %v", id, o.Failure)
		}
	}
	all := sb.Truth(t, "users")
	if want := before + users - users/3; len(all) != want {
		t.Errorf("%d users, want %d", len(all), want)
	}
	names := map[string]int{}
	for _, g := range sb.Truth(t, "groups") {
		names[strings.Trim(string(g.Properties["mailNickname"]), `"`)]++
	}
	for n := range groups {
		if got := names[fmt.Sprint("troop", n)]; got != 1 {
			t.Errorf("the group troop%d is there %d times", n, got)
		}
		members := sb.Truth(t, "groups")[group(n).ID].Links["members"]
		var want []string
		for m := range users {
			byOwn, byOther := m%groups == n && m%3 != 1, (m+users-7)%users%groups == n
			if (byOwn || byOther) && m%3 != 0 {
				want = append(want, user(m).ID)
			}
		}
		slices.Sort(members)
		slices.Sort(want)
		if !slices.Equal(members, want) {
			t.Errorf("troop%d has %d members, want %d", n, len(members), len(want))
		}
	}
	for n := range users {
		u, ok := all[user(n).ID]
		if ok == (n%3 == 0) {
			t.Errorf("soldier%d is there: %t", n, ok)
		} else if ok && string(u.Properties["department"]) != fmt.Sprintf(`"D%d"`, n) {
			t.Errorf("soldier%d is in the department %s", n, u.Properties["department"])
		}
	}
}
