package tenant

import "testing"

// TestOldViewsStay checks that a version looks the same after further changes:
// the pages of a round must agree about it.
func TestOldViewsStay(t *testing.T) {
	w := newWorld(t, nil)
	group, user, other := Ref{Group, 4}, Ref{User, 501}, Ref{User, 702}
	write := func(f func(*Writer) error) uint64 {
		t.Helper()
		version, err := w.Write(f)
		if err != nil {
			t.Fatal(err)
		}
		return version
	}
	first := write(func(w *Writer) error { return w.Link(group, Members, user) })
	type seen struct {
		slots, told, living int
		tie                 Tie
		life                Life
		outsider            Ref
	}
	look := func() seen {
		v := w.View(first)
		defer v.Close()
		links := v.Links(group, Members)
		diff := v.LinkDiff(group, Members, 0, 0, true)
		s := seen{slots: links.Slots(), told: diff.Slots(), living: v.Living(User), life: v.Life(user)}
		_, s.tie = links.At(links.Slots() - 1)
		s.outsider, _ = links.Outsider()
		return s
	}
	before := look()
	write(func(w *Writer) error { return w.Link(group, Members, other) })
	write(func(w *Writer) error { return w.Link(group, Members, before.outsider) })
	write(func(w *Writer) error { return w.Unlink(group, Members, user) })
	write(func(w *Writer) error { return w.Purge(user) })
	if after := look(); before != after || before.tie != Linked || before.life != Living {
		t.Errorf("a version was %+v and is %+v", before, after)
	}
}

func TestPermutationsLeadBack(t *testing.T) {
	for n := range uint32(40) {
		for h := range uint64(5) {
			p := newPermutation(mix(h, 1), n)
			for i := range n {
				if place, ok := p.placeOf(p.at(i)); !ok || place != i {
					t.Fatalf("number %d of %+v is at %d, not %d", p.at(i), p, place, i)
				}
			}
			if _, ok := p.placeOf(n); ok {
				t.Errorf("%d is in %+v", n, p)
			}
		}
	}
}
