// Package feed decides in which order a delta query tells the objects of one
// kind: what comes on which page, what comes twice, what comes in slices.
//
// The traits are those that Microsoft documents for delta queries: an object
// may come again in a newer state (the last one wins), may be @removed before
// or after it came, a large group comes in slices between other objects, and
// a page may be empty although more follow. They fall on objects by index, so
// that every tenant of some size has all of them, and a Cursor of a few
// numbers is enough to go on from any page.
package feed

import "github.com/usher-iga/usher/connectors/sandbox/tenant"

// Form is how an object comes.
type Form uint8

const (
	// Full is the object as it is now, with its links.
	Full Form = iota
	// Stale is an older state; its only link is one that is gone since.
	Stale
	// Removed is nothing but the id and the reason.
	Removed
	// Extra is the present state with one link that does not last.
	Extra
	// Without is the present state and the removal of what Extra told.
	Without
	// FirstGone is the present state and the removal of the first link.
	FirstGone
	// FirstBack is the present state and the first link again.
	FirstBack
	// Changed is an object that changed since a version, with its changed links.
	Changed
	// Reborn is one that was created or restored since, with all its links.
	Reborn
	// Older is the state of one of these at an earlier version, without links.
	Older
)

// Item is one occurrence of an object in a delta query.
type Item struct {
	tenant.Ref
	Form Form
	// Version is the one whose state an Older item tells.
	Version uint64
	// Deleted is, for Removed, that the object cannot be restored.
	Deleted bool
	// Aged says that an older state came before: what is not set now was
	// cleared, which is null, and the older state's link is removed.
	Aged bool
	// From and To are the slots of links that the item tells.
	From, To int
}

// Cursor is a place between two pages of a delta query. The zero Cursor is
// before the first.
type Cursor struct {
	Page uint32
	// Ordinal is the object whose turn it is among those that are not large,
	// Step the item of that turn, Offset the first link not told yet.
	Ordinal, Step, Offset uint32
	// Large, LargeStep and LargeOffset are the same for the large ones.
	Large, LargeStep, LargeOffset uint32
}

// Limits says how much fits on a page.
type Limits struct {
	Objects int
	Links   int
}

// large is the number of links beyond which an object comes in slices between
// others.
func (l Limits) large() int { return l.Links * 2 / 5 }

// Feed tells the objects of one kind. It may be used by many goroutines.
type Feed struct {
	kind   tenant.Kind
	limits Limits
	// sliced is the relation whose links are told in slices.
	sliced    tenant.Relation
	hasSliced bool
	large     []uint32 // indexes of the objects that were made with many links
	isLarge   map[uint32]bool
}

// New makes the feed of a kind. Pages of kinds with few objects are smaller
// than limits, so that there are several for each kind.
func New(w *tenant.World, kind tenant.Kind, limits Limits) *Feed {
	base := w.View(0)
	defer base.Close()
	f := &Feed{kind: kind, limits: limits, isLarge: map[uint32]bool{}}
	f.limits.Links = max(5, limits.Links) // fewer could not tell a slice and a removal
	if relations := tenant.RelationsOf(kind); len(relations) > 0 {
		f.sliced, f.hasSliced = relations[0], true
	}
	if f.hasSliced && f.sliced == tenant.Members {
		for i := range uint32(w.Count(kind)) {
			links := base.Links(tenant.Ref{Kind: kind, Index: i}, f.sliced)
			if links.Slots() > f.limits.large() {
				f.large = append(f.large, i)
				f.isLarge[i] = true
			}
		}
	}
	return f
}

// Page returns the items of the page at c of the whole enumeration and where to
// go on; done says that it is the last page. withLinks says whether links are
// told at all. All pages of a round take the same version of the tenant.
func (f *Feed) Page(v tenant.View, c Cursor, withLinks bool) (items []Item, next Cursor, done bool) {
	if c.Page == 1 || c.Page%50 == 25 { // an empty page with more to come
		c.Page++
		return nil, c, false
	}
	p := f.page(v, c, withLinks)
	p.fill()
	p.cursor.Page++
	return p.items, p.cursor, p.ended()
}

