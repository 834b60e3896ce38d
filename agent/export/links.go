package export

import (
	"bytes"

	"github.com/usher-iga/usher/agent/export/csvfile"
	"github.com/usher-iga/usher/agent/export/spool"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// links folds the rows of each link into what was said last: a row of the file, or
// none if it was removed or its owner is gone.
type links struct {
	departed *departed // nil: no owner was removed

	key       []byte // owner, zero, target
	owner     int    // length of the owner in key; 0 before the first row
	ownerGone bool
	removed   bool
}

func (l *links) row(rows *spool.Rows, out *csvfile.Writer) error {
	if key := rows.Key(); !bytes.Equal(key, l.key) {
		if err := l.end(out); err != nil {
			return err
		}
		if l.owner == 0 || !bytes.HasPrefix(key, l.key[:l.owner+1]) {
			l.owner = bytes.IndexByte(key, 0)
			if err := l.meet(key[:l.owner]); err != nil {
				return err
			}
		}
		l.key = append(l.key[:0], key...)
	}
	l.removed = rows.Value()[0] == linkRemoved
	return nil
}

// meet looks up a new owner.
func (l *links) meet(owner []byte) (err error) {
	if l.departed != nil {
		l.ownerGone, err = l.departed.has(owner)
	}
	return err
}

// end writes the link, if there is one.
func (l *links) end(out *csvfile.Writer) error {
	if l.owner == 0 || l.removed || l.ownerGone {
		return nil
	}
	out.Field([]byte(insert))
	out.Field(l.key[:l.owner])
	out.Field(l.key[l.owner+1:])
	return out.EndRow()
}

// departed tells which objects of a collection were there no more in the end.
type departed struct {
	rows *spool.Rows
	more bool
}

func newDeparted(rows *spool.Rows) *departed { return &departed{rows: rows, more: rows.Next()} }

// has reports whether the object departed. Ids must be asked in ascending order.
func (d *departed) has(id []byte) (bool, error) {
	gone := false
	for d.more {
		c := bytes.Compare(d.rows.Key(), id)
		if c > 0 {
			break
		}
		if c == 0 {
			gone = record.State(d.rows.Value()[0]) != record.Present
		}
		d.more = d.rows.Next()
	}
	return gone, d.rows.Err()
}
