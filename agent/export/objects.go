package export

import (
	"bytes"

	"github.com/usher-iga/usher/agent/export/csvfile"
	"github.com/usher-iga/usher/agent/export/spool"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// insert is the command of every row of a complete export.
const insert = "insert"

// objects folds the rows of each object, in the order in which they were found,
// into one: later values replace earlier ones, what a row does not mention stays,
// and an object that was removed starts afresh when it appears again.
type objects struct {
	plan   *plan
	counts []uint64 // of the written objects, by collection

	table   int
	id      []byte
	present bool
	typ     []byte   // as it is written
	values  [][]byte // by attribute, as they are written; empty for null and absent
	record  record.Object
}

func newObjects(p *plan) *objects {
	return &objects{plan: p, counts: make([]uint64, len(p.Request.Collections)), table: -1, values: make([][]byte, len(p.Request.Attributes))}
}

func (o *objects) row(rows *spool.Rows, out *csvfile.Writer) (uint64, error) {
	if rows.Table() != o.table || !bytes.Equal(rows.Key(), o.id) {
		if err := o.end(out); err != nil {
			return 0, err
		}
		o.table, o.id, o.present = rows.Table(), append(o.id[:0], rows.Key()...), false
	}
	state, wire := record.State(rows.Value()[0]), rows.Value()[1:]
	if state != record.Present {
		o.present = false
		return 1, nil
	}
	if _, err := record.NextObject(wire, len(o.values), &o.record); err != nil {
		return 0, fault.Errorf(fault.Connector, "the connector sent the object %.100q of %q in a form that cannot be read: %w",
			o.id, o.plan.Request.Collections[o.table].Entity, err)
	}
	if !o.present {
		o.present = true
		o.clear()
	}
	o.take()
	return 1, nil
}

func (o *objects) clear() {
	o.setType(nil)
	for i := range o.values {
		o.values[i] = o.values[i][:0]
	}
}

// setType sets the type; nil is that of the collection.
func (o *objects) setType(typ []byte) {
	o.typ = append(o.typ[:0], o.plan.CSV.TypePrefix...)
	if typ == nil {
		o.typ = append(o.typ, o.plan.Request.Collections[o.table].Entity...)
	}
	o.typ = append(o.typ, typ...)
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
	}
}

// end writes the object, if there is one.
func (o *objects) end(out *csvfile.Writer) error {
	if !o.present {
		return nil
	}
	o.counts[o.table]++
	out.Field([]byte(insert))
	out.Field(o.typ)
	for _, c := range o.plan.columns {
		if c.From == FromID {
			out.Field(o.id)
		} else {
			out.Field(o.values[c.From])
		}
	}
	return out.EndRow()
}
