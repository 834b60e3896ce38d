package fulfill

import (
	"fmt"
	"maps"
	"slices"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Limits bound what one intake may do. One beyond a limit is held for an operator.
type Limits struct {
	Deletes  Limit // of objects
	Disables Limit // of accounts
	Removals Limit // of links
}

// Limit bounds a number; the stricter bound holds.
type Limit struct {
	Count   uint64 // 0: no bound
	Percent uint64 // of what is known of the entity or navigation; 0, or nothing known: no bound
}

// tally counts what an intake does, by entity and navigation.
type tally struct {
	limits                      Limits
	known                       func(entity, navigation string) uint64
	deletes, disables, removals map[subject]uint64
}

// subject is an entity, or one of its navigations.
type subject struct{ entity, navigation string }

func newTally(o Options) *tally {
	return &tally{limits: o.Limits, known: o.Known, deletes: map[subject]uint64{}, disables: map[subject]uint64{}, removals: map[subject]uint64{}}
}

func (t *tally) add(o *order.Order) {
	switch {
	case o.Operation == sdk.Delete:
		t.deletes[subject{entity: o.Entity}]++
	case o.Disables():
		t.disables[subject{entity: o.Entity}]++
	}
	for _, l := range o.Links {
		if len(l.Remove) > 0 {
			t.removals[subject{o.Entity, l.Navigation}] += uint64(len(l.Remove))
		}
	}
}

// exceeded says which limit is exceeded; nothing if none is.
func (t *tally) exceeded() string {
	for _, of := range []struct {
		counts map[subject]uint64
		limit  Limit
		does   string
		what   string
	}{
		{t.deletes, t.limits.Deletes, "deletes", "objects"},
		{t.disables, t.limits.Disables, "disables", "accounts"},
		{t.removals, t.limits.Removals, "removes", "links"},
	} {
		total := uint64(0)
		for _, n := range of.counts {
			total += n
		}
		if of.limit.Count > 0 && total > of.limit.Count {
			return fmt.Sprintf("it %s %d %s, and %d are allowed at once", of.does, total, of.what, of.limit.Count)
		}
		for _, s := range slices.SortedFunc(maps.Keys(of.counts), compareSubjects) {
			n, known := of.counts[s], t.known(s.entity, s.navigation)
			if of.limit.Percent > 0 && known > 0 && n*100 > of.limit.Percent*known {
				return fmt.Sprintf("it %s %d of %d %s, and %d %% are allowed at once", of.does, n, known, s, of.limit.Percent)
			}
		}
	}
	return ""
}

func compareSubjects(a, b subject) int {
	return slices.Compare([]string{a.entity, a.navigation}, []string{b.entity, b.navigation})
}

func (s subject) String() string {
	if s.navigation == "" {
		return s.entity + " objects"
	}
	return s.navigation + " of " + s.entity
}
