package graphapi

import (
	"github.com/usher-iga/usher/connectors/sandbox/feed"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// renderer writes objects of one kind with one selection as JSON.
type renderer struct {
	view      tenant.View
	kind      tenant.Kind
	fields    []field
	relations []tenant.Relation
}

// field is a selected property and the text that its value follows.
type field struct {
	property *tenant.Property
	position int
	label    string // ,"name":
}

func newRenderer(v tenant.View, kind tenant.Kind, s selection) renderer {
	schema := v.Schema(kind)
	r := renderer{view: v, kind: kind, relations: s.relationsOf(kind)}
	for _, i := range s.positions() {
		p := &schema.Properties[i]
		r.fields = append(r.fields, field{p, i, `,"` + p.Name + `":`})
	}
	return r
}

// properties appends the selected properties, each with a comma before it.
// nulls says that a property that was never set is written as null; else it
// is left out.
func (r *renderer) properties(dst []byte, o *tenant.Object, nulls bool) []byte {
	for i := range r.fields {
		before := len(dst)
		dst = append(dst, r.fields[i].label...)
		valueAt := len(dst)
		dst = o.AppendValue(dst, r.fields[i].property)
		if len(dst) == valueAt {
			if nulls {
				dst = append(dst, "null"...)
			} else {
				dst = dst[:before]
			}
		}
	}
	return dst
}

// object appends an object as a get or a list returns it. typed says that its
// entity type stands with it even when it is its kind's own.
func (r *renderer) object(dst []byte, ref tenant.Ref, typed bool, before string) []byte {
	o := r.view.State(ref, false)
	dst = append(dst, '{')
	dst = append(dst, before...)
	entity := o.Type()
	if entity == "" && typed {
		entity = ref.Kind.Entity()
	}
	dst = appendType(dst, entity)
	dst = append(dst, `"id":"`...)
	dst = o.AppendID(dst)
	dst = append(dst, '"')
	dst = r.properties(dst, &o, true)
	return append(dst, '}')
}

// item appends an item of a whole enumeration.
func (r *renderer) item(dst []byte, item feed.Item) []byte {
	o := r.view.State(item.Ref, item.Form == feed.Stale)
	if item.Form == feed.Removed {
		return appendRemoved(dst, &o, item.Deleted)
	}
	dst = append(dst, '{')
	dst = appendType(dst, o.Type())
	dst = append(dst, `"id":"`...)
	dst = o.AppendID(dst)
	dst = append(dst, '"')
	dst = r.properties(dst, &o, item.Aged)
	for _, relation := range r.relations {
		if relation == tenant.RelationsOf(r.kind)[0] {
			dst = r.sliced(dst, item, relation)
		} else if item.Form == feed.Full && item.From == 0 {
			dst = r.whole(dst, item, relation)
		}
	}
	return append(dst, '}')
}

// appendRemoved appends an object that is gone.
func appendRemoved(dst []byte, o *tenant.Object, deleted bool) []byte {
	dst = append(dst, `{"id":"`...)
	dst = o.AppendID(dst)
	if deleted {
		return append(dst, `","@removed":{"reason":"deleted"}}`...)
	}
	return append(dst, `","@removed":{"reason":"changed"}}`...)
}

// sliced appends the part of a relation that an item tells.
func (r *renderer) sliced(dst []byte, item feed.Item, relation tenant.Relation) []byte {
	links := r.view.Links(item.Ref, relation)
	list := linkList{renderer: r, dst: dst, relation: relation}
	outsider, hasOutsider := links.Outsider()
	switch item.Form {
	case feed.Full:
		if item.Aged && item.From == 0 && hasOutsider {
			list.add(outsider, true)
		}
		for i := item.From; i < item.To; i++ {
			if link, tie := links.At(i); tie != tenant.Gone {
				list.add(link, false)
			}
		}
	case feed.Stale, feed.Extra, feed.Without:
		if hasOutsider {
			list.add(outsider, item.Form == feed.Without)
		}
	case feed.FirstGone, feed.FirstBack:
		if links.Slots() == 0 {
			break
		}
		if link, tie := links.At(0); tie != tenant.Gone {
			list.add(link, item.Form == feed.FirstGone)
		}
	}
	return list.end()
}

// whole appends all links of a relation that is not told in slices.
func (r *renderer) whole(dst []byte, item feed.Item, relation tenant.Relation) []byte {
	links := r.view.Links(item.Ref, relation)
	list := linkList{renderer: r, dst: dst, relation: relation}
	for i := range links.Slots() {
		if link, tie := links.At(i); tie != tenant.Gone {
			list.add(link, false)
		}
	}
	return list.end()
}

// linkList appends a property such as members@delta; without any link it
// appends nothing, as the real service does.
type linkList struct {
	renderer *renderer
	dst      []byte
	relation tenant.Relation
	some     bool
}

func (l *linkList) add(r tenant.Ref, removed bool) {
	if !l.some {
		l.some = true
		l.dst = append(l.dst, `,"`...)
		l.dst = append(l.dst, l.relation.String()...)
		l.dst = append(l.dst, `@delta":[`...)
	} else {
		l.dst = append(l.dst, ',')
	}
	l.dst = append(l.dst, '{')
	l.dst = appendType(l.dst, r.Kind.Entity())
	l.dst = append(l.dst, `"id":"`...)
	l.dst = l.renderer.view.AppendID(l.dst, r)
	if removed {
		l.dst = append(l.dst, `","@removed":{"reason":"deleted"}}`...)
	} else {
		l.dst = append(l.dst, `"}`...)
	}
}

func (l *linkList) end() []byte {
	if l.some {
		return append(l.dst, ']')
	}
	return l.dst
}

// appendType appends the type annotation of an entity, unless it is empty.
func appendType(dst []byte, entity string) []byte {
	if entity == "" {
		return dst
	}
	dst = append(dst, `"@odata.type":"#microsoft.graph.`...)
	dst = append(dst, entity...)
	return append(dst, `",`...)
}
