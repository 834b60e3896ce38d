// Package record holds the two kinds of rows that cross the plugin boundary,
// [Object] and [Links], in their wire form.
//
// A tenant has millions of them, so they are never protobuf structures: they are
// built by appending and read as views into the received bytes. The wire form is
// that of the messages Object and Links of usher.connector.v1, each preceded by
// its length as a varint, so every protobuf library reads and writes it.
package record

import (
	"fmt"
	"iter"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// State says whether an object exists.
type State uint8

// The states of an object, with the numbers of the protocol.
const (
	Present   State = 0
	Suspended State = 1 // deleted, can be restored
	Gone      State = 2 // deleted for good
)

// Field numbers of usher.connector.v1.Object and Value.
const (
	objectID     protowire.Number = 1
	objectState  protowire.Number = 2
	objectValues protowire.Number = 3
	objectType   protowire.Number = 4

	valueAttribute protowire.Number = 1
	valueText      protowire.Number = 2
)

// The same with their types, as the one byte that each takes on the wire.
const (
	objectIDTag    = byte(objectID)<<3 | byte(protowire.BytesType)
	objectValueTag = byte(objectValues)<<3 | byte(protowire.BytesType)
	objectTypeTag  = byte(objectType)<<3 | byte(protowire.BytesType)

	valueAttributeTag = byte(valueAttribute)<<3 | byte(protowire.VarintType)
	valueTextTag      = byte(valueText)<<3 | byte(protowire.BytesType)
)

// Object says how one object looks now. Reuse it: Reset keeps the buffers.
// The zero value is an object without id, type and values.
//
// It is built by SetID, SetState, SetType and the value methods, or read by
// [NextObject]. It is not safe for concurrent use.
type Object struct {
	id, typ []byte
	state   State
	values  []byte // the Value fields one after the other, tags included
	list    []byte // the text fields of the value that is being built
	attr    int
	view    bool // read, not built: the slices belong to somebody else
}

// Reset empties o.
func (o *Object) Reset() {
	if o.view {
		*o = Object{list: o.list}
	}
	o.id, o.typ, o.values, o.state = o.id[:0], o.typ[:0], o.values[:0], Present
}

// ID is the object's id; a view, valid until o changes.
func (o *Object) ID() []byte { return o.id }

// State says whether the object exists.
func (o *Object) State() State { return o.state }

// Type is the object's type where it is not the collection's entity, else empty.
func (o *Object) Type() []byte { return o.typ }

// SetID sets the id; the bytes are copied.
func (o *Object) SetID(id []byte) { o.id = append(o.id[:0], id...) }

// SetType sets the type; the bytes are copied.
func (o *Object) SetType(typ []byte) { o.typ = append(o.typ[:0], typ...) }

// SetState sets the state. Values of an object that is not [Present] are dropped by the agent.
func (o *Object) SetState(s State) { o.state = s }

// Null adds a value without text: null, or an empty list.
func (o *Object) Null(attribute int) {
	o.Open(attribute)
	o.Close()
}

// Text adds a single value. A later value of the same attribute replaces it.
func (o *Object) Text(attribute int, text []byte) {
	if size := len(text) + 4; attribute < oneByte && size < oneByte { // as nearly all: spare them the list
		o.values = append(o.values, objectValueTag, byte(size), valueAttributeTag, byte(attribute), valueTextTag, byte(len(text)))
		o.values = append(o.values, text...)
		return
	}
	o.Open(attribute)
	o.Append(text)
	o.Close()
}

// Open starts a multi-valued value; Append adds to it, Close finishes it. No
// other value can be added in between.
func (o *Object) Open(attribute int) {
	o.list, o.attr = o.list[:0], attribute
}

// Append adds one text to the open value.
func (o *Object) Append(text []byte) {
	o.list = protowire.AppendTag(o.list, valueText, protowire.BytesType)
	o.list = protowire.AppendBytes(o.list, text)
}

// Close finishes the open value.
func (o *Object) Close() {
	size := protowire.SizeTag(valueAttribute) + protowire.SizeVarint(uint64(o.attr)) + len(o.list)
	o.values = protowire.AppendTag(o.values, objectValues, protowire.BytesType)
	o.values = protowire.AppendVarint(o.values, uint64(size))
	o.values = protowire.AppendTag(o.values, valueAttribute, protowire.VarintType)
	o.values = protowire.AppendVarint(o.values, uint64(o.attr))
	o.values = append(o.values, o.list...)
}

// AppendTo appends the wire form, its length first.
func (o *Object) AppendTo(b []byte) []byte {
	size := protowire.SizeTag(objectID) + protowire.SizeBytes(len(o.id)) + len(o.values)
	if o.state != Present {
		size += protowire.SizeTag(objectState) + protowire.SizeVarint(uint64(o.state))
	}
	if len(o.typ) > 0 {
		size += protowire.SizeTag(objectType) + protowire.SizeBytes(len(o.typ))
	}
	b = protowire.AppendVarint(b, uint64(size))
	b = protowire.AppendTag(b, objectID, protowire.BytesType)
	b = protowire.AppendBytes(b, o.id)
	if o.state != Present {
		b = protowire.AppendTag(b, objectState, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(o.state))
	}
	b = append(b, o.values...)
	if len(o.typ) > 0 {
		b = protowire.AppendTag(b, objectType, protowire.BytesType)
		b = protowire.AppendBytes(b, o.typ)
	}
	return b
}

// NextObject reads the first object of b into o, as views into b, and returns the
// rest of b. attributes is the number of columns asked for: a value of a column
// beyond is an error, as are broken framing, a missing id and text that is not
// UTF-8, so that later readers of o need no checks.
func NextObject(b []byte, attributes int, o *Object) ([]byte, error) {
	msg, rest, err := nextMessage(b)
	if err != nil {
		return nil, err
	}
	*o = Object{view: true, list: o.list}
	if o.readPlain(msg, attributes) {
		return rest, nil
	}
	*o = Object{view: true, list: o.list}
	lent := true
	for len(msg) > 0 {
		num, typ, n := protowire.ConsumeTag(msg)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(num, typ, msg[n:])
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		field, body := msg[:n+size], msg[n:n+size]
		msg = msg[n+size:]
		switch {
		case num == objectID && typ == protowire.BytesType:
			o.id, _ = protowire.ConsumeBytes(body)
		case num == objectType && typ == protowire.BytesType:
			o.typ, _ = protowire.ConsumeBytes(body)
		case num == objectState && typ == protowire.VarintType:
			state, _ := protowire.ConsumeVarint(body)
			if state > uint64(Gone) {
				return nil, fmt.Errorf("object state %d is unknown", state)
			}
			o.state = State(state)
		case num == objectValues && typ == protowire.BytesType:
			value, _ := protowire.ConsumeBytes(body)
			if err := checkValue(value, attributes); err != nil {
				return nil, err
			}
			o.values, lent = join(o.values, lent, field)
		}
	}
	if len(o.id) == 0 {
		return nil, fmt.Errorf("object without id")
	}
	if !utf8.Valid(o.id) || !utf8.Valid(o.typ) {
		return nil, fmt.Errorf("object id or type is not UTF-8")
	}
	return rest, nil
}

// readPlain reads msg if it is a present object as AppendTo writes it, as nearly all
// are, in a third of the time that any order of fields takes (BenchmarkObject). It
// reports false if msg is something else, or wrong.
func (o *Object) readPlain(msg []byte, attributes int) bool {
	start, end := plain(msg, 0, objectIDTag)
	if o.id = msg[start:end]; len(o.id) == 0 || !utf8.Valid(o.id) {
		return false
	}
	values := end
	for {
		start, next := plain(msg, end, objectValueTag)
		if next == 0 {
			break
		}
		if !isPlainValue(msg[start:next], attributes) {
			return false
		}
		end = next
	}
	o.values = msg[values:end]
	if end == len(msg) {
		return true
	}
	start, end = plain(msg, end, objectTypeTag)
	o.typ = msg[start:end]
	return end == len(msg) && utf8.Valid(o.typ)
}

// isPlainValue is checkValue for a value as Object writes it: the attribute, then
// the texts.
func isPlainValue(value []byte, attributes int) bool {
	if len(value) < 2 || value[0] != valueAttributeTag || value[1] >= oneByte || int(value[1]) >= attributes {
		return false
	}
	for at := 2; at < len(value); {
		start, end := plain(value, at, valueTextTag)
		if end == 0 || !utf8.Valid(value[start:end]) {
			return false
		}
		at = end
	}
	return true
}

// join puts field behind fields: without a copy while fields is lent, that is a
// view into received bytes, and field stands right behind it there.
func join(fields []byte, lent bool, field []byte) ([]byte, bool) {
	switch end := len(fields); {
	case end == 0:
		return field, true
	case lent && cap(fields) > end && &fields[:end+1][end] == &field[0]:
		return fields[:end+len(field)], true
	case lent:
		return append(slices.Clip(fields), field...), false
	default:
		return append(fields, field...), false
	}
}

func checkValue(value []byte, attributes int) error {
	attr, isTold := uint64(0), false
	for len(value) > 0 {
		num, typ, n := protowire.ConsumeTag(value)
		if n < 0 {
			return protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(num, typ, value[n:])
		if size < 0 {
			return protowire.ParseError(size)
		}
		body := value[n : n+size]
		value = value[n+size:]
		switch {
		case num == valueAttribute && typ == protowire.VarintType:
			if isTold { // Values reads the first one
				return fmt.Errorf("a value names its attribute twice")
			}
			attr, _ = protowire.ConsumeVarint(body)
			isTold = true
		case num == valueText && typ == protowire.BytesType:
			if text, _ := protowire.ConsumeBytes(body); !utf8.Valid(text) {
				return fmt.Errorf("text of attribute %d is not UTF-8", attr)
			}
		}
	}
	if attr >= uint64(attributes) {
		return fmt.Errorf("attribute %d was not asked for", attr)
	}
	return nil
}

// Value is one attribute of an object; a view.
type Value struct {
	Attribute int
	raw       []byte
}

// Values gives the values in the order in which they were added.
func (o *Object) Values() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		for b := o.values; len(b) > 0; {
			var raw []byte
			if start, end := plain(b, 0, objectValueTag); end > 0 {
				raw, b = b[start:end], b[end:]
			} else {
				_, _, n := protowire.ConsumeTag(b)
				var m int
				raw, m = protowire.ConsumeBytes(b[n:])
				b = b[n+m:]
			}
			if !yield(Value{Attribute: attributeOf(raw), raw: raw}) {
				return
			}
		}
	}
}

