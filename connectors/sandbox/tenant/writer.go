package tenant

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Writer changes a tenant. Each of its methods that succeeds is one change and
// raises the version by one; one that fails changes nothing.
type Writer struct {
	// View is the tenant with the changes so far.
	View
}

// Write lets f change the tenant while nobody reads it, and returns the version
// afterwards. What f did before it failed stays done. f must not use the World.
func (w *World) Write(f func(*Writer) error) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	writer := &Writer{View{w, w.version.Load()}}
	err := f(writer)
	w.version.Store(writer.version)
	return writer.version, err
}

// change begins the next version with a change of one object.
func (w *Writer) change(r Ref) *record {
	w.version++
	records := w.overlay.records[r.Kind]
	if records == nil {
		records = map[uint32]*record{}
		w.overlay.records[r.Kind] = records
	}
	changed := records[r.Index]
	if changed == nil {
		changed = &record{}
		records[r.Index] = changed
	}
	changed.versions = append(changed.versions, w.version)
	w.overlay.logs[r.Kind] = append(w.overlay.logs[r.Kind], Change{w.version, r.Index})
	return changed
}

// CanCreate says whether objects of a kind come and go. Directory roles, the
// organization and its SKUs do not.
func CanCreate(k Kind) bool { return k != DirectoryRole && k != Organization && k != Sku }

// Restorable says whether deleted objects of a kind can be restored.
func Restorable(k Kind) bool {
	switch k {
	case User, Group, ServicePrincipal, Application, AdministrativeUnit:
		return true
	}
	return false
}

// Create makes an object. Its properties come from the seed like those of any
// other; it has no links.
func (w *Writer) Create(k Kind) (Ref, error) {
	if !CanCreate(k) {
		return Ref{}, fmt.Errorf("a %s cannot be created", k)
	}
	r := w.Slot(k, uint32(w.Slots(k)))
	apps := uint64(w.counts[ServicePrincipal])
	if k == PermissionGrant && uint64(r.Index) >= apps*apps {
		return Ref{}, fmt.Errorf("no pair of the %d service principals is left for another %s", apps, k)
	}
	changed := w.change(r)
	w.overlay.births[k] = append(w.overlay.births[k], w.version)
	w.setLife(changed, r, Living)
	return r, nil
}

// Make makes an object that has the given properties and no others but those
// that the service sets; it has no links. Directory roles can be made too: that
// activates one.
func (w *Writer) Make(k Kind, values map[string]json.RawMessage) (Ref, error) {
	if !CanCreate(k) && k != DirectoryRole {
		return Ref{}, fmt.Errorf("a %s cannot be made", k)
	}
	settings, err := w.settings(k, values, k == ServicePrincipal)
	if err != nil {
		return Ref{}, err
	}
	r := w.Slot(k, uint32(w.Slots(k)))
	changed := w.change(r)
	changed.blank = true
	w.overlay.births[k] = append(w.overlay.births[k], w.version)
	w.setLife(changed, r, Living)
	w.set(changed, r, settings)
	return r, nil
}

// SoftDelete deletes an object so that it can be restored.
func (w *Writer) SoftDelete(r Ref) error {
	if !Restorable(r.Kind) {
		return fmt.Errorf("a %s cannot be soft-deleted, only purged", r.Kind)
	}
	if err := w.mustLive(r); err != nil {
		return err
	}
	w.setLife(w.change(r), r, SoftDeleted)
	w.overlay.softDeleted[r.Kind].add(r.Index)
	return nil
}

// Restore brings a soft-deleted object back.
func (w *Writer) Restore(r Ref) error {
	if w.Life(r) != SoftDeleted {
		return fmt.Errorf("%s %s is not soft-deleted", r.Kind, w.ID(r))
	}
	w.overlay.softDeleted[r.Kind].remove(r.Index)
	w.setLife(w.change(r), r, Living)
	return nil
}

// Purge removes an object for good, soft-deleted or not. The links to it are
// gone without a change of their own; EndLinks makes them changes.
func (w *Writer) Purge(r Ref) error {
	if !CanCreate(r.Kind) {
		return fmt.Errorf("a %s cannot be purged", r.Kind)
	}
	switch w.Life(r) {
	case Absent, Purged:
		return fmt.Errorf("%s %s does not exist", r.Kind, w.ID(r))
	case SoftDeleted:
		w.overlay.softDeleted[r.Kind].remove(r.Index)
	}
	w.setLife(w.change(r), r, Purged)
	return nil
}