// page is one page while it is filled.
type page struct {
	feed      *Feed
	view      tenant.View
	objects   int // that fit
	slots     uint32
	untouched bool // all slots hold objects that live
	cursor    Cursor
	items     []Item
	links     int // that still fit
	withLinks bool
}

func (f *Feed) page(v tenant.View, c Cursor, withLinks bool) *page {
	slots := v.Slots(f.kind)
	return &page{
		feed: f, view: v, cursor: c, slots: uint32(slots), untouched: v.Untouched(f.kind),
		objects: max(1, min(f.limits.Objects, slots/3+1)),
		links:   f.limits.Links, withLinks: withLinks && f.hasSliced,
	}
}

// turns is the number of turns of the objects that are not large: one each,
// and some after the last for what follows it.
func (p *page) turns() uint32 {
	if p.slots == 0 {
		return 0
	}
	return p.slots + p.far() + 1
}

func (p *page) ended() bool {
	return p.cursor.Ordinal >= p.turns() && p.cursor.Large >= uint32(len(p.feed.large))
}

func (p *page) full() bool { return len(p.items) >= p.objects || p.links <= 0 }

// fill takes one item of a large object and then as many others as fit, so
// that the slices of large objects lie between other objects.
func (p *page) fill() {
	p.takeLarge(p.feed.limits.Links * 3 / 5)
	for !p.full() && p.cursor.Ordinal < p.turns() {
		p.takeTurn()
	}
	for !p.full() && p.cursor.Large < uint32(len(p.feed.large)) {
		p.takeLarge(p.links)
	}
}

// takeLarge takes the next item of the large object whose turn it is.
func (p *page) takeLarge(room int) {
	c := &p.cursor
	for c.Large < uint32(len(p.feed.large)) && p.life(p.feed.large[c.Large]) != tenant.Living {
		c.Large++
	}
	if c.Large >= uint32(len(p.feed.large)) {
		return
	}
	forms := [...]Form{Stale, Full, FirstGone, FirstBack}
	item := Item{Ref: p.ref(p.feed.large[c.Large]), Form: forms[c.LargeStep], Aged: true}
	if item.Form == Full && p.withLinks {
		if rest := p.slice(&item, c.LargeOffset, room); rest {
			c.LargeOffset = uint32(item.To)
			return
		}
		c.LargeOffset = 0
	} else {
		p.add(item)
	}
	if c.LargeStep++; int(c.LargeStep) == len(forms) {
		c.Large, c.LargeStep = c.Large+1, 0
	}
}

// takeTurn takes the next item of the turn, and the turn after it if there is
// no item left.
func (p *page) takeTurn() {
	c := &p.cursor
	var turn [8]Item // enough for most
	items := p.turn(turn[:0], c.Ordinal)
	for ; int(c.Step) < len(items) && !p.full(); c.Step++ {
		item := items[c.Step]
		if item.Form != Full || !p.withLinks {
			p.add(item)
			continue
		}
		if rest := p.slice(&item, c.Offset, p.links); rest {
			c.Offset = uint32(item.To)
			return
		}
		c.Offset = 0
	}
	if int(c.Step) == len(items) {
		c.Ordinal, c.Step = c.Ordinal+1, 0
	}
}

// add puts an item on the page that tells at most one or two links.
func (p *page) add(item Item) {
	p.items = append(p.items, item)
	if p.withLinks && item.Form != Removed {
		p.links--
	}
}

// slice puts a part of an object's links on the page, from offset on and no
// more than room, and says whether some are left.
func (p *page) slice(item *Item, offset uint32, room int) (rest bool) {
	links := p.view.Links(item.Ref, p.feed.sliced)
	total := links.Slots()
	item.From = int(offset)
	item.To = min(item.From+room, total)
	if item.Aged && item.From == 0 {
		item.To = max(0, min(item.To, room-1)) // the removal takes a place too
		p.links--
	}
	p.items = append(p.items, *item)
	p.links -= item.To - item.From
	return item.To < total
}

// ref is the object at a place.
func (p *page) ref(place uint32) tenant.Ref { return p.view.Slot(p.feed.kind, place) }

// life is the life of the object at a place.
func (p *page) life(place uint32) tenant.Life {
	if p.untouched {
		return tenant.Living
	}
	return p.view.Life(p.ref(place))
}
