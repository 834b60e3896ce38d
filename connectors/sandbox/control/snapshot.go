package control

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"slices"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// WriteSnapshot writes what a complete export of a kind must hold at a version
// of the tenant, one line of JSON per object that lives, sorted by id:
//
//	{"type":"user","id":"..","properties":{..},"links":{"manager":[".."]}}
//
// properties are those that a delta query can tell and that are not null;
// links hold ids of objects that live, sorted. "odataType" stands beside type
// where the object's entity type is a more special one. Links to soft-deleted
// objects are in "suspended", in the form of links, if there are any. It ends
// with the context's error or that of w.
func WriteSnapshot(ctx context.Context, w io.Writer, world *tenant.World, version uint64, kind tenant.Kind) error {
	s := snapshot{world: world, version: version, schema: world.Schema(kind), relations: tenant.RelationsOf(kind)}
	out := bufio.NewWriterSize(w, 64<<10)
	// The tenant can change between two chunks; the version stays the same.
	for chunk := range slices.Chunk(s.sorted(kind), 256) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := out.Write(s.objects(chunk)); err != nil {
			return err
		}
	}
	return out.Flush()
}

type snapshot struct {
	world     *tenant.World
	version   uint64
	view      tenant.View // while objects are written
	schema    *tenant.Schema
	relations []tenant.Relation
	lines     []byte
}

// sorted returns the living objects of a kind in the order of their ids.
func (s *snapshot) sorted(kind tenant.Kind) []tenant.Ref {
	type entry struct {
		prefix [16]byte // enough of an id to tell almost all apart
		index  uint32
	}
	view := s.world.View(s.version)
	defer view.Close()
	entries := make([]entry, 0, view.Living(kind))
	var id []byte
	for place := range uint32(view.Slots(kind)) {
		ref := view.Slot(kind, place)
		if view.Life(ref) != tenant.Living {
			continue
		}
		e := entry{index: ref.Index}
		id = view.AppendID(id[:0], ref)
		copy(e.prefix[:], id)
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if c := slices.Compare(a.prefix[:], b.prefix[:]); c != 0 {
			return c
		}
		return cmp.Compare(view.ID(tenant.Ref{Kind: kind, Index: a.index}), view.ID(tenant.Ref{Kind: kind, Index: b.index}))
	})
	refs := make([]tenant.Ref, len(entries))
	for i, e := range entries {
		refs[i] = tenant.Ref{Kind: kind, Index: e.index}
	}
	return refs
}

// objects returns the lines of some objects, until it is called again.
func (s *snapshot) objects(refs []tenant.Ref) []byte {
	s.view = s.world.View(s.version)
	defer s.view.Close()
	s.lines = s.lines[:0]
	for _, ref := range refs {
		s.lines = s.object(s.lines, ref)
	}
	return s.lines
}

func (s *snapshot) object(b []byte, ref tenant.Ref) []byte {
	o := s.view.State(ref, false)
	b = append(b, `{"type":"`...)
	b = append(b, ref.Kind.Entity()...)
	if special := o.Type(); special != "" {
		b = append(b, `","odataType":"`...)
		b = append(b, special...)
	}
	b = append(b, `","id":"`...)
	b = o.AppendID(b)
	b = append(b, `","properties":{`...)
	some := false
	for i := range s.schema.Properties {
		p := &s.schema.Properties[i]
		if p.Place != tenant.Directory {
			continue
		}
		before := len(b)
		if some {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, p.Name...)
		b = append(b, `":`...)
		valueAt := len(b)
		b = o.AppendValue(b, p)
		if value := b[valueAt:]; len(value) == 0 || string(value) == "null" {
			b = b[:before]
			continue
		}
		some = true
	}
	b = append(b, '}')
	return append(s.links(b, ref), "}\n"...)
}

// links appends all of an object's links; the largest group's fit in memory.
func (s *snapshot) links(b []byte, ref tenant.Ref) []byte {
	linked := make([][]string, len(s.relations))
	suspended := make([][]string, len(s.relations))
	some := false
	for i, relation := range s.relations {
		links := s.view.Links(ref, relation)
		for n := range links.Slots() {
			switch link, tie := links.At(n); tie {
			case tenant.Linked:
				linked[i] = append(linked[i], s.view.ID(link))
			case tenant.Suspended:
				suspended[i] = append(suspended[i], s.view.ID(link))
				some = true
			case tenant.Gone:
			}
		}
	}
	b = s.appendLinks(append(b, `,"links":{`...), linked)
	if some {
		b = s.appendLinks(append(b, `,"suspended":{`...), suspended)
	}
	return b
}

// appendLinks appends the ids of each relation, sorted, and the closing brace.
func (s *snapshot) appendLinks(b []byte, all [][]string) []byte {
	for i, ids := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, s.relations[i].String()...)
		b = append(b, `":[`...)
		slices.Sort(ids)
		for n, id := range ids {
			if n > 0 {
				b = append(b, ',')
			}
			b = append(b, '"')
			b = append(b, id...)
			b = append(b, '"')
		}
		b = append(b, ']')
	}
	return append(b, '}')
}
