package tenant

// Object is one state of one object, ready to be written as JSON.
type Object struct {
	Ref
	// Stale says that this is an older state, which differs from the present
	// one in what can change.
	Stale bool

	world *World
	// lasting is the hash of what never changes, passing of what may.
	lasting, passing uint64
}

// State returns the present state of an object, or an older one. Deleted
// objects have states too: what they were while they lived.
func (w *World) State(r Ref, stale bool) Object {
	lasting := mix(mix(w.config.Seed, uint64(r.Kind)), uint64(r.Index))
	o := Object{Ref: r, Stale: stale, world: w, lasting: lasting, passing: lasting}
	if stale {
		o.passing = mix(lasting, saltOf("older state"))
	}
	return o
}

// AppendID appends the object's id.
func (o *Object) AppendID(dst []byte) []byte { return o.world.AppendID(dst, o.Ref) }

// AppendValue appends a property's value as JSON. It returns dst as it is
// when the property was never set.
func (o *Object) AppendValue(dst []byte, p *Property) []byte {
	h := o.passing
	if p.steady {
		h = o.lasting
	}
	return p.value(dst, o, mix(h, p.salt))
}

// Type is the object's entity type without namespace when that is a more
// special one than its kind's, else empty.
func (o *Object) Type() string {
	if o.isAgent() {
		return "agentUser"
	}
	return ""
}

func (o *Object) isAgent() bool { return o.Kind == User && o.lasting%61 == 7 }
func (o *Object) isGuest() bool { return o.Kind == User && !o.isAgent() && o.lasting%9 == 2 }
