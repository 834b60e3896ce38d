package delta

import (
	"context"
	"hash/fnv"
	"slices"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// readDeleted tells of the objects that can be restored, which a complete list leaves out:
// who compares it could not tell them from those gone for good, and Graph keeps their
// links. It comes after the list, so that the next round tells what becomes of them from
// here on. What the list has named is as the list says: the two reads may be answered by
// replicas of different age.
//
// Where Graph refuses, the list stands without them. That is worth a warning only where
// it takes the place of changes.
func (r *Round) readDeleted(ctx context.Context, listed *listed) (pages int, err error) {
	bin := list{
		name: "the deleted objects of " + r.name(), permission: listed.deleted.Permission,
		parser: NewParser(directory.Collection{Entity: r.Collection.Entity}),
	}
	pages, _, err = r.follow(ctx, bin, listed.deleted.Query, &suspended{listed: listed})
	if pages > 0 || !isRefusal(err) { // Graph refuses with the first page
		return pages, err
	}
	if r.Cookie == "" {
		return 0, nil
	}
	warning := sdk.Warning{
		Message: "Which deleted objects of " + r.name() + " can be restored is not known, so links to and from all of them are told as deleted: " + err.Error(),
		Hint:    "Links of an object that is restored are told again then",
	}
	if fault.Is(err, fault.Forbidden) {
		warning.Hint = fault.Of(err).Hint
	}
	return 0, r.Warn(warning)
}

func isRefusal(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Forbidden, fault.NotFound, fault.Refused:
		return true
	}
	return false
}

// listed passes the rows of a list on and remembers which objects it named, for the list
// of those that are deleted.
type listed struct {
	sdk.Writer
	ids     ids
	deleted directory.Deleted
}

func (l *listed) Object(o *record.Object) error {
	l.ids.add(o.ID())
	return l.Writer.Object(o)
}

// suspended takes objects and passes on that they can be restored, unless the list named
// them.
type suspended struct {
	listed *listed
	object record.Object
}

func (s *suspended) Object(o *record.Object) error {
	if s.listed.ids.has(o.ID()) {
		return nil
	}
	s.object.Reset()
	s.object.SetID(o.ID())
	s.object.SetState(record.Suspended)
	return s.listed.Writer.Object(&s.object)
}

func (*suspended) Links(*record.Links) error { return nil }

// ids is a set of ids in 8 bytes each, for millions of them: that two have the same hash
// is out of question. All are added before the first one is looked for.
type ids struct {
	blocks [][]uint64 // of blockSize hashes; growing one slice would take twice the memory
	sorted bool
}

const blockSize = 8192

func (s *ids) add(id []byte) {
	last := len(s.blocks) - 1
	if last < 0 || len(s.blocks[last]) == blockSize {
		s.blocks = append(s.blocks, make([]uint64, 0, blockSize))
		last++
	}
	s.blocks[last] = append(s.blocks[last], hash(id))
}

func (s *ids) has(id []byte) bool {
	if !s.sorted {
		for _, block := range s.blocks {
			slices.Sort(block)
		}
		s.sorted = true
	}
	wanted := hash(id)
	return slices.ContainsFunc(s.blocks, func(block []uint64) bool {
		_, found := slices.BinarySearch(block, wanted)
		return found
	})
}

func hash(id []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(id) // it cannot fail
	return h.Sum64()
}
