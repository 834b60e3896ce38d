package control

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"slices"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// WriteSnapshot writes what a complete export of a kind must hold, one line
// of JSON per object, sorted by id:
//
//	{"type":"user","id":"..","properties":{..},"links":{"manager":[".."]}}
//
// properties are those that a delta query can tell and that are not null;
// links hold ids, sorted. "odataType" stands beside type where the object's
// entity type is a more special one. It ends with the context's error or that
// of w.
func WriteSnapshot(ctx context.Context, w io.Writer, world *tenant.World, kind tenant.Kind) error {
	s := snapshot{world: world, schema: world.Schema(kind), relations: tenant.RelationsOf(kind)}
	out := bufio.NewWriterSize(w, 64<<10)
	for n, ref := range s.sorted(kind) {
		if n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		s.line = s.object(s.line[:0], ref)
		if _, err := out.Write(s.line); err != nil {
			return err
		}
	}
	return out.Flush()
}

type snapshot struct {
	world     *tenant.World
	schema    *tenant.Schema
	relations []tenant.Relation
	line      []byte
	ids       []string
}

// sorted returns the objects of a kind in the order of their ids.
func (s *snapshot) sorted(kind tenant.Kind) []tenant.Ref {
	type entry struct {
		prefix [16]byte // enough of an id to tell almost all apart
		index  uint32
	}
	entries := make([]entry, s.world.Count(kind))
	var id []byte
	for i := range entries {
		entries[i].index = uint32(i)
		id = s.world.AppendID(id[:0], tenant.Ref{Kind: kind, Index: uint32(i)})
		copy(entries[i].prefix[:], id)
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if c := slices.Compare(a.prefix[:], b.prefix[:]); c != 0 {
			return c
		}
		return cmp.Compare(s.world.ID(tenant.Ref{Kind: kind, Index: a.index}), s.world.ID(tenant.Ref{Kind: kind, Index: b.index}))
	})
	refs := make([]tenant.Ref, len(entries))
	for i, e := range entries {
		refs[i] = tenant.Ref{Kind: kind, Index: e.index}
	}
	return refs
}

func (s *snapshot) object(b []byte, ref tenant.Ref) []byte {
	o := s.world.State(ref, false)
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
	b = append(b, `,"links":{`...)
	for i, relation := range s.relations {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, relation.String()...)
		b = append(b, `":[`...)
		links := s.world.Links(ref, relation)
		s.ids = s.ids[:0]
		for n := range links.Len() {
			s.ids = append(s.ids, s.world.ID(links.At(n)))
		}
		slices.Sort(s.ids)
		for n, id := range s.ids {
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
