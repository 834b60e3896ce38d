package fulfill

import (
	"context"
	"strings"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/fulfill/plan"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	// resolvedAtOnce is how many orders wait at most for what they name to be looked up, and
	// resolvedBytes about how large they are together: each call of the connector signs in anew.
	resolvedAtOnce = 2000
	resolvedBytes  = 4 << 20
	// keysAtOnce is how many keys one call of the connector looks up.
	keysAtOnce = 5000
)

// resolver finds what orders name by natural keys, on their way into the journal: an id and
// a natural key of one object are one object, whose orders keep their sequence.
type resolver struct {
	ctx context.Context
	Options
	next func(order.Order) error

	waiting []order.Order
	bytes   int
}

// add takes an order, and gives those before it that are ready to next.
func (r *resolver) add(o order.Order) error {
	natural := false
	for ref := range o.Refs() {
		natural = natural || ref.Attribute != ""
	}
	if !natural && len(r.waiting) == 0 {
		return r.next(o)
	}
	r.waiting = append(r.waiting, o)
	r.bytes += o.Weight()
	if len(r.waiting) < resolvedAtOnce && r.bytes < resolvedBytes {
		return nil
	}
	return r.flush()
}

// flush gives all orders to next.
func (r *resolver) flush() error {
	if len(r.waiting) == 0 {
		return nil
	}
	l, err := r.lookups()
	if err != nil {
		return err
	}
	for len(l.objects) > 0 {
		n := min(len(l.objects), keysAtOnce)
		ids, err := r.Fulfiller.Resolve(r.ctx, r.Connection, l.objects[:n])
		if err != nil {
			return err
		}
		if len(ids) != n {
			return fault.Errorf(fault.Connector, "the connector broke the protocol: it looked up %d of %d keys", len(ids), n)
		}
		for i, id := range ids {
			for _, ref := range l.refs[i] {
				ref.Found = id
			}
		}
		l.objects, l.refs = l.objects[n:], l.refs[n:]
	}
	for _, o := range r.waiting {
		if err := r.next(o); err != nil {
			return err
		}
	}
	r.waiting, r.bytes = r.waiting[:0], 0
	return nil
}

// lookups are objects to look up, and where orders name them.
type lookups struct {
	objects []sdk.NamedObject
	refs    [][]*order.Ref
	index   map[sdk.NamedObject]int
}

func (l *lookups) add(o *order.Order, navigation string, ref *order.Ref) {
	object := sdk.NamedObject{
		Entity: o.Entity, Navigation: navigation, Key: sdk.ObjectKey{Attribute: ref.Attribute, Value: strings.ToLower(ref.Value)},
	}
	i, known := l.index[object]
	if !known {
		i = len(l.objects)
		l.index[object] = i
		object.Key.Value = ref.Value
		l.objects, l.refs = append(l.objects, object), append(l.refs, nil)
	}
	l.refs[i] = append(l.refs[i], ref)
}

// lookups finds what is to be looked up: not what orders that have not ended are to make, and nothing
// of orders that came before.
func (r *resolver) lookups() (*lookups, error) {
	var ids, names []string
	made := map[string]bool{} // by orders that wait here
	for i := range r.waiting {
		o := &r.waiting[i]
		ids = append(ids, o.ID)
		if o.Makes() {
			for _, name := range plan.Given(o) {
				made[name] = true
			}
		}
		for ref := range o.Refs() {
			if ref.Attribute != "" {
				names = append(names, plan.Name(*ref))
			}
		}
	}
	before, making, err := r.Journal.Settled(ids, names)
	if err != nil {
		return nil, err
	}
	l := &lookups{index: map[sdk.NamedObject]int{}}
	look := func(o *order.Order, navigation string, ref *order.Ref) {
		if ref.Attribute == "" {
			return
		}
		if name := plan.Name(*ref); !made[name] && !making[name] {
			l.add(o, navigation, ref)
		}
	}
	for i := range r.waiting {
		o := &r.waiting[i]
		if before[o.ID] {
			continue
		}
		look(o, "", &o.Key)
		for j := range o.Links {
			link := &o.Links[j]
			for _, list := range [][]order.Ref{link.Add, link.Remove} {
				for k := range list {
					look(o, link.Navigation, &list[k])
				}
			}
		}
	}
	return l, nil
}
