package plan

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/fulfill/order"
)

// Pack is a number that orders have in common of which a connector may be able to make one
// request: those that do nothing but add members to the same object. 0: there is no such company for
// this order. Handed over one after the other, they take few requests although an input has them far
// apart.
func Pack(o *order.Order) uint64 {
	if !joins(o) || slices.ContainsFunc(o.Links, func(l order.Link) bool { return len(l.Remove) > 0 }) {
		return 0
	}
	first := o.Links[0]
	to := o.Key
	if strings.EqualFold(first.Navigation, "memberOf") && len(first.Add) > 0 {
		to = first.Add[0] // that is the side that is written to
	}
	t := token("c", Name(to))
	return max(1, binary.BigEndian.Uint64(t[:]))
}
