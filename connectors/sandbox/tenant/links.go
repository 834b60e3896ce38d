package tenant

import "slices"

// Relation is a relation of an object to others.
type Relation uint8

// The relations that the sandbox knows.
const (
	Members Relation = iota
	Owners
	Manager
	relationEnd
)

// String is the relation's name in Graph.
func (r Relation) String() string {
	return [relationEnd]string{"members", "owners", "manager"}[r]
}

// RelationsOf returns the relations of a kind. The first is the one that a
// delta query tells in slices.
func RelationsOf(k Kind) []Relation {
	switch k {
	case User:
		return []Relation{Manager}
	case Group:
		return []Relation{Members, Owners}
	case DirectoryRole, AdministrativeUnit:
		return []Relation{Members}
	case ServicePrincipal, Application:
		return []Relation{Owners}
	}
	return nil
}

// TargetsOf returns the kinds of the objects that an object can be related to.
func (v View) TargetsOf(owner Ref, relation Relation) []Kind {
	switch {
	case relation == Manager, owner.Kind == Group && relation == Members && v.isUnified(owner):
		return []Kind{User}
	case relation == Owners:
		return []Kind{User, ServicePrincipal}
	case owner.Kind == Group:
		return []Kind{User, Group, ServicePrincipal, Device, OrgContact}
	case owner.Kind == DirectoryRole:
		return []Kind{User, Group, ServicePrincipal}
	}
	return []Kind{User, Group, Device}
}

// extraLinks is how many links to other than users an object has at most.
const extraLinks = 8

// Links is the objects that one object is related to, all different, in an
// order of its own. It takes no memory that grows with their number. Each link
// has a slot, which stays empty when the link is gone.
type Links struct {
	extras  [extraLinks]Ref
	nExtras uint32
	users   permutation
	nUsers  uint32

	owner   Ref
	view    View
	history *linkHistory // nil if nothing happened to them
	// quiet says that no slot can be empty: no history, and nobody deleted.
	quiet bool
}

// Tie is how the two objects of a link hang together.
type Tie uint8

const (
	// Gone is no link: it was removed, or its target was purged.
	Gone Tie = iota
	// Linked is a link between two objects that live.
	Linked
	// Suspended is a link to an object that is soft-deleted. It is there again
	// when the object is restored.
	Suspended
)

// Slots is the number of slots.
func (l *Links) Slots() int {
	n := int(l.nExtras + l.nUsers)
	if l.history != nil {
		n += l.history.slots(l.view.version)
	}
	return n
}

// At returns what is in slot i, counted from zero.
func (l *Links) At(i int) (Ref, Tie) {
	base := int(l.nExtras + l.nUsers)
	if i >= base {
		target := l.history.added[i-base].target
		if !l.history.linked(target, l.view.version) {
			return target, Gone
		}
		return target, l.view.tie(target)
	}
	target := l.base(i)
	if l.quiet {
		return target, Linked
	}
	if l.history != nil {
		if e, ok := l.history.last(target, l.view.version); ok && l.history.events[e].removed {
			return target, Gone
		}
	}
	return target, l.view.tie(target)
}

// base is what the slot held when the tenant was made.
func (l *Links) base(i int) Ref {
	if i < int(l.nExtras) {
		return l.extras[i]
	}
	return Ref{User, l.users.at(uint32(i) - l.nExtras)}
}

// tie is how a link to an object holds.
func (v View) tie(target Ref) Tie {
	if v.overlay.deaths[target.Kind] == 0 {
		return Linked
	}
	switch v.Life(target) {
	case Living:
		return Linked
	case SoftDeleted:
		return Suspended
	}
	return Gone
}

// Outsider returns a living user that is not linked, for links that come and
// go; none if it does not find one at once.
func (l *Links) Outsider() (Ref, bool) {
	for i := uint64(l.nUsers); i < min(l.users.n, uint64(l.nUsers)+4); i++ {
		r := Ref{User, l.users.at(uint32(i))}
		if r != l.owner && (l.quiet || !l.Holds(r) && l.view.tie(r) == Linked) {
			return r, true
		}
	}
	return Ref{}, false
}

// Holds says whether a target is linked, also one that is deleted.
func (l *Links) Holds(target Ref) bool {
	if l.history != nil {
		if e, ok := l.history.last(target, l.view.version); ok {
			return !l.history.events[e].removed
		}
	}
	return l.baseHolds(target)
}

// baseHolds says whether a target was linked when the tenant was made.
func (l *Links) baseHolds(target Ref) bool {
	if slices.Contains(l.extras[:l.nExtras], target) {
		return true
	}
	if target.Kind != User || l.nUsers == 0 {
		return false
	}
	place, ok := l.users.placeOf(target.Index)
	return ok && place < l.nUsers
}

func (l *Links) add(r Ref) {
	if l.nExtras < extraLinks {
		l.extras[l.nExtras] = r
		l.nExtras++
	}
}

// addUsers adds n users, or all of them if there are fewer.
func (l *Links) addUsers(w *World, h uint64, n int) {
	total := w.counts[User]
	l.users = newPermutation(h, uint32(total))
	l.nUsers = uint32(min(n, total))
}

// addSome adds one object of a kind, if there are any.
func (l *Links) addSome(w *World, k Kind, h uint64) {
	if n := w.counts[k]; n > 0 {
		l.add(Ref{k, below(h, uint32(n))})
	}
}

