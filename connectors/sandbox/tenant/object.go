package tenant

// Object is one state of one object, ready to be written as JSON.
type Object struct {
	Ref
	// Stale says that this is an older state, which differs from the present
	// one in what can change.
	Stale bool

	world *World
	// record and version tell what was changed since the tenant was made; no
	// record is no change.
	record  *record
	version uint64
	// lasting is the hash of what never changes, passing of what may.
	lasting, passing uint64
}

// AppendID appends the object's id.
func (o *Object) AppendID(dst []byte) []byte { return o.world.AppendID(dst, o.Ref) }

// AppendValue appends a property's value as JSON. It returns dst as it is
// when the property was never set.
func (o *Object) AppendValue(dst []byte, p *Property) []byte {
	if o.record != nil {
		if value, ok := o.record.value(o.version, p.position); ok {
			return append(dst, value...)
		}
		if o.record.blank && !p.given {
			return append(dst, p.fresh...)
		}
	}
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

func (o *Object) isBlank() bool { return o.record != nil && o.record.blank }
func (o *Object) isAgent() bool { return o.Kind == User && !o.isBlank() && o.lasting%61 == 7 }
func (o *Object) isGuest() bool { return o.Kind == User && !o.isAgent() && o.lasting%9 == 2 }
