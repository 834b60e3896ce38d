package store

import (
	"bytes"

	"go.etcd.io/bbolt"
)

// An entry of an overlay: one byte that says what it is, and the value if there is
// one. There is none for what is as the set file says.
const (
	deleted = 0
	present = 1
)

// overlayOf is the bucket of the changes of a set; nil if there are none.
func overlayOf(tx *bbolt.Tx, name string) *bbolt.Bucket {
	return tx.Bucket([]byte(overlayBucket)).Bucket([]byte(name))
}

// overlay reads the changes of a set in batches, so that no transaction stays open:
// one that does keeps a commit from growing the database.
type overlay struct {
	set  *Set
	from []byte // where the next batch begins
	done bool   // there is no next batch

	text []byte // keys and values of the batch, one after the other
	ends []int  // of each key and each value in text
	at   int    // the current one's position in ends
}

// The bounds of a batch.
const (
	batchEntries = 512
	batchBytes   = 64 << 10
)

// next goes to the next change.
func (o *overlay) next() (bool, error) {
	o.at += 2
	if o.at < len(o.ends) {
		return true, nil
	}
	if o.done {
		return false, nil
	}
	if err := o.fill(); err != nil {
		return false, err
	}
	return len(o.ends) > 0, nil
}

func (o *overlay) fill() error {
	o.text, o.ends, o.at = o.text[:0], o.ends[:0], 0
	return o.set.view(func(b *bbolt.Bucket) error {
		c := b.Cursor()
		k, v := c.Seek(o.from)
		for ; k != nil && len(o.ends) < 2*batchEntries && len(o.text) < batchBytes; k, v = c.Next() {
			if len(v) == 0 {
				return o.set.store.damaged("a change of the set " + o.set.name + " cannot be read")
			}
			o.text = append(o.text, k...)
			o.ends = append(o.ends, len(o.text))
			o.text = append(o.text, v...)
			o.ends = append(o.ends, len(o.text))
		}
		o.done = k == nil
		o.from = append(o.from[:0], k...)
		return nil
	})
}

func (o *overlay) key() []byte {
	start := 0
	if o.at > 0 {
		start = o.ends[o.at-1]
	}
	return o.text[start:o.ends[o.at]]
}

// entry is what stands in the overlay for the key.
func (o *overlay) entry() []byte { return o.text[o.ends[o.at]:o.ends[o.at+1]] }

// tallyOf counts what is in an overlay.
func tallyOf(b *bbolt.Bucket) tally {
	var t tally
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		t.add(k, v)
	}
	return t
}

// edit changes one key of a set in its overlay. base is the value in the set file if
// inBase, want the new entry.
func (s *set) edit(b *bbolt.Bucket, key, base []byte, inBase bool, want []byte) error {
	old := b.Get(key)
	was, is := inBase, want[0] == present
	if old != nil {
		was = old[0] == present
		s.Overlay.remove(key, old)
	}
	switch {
	case was && !is:
		s.Keys--
	case is && !was:
		s.Keys++
	}
	if is == inBase && (!is || bytes.Equal(want[1:], base)) { // it is as the file says
		if old == nil {
			return nil
		}
		return b.Delete(key)
	}
	s.Overlay.add(key, want)
	return b.Put(key, bytes.Clone(want)) // bbolt keeps the value until the transaction ends
}
