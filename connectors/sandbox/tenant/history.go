package tenant

import (
	"slices"
	"sort"
)

// Life is whether an object exists.
type Life uint8

// An object is Absent before it is created. One that is SoftDeleted can be
// restored, one that is Purged cannot.
const (
	Absent Life = iota
	Living
	SoftDeleted
	Purged
)

// Change is one entry of a kind's log: what made Version touched the object
// with this Index.
type Change struct {
	Version uint64
	Index   uint32
}

// overlay is everything that happened since the tenant was made. What is in
// it is only ever appended to, so that every version can still be read.
type overlay struct {
	records [kindEnd]map[uint32]*record
	logs    [kindEnd][]Change
	// births are the versions at which the created objects of a kind came; the
	// indexes of these objects follow each other.
	births [kindEnd][]uint64
	// tallies are how many objects of a kind live, by version.
	tallies [kindEnd][]tally
	// deaths counts the deletions of a kind; none means that all targets of
	// links are known to live.
	deaths [kindEnd]int
	// softDeleted holds the indexes of a kind that can be restored now.
	softDeleted [kindEnd]indexSet
	// names leads from values that were set by a change to the objects that had
	// them at any time.
	names map[nameKey][]uint32
}

// nobodyDied says that everything that a link can lead to lives.
func (o *overlay) nobodyDied() bool { return o.deaths == [kindEnd]int{} }

type tally struct {
	version uint64
	living  int
}

// indexSet is a set that can be drawn from by a number.
type indexSet struct {
	list   []uint32
	places map[uint32]int
}

func (s *indexSet) add(index uint32) {
	if s.places == nil {
		s.places = map[uint32]int{}
	}
	s.places[index] = len(s.list)
	s.list = append(s.list, index)
}

func (s *indexSet) remove(index uint32) {
	place, last := s.places[index], s.list[len(s.list)-1]
	s.list[place], s.places[last] = last, place
	s.list = s.list[:len(s.list)-1]
	delete(s.places, index)
}

// record is the history of one object.
type record struct {
	versions []uint64 // at which it changed
	blank    bool     // a request made it, with no property from the seed
	life     []lifeChange
	values   []valueChange
	links    [relationEnd]*linkHistory
}

type lifeChange struct {
	version uint64
	life    Life
}

type valueChange struct {
	version  uint64
	position int
	value    []byte // JSON, never empty
}

// linkHistory is what happened to the links of one object in one relation.
type linkHistory struct {
	events []linkEvent
	// byTarget holds the positions of a target's events.
	byTarget map[Ref][]uint32
	// added are the first events of targets that were not linked when the object
	// was made.
	added []linkEvent
}

type linkEvent struct {
	version uint64
	target  Ref
	removed bool
}

// until returns how many of n versions in rising order are not above one.
func until(n int, version uint64, at func(int) uint64) int {
	return sort.Search(n, func(i int) bool { return at(i) > version })
}

// lifeAt is the life at a version; born is what it was in the beginning.
func (r *record) lifeAt(version uint64, born Life) Life {
	if r == nil {
		return born
	}
	n := until(len(r.life), version, func(i int) uint64 { return r.life[i].version })
	if n == 0 {
		return born
	}
	return r.life[n-1].life
}

// value is what a property was set to at a version at last.
func (r *record) value(version uint64, position int) ([]byte, bool) {
	for _, c := range slices.Backward(r.values) {
		if c.position == position && c.version <= version {
			return c.value, true
		}
	}
	return nil, false
}

// last returns the position of a target's last event up to a version.
func (h *linkHistory) last(target Ref, version uint64) (int, bool) {
	positions := h.byTarget[target]
	n := until(len(positions), version, func(i int) uint64 { return h.events[positions[i]].version })
	if n == 0 {
		return 0, false
	}
	return int(positions[n-1]), true
}

// linked says whether a target that has events was linked at a version. Before
// its first event it was what that event ended.
func (h *linkHistory) linked(target Ref, version uint64) bool {
	if i, ok := h.last(target, version); ok {
		return !h.events[i].removed
	}
	return h.events[h.byTarget[target][0]].removed
}

// between returns the positions of the events after one version and up to
// another.
func (h *linkHistory) between(since, version uint64) (from, to int) {
	at := func(i int) uint64 { return h.events[i].version }
	return until(len(h.events), since, at), until(len(h.events), version, at)
}

// slots is how many targets were added up to a version.
func (h *linkHistory) slots(version uint64) int {
	return until(len(h.added), version, func(i int) uint64 { return h.added[i].version })
}

func (h *linkHistory) append(e linkEvent, isBase bool) {
	positions := h.byTarget[e.target]
	if len(positions) == 0 && !isBase {
		h.added = append(h.added, e)
	}
	h.byTarget[e.target] = append(positions, uint32(len(h.events)))
	h.events = append(h.events, e)
}
