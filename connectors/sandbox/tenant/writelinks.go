package tenant

import (
	"fmt"
	"slices"
)

// Link links an object to another one. A second manager replaces the first.
func (w *Writer) Link(owner Ref, relation Relation, target Ref) error {
	if err := w.mustRelate(owner, relation, target); err != nil {
		return err
	}
	links := w.Links(owner, relation)
	if links.Holds(target) {
		return fmt.Errorf("%s %s already has the %s in %s", owner.Kind, w.ID(owner), describe(w.World, target), relation)
	}
	var replaced []Ref
	if relation == Manager {
		replaced = append(replaced, w.heldBy(&links)...)
	}
	changed := w.change(owner)
	for _, r := range replaced {
		w.addEvent(changed, &links, relation, r, true)
	}
	w.addEvent(changed, &links, relation, target, false)
	return nil
}

// Unlink removes a link.
func (w *Writer) Unlink(owner Ref, relation Relation, target Ref) error {
	if err := w.mustRelate(owner, relation, target); err != nil {
		return err
	}
	links := w.Links(owner, relation)
	if !links.Holds(target) {
		return fmt.Errorf("%s %s does not have the %s in %s", owner.Kind, w.ID(owner), describe(w.World, target), relation)
	}
	w.addEvent(w.change(owner), &links, relation, target, true)
	return nil
}

func describe(w *World, r Ref) string { return r.Kind.String() + " " + w.ID(r) }

// mustRelate refuses links that cannot be changed.
func (w *Writer) mustRelate(owner Ref, relation Relation, target Ref) error {
	if !slices.Contains(RelationsOf(owner.Kind), relation) {
		return fmt.Errorf("a %s has no %s", owner.Kind, relation)
	}
	if !slices.Contains(w.TargetsOf(owner, relation), target.Kind) || owner == target {
		return fmt.Errorf("the %s cannot be in %s of %s %s", describe(w.World, target), relation, owner.Kind, w.ID(owner))
	}
	if err := w.mustLive(owner); err != nil {
		return err
	}
	return w.mustLive(target)
}

// heldBy returns the targets of all links, also of those to deleted objects.
func (w *Writer) heldBy(links *Links) []Ref {
	var held []Ref
	for i := range links.Slots() {
		if target, tie := links.At(i); tie != Gone {
			held = append(held, target)
		}
	}
	return held
}

func (w *Writer) addEvent(changed *record, links *Links, relation Relation, target Ref, removed bool) {
	h := changed.links[relation]
	if h == nil {
		h = &linkHistory{byTarget: map[Ref][]uint32{}}
		changed.links[relation] = h
	}
	h.append(linkEvent{w.version, target, removed}, links.baseHolds(target))
}

// EndLinks removes the links to purged objects, each as a change of its own. It
// goes through all links of the tenant.
func (w *Writer) EndLinks(purged map[Ref]bool) {
	if len(purged) == 0 {
		return
	}
	for _, k := range Kinds() {
		for _, relation := range RelationsOf(k) {
			for place := range uint32(w.Slots(k)) {
				owner := w.Slot(k, place)
				if w.Life(owner) == Purged {
					continue
				}
				links := w.Links(owner, relation)
				for i := range links.Slots() {
					target, _ := links.At(i)
					if purged[target] && links.Holds(target) {
						w.addEvent(w.change(owner), &links, relation, target, true)
					}
				}
			}
		}
	}
}

// DrawLiving draws a living object of a kind by h; none if there is none.
func (w *Writer) DrawLiving(k Kind, h uint64) (Ref, bool) {
	slots := uint32(w.Slots(k))
	if w.Living(k) == 0 {
		return Ref{}, false
	}
	place := below(h, slots)
	for try := range uint64(64) {
		if r := w.Slot(k, place); w.Life(r) == Living {
			return r, true
		}
		place = below(mix(h, try), slots)
	}
	// Almost all are gone: the next one that is not.
	for ; ; place = (place + 1) % slots {
		if r := w.Slot(k, place); w.Life(r) == Living {
			return r, true
		}
	}
}

// DrawSoftDeleted draws an object that can be restored.
func (w *Writer) DrawSoftDeleted(k Kind, h uint64) (Ref, bool) {
	list := w.overlay.softDeleted[k].list
	if len(list) == 0 {
		return Ref{}, false
	}
	return Ref{k, list[below(h, uint32(len(list)))]}, true
}

// DrawLink draws a link of an object to one that lives.
func (w *Writer) DrawLink(owner Ref, relation Relation, h uint64) (Ref, bool) {
	links := w.Links(owner, relation)
	slots := uint32(links.Slots())
	if slots == 0 {
		return Ref{}, false
	}
	for try := range uint64(16) {
		if target, tie := links.At(int(below(mix(h, try), slots))); tie == Linked {
			return target, true
		}
	}
	return Ref{}, false
}