func attributeOf(value []byte) int {
	if len(value) >= 2 && value[0] == valueAttributeTag && value[1] < oneByte {
		return int(value[1])
	}
	for b := value; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if num == valueAttribute && typ == protowire.VarintType {
			attr, _ := protowire.ConsumeVarint(b[n:])
			return int(attr)
		}
		b = b[n+protowire.ConsumeFieldValue(num, typ, b[n:]):]
	}
	return 0
}

// Texts gives the texts of the value; none for null and for an empty list.
func (v Value) Texts() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for b := v.raw; len(b) > 0; {
			if start, end := plain(b, 0, valueTextTag); end > 0 {
				if !yield(b[start:end]) {
					return
				}
				b = b[end:]
				continue
			}
			num, typ, n := protowire.ConsumeTag(b)
			if num == valueText && typ == protowire.BytesType {
				text, _ := protowire.ConsumeBytes(b[n:])
				if !yield(text) {
					return
				}
			}
			b = b[n+protowire.ConsumeFieldValue(num, typ, b[n:]):]
		}
	}
}

// oneByte is what a varint of one byte is below.
const oneByte = 0x80

// plain finds the content of the field that stands at b[at:] if it has this tag and
// a length of one or two bytes; else it returns zeros. It is protowire.ConsumeTag and
// ConsumeBytes for the fields of nearly all rows: BenchmarkObject and BenchmarkLinks
// read in a third of the time by it.
func plain(b []byte, at int, tag byte) (start, end int) {
	if at+2 > len(b) || b[at] != tag {
		return 0, 0
	}
	start, size := at+2, int(b[at+1])
	if size >= oneByte {
		if start == len(b) || b[start] >= oneByte {
			return 0, 0
		}
		size += (int(b[start]) - 1) * oneByte
		start++
	}
	if end = start + size; end > len(b) {
		return 0, 0
	}
	return start, end
}

// nextMessage splits b after its first length-prefixed message.
func nextMessage(b []byte) (msg, rest []byte, err error) {
	size, n := protowire.ConsumeVarint(b)
	if n < 0 {
		return nil, nil, protowire.ParseError(n)
	}
	if size > uint64(len(b)-n) {
		return nil, nil, fmt.Errorf("record of %d bytes is cut off after %d", size, len(b)-n)
	}
	end := n + int(size)
	return b[n:end:end], b[end:], nil
}
