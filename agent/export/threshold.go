package export

import (
	"fmt"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Thresholds bound what an incremental run may change. A run beyond one of them is
// held for an operator.
type Thresholds struct {
	Inserted, Updated, Deleted Threshold // objects
	LinkInserted, LinkDeleted  Threshold
}

// Threshold bounds the rows of one command; the stricter bound holds.
type Threshold struct {
	Lines   uint64 // 0: no bound
	Percent uint64 // of what was known before; 0: no bound
}

// suspicious is how many objects of an entity must be known for an empty list of it
// to be held.
const suspicious = 1000

// exceeded says why the run is to be held; nothing if it is not.
func (r *run) exceeded(m *merger) string {
	p := r.plan
	var objects, links tally
	var knownObjects, knownLinks uint64
	for i, asked := range p.Request.Collections {
		k := m.objectKeepers[i]
		known := uint64(k.known.Len())
		empty := r.mode == publish.Complete && k.tally.inserts == 0 || m.collections[i].complete && k.tally.deletes == known && k.tally.inserts == 0
		if empty && known >= suspicious {
			return fmt.Sprintf("the list of %s is empty, and %d were known", asked.Entity, known)
		}
		knownObjects += known
		objects.add(k.tally)
		for _, l := range m.linkKeepers[i] {
			knownLinks += uint64(l.known.Len())
			links.add(l.tally)
		}
	}
	if r.mode == publish.Complete {
		return "" // every row is an insert: there is nothing to measure
	}
	for _, of := range []struct {
		rows, known uint64
		limit       Threshold
		does        string
		link, key   string // of the names of the settings
	}{
		{objects.inserts, knownObjects, p.Thresholds.Inserted, "inserts %d objects", "", "InsertedLines"},
		{objects.updates, knownObjects, p.Thresholds.Updated, "updates %d objects", "", "UpdatedLines"},
		{objects.deletes, knownObjects, p.Thresholds.Deleted, "deletes %d objects", "", "DeletedLines"},
		{links.inserts, knownLinks, p.Thresholds.LinkInserted, "inserts %d links", "Link", "InsertedLines"},
		{links.deletes, knownLinks, p.Thresholds.LinkDeleted, "deletes %d links", "Link", "DeletedLines"},
	} {
		does := fmt.Sprintf(of.does, of.rows)
		switch {
		case of.known == 0: // a first run
		case of.limit.Lines > 0 && of.rows > of.limit.Lines:
			return fmt.Sprintf("it %s, and Maximum%s%s is %d", does, of.link, of.key, of.limit.Lines)
		case of.limit.Percent > 0 && of.rows*100 > of.limit.Percent*of.known:
			return fmt.Sprintf("it %s of %d known, and Max%sPercentage%s is %d", does, of.known, of.link, of.key, of.limit.Percent)
		}
	}
	return ""
}

// heldBecause is the error of a held run.
func heldBecause(connection, run, why string) *fault.Error {
	return fault.Errorf(fault.Held, "run %s of connection %s is held: %s. The published files are unchanged", run, connection, why).
		WithHint("'usher runs show %[1]s %[2]s' tells more. If it is right, 'usher runs release %[1]s %[2]s' publishes it; if not, 'usher runs discard %[1]s %[2]s' drops it, and the next export reads the changes again", connection, run)
}
