package export

import (
	"fmt"
	"strings"

	"github.com/usher-iga/usher/agent/export/publish"
)

// Thresholds bound what a run may change, but for the first one and one that somebody
// asked everything of. A run beyond one of them is held for an operator.
type Thresholds struct {
	Inserted, Updated, Deleted Threshold // objects
	LinkInserted, LinkDeleted  Threshold
}

// Threshold bounds the rows of one command; both bounds hold.
type Threshold struct {
	Lines   uint64 // 0: no bound
	Percent uint64 // of what was known before, where something was; 0: no bound
}

// suspicious is how many objects of an entity must be known for an empty list of it
// to be held.
const suspicious = 1000

// exceeded says why the run is to be held; nothing if it is not.
func (r *run) exceeded(m *merger) (why []string) {
	var objects, links tally
	var knownObjects, knownLinks uint64
	for i, asked := range r.plan.Request.Collections {
		k := m.objectKeepers[i]
		known := uint64(k.known.Len())
		empty := r.mode == publish.Complete && k.tally.inserts == 0 || m.collections[i].complete && k.tally.deletes == known && k.tally.inserts == 0
		if empty && known >= suspicious {
			why = append(why, fmt.Sprintf("the list of %s is empty, and %d were known", asked.Entity, known))
		}
		knownObjects += known
		objects.add(k.change())
		for _, l := range m.linkKeepers[i] {
			knownLinks += uint64(l.known.Len())
			links.add(l.change())
		}
	}
	if r.mode == publish.Complete && !r.measured {
		return why
	}
	limits := r.plan.Thresholds
	for _, of := range []struct {
		rows, known uint64
		limit       Threshold
		does        string
		link, key   string // of the names of the settings
	}{
		{objects.inserts, knownObjects, limits.Inserted, "inserts %d objects", "", "InsertedLines"},
		{objects.updates, knownObjects, limits.Updated, "updates %d objects", "", "UpdatedLines"},
		{objects.deletes, knownObjects, limits.Deleted, "deletes %d objects", "", "DeletedLines"},
		{links.inserts, knownLinks, limits.LinkInserted, "inserts %d links", "Link", "InsertedLines"},
		{links.deletes, knownLinks, limits.LinkDeleted, "deletes %d links", "Link", "DeletedLines"},
	} {
		does := fmt.Sprintf(of.does, of.rows)
		if of.limit.Lines > 0 && of.rows > of.limit.Lines {
			why = append(why, fmt.Sprintf("it %s, and Maximum%s%s is %d", does, of.link, of.key, of.limit.Lines))
		}
		if of.limit.Percent > 0 && of.known > 0 && of.rows*100 > of.limit.Percent*of.known {
			why = append(why, fmt.Sprintf("it %s of %d known, and Max%sPercentage%s is %d", does, of.known, of.link, of.key, of.limit.Percent))
		}
	}
	return why
}

// reason joins all that is beyond a limit, and why everything was exported if it was.
func (r *run) reason(why []string) string {
	text := strings.Join(why, "; ")
	if r.report.Why != "" {
		text += " (everything was exported: " + r.report.Why + ")"
	}
	return text
}

// decide tells an operator what to do about a held run.
func decide(connection, run string) string {
	return fmt.Sprintf("If it is right, 'usher runs release %[1]s %[2]s' publishes it; if not, "+
		"'usher runs discard %[1]s %[2]s' drops it, and the next export reads the changes again", connection, run)
}
