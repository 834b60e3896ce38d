package journal_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// model is what a journal should know, told in the plainest way.
type model struct {
	orders  []order.Order // in the order of arrival
	states  map[string]order.State
	intakes map[string]uint64 // of orders
	held    map[uint64]bool
}

// waits reports whether b, which came after a, must not be under way before a has ended.
func waits(a, b order.Order) bool {
	touched := func(o order.Order, id string) (life, change, link, target bool) {
		own := o.Key.ID == id
		life = own && o.Operation == sdk.Delete
		link = own && len(o.Links) > 0
		change = own && !life && !link
		for r := range o.Targets() {
			target = target || r.ID == id
		}
		return life, change, link, target
	}
	for _, id := range objects {
		lifeA, changeA, linkA, targetA := touched(a, id)
		lifeB, changeB, linkB, targetB := touched(b, id)
		anyA, anyB := lifeA || changeA || linkA || targetA, lifeB || changeB || linkB || targetB
		switch {
		case lifeA && anyB, anyA && lifeB, changeA && changeB, changeA && linkB, linkA && changeB:
			return true
		case linkA && linkB:
			for r := range a.Targets() {
				for s := range b.Targets() {
					if *r == *s {
						return true
					}
				}
			}
		}
	}
	return false
}

var objects = []string{"a", "b", "c", "d"}

func (m *model) depends(o order.Order) (ids []string) {
	ids = slices.Clone(o.DependsOn)
	for r := range o.Refs() {
		if r.Order != "" {
			ids = append(ids, r.Order)
		}
	}
	return ids
}

// mayBegin says why an order must not be ready; nothing if it may.
func (m *model) mayBegin(id string) string {
	i := slices.IndexFunc(m.orders, func(o order.Order) bool { return o.ID == id })
	if m.states[id] != order.Pending || m.held[m.intakes[id]] {
		return "it is not pending"
	}
	for _, on := range m.depends(m.orders[i]) {
		if !m.states[on].Ended() {
			return on + " has not ended"
		}
	}
	for _, before := range m.orders[:i] {
		if !m.states[before.ID].Ended() && waits(before, m.orders[i]) {
			return before.ID + " came before"
		}
	}
	return ""
}

func drawOrder(t *rapid.T, m *model, batch []order.Order) order.Order {
	id := fmt.Sprint(len(m.orders) + len(batch))
	object := rapid.SampledFrom(objects)
	var o order.Order
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		o = create(id, "new-"+id)
	case 1:
		o = remove(id, byID(object.Draw(t, "object")))
	case 2:
		o = link(id, byID(object.Draw(t, "object")), []order.Ref{byID(object.Draw(t, "added"))}, []order.Ref{byID(object.Draw(t, "removed"))})
	default:
		o = update(id, byID(object.Draw(t, "object")))
	}
	earlier := append(slices.Clone(m.orders), batch...)
	if len(earlier) > 0 && rapid.IntRange(0, 2).Draw(t, "depends") == 0 {
		o.DependsOn = []string{rapid.SampledFrom(earlier).Draw(t, "on").ID}
	}
	if len(earlier) > 0 && o.Operation == sdk.Update && rapid.IntRange(0, 3).Draw(t, "refers") == 0 {
		o.Key = made(rapid.SampledFrom(earlier).Draw(t, "to").ID)
	}
	return o
}