// Links returns what an object is related to. An object that is deleted keeps
// its links.
func (v View) Links(r Ref, relation Relation) Links {
	l := v.baseLinks(r, relation)
	l.owner, l.view, l.quiet = r, v, v.overlay.nobodyDied()
	if changed, ok := v.overlay.records[r.Kind][r.Index]; ok {
		l.history = changed.links[relation]
		l.quiet = l.quiet && l.history == nil
	}
	return l
}

// baseLinks is what an object was related to when the tenant was made.
func (w *World) baseLinks(r Ref, relation Relation) Links {
	h := mix(mix(mix(w.config.Seed, uint64(r.Kind)), uint64(r.Index)), saltOf(relation.String()))
	var l Links
	switch {
	case r.Index >= w.firstCreated(r.Kind):
		l.addUsers(w, h, 0) // what is created later has no link of its own
	case r.Kind == Group && relation == Members:
		w.groupMembers(&l, r.Index, h)
	case r.Kind == User && relation == Manager:
		w.manager(&l, r.Index, h)
	case r.Kind == DirectoryRole && relation == Members:
		if r.Index%3 == 0 && w.counts[Group] > roleGroup {
			l.add(Ref{Group, roleGroup})
		}
		if r.Index%2 == 1 {
			l.addSome(w, ServicePrincipal, h)
		}
		l.addUsers(w, h, int(1+below(mix(h, 1), 6))*int(min(r.Index%4, 1)))
	case r.Kind == AdministrativeUnit && relation == Members:
		l.addSome(w, Group, h)
		l.addSome(w, Device, h)
		l.addUsers(w, h, int(below(mix(h, 1), 60)))
	case relation == Owners:
		if r.Kind == Group && r.Index%8 == 1 {
			l.addSome(w, ServicePrincipal, h)
		}
		l.addUsers(w, h, int(below(mix(h, 1), 4)))
	}
	return l
}

// roleGroup is the group that some directory roles have as a member.
const roleGroup = 12

// manager makes a tree of users: nobody above the first, none for some.
func (w *World) manager(l *Links, index uint32, h uint64) {
	if w.counts[User] < 3 {
		return
	}
	// The permutation's first is the manager and its second the outsider;
	// one after the other, below the user's own index, they are never him.
	above := index / 8
	if index == 0 || index >= uint32(w.counts[User]) {
		above, index = 1, 0
	}
	outsider := (index + 1) % uint32(w.counts[User])
	if outsider == above {
		outsider = (index + 2) % uint32(w.counts[User])
	}
	n := uint64(w.counts[User])
	l.users = permutation{start: uint64(above), step: (uint64(outsider) + n - uint64(above)) % n, n: n}
	if index != 0 && h%10 != 0 {
		l.nUsers = 1
	}
}

// groupMembers fills in the members of a group: first what is no user.
func (w *World) groupMembers(l *Links, index uint32, h uint64) {
	size := w.groupSize(index, h)
	if size == 0 {
		return
	}
	if !isUnified(index) && !isDynamic(index) {
		w.nestGroups(l, index, size)
		for i, k := range [...]Kind{ServicePrincipal, Device, OrgContact} {
			if int(l.nExtras) < size-1 && mix(h, uint64(i)+10)%4 == 0 {
				l.addSome(w, k, mix(h, uint64(i)+20))
			}
		}
	}
	l.addUsers(w, h, size-int(l.nExtras))
}

// nestGroups puts groups into a group. The first three contain each other in
// a ring; else a group contains only such as come before it.
func (w *World) nestGroups(l *Links, index uint32, size int) {
	groups := uint32(w.counts[Group])
	if index < 3 {
		if groups >= 3 {
			l.add(Ref{Group, (index + 1) % 3})
		}
		return
	}
	if index%5 != 0 || index >= groups {
		return
	}
	for back := uint32(1); back <= 5 && int(l.nExtras) < size; back++ {
		// A Microsoft 365 group cannot be a member of a security group.
		if child := index - back; !isUnified(child) {
			l.add(Ref{Group, child})
		}
	}
}

// groupSize is the number of a group's members; deleted groups had a few.
func (w *World) groupSize(index uint32, h uint64) int {
	if int(index) < len(w.sizes) {
		return int(w.sizes[index])
	}
	return int(below(h, 4))
}

// groupSizes spreads the memberships over the groups: a tenth of them is
// empty, one in a hundred is huge, and the others are mostly small.
func groupSizes(c Config) []uint32 {
	sizes := make([]uint32, c.Groups)
	weight := func(i int) uint64 {
		h := mix(mix(c.Seed, saltOf("group size")), uint64(i))
		switch {
		case i%10 == 7:
			return 0
		case i%100 == 3:
			return 60
		case h%20 == 0:
			return 12
		}
		return 1 + h%5
	}
	var sum uint64
	for i := range sizes {
		sum += weight(i)
	}
	if sum == 0 || c.Users == 0 {
		return sizes
	}
	left := c.Memberships
	for i := range sizes {
		n := min(int(uint64(c.Memberships)*weight(i)/sum), c.Users)
		sizes[i] = uint32(n)
		left -= n
	}
	// What rounding and full groups leave goes where there is room.
	for again := true; left > 0 && again; {
		again = false
		for i := range sizes {
			if left == 0 {
				break
			}
			if weight(i) == 0 || int(sizes[i]) >= c.Users {
				continue
			}
			room := min(c.Users-int(sizes[i]), 1+left/(4*len(sizes)), left)
			sizes[i] += uint32(room)
			left -= room
			again = true
		}
	}
	return sizes
}
