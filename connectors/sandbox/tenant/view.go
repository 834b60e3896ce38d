package tenant

import "strings"

// View is the tenant as it was at one version. It stays the same however much
// the tenant changes, but nothing can change it while a View is open: keep it
// for the time of an answer, Close it once, and open no second one meanwhile.
type View struct {
	*World
	version uint64
}

// View opens the tenant as of a version, which must not be above Version.
func (w *World) View(version uint64) View {
	w.mu.RLock()
	return View{w, version}
}

// Close lets the tenant change again.
func (v View) Close() { v.mu.RUnlock() }

// Version is the version that the view shows.
func (v View) Version() uint64 { return v.version }

// At is a view of another version, which lasts as long as v and is not closed.
func (v View) At(version uint64) View { return View{v.World, version} }

// born is what an object was when the tenant was made.
func (w *World) born(r Ref) Life {
	if r.Index < uint32(w.counts[r.Kind]) {
		return Living
	}
	return Absent
}

// Life is whether an object exists.
func (v View) Life(r Ref) Life {
	return v.overlay.records[r.Kind][r.Index].lifeAt(v.version, v.born(r))
}

// Untouched says that nothing ever happened to the objects of a kind: all that
// the tenant was made with live, and no others.
func (v View) Untouched(k Kind) bool { return len(v.overlay.records[k]) == 0 }

// Draw draws a number below n for an object. It follows from the seed and salt.
func (v View) Draw(r Ref, salt uint64, n uint32) uint32 {
	return below(mix(mix(mix(v.config.Seed, salt), uint64(r.Kind)), uint64(r.Index)), n)
}

// Living is how many objects of a kind live.
func (v View) Living(k Kind) int {
	tallies := v.overlay.tallies[k]
	n := until(len(tallies), v.version, func(i int) uint64 { return tallies[i].version })
	if n == 0 {
		return v.counts[k]
	}
	return tallies[n-1].living
}

// Slots is how many objects of a kind there ever were: those that the tenant
// was made with and those created since. Not all of them may live.
func (v View) Slots(k Kind) int {
	births := v.overlay.births[k]
	return v.counts[k] + until(len(births), v.version, func(i int) uint64 { return births[i] })
}

// Slot is the object at a place, from zero on and below Slots.
func (v View) Slot(k Kind, place uint32) Ref {
	if base := uint32(v.counts[k]); place >= base {
		return Ref{k, v.firstCreated(k) + place - base}
	}
	return Ref{k, place}
}

// GhostShare bounds the deleted objects that a delta query may tell of though
// they never lived: one in so many, twice, and two more.
const GhostShare = 64

// Ghosts is how many indexes from Count on belong to objects that were deleted
// before the tenant was made.
func (w *World) Ghosts(k Kind) int { return 2*(w.counts[k]/GhostShare) + 2 }

// firstCreated is the index of the first object of a kind that is created.
func (w *World) firstCreated(k Kind) uint32 { return uint32(w.counts[k] + w.Ghosts(k)) }

// State returns the present state of an object, or an older one that differs
// from the present in what can change. Deleted objects have states too: what
// they were while they lived.
func (v View) State(r Ref, stale bool) Object {
	o := v.seeded(r)
	o.Stale = stale
	if records := v.overlay.records[r.Kind]; len(records) > 0 {
		o.record, o.version = records[r.Index], v.version
	}
	if stale && !o.isBlank() {
		o.record, o.passing = nil, mix(o.lasting, saltOf("older state"))
	}
	return o
}

// seeded is an object as it was when the tenant was made.
func (w *World) seeded(r Ref) Object {
	lasting := mix(mix(w.config.Seed, uint64(r.Kind)), uint64(r.Index))
	return Object{Ref: r, world: w, lasting: lasting, passing: lasting}
}

// Log returns what happened to the objects of a kind after a version, up to
// the view's, in its order.
func (v View) Log(k Kind, since uint64) []Change {
	log := v.overlay.logs[k]
	at := func(i int) uint64 { return log[i].Version }
	return log[until(len(log), since, at):until(len(log), v.version, at)]
}

// Earlier returns the version before the last n changes of a kind up to since,
// for changes that are told again.
func (v View) Earlier(k Kind, since uint64, n int) uint64 {
	log := v.overlay.logs[k]
	end := until(len(log), since, func(i int) uint64 { return log[i].Version })
	if n <= 0 || end == 0 {
		return since
	}
	return log[max(0, end-n)].Version - 1
}

// SoftDeleted returns the objects of a kind that could be restored.
func (v View) SoftDeleted(k Kind) []Ref {
	var deleted []Ref
	for index := range v.overlay.records[k] {
		if r := (Ref{k, index}); v.Life(r) == SoftDeleted {
			deleted = append(deleted, r)
		}
	}
	return deleted
}

// Lookup returns the object that an id belongs to, whatever its life; not one
// that is not created yet.
func (v View) Lookup(id string) (Ref, bool) {
	if strings.EqualFold(id, v.config.TenantID) {
		return Ref{Kind: Organization}, true
	}
	r, ok := v.openID(id)
	for _, find := range [...]func(string) (Ref, bool){v.findGrant, v.findAssignment, v.findSku} {
		if ok {
			break
		}
		r, ok = find(id)
	}
	return r, ok && v.Life(r) != Absent
}

// Find returns the object that lives under an id; not one that is deleted.
func (v View) Find(id string) (Ref, bool) {
	r, ok := v.Lookup(id)
	if !ok || v.Life(r) != Living {
		return Ref{}, false
	}
	return r, true
}

// FindApp returns the service principal or application that has an appId.
func (v View) FindApp(kind Kind, appID string) (Ref, bool) {
	found, _ := v.Holding(kind, "appId", appID)
	if len(found) == 0 {
		return Ref{}, false
	}
	return found[0], true
}

// FindNamed returns the application that has a uniqueName.
func (v View) FindNamed(uniqueName string) (Ref, bool) {
	for place := range uint32(v.Slots(Application)) {
		r := v.Slot(Application, place)
		for _, name := range jsonTexts(v.Value(r, "uniqueName")) {
			if name == uniqueName && v.Life(r) == Living {
				return r, true
			}
		}
	}
	return Ref{}, false
}

// FindUser returns the user that has a userPrincipalName, in either case of
// letters.
func (v View) FindUser(upn string) (Ref, bool) {
	found, _ := v.Holding(User, "userPrincipalName", upn)
	if len(found) == 0 {
		return Ref{}, false
	}
	return found[0], true
}
