package export

import (
	"maps"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/export/ledger"
)

// The names of the sets in the store. Entities and navigations are plain names, so
// they hold no slash.
func objectsSet(entity string) string           { return "objects/" + entity }
func awaySet(entity string) string              { return "away/" + entity }
func linksSet(entity, navigation string) string { return "links/" + entity + "/" + navigation }

// splitSet takes the name of a set apart. kind is objects, away or links; only the last
// has a navigation.
func splitSet(name string) (kind, entity, navigation string) {
	kind, rest, _ := strings.Cut(name, "/")
	entity, navigation, _ = strings.Cut(rest, "/")
	return kind, entity, navigation
}

// Count is how many objects of an entity are known, or how many links of one of its navigations.
type Count struct {
	Entity     string
	Navigation string // empty: the objects
	Number     uint64
}

// Counts tells how much is known of a connection from what was published, at any time, also while an export runs.
// found and errors are those of [ledger.Counts].
func Counts(work, connection string) (all []Count, found bool, err error) {
	sets, found, err := ledger.Counts(work, connection)
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		if kind, entity, navigation := splitSet(name); kind != "away" {
			all = append(all, Count{entity, navigation, uint64(sets[name])})
		}
	}
	return all, found, err
}