// A journal that is used in any way knows what the model knows, and never says that an order is
// ready that has to wait.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		folder := tempDir(t)
		o := options(folder)
		o.Chunk = 3
		j := open(t, o)
		defer func() { shut(t, j) }()
		m := &model{states: map[string]order.State{}, intakes: map[string]uint64{}, held: map[uint64]bool{}}
		anyOrder := func() string {
			if len(m.orders) == 0 {
				t.Skip("no orders")
			}
			return rapid.SampledFrom(m.orders).Draw(t, "order").ID
		}
		t.Repeat(map[string]func(*rapid.T){
			"accept": func(t *rapid.T) {
				var batch []order.Order
				for range rapid.IntRange(1, 6).Draw(t, "orders") {
					batch = append(batch, drawOrder(t, m, batch))
				}
				hold := rapid.SampledFrom([]string{"", "", "held"}).Draw(t, "hold")
				in, err := receive(j, hold, batch...)
				if err != nil {
					t.Fatal(err)
				}
				m.orders, m.held[in.Number] = append(m.orders, batch...), hold != ""
				for _, o := range batch {
					m.states[o.ID], m.intakes[o.ID] = order.Pending, in.Number
				}
			},
			"refuse": func(t *rapid.T) {
				batch := []order.Order{drawOrder(t, m, nil)}
				batch = append(batch, update("x", byID("a"), "y"), update("y", byID("b"), "x"))
				if _, err := receive(j, "", batch...); !fault.Is(err, fault.Invalid) {
					t.Fatal(err)
				}
			},
			"end": func(t *rapid.T) {
				entries := m.ready(t, j)
				if len(entries) == 0 {
					t.Skip("nothing is ready")
				}
				e := rapid.SampledFrom(entries).Draw(t, "entry")
				r := executed(e.Order.ID)
				if e.Verdict != nil || rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
					r.Fail(fault.Errorf(fault.Refused, "no"))
				}
				if _, err := j.Start([]journal.Entry{e}); err != nil {
					t.Fatal(err)
				}
				if err := j.Finish([]journal.Finished{{Seq: e.Seq, Result: r}}); err != nil {
					t.Fatal(err)
				}
				m.states[e.Order.ID] = r.State
			},
			"cancel": func(*rapid.T) {
				id := anyOrder()
				if m.states[id] != order.Pending {
					return
				}
				// One that was retried has perhaps been carried out in part.
				if err := j.Cancel(id, "ann"); err == nil {
					m.states[id] = order.Canceled
				} else if !fault.Is(err, fault.Conflict) {
					t.Fatal(err)
				}
			},
			"release": func(t *rapid.T) {
				for n, held := range m.held {
					if !held {
						continue
					}
					if _, err := j.Release(n, "ann"); err != nil {
						t.Fatal(err)
					}
					m.held[n] = false
				}
			},
			"retry": func(t *rapid.T) {
				id := anyOrder()
				if m.states[id] == order.Canceled {
					return // its place depends on what it still waited for: see TestRetryInPlace
				}
				err := j.Retry(context.Background(), id, "bob")
				switch {
				case err == nil:
					m.again(id)
				case !fault.Is(err, fault.Conflict):
					t.Fatal(err)
				}
			},
			"reopen": func(t *rapid.T) {
				shut(t, j)
				j = open(t, o)
			},
			"": func(t *rapid.T) { m.ready(t, j); m.agrees(t, j) },
		})
		for n, held := range m.held {
			if held {
				if _, err := j.Release(n, "ann"); err != nil {
					t.Fatal(err)
				}
			}
		}
		carryOut(t, j, executed)
		for _, o := range m.orders {
			if _, r, err := j.Order(o.ID); err != nil || !r.State.Ended() {
				t.Fatalf("order %s is left: %+v, %v", o.ID, r, err)
			}
		}
	})
}

// again moves an order behind all others.
func (m *model) again(id string) {
	i := slices.IndexFunc(m.orders, func(o order.Order) bool { return o.ID == id })
	o := m.orders[i]
	m.orders = append(slices.Delete(m.orders, i, i+1), o)
	m.states[id] = order.Pending
}

// ready returns what is ready, and all of it may be.
func (m *model) ready(t *rapid.T, j *journal.Journal) []journal.Entry {
	t.Helper()
	entries, err := j.Ready(1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Verdict != nil {
			continue // the order on which it depends failed, and perhaps was retried since
		}
		if why := m.mayBegin(e.Order.ID); why != "" {
			t.Fatalf("order %s is ready, and %s", e.Order.ID, why)
		}
	}
	return entries
}

// agrees compares states and counts.
func (m *model) agrees(t *rapid.T, j *journal.Journal) {
	t.Helper()
	pending := map[uint64]uint64{}
	for _, o := range m.orders {
		want := m.states[o.ID]
		if !want.Ended() {
			pending[m.intakes[o.ID]]++
		}
		if want == order.Pending && m.held[m.intakes[o.ID]] {
			want = order.Held
		}
		if _, r, err := j.Order(o.ID); err != nil || r.State != want {
			t.Fatalf("order %s is %s, want %s (%v)", o.ID, r.State, want, err)
		}
	}
	err := j.Intakes(func(in journal.Intake) bool {
		if in.Pending() != pending[in.Number] {
			t.Fatalf("%d orders pending, want %d: %+v", in.Pending(), pending[in.Number], in)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tempDir is a folder in memory where there is such a thing: what is checked is not the disk.
func tempDir(t *rapid.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "journal")
	if err != nil {
		folder, err = os.MkdirTemp("", "journal")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}
