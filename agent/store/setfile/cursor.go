package setfile

import (
	"bytes"
	"context"
)

// A Cursor reads blocks ahead: few at first, more as it goes on.
const (
	minWindow = 2 * maxBlock
	maxWindow = 8 * maxBlock
)

// Cursor goes through a file in the order of the keys, with a buffer of fixed size.
// It is used like bufio.Scanner, from one goroutine, and holds nothing that must be
// closed.
type Cursor struct {
	r       *Reader
	entries entries
	block   int64 // number of the next block
	at      int64 // where it begins
	buffer  []byte
	ahead   []byte // of buffer: what was read from at on
	size    int    // of the next window
	keys    int64  // so far
	err     error
}

// Cursor makes a cursor before the first key.
func (r *Reader) Cursor() *Cursor {
	return &Cursor{r: r, at: headerSize, size: minWindow}
}

// Next goes to the next key. It returns false at the end or after an error.
func (c *Cursor) Next() bool {
	for !c.entries.next() {
		if c.entries.bad {
			c.fail(c.r.damage("a block contradicts itself"))
		}
		if c.err != nil || !c.nextBlock() {
			return false
		}
	}
	c.keys++
	return true
}

// Key is the current key; a view, valid until Next.
func (c *Cursor) Key() []byte { return c.entries.key }

// Value is the value of the current key; a view, valid until Next.
func (c *Cursor) Value() []byte { return c.entries.value }

// Err is what ended the keys early, if anything did.
func (c *Cursor) Err() error { return c.err }

func (c *Cursor) fail(err error) {
	c.err = err
	c.entries.reset(nil, 0)
	c.entries.bad = false
}

// nextBlock opens the next block; false at the end or after an error.
func (c *Cursor) nextBlock() bool {
	if c.at >= c.r.indexAt {
		if c.block != c.r.blocks || c.keys != c.r.info.Keys {
			c.fail(c.r.damage("it does not hold the keys that were written"))
		}
		return false
	}
	if len(c.ahead) < maxBlock && int64(len(c.ahead)) < c.r.indexAt-c.at {
		if c.err = c.read(); c.err != nil {
			return false
		}
	}
	content, count, size, why := openBlock(c.r.info.Number, c.block, c.ahead)
	if why != "" {
		c.fail(c.r.damage("%s", why))
		return false
	}
	c.entries.reset(content, count)
	c.block, c.at, c.ahead = c.block+1, c.at+int64(size), c.ahead[size:]
	return true
}

// read fills the buffer up.
func (c *Cursor) read() error {
	size := int(min(int64(c.size), c.r.indexAt-c.at))
	buffer := c.buffer
	if cap(buffer) < size {
		buffer = make([]byte, size)
	}
	c.size = min(2*c.size, maxWindow)
	kept := copy(buffer[:size], c.ahead)
	c.buffer, c.ahead = buffer, buffer[:size]
	return c.r.readAt(c.ahead[kept:], c.at+int64(kept))
}

// checkEvery is after how many keys a long loop looks whether it is still wanted.
const checkEvery = 4096

// Verify reads the whole file and checks what a reader takes for granted: the order
// of the keys and that the index leads to each block.
func (r *Reader) Verify(ctx context.Context) error {
	r.mu.Lock()
	err := r.load()
	x := r.index
	r.mu.Unlock()
	if err != nil {
		return err
	}
	var last []byte
	c := r.Cursor()
	for block := int64(-1); c.Next(); last = append(last[:0], c.Key()...) {
		if c.keys%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if bytes.Compare(last, c.Key()) >= 0 && c.keys > 1 {
			return r.damage("its keys are not in order")
		}
		if c.block == block {
			continue
		}
		block = c.block
		i := int(block) - 1 // of the current block
		separator := x.separator(i)
		if x.offsets[i+1] != c.at || bytes.Compare(separator, c.Key()) > 0 || i > 0 && bytes.Compare(separator, last) <= 0 {
			return r.damage("its index does not fit its blocks")
		}
	}
	return c.Err()
}
