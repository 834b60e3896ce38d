package feed

import (
	"testing"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

func newWorld(t *testing.T) *tenant.World {
	t.Helper()
	w, err := tenant.New(tenant.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// walk returns the pages of a whole round.
func walk(t *testing.T, w *tenant.World, f *Feed, withLinks bool) [][]Item {
	t.Helper()
	var pages [][]Item
	var c Cursor
	v := w.View(w.Version())
	defer v.Close()
	for range 100_000 {
		items, next, done := f.Page(v, c, withLinks)
		pages = append(pages, items)
		if done {
			return pages
		}
		c = next
	}
	t.Fatal("the round does not end")
	return nil
}

func TestPagesKeepTheirLimits(t *testing.T) {
	w := newWorld(t)
	for _, limits := range []Limits{{200, 500}, {10, 20}, {1, 5}, {0, 0}} {
		for _, kind := range []tenant.Kind{tenant.User, tenant.Group, tenant.DirectoryRole} {
			f := New(w, kind, limits)
			for n, items := range walk(t, w, f, true) {
				links := 0
				for _, item := range items {
					links += item.To - item.From
					if item.Form != Full && item.Form != Removed || item.Aged && item.From == 0 && item.Form == Full {
						links++
					}
				}
				if len(items) > max(1, limits.Objects) || links > max(5, limits.Links) {
					t.Errorf("%s, page %d of %+v: %d objects, %d links", kind, n, limits, len(items), links)
				}
			}
		}
	}
}

// TestLastWins checks for each object that its last item is not an older
// state, and that its slices follow each other to the end.
func TestLastWins(t *testing.T) {
	w := newWorld(t)
	for _, withLinks := range []bool{true, false} {
		for _, kind := range tenant.Kinds() {
			if kind == tenant.Organization {
				continue
			}
			last, told := map[tenant.Ref]Form{}, map[tenant.Ref]int{}
			for _, items := range walk(t, w, New(w, kind, Limits{20, 60}), withLinks) {
				for _, item := range items {
					last[item.Ref] = item.Form
					if item.Form == Full && item.From <= told[item.Ref] {
						told[item.Ref] = max(told[item.Ref], item.To)
					}
				}
			}
			for ref, form := range last {
				lives := int(ref.Index) < w.Count(kind)
				if form == Stale || form == Extra || form == FirstGone || (form == Removed) == lives {
					t.Errorf("the last item of %v (lives: %v) has the form %d", ref, lives, form)
				}
			}
			for i := range uint32(w.Count(kind)) {
				ref := tenant.Ref{Kind: kind, Index: i}
				if _, ok := last[ref]; !ok {
					t.Errorf("%v never comes", ref)
				}
				if relations := tenant.RelationsOf(kind); withLinks && len(relations) > 0 {
					v := w.View(0)
					links := v.Links(ref, relations[0])
					v.Close()
					if told[ref] != links.Slots() {
						t.Errorf("%d of %d links of %v are told", told[ref], links.Slots(), ref)
					}
				}
			}
		}
	}
}

func TestPageDependsOnCursorOnly(t *testing.T) {
	w := newWorld(t)
	a, b := New(w, tenant.Group, Limits{30, 100}), New(w, tenant.Group, Limits{30, 100})
	v := w.View(0)
	defer v.Close()
	var c Cursor
	for done := false; !done; {
		items, next, end := a.Page(v, c, true)
		again, _, _ := b.Page(v, c, true)
		if len(items) != len(again) {
			t.Fatalf("at %+v: %d and %d items", c, len(items), len(again))
		}
		c, done = next, end
	}
}
