package export

import (
	"bytes"
	"encoding/binary"

	"github.com/usher-iga/usher/agent/export/csvfile"
	"github.com/usher-iga/usher/agent/spool"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// A row of links in the spool stands under the id of their owner. It begins with a byte
// that tells the collection of all targets: its position plus one; 0: not known. Then it
// holds, of each link, a varint, which is the length of the target's id doubled, plus one
// if the link was removed; then that id. Links of one owner come together, so these are
// few rows of many links: BenchmarkRun takes a third less time than with a row for
// each link, and half the memory holds as many.

// maxLinkRow is when a row of links is full, in bytes: small beside the buffers by
// which rows are read.
const maxLinkRow = 4 << 10

func appendLink(row, target []byte, removed bool) []byte {
	head := uint64(len(target)) << 1
	if removed {
		head |= 1
	}
	return append(binary.AppendUvarint(row, head), target...)
}

// nextLink splits row after its first link; ok is false if it holds none.
func nextLink(row []byte) (target []byte, removed bool, rest []byte, ok bool) {
	head, n := binary.Uvarint(row)
	if n <= 0 || head>>1 > uint64(len(row)-n) {
		return nil, false, nil, false
	}
	end := n + int(head>>1)
	return row[n:end], head&1 != 0, row[end:], true
}

// links folds what was said of each link into what was said last. What becomes of it
// in the file is for the keeper.
type links struct {
	keeper   *linkKeeper
	departed map[string]record.State // owners that a complete list says are not there: what it says of their links is void
	targets  *spool.Group            // of the owner, with whether they were removed and their collection

	owner   []byte // empty before the first row
	target  []byte
	of      byte // the collection of target, its position plus one; 0: not known
	removed bool // target
}

func (l *links) row(rows *spool.Rows, out *csvfile.Writer) (uint64, error) {
	if !bytes.Equal(rows.Key(), l.owner) {
		if err := l.finish(out); err != nil {
			return 0, err
		}
		l.owner = append(l.owner[:0], rows.Key()...)
	}
	of := rows.Value()[0]
	added, gone := []byte{0, of}, []byte{1, of}
	count := uint64(0)
	for row := rows.Value()[1:]; len(row) > 0; count++ {
		target, removed, rest, ok := nextLink(row)
		if !ok {
			return 0, fault.Errorf(fault.Internal, "the links of %.100q cannot be read from the spool", l.owner)
		}
		value := added
		if removed {
			value = gone
		}
		if err := l.targets.Add(target, value); err != nil {
			return 0, err
		}
		row = rest
	}
	return count, nil
}

// finish writes the links of the owner, if there is one.
func (l *links) finish(out *csvfile.Writer) error {
	if len(l.owner) == 0 {
		return nil
	}
	if _, isVoid := l.departed[string(l.owner)]; !isVoid {
		if err := l.write(out); err != nil {
			return err
		}
	}
	return l.targets.Reset()
}

func (l *links) write(out *csvfile.Writer) error {
	l.target = l.target[:0]
	err := l.targets.Each(func(target, said []byte) error {
		if !bytes.Equal(target, l.target) {
			if err := l.writeLink(out); err != nil {
				return err
			}
			l.target = append(l.target[:0], target...)
		}
		l.removed, l.of = said[0] != 0, said[1]
		return nil
	})
	if err != nil {
		return err
	}
	return l.writeLink(out)
}

func (l *links) writeLink(out *csvfile.Writer) error {
	if len(l.target) == 0 {
		return nil // there is none yet
	}
	return l.keeper.said(out, l.owner, l.target, l.of, l.removed)
}

func (l *links) end(out *csvfile.Writer) error {
	if err := l.finish(out); err != nil {
		return err
	}
	return l.keeper.end(out)
}
