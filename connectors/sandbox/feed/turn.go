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

	round = tenant.GhostShare
)

// far is a number of turns after which it is another page.
func (p *page) far() uint32 { return uint32(p.objects) }

// turn appends the items of one turn: the object itself and what else falls
// on it. Large objects have no turn.
func (p *page) turn(items []Item, ordinal uint32) []Item {
	first := ordinal + p.far()
	if ordinal == 0 { // those before it have no turn so far ahead of their own
		first = 0
	}
	for index := first; index <= ordinal+p.far(); index++ {
		switch {
		case p.dealt(index, agedFar):
			items = append(items, Item{Ref: p.ref(index), Form: Stale})
		case p.dealt(index, restored):
			items = append(items, Item{Ref: p.ref(index), Form: Removed})
		}
	}

	switch {
	case p.lives(ordinal):
		trait := ordinal % round
		if trait == agedNear {
			items = append(items, Item{Ref: p.ref(ordinal), Form: Stale})
		}
		aged := trait == agedNear || trait == agedFar
		items = append(items, Item{Ref: p.ref(ordinal), Form: Full, Aged: aged})
	case ordinal < p.slots && ordinal%4 == 1:
		// Some of those that were deleted before the round are told; none need be.
		if life := p.life(ordinal); life != tenant.Living {
			items = append(items, Item{Ref: p.ref(ordinal), Form: Removed, Deleted: life == tenant.Purged})
		}
	}

	if index := ordinal - 1; p.dealt(index, extra) {
		items = append(items, Item{Ref: p.ref(index), Form: Extra})
	}
	if index := ordinal - p.far(); p.dealt(index, extra) {
		items = append(items, Item{Ref: p.ref(index), Form: Without})
	}
	if index := ordinal - 1; p.dealt(index, returning) {
		items = append(items, Item{Ref: p.ref(index), Form: FirstGone})
	}
	if index := ordinal - p.far(); p.dealt(index, returning) {
		items = append(items, Item{Ref: p.ref(index), Form: FirstBack})
	}
	if index := ordinal - p.far(); p.dealt(index, replayed) {
		items = append(items, Item{Ref: p.ref(index), Form: Full})
	}
	return p.ghosts(items, ordinal)
}

// ghosts appends objects of a turn that never live. Their indexes are above
// those that the tenant was made with: first the ones that come and go, then
// the ones that only go.
func (p *page) ghosts(items []Item, ordinal uint32) []Item {
	n := uint32(p.view.Count(p.feed.kind))
	if ordinal < n && ordinal%round == ghostHere {
		items = append(items, Item{Ref: tenant.Ref{Kind: p.feed.kind, Index: n + ordinal/round}, Form: Full})
	}
	if host := ordinal - p.far(); host < n && host%round == ghostHere {
		ghost := tenant.Ref{Kind: p.feed.kind, Index: n + host/round}
		items = append(items, Item{Ref: ghost, Form: Removed, Deleted: host/round%2 == 1})
	}
	if ordinal < n && ordinal%round == ghostGone {
		ghost := tenant.Ref{Kind: p.feed.kind, Index: n + n/round + 1 + ordinal/round}
		items = append(items, Item{Ref: ghost, Form: Removed, Deleted: ordinal/round%2 == 0})
	}
	return items
}

// lives says whether an object exists and has a turn of its own. Below zero
// is beyond the last.
func (p *page) lives(place uint32) bool {
	return place < p.slots && !p.feed.isLarge[place] && p.life(place) == tenant.Living
}

// dealt says whether an object has a turn and this trait.
func (p *page) dealt(place uint32, trait uint32) bool {
	return place%round == trait && p.lives(place)
}
