package feed

import "github.com/usher-iga/usher/connectors/sandbox/tenant"

// Objects are dealt their traits by index, in rounds. These are the places in
// the round; the others have no trait. They lie at its beginning, so that kinds
// of a few objects have them too.
const (
	agedFar   = 1  // an older state pages earlier
	replayed  = 3  // the same once more, pages later
	restored  = 5  // @removed, and pages later there again
	ghostHere = 7  // beside it comes a deleted object that is @removed pages later
	agedNear  = 9  // an older state just before
	extra     = 11 // a link that is added and removed later
	returning = 13 // a link that is removed and added again
	ghostGone = 14 // beside it comes a deleted object's @removed alone

	round = 64
)

// far is a number of turns after which it is another page.
func (f *Feed) far() uint32 { return uint32(f.limits.Objects) }

// turn appends the items of one turn: the object itself and what else falls
// on it. Large objects have no turn.
func (f *Feed) turn(items []Item, ordinal uint32) []Item {
	at := func(index uint32) tenant.Ref { return tenant.Ref{Kind: f.kind, Index: index} }
	first := ordinal + f.far()
	if ordinal == 0 { // those before it have no turn so far ahead of their own
		first = 0
	}
	for index := first; index <= ordinal+f.far(); index++ {
		switch {
		case f.dealt(index, agedFar):
			items = append(items, Item{Ref: at(index), Form: Stale})
		case f.dealt(index, restored):
			items = append(items, Item{Ref: at(index), Form: Removed})
		}
	}

	if f.lives(ordinal) {
		trait := ordinal % round
		if trait == agedNear {
			items = append(items, Item{Ref: at(ordinal), Form: Stale})
		}
		aged := trait == agedNear || trait == agedFar
		items = append(items, Item{Ref: at(ordinal), Form: Full, Aged: aged})
	}

	if index := ordinal - 1; f.dealt(index, extra) {
		items = append(items, Item{Ref: at(index), Form: Extra})
	}
	if index := ordinal - f.far(); f.dealt(index, extra) {
		items = append(items, Item{Ref: at(index), Form: Without})
	}
	if index := ordinal - 1; f.dealt(index, returning) {
		items = append(items, Item{Ref: at(index), Form: FirstGone})
	}
	if index := ordinal - f.far(); f.dealt(index, returning) {
		items = append(items, Item{Ref: at(index), Form: FirstBack})
	}
	if index := ordinal - f.far(); f.dealt(index, replayed) {
		items = append(items, Item{Ref: at(index), Form: Full})
	}
	return f.ghosts(items, ordinal)
}

// ghosts appends the deleted objects of a turn. Their indexes are above those
// that live: first the ones that come and go, then the ones that only go.
func (f *Feed) ghosts(items []Item, ordinal uint32) []Item {
	n := uint32(f.world.Count(f.kind))
	if ordinal < n && ordinal%round == ghostHere {
		items = append(items, Item{Ref: tenant.Ref{Kind: f.kind, Index: n + ordinal/round}, Form: Full})
	}
	if host := ordinal - f.far(); host < n && host%round == ghostHere {
		ghost := tenant.Ref{Kind: f.kind, Index: n + host/round}
		items = append(items, Item{Ref: ghost, Form: Removed, Deleted: host/round%2 == 1})
	}
	if ordinal < n && ordinal%round == ghostGone {
		ghost := tenant.Ref{Kind: f.kind, Index: n + n/round + 1 + ordinal/round}
		items = append(items, Item{Ref: ghost, Form: Removed, Deleted: ordinal/round%2 == 0})
	}
	return items
}

// lives says whether an object exists and has a turn of its own. Below zero
// is beyond the last.
func (f *Feed) lives(index uint32) bool {
	return index < uint32(f.world.Count(f.kind)) && !f.isLarge[index]
}

// dealt says whether an object has a turn and this trait.
func (f *Feed) dealt(index uint32, trait uint32) bool {
	return index%round == trait && f.lives(index)
}
