package graphapi

import (
	"github.com/usher-iga/usher/connectors/sandbox/feed"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// changeRenderer writes the items of a round that tells changes.
type changeRenderer struct {
	renderer
	round   feed.Round
	minimal bool // changed properties only (Prefer: return=minimal)
}

// item appends an item. A property that was never set is left out; one that
// was cleared is null.
func (r *changeRenderer) item(dst []byte, item feed.Item) []byte {
	o := r.view.State(item.Ref, false)
	switch item.Form {
	case feed.Removed:
		return appendRemoved(dst, &o, item.Deleted)
	case feed.Older:
		o = r.view.At(item.Version).State(item.Ref, false)
	}
	dst = append(dst, '{')
	dst = appendType(dst, o.Type())
	dst = append(dst, `"id":"`...)
	dst = o.AppendID(dst)
	dst = append(dst, '"')
	written := r.renderer
	if diff := r.view.Diff(item.Ref, r.round.Since); (r.minimal || r.round.IsMinimal(r.view, item)) && !diff.Moved {
		written.fields = changed(r.fields, diff.Properties)
	}
	dst = written.properties(dst, &o, false)
	if item.Form == feed.Older {
		return append(dst, '}')
	}
	for _, relation := range r.relations {
		if relation == tenant.RelationsOf(r.kind)[0] {
			dst = r.links(dst, item, relation, item.From, item.To)
		} else if item.From == 0 {
			dst = r.links(dst, item, relation, 0, -1)
		}
	}
	return append(dst, '}')
}

// links appends slots of what is told of a relation; below 0, to is the last.
func (r *changeRenderer) links(dst []byte, item feed.Item, relation tenant.Relation, from, to int) []byte {
	links := r.round.Links(r.view, item, relation)
	if to < 0 {
		to = links.Slots()
	}
	list := linkList{renderer: &r.renderer, dst: dst, relation: relation}
	for i := from; i < to; i++ {
		if target, removed, told := links.At(i); told {
			list.add(target, removed)
		}
	}
	return list.end()
}

// changed returns the fields whose properties are in a set.
func changed(fields []field, set tenant.PropertySet) []field {
	var some []field
	for _, f := range fields {
		if set.Has(f.position) {
			some = append(some, f)
		}
	}
	return some
}