// setLife is called with the record of a change that has just begun.
func (w *Writer) setLife(changed *record, r Ref, life Life) {
	before := changed.lifeAt(w.version, w.born(r))
	living := w.Living(r.Kind)
	if before == Living {
		living--
		w.overlay.deaths[r.Kind]++
	}
	if life == Living {
		living++
	}
	changed.life = append(changed.life, lifeChange{w.version, life})
	w.overlay.tallies[r.Kind] = append(w.overlay.tallies[r.Kind], tally{w.version, living})
}

func (w *Writer) mustLive(r Ref) error {
	if w.Life(r) != Living {
		return fmt.Errorf("%s %s does not exist", r.Kind, w.ID(r))
	}
	return nil
}

// Update sets properties of an object to JSON values; null clears.
func (w *Writer) Update(r Ref, values map[string]json.RawMessage) error {
	if err := w.mustLive(r); err != nil {
		return err
	}
	settings, err := w.settings(r.Kind, values, false)
	if err != nil {
		return err
	}
	w.set(w.change(r), r, settings)
	return nil
}

// settings checks values of properties. An appId can be set of a service principal that is
// made: it is its application's.
func (w *Writer) settings(k Kind, values map[string]json.RawMessage, appID bool) ([]valueChange, error) {
	var settings []valueChange
	for _, name := range sortedKeys(values) {
		position, ok := w.schemas[k].Lookup(name)
		switch {
		case !ok:
			return nil, fmt.Errorf("a %s has no property %q", k, name)
		case name == "appId" && !appID:
			return nil, fmt.Errorf("the service alone sets %q of a %s", name, k)
		case !json.Valid(values[name]):
			return nil, fmt.Errorf("the value of %q is no JSON", name)
		}
		settings = append(settings, valueChange{position: position, value: slices.Clone(values[name])})
	}
	return settings, nil
}

// set is called with the record of a change that has just begun.
func (w *Writer) set(changed *record, r Ref, settings []valueChange) {
	for _, s := range settings {
		s.version = w.version
		changed.values = append(changed.values, s)
		w.overlay.name(r, &w.schemas[r.Kind].Properties[s.position], s.value)
	}
}

// Redraw sets up to n properties of an object to other values, drawn by h. It
// takes them from positions; none means all that change by themselves, mostly
// those that are told without $select. It says whether there was one.
func (w *Writer) Redraw(r Ref, h uint64, n int, positions []int) bool {
	schema := w.schemas[r.Kind]
	var settings []valueChange
	for try := uint64(0); try < 8*uint64(n) && len(settings) < n; try++ {
		draw := mix(h, try)
		from := positions
		if len(from) == 0 {
			from = schema.mutable
			if draw%4 != 0 && len(schema.common) > 0 {
				from = schema.common
			}
		}
		if len(from) == 0 {
			return false
		}
		position := from[below(mix(draw, 1), uint32(len(from)))]
		taken := slices.ContainsFunc(settings, func(c valueChange) bool { return c.position == position })
		if value, other := w.redrawn(r, &schema.Properties[position], mix(draw, 2)); other && !taken {
			settings = append(settings, valueChange{position: position, value: value})
		}
	}
	if len(settings) == 0 {
		return false
	}
	w.set(w.change(r), r, settings)
	return true
}

// redrawn draws another value for a property, null if the draw is none, and
// says whether it differs from the present one.
func (w *Writer) redrawn(r Ref, p *Property, h uint64) (value []byte, other bool) {
	now := w.State(r, false)
	before := now.AppendValue(nil, p)
	drawn := now
	drawn.passing = mix(now.passing, h)
	value = p.value(nil, &drawn, mix(h, p.salt))
	if len(value) == 0 {
		value = append(value, "null"...)
	}
	if len(before) == 0 {
		before = append(before, "null"...)
	}
	return value, string(value) != string(before)
}

func sortedKeys(values map[string]json.RawMessage) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
