package fulfill_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// drawn are orders that depend on each other in any way that makes no circle.
func drawn(t *rapid.T, batch int) []order.Order {
	n := rapid.IntRange(1, 25).Draw(t, "orders")
	orders := make([]order.Order, n)
	for i := range orders {
		id := fmt.Sprintf("%d-%d", batch, i)
		o := update(id, rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "object"))
		if i > 0 && rapid.IntRange(0, 2).Draw(t, "depends") == 0 {
			o.DependsOn = []string{orders[rapid.IntRange(0, i-1).Draw(t, "on")].ID}
		}
		if i > 0 && rapid.IntRange(0, 3).Draw(t, "refers") == 0 {
			o.Key = order.Ref{Order: orders[rapid.IntRange(0, i-1).Draw(t, "to")].ID}
		}
		orders[i] = o
	}
	return orders
}

// Whatever crashes, and wherever: each order gets one outcome, that outcome is what happened in
// the target system, it happened once, after all that it depends on, and in the order of arrival for one object.
func TestProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &site{folder: tempDir(t), system: newSystem(rapid.Uint64().Draw(t, "seed")), clock: &still{now: noon}, chunk: 7}
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
			orders := drawn(t, batch)
			for _, o := range orders {
				bad[o.ID] = rapid.IntRange(0, 9).Draw(t, "bad") == 0
			}
			all = append(all, orders...)
			j := s.open(t, nil)
			accept(t, s.options(j), orders...)
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			s.run(t, cut)
		}
		s.isRight(t, all, bad)
	})
}

// run runs until nothing is left, a process for each run.
func (s *site) run(t *rapid.T, cut func(string) error) {
	t.Helper()
	for range 1000 {
		j := s.open(t, cut)
		o := s.options(j)
		o.Window = 5
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
	t.Fatal("it does not end")
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
	last := map[string]string{} // by object
	for _, o := range all {
		_, r, err := j.Order(o.ID)
		if err != nil {
			t.Fatal(err)
		}
		depends := slices.Clone(o.DependsOn)
		object := o.Key.ID
		if o.Key.Order != "" {
			depends = append(depends, o.Key.Order)
			object = "made by " + o.Key.Order
		}
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
