package export

import (
	"bytes"

	"github.com/usher-iga/usher/agent/export/csvfile"
	"github.com/usher-iga/usher/agent/spool"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// objects folds the rows of each object, in the order in which they were found,
// into one: later values replace earlier ones, what a row does not mention stays,
// and an object that was removed starts afresh when it appears again. What becomes of
// it in the file is for the keeper of its collection.
type objects struct {
	plan    *plan
	keepers []*objectKeeper // by collection

	table  int
	id     []byte // empty before the first row
	is     object
	typ    []byte   // as it is written
	values [][]byte // by attribute, as they are written; empty for null and absent
	record record.Object
	fields [][]byte
}

func newObjects(p *plan, keepers []*objectKeeper) *objects {
	return &objects{plan: p, keepers: keepers, table: -1, values: make([][]byte, len(p.Request.Attributes))}
}

func (o *objects) row(rows *spool.Rows, out *csvfile.Writer) (uint64, error) {
	if rows.Table() != o.table || !bytes.Equal(rows.Key(), o.id) {
		if err := o.finish(out); err != nil {
			return 0, err
		}
		o.table, o.id, o.is.state = rows.Table(), append(o.id[:0], rows.Key()...), record.Gone
	}
	state, wire := record.State(rows.Value()[0]), rows.Value()[1:]
	before := o.is.state
	if o.is.state = state; state != record.Present {
		return 1, nil
	}
	if _, err := record.NextObject(wire, len(o.values), &o.record); err != nil {
		return 0, fault.Errorf(fault.Connector, "the connector sent the object %.100q of %q in a form that cannot be read: %w",
			o.id, o.plan.Request.Collections[o.table].Entity, err)
	}
	if before != record.Present {
		o.clear()
	}
	o.take()
	return 1, nil
}

func (o *objects) clear() {
	o.setType(nil)
	o.is.told = 0
	for i := range o.values {
		o.values[i] = o.values[i][:0]
	}
}

// setType sets the type; nil is that of the collection.
func (o *objects) setType(typ []byte) {
	if typ == nil {
		typ = []byte(o.plan.Request.Collections[o.table].Entity)
	}
	o.typ = append(append(o.typ[:0], o.plan.CSV.TypePrefix...), typ...)
}

// take replaces what the record mentions.
func (o *objects) take() {
	if typ := o.record.Type(); len(typ) > 0 {
		o.setType(typ)
	}
	for v := range o.record.Values() {
		text, separator := o.values[v.Attribute][:0], ""
		for t := range v.Texts() {
			text = append(append(text, separator...), t...)
			separator = o.plan.CSV.ValueSeparator
		}
		o.values[v.Attribute] = text
		o.is.told.add(v.Attribute)
	}
}

// finish writes the object, if there is one and it makes a row.
func (o *objects) finish(out *csvfile.Writer) error {
	if len(o.id) == 0 {
		return nil
	}
	if err := o.vanished(out, o.id, o.table); err != nil {
		return err
	}
	o.encode()
	does, err := o.keepers[o.table].found(o.id, o.is)
	switch {
	case err != nil:
		return err
	case does == "":
		return nil
	case does == deletes:
		return o.writeDelete(out, o.table, o.id)
	}
	out.Field([]byte(does))
	out.Encoded(o.is.row)
	return out.EndRow()
}

// encode makes the row of a present object.
func (o *objects) encode() {
	if o.is.state != record.Present {
		return
	}
	o.is.filled = 0
	for i, value := range o.values {
		if len(value) > 0 {
			o.is.filled.add(i)
		}
	}
	o.fields = append(o.fields[:0], o.typ)
	for _, c := range o.plan.columns {
		if c.From == FromID {
			o.fields = append(o.fields, o.id)
		} else {
			o.fields = append(o.fields, o.values[c.From])
		}
	}
	o.is.row = o.plan.dialect.Encode(o.is.row[:0], o.fields...)
}

// vanished writes the objects that relisted collections do not have any more, up to
// the object that comes next; all of them if that is nil.
func (o *objects) vanished(out *csvfile.Writer, next []byte, table int) error {
	for {
		least := -1
		for i, k := range o.keepers {
			if k.hasOld && (least < 0 || bytes.Compare(k.old.Key(), o.keepers[least].old.Key()) < 0) {
				least = i
			}
		}
		if least < 0 {
			return nil
		}
		id := o.keepers[least].old.Key()
		if c := bytes.Compare(id, next); next != nil && (c > 0 || c == 0 && least >= table) {
			return nil
		}
		if err := o.writeDelete(out, least, id); err != nil {
			return err
		}
		if err := o.keepers[least].vanish(); err != nil {
			return err
		}
	}
}

// writeDelete writes a row of which only the key and the type are filled.
func (o *objects) writeDelete(out *csvfile.Writer, collection int, id []byte) error {
	out.Field([]byte(deletes))
	out.Field([]byte(o.plan.CSV.TypePrefix + o.plan.Request.Collections[collection].Entity))
	for _, c := range o.plan.columns {
		if c.From == FromID {
			out.Field(id)
		} else {
			out.Field(nil)
		}
	}
	return out.EndRow()
}

func (o *objects) end(out *csvfile.Writer) error {
	if err := o.finish(out); err != nil {
		return err
	}
	return o.vanished(out, nil, 0)
}
