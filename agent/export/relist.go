package export

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// lacking is the error of an export whose collections, by position, came without attributes
// that an object of them had: their rows cannot be written, as what was in them is not known
// any more. It gives the first such object of each.
type lacking map[int]string

func (l lacking) Error() string {
	ids := slices.Sorted(maps.Values(l))
	return "objects came without attributes that they had: " + strings.Join(ids, ", ")
}

// export makes the run; anew with entities listed that lack something, each once.
func (r *run) export(ctx context.Context) error {
	var again []store.Restart
	warnings := r.report.Warnings
	for {
		r.report.Restarts, r.report.Warnings = slices.Clone(again), slices.Clone(warnings)
		err := r.attempt(ctx)
		found, ok := errors.AsType[lacking](err)
		if !ok {
			return err
		}
		r.asked = slices.Clone(r.asked)
		for _, i := range slices.Sorted(maps.Keys(found)) {
			entity := r.asked[i].Entity
			if r.asked[i].Cookie == "" { // a complete list lacks nothing: the loop must end
				return fault.Errorf(fault.Internal, "%s was listed, and its objects lack attributes", entity)
			}
			r.asked[i].Cookie = ""
			reason := fmt.Sprintf("%s came without attributes that it had", found[i])
			again = append(again, store.Restart{Entity: entity, Reason: reason})
			r.plan.Logger.Info("an entity is listed again", "entity", entity, "reason", reason)
		}
	}
}
