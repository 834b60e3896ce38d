package feed

import (
	"slices"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// Round is what one round of a delta query tells: what changed after a version.
type Round struct {
	// Since is that version. Known is the one that the client has; it is later
	// than Since when changes are told again.
	Since, Known uint64
	// Doubled is how many of 1000 objects come twice, in an older state first.
	Doubled uint32
	// Minimal is how many of 1000 objects come with the properties alone that have changed.
	Minimal uint32
	// Properties and Relations are what the client asks for; an object comes if
	// one of them changed.
	Properties tenant.PropertySet
	Relations  []tenant.Relation
}

// Changes returns the items of the page at c of a round that tells changes, up
// to the version of v, and where to go on; done says that it is the last page.
// Its cost follows the number of changes. An object comes at the place of its
// last change, one with many links in slices between the others.
func (f *Feed) Changes(v tenant.View, round *Round, c Cursor) (items []Item, next Cursor, done bool) {
	if c.Page == 1 { // an empty page with more to come
		c.Page++
		return nil, c, false
	}
	withLinks := slices.Contains(round.Relations, f.sliced)
	p := &changePage{page: f.page(v, c, withLinks), round: round, log: v.Log(f.kind, round.Since)}
	p.fill()
	p.skip()
	p.cursor.Page++
	return p.items, p.cursor, int(p.cursor.Ordinal) >= len(p.log) && int(p.cursor.Large) >= len(p.log)
}

// changePage is a page of changes while it is filled. In its cursor, Ordinal
// and Large count entries of the log; each passes over what is the other's.
type changePage struct {
	*page
	round *Round
	log   []tenant.Change
}

func (p *changePage) fill() {
	p.takeLarge(p.feed.limits.Links * 3 / 5)
	for !p.full() && int(p.cursor.Ordinal) < len(p.log) {
		p.takeEntry()
	}
	for !p.full() && int(p.cursor.Large) < len(p.log) {
		p.takeLarge(p.links)
	}
}

// skip goes on to the next entries that have something to tell, so that no
// empty page comes at the end.
func (p *changePage) skip() {
	c := &p.cursor
	for c.Step == 0 && c.Offset == 0 && int(c.Ordinal) < len(p.log) {
		if items, _ := p.entry(c.Ordinal); len(items) > 0 {
			break
		}
		c.Ordinal++
	}
	p.nextLarge()
}

// occurrence is what an entry of the log comes to.
type occurrence struct {
	item  Item
	last  uint64 // the version of the object's last change
	large bool
	none  bool // nothing, or its turn comes with a later entry
}

func (p *changePage) occurrence(entry uint32) occurrence {
	change := p.log[entry]
	ref := tenant.Ref{Kind: p.feed.kind, Index: change.Index}
	diff := p.view.Diff(ref, p.round.Since)
	o := occurrence{item: Item{Ref: ref, Form: Changed}, last: diff.Last}
	switch {
	case diff.Last != change.Version:
		o.none = true
	case diff.Now != tenant.Living:
		o.item.Form, o.item.Deleted = Removed, diff.Now == tenant.Purged
		o.none = !diff.Moved
	case diff.Moved:
		o.item.Form = Reborn
	default:
		o.none = !diff.Properties.Overlaps(p.round.Properties) && !p.anyLink(ref)
	}
	if p.withLinks && !o.none && o.item.Form != Removed {
		links := p.round.Links(p.view, o.item, p.feed.sliced)
		o.large = links.Slots() > p.feed.limits.large()
	}
	return o
}

func (p *changePage) anyLink(ref tenant.Ref) bool {
	for _, relation := range p.round.Relations {
		links := p.view.LinkDiff(ref, relation, p.round.Since, p.round.Known, false)
		if links.Any() {
			return true
		}
	}
	return false
}

// Links is what an item of a round tells of a relation.
func (r *Round) Links(v tenant.View, item Item, relation tenant.Relation) tenant.LinkDiff {
	return v.LinkDiff(item.Ref, relation, r.Since, r.Known, item.Form == Reborn)
}

// IsMinimal says whether an item comes with the properties alone that have changed.
func (r *Round) IsMinimal(v tenant.View, item Item) bool {
	return item.Form == Changed && v.Draw(item.Ref, ^r.Since, 1000) < r.Minimal
}

// entry returns what comes at an entry of the log: older states of objects
// whose turn is a page later, so many of them, and the object itself unless it
// is large.
func (p *changePage) entry(entry uint32) (items []Item, older int) {
	items = p.older(entry)
	older = len(items)
	if o := p.occurrence(entry); !o.none && !o.large {
		items = append(items, o.item)
	}
	return items, older
}

func (p *changePage) older(entry uint32) []Item {
	if p.round.Doubled == 0 {
		return nil
	}
	var items []Item
	first := entry + p.far()
	if entry == 0 {
		first = 0
	}
	for i := first; i <= entry+p.far() && int(i) < len(p.log); i++ {
		if o := p.occurrence(i); !o.none && !o.large && p.view.Draw(o.item.Ref, p.round.Since, 1000) < p.round.Doubled {
			items = append(items, p.before(o))
		}
	}
	return items
}

// before is the state of an object before its last change; of a new one, the
// same state without its links.
func (p *changePage) before(o occurrence) Item {
	item := Item{Ref: o.item.Ref, Form: Older, Version: o.last - 1}
	switch p.view.At(item.Version).Life(item.Ref) {
	case tenant.Living:
	case tenant.SoftDeleted:
		return Item{Ref: item.Ref, Form: Removed}
	default:
		item.Version = p.view.Version()
	}
	return item
}

// takeEntry takes what comes at the entry whose turn it is, and goes on to the
// next one if nothing is left.
func (p *changePage) takeEntry() {
	c := &p.cursor
	items, older := p.entry(c.Ordinal)
	// The older states before the first entry make a page of their own.
	alone := c.Ordinal == 0 && c.Page == 0 && older > 0
	if alone {
		items = items[:older]
	}
	for ; int(c.Step) < len(items) && !p.full(); c.Step++ {
		item := items[c.Step]
		if item.Form != Changed && item.Form != Reborn {
			p.items = append(p.items, item)
			continue
		}
		if rest := p.slice(&item, c.Offset, p.links); rest {
			c.Offset = uint32(item.To)
			return
		}
		c.Offset = 0
	}
	switch {
	case alone:
		p.links = 0
	case int(c.Step) == len(items):
		c.Ordinal, c.Step = c.Ordinal+1, 0
	}
}

// nextLarge goes on to the next large object, if there is one.
func (p *changePage) nextLarge() bool {
	c := &p.cursor
	if !p.withLinks {
		c.Large = uint32(len(p.log))
	}
	for ; int(c.Large) < len(p.log); c.Large++ {
		if o := p.occurrence(c.Large); o.large {
			return true
		}
	}
	return false
}

// takeLarge takes the next slice of the large object whose turn it is.
func (p *changePage) takeLarge(room int) {
	if !p.nextLarge() {
		return
	}
	c := &p.cursor
	item := p.occurrence(c.Large).item
	if rest := p.slice(&item, c.LargeOffset, room); rest {
		c.LargeOffset = uint32(item.To)
		return
	}
	c.Large, c.LargeOffset = c.Large+1, 0
}

// slice puts a part of an object's links on the page, from offset on and no
// more than room, and says whether some are left.
func (p *changePage) slice(item *Item, offset uint32, room int) (rest bool) {
	if !p.withLinks {
		p.items = append(p.items, *item)
		return false
	}
	links := p.round.Links(p.view, *item, p.feed.sliced)
	total := links.Slots()
	item.From = int(offset)
	item.To = min(item.From+room, total)
	p.items = append(p.items, *item)
	p.links -= item.To - item.From
	return item.To < total
}
