package tenant

// PropertySet is a set of properties of one kind, by position.
type PropertySet [2]uint64

// Add puts a property into the set.
func (s *PropertySet) Add(position int) { s[position/64] |= 1 << (position % 64) }

// Has says whether a property is in the set.
func (s *PropertySet) Has(position int) bool { return s[position/64]&(1<<(position%64)) != 0 }

// Overlaps says whether two sets have a property in common.
func (s *PropertySet) Overlaps(other PropertySet) bool { return s[0]&other[0]|s[1]&other[1] != 0 }

// Diff is what happened to an object between two versions.
type Diff struct {
	// Now is its life afterwards.
	Now Life
	// Moved says that its life changed, if only for a time. An object that
	// lives was created or restored then.
	Moved bool
	// Last is the version of the last change.
	Last uint64
	// Properties are those that were set.
	Properties PropertySet
}

// Diff is what happened to an object after a version, up to the view's.
func (v View) Diff(r Ref, since uint64) Diff {
	d := Diff{Now: v.Life(r)}
	changed := v.overlay.records[r.Kind][r.Index]
	if changed == nil {
		return d
	}
	at := func(i int) uint64 { return changed.versions[i] }
	if n := until(len(changed.versions), v.version, at); n > 0 {
		d.Last = changed.versions[n-1]
	}
	for _, c := range changed.life {
		d.Moved = d.Moved || c.version > since && c.version <= v.version
	}
	for _, c := range changed.values {
		if c.version > since && c.version <= v.version {
			d.Properties.Add(c.position)
		}
	}
	return d
}

// LinkDiff is what is told of one relation of an object that changed: a list
// with slots, some of them empty, like that of Links.
type LinkDiff struct {
	links    Links
	full     bool
	slots    int // of links, which come first if the object is told in full
	from, to int // the events
	known    uint64
	inOrder  uint64 // hash by which targets are told event for event
}

// LinkDiff is what is to be told of an object's links after a version, up to
// the view's. Whoever reads it knows everything up to known, which differs from
// since when changes are told again. In full is an object that the reader may
// not have, with all its links.
//
// A link that came and went is told either not at all or event for event; the
// seed decides. Links to objects that are purged are not told any more, unless
// their removal was a change of its own.
func (v View) LinkDiff(r Ref, relation Relation, since, known uint64, full bool) LinkDiff {
	d := LinkDiff{links: v.Links(r, relation), full: full, known: known}
	if full {
		d.slots = d.links.Slots()
	}
	if h := d.links.history; h != nil {
		d.from, d.to = h.between(since, v.version)
		d.inOrder = mix(mix(mix(v.config.Seed, known), uint64(r.Index)), saltOf(relation.String()))
	}
	return d
}

// Slots is the number of slots.
func (d *LinkDiff) Slots() int { return d.slots + d.to - d.from }

// At returns the link in slot i and whether it was removed; told is false for
// an empty slot.
func (d *LinkDiff) At(i int) (target Ref, removed, told bool) {
	if i < d.slots {
		target, tie := d.links.At(i)
		return target, false, tie != Gone
	}
	i += d.from - d.slots
	h := d.links.history
	e := h.events[i]
	last, _ := h.last(e.target, d.links.view.version)
	switch {
	case !e.removed && d.links.view.tie(e.target) == Gone:
		return e.target, false, false
	case d.full: // the slots have told what is linked
		return e.target, true, e.removed && last == i
	case mix(d.inOrder, uint64(e.target.Index))%2 == 0:
		return e.target, e.removed, true
	}
	changed := h.linked(e.target, d.known) != h.linked(e.target, d.links.view.version)
	return e.target, e.removed, last == i && changed
}

// Any says whether there is a slot that is not empty.
func (d *LinkDiff) Any() bool {
	for i := range d.Slots() {
		if _, _, told := d.At(i); told {
			return true
		}
	}
	return false
}
