package audit

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
)

// doubt adds what an earlier attempt may have written, whose answers nobody has recorded: all that the
// order asks for and that this attempt did not write or fail to.
func (line *Line) doubt(d fulfill.Done) {
	line.Uncertain = true
	told := d.Outcome.Changes
	switch {
	case d.Result.State != order.Executed:
		line.Message += "; an earlier attempt, whose answer was not recorded, may have done some of it"
	case len(told) == 0:
		line.Message = "it is as the order wants it; an earlier attempt, whose answer was not recorded, may have done it"
	default:
		line.Message = "an earlier attempt, whose answer was not recorded, may have done some of it"
	}
	for _, a := range d.Order.Attributes {
		if !slices.ContainsFunc(told, func(c sdk.AttributeChange) bool { return strings.EqualFold(c.Path, a.Path) }) {
			line.Changes = append(line.Changes, changeOf(sdk.AttributeChange{Path: a.Path, After: a.Value}))
		}
	}
	for _, l := range d.Order.Links {
		if added := untold(d, l.Navigation, l.Add, false); added != nil {
			line.Changes = append(line.Changes, Change{Path: l.Navigation, After: added})
		}
		if removed := untold(d, l.Navigation, l.Remove, true); removed != nil {
			line.Changes = append(line.Changes, Change{Path: l.Navigation, Before: removed})
		}
	}
}

// untold are the targets of a navigation, as a list in JSON, whose links this attempt neither changed nor
// failed to; nil if there are none.
func untold(d fulfill.Done, navigation string, targets []order.Ref, removal bool) json.RawMessage {
	done := map[string]bool{} // ids
	for _, c := range d.Outcome.Changes {
		list := c.After
		if removal {
			list = c.Before
		}
		var ids []string
		if strings.EqualFold(c.Path, navigation) && json.Unmarshal(list, &ids) == nil {
			for _, id := range ids {
				done[id] = true
			}
		}
	}
	var rest []string
	for _, r := range targets {
		failed := slices.ContainsFunc(d.Result.FailedLinks, func(f order.FailedLink) bool {
			return f.Removal == removal && strings.EqualFold(f.Navigation, navigation) && f.Target.Key() == r.Key()
		})
		if !failed && !done[cmp.Or(r.ID, r.Found)] {
			rest = append(rest, r.String())
		}
	}
	if len(rest) == 0 {
		return nil
	}
	text, _ := json.Marshal(rest) // a list of texts always has one
	return text
}
