package fulfill_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock/clocktest"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// drawn are orders that depend on each other in any way that makes no circle, and call objects by any
// of their names. all came before; done says of which of them the results tell the ids of their objects.
func drawn(t *rapid.T, batch int, all []order.Order, done func(id string) bool) []order.Order {
	n := rapid.IntRange(1, 25).Draw(t, "orders")
	orders := make([]order.Order, 0, n)
	for i := range n {
		id := fmt.Sprintf("%d-%d", batch, i)
		if rapid.IntRange(0, 4).Draw(t, "creates") == 0 {
			orders = append(orders, create(id, "name-of-id-of-"+id))
			continue
		}
		o := update(id, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "object"))
		earlier := append(slices.Clone(all), orders...)
		if i > 0 && rapid.IntRange(0, 2).Draw(t, "depends") == 0 {
			o.DependsOn = []string{orders[rapid.IntRange(0, i-1).Draw(t, "on")].ID}
		}
		if len(earlier) > 0 && rapid.IntRange(0, 2).Draw(t, "refers") == 0 {
			other := rapid.SampledFrom(earlier).Draw(t, "to")
			switch {
			case !other.Makes() || rapid.Bool().Draw(t, "by order"):
				o.Key = order.Ref{Order: other.ID}
			case done(other.ID):
				o.Key = order.Ref{ID: "id-of-" + other.ID}
			default:
				o.Key = order.Ref{Attribute: "userPrincipalName", Value: "NAME-of-id-of-" + other.ID}
			}
		}
		if o.Key.ID != "" && rapid.Bool().Draw(t, "by name") {
			o.Key = order.Ref{Attribute: "userPrincipalName", Value: "name-of-" + o.Key.ID}
		}
		orders = append(orders, o)
	}
	return orders
}

// Whatever crashes, and wherever: each order gets one outcome, that outcome is what happened in
// the target system, it happened once, after all that it depends on, and in the order of arrival for one object,
// whatever orders call it.
func TestProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &site{folder: tempDir(t), system: newSystem(rapid.Uint64().Draw(t, "seed")), clock: clocktest.At(noon), chunk: 7}
		troubles := rapid.IntRange(0, 12).Draw(t, "troubles")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "when"), 2))
		var mu sync.Mutex // the journal is cut beside the connector
		trouble := func(kind error) error {
			mu.Lock()
			defer mu.Unlock()
			if troubles == 0 || random.IntN(8) > 0 {
				return nil
			}
			troubles--
			return kind
		}
		bad := map[string]bool{}
		s.system.keeps = true
		s.system.resolve = func(o sdk.NamedObject) (string, error) {
			id := strings.TrimPrefix(strings.ToLower(o.Key.Value), "name-of-")
			if maker, made := strings.CutPrefix(id, "id-of-"); made && (s.system.times[maker] == 0 || random.IntN(2) == 0) {
				return "", nil // it is not there, or too new to be found
			}
			return id, nil
		}
		s.system.trouble = func(bool) error {
			return trouble(fault.Errorf(fault.Connector, "the connector crashed"))
		}
		s.system.refuse = func(o sdk.Order) *fault.Error {
			if !bad[o.ID] {
				return nil
			}
			return fault.Errorf(fault.Refused, "the order is bad")
		}
		cut := func(step string) error {
			if step != "finish orders" && step != "start orders" {
				return nil
			}
			return trouble(fault.Errorf(fault.Storage, "the power was cut"))
		}

		var all []order.Order
		for batch := range rapid.IntRange(1, 3).Draw(t, "batches") {
			j := s.open(t, nil)
			orders := drawn(t, batch, all, func(id string) bool {
				_, r, err := j.Order(id)
				return err == nil && r.ObjectID != ""
			})
			for _, o := range orders {
				bad[o.ID] = rapid.IntRange(0, 9).Draw(t, "bad") == 0
			}
			all = append(all, orders...)
			accept(t, s.options(j), orders...)
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			// The next orders may come when some of these have been carried out.
			s.run(t, cut, rapid.SampledFrom([]int{0, 1, 3, 1000}).Draw(t, "runs"))
		}
		s.run(t, cut, 1000)
		s.isRight(t, all, bad)
	})
}

// run runs until nothing is left, or so often, a process for each run.
func (s *site) run(t *rapid.T, cut func(string) error, often int) {
	t.Helper()
	for range often {
		j := s.open(t, cut)
		o := s.options(j)
		o.Window = 5
		o.Relaunch = nil
		report, err := fulfill.Run(context.Background(), o)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil && !fault.Is(err, fault.Storage) && !fault.Is(err, fault.Connector) {
			t.Fatal(err)
		}
		if err == nil {
			if report.Pending > 0 {
				t.Fatalf("%+v", report)
			}
			return
		}
	}
	if often == 1000 {
		t.Fatal("it does not end")
	}
}

func (s *site) isRight(t *rapid.T, all []order.Order, bad map[string]bool) {
	t.Helper()
	if len(s.system.wrong) > 0 {
		t.Fatalf("%q", s.system.wrong)
	}
	j := s.open(t, nil)
	defer j.Close()
	place := map[string]int{}
	for i, id := range s.system.applied {
		place[id] = i + 1
	}
	failed := map[string]bool{}
	last := map[string]string{}    // by object
	objects := map[string]string{} // by order
	for _, o := range all {
		_, r, err := j.Order(o.ID)
		if err != nil {
			t.Fatal(err)
		}
		depends := slices.Clone(o.DependsOn)
		object := lane(sdk.Order{ID: o.ID, Key: o.Key.Key()})
		if o.Key.Order != "" {
			depends = append(depends, o.Key.Order)
			object = objects[o.Key.Order]
		}
		objects[o.ID] = object
		failed[o.ID] = bad[o.ID] || slices.ContainsFunc(depends, func(id string) bool { return failed[id] })
		if want := map[bool]order.State{true: order.Errored, false: order.Executed}[failed[o.ID]]; r.State != want {
			t.Fatalf("order %s is %s, want %s: %+v", o.ID, r.State, want, r)
		}
		if times := s.system.times[o.ID]; (times == 1) != (r.State == order.Executed) || times > 1 {
			t.Fatalf("order %s is %s and happened %d times", o.ID, r.State, times)
		}
		if failed[o.ID] {
			continue
		}
		for _, id := range append(depends, last[object]) {
			if id != "" && place[id] > place[o.ID] {
				t.Fatalf("order %s happened before %s: %q", o.ID, id, s.system.applied)
			}
		}
		last[object] = o.ID
	}
}

// tempDir is a folder in memory where there is such a thing: what is checked is not the disk.
func tempDir(t *rapid.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "fulfill")
	if err != nil {
		folder, err = os.MkdirTemp("", "fulfill")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}
