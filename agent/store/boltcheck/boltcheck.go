// Package boltcheck looks whether a file of bbolt is sound before bbolt opens it.
//
// bbolt has no checksums but for its two meta pages and believes the rest: a damaged
// page makes it panic, read beyond the file, run in circles, use up all memory or miss
// a key, and its own check does the same. Here nothing is believed and nothing is
// mapped into memory: after Check has found nothing, each page is used once, elements
// lie within their page, and keys are in order. Values may still be damaged.
//
// The format is that of bbolt's package internal/common, version 2, which has not
// changed since 2014.
package boltcheck

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"github.com/usher-iga/usher/agent/durable"
)

// order is that of the machine: bbolt writes its structures as they are in memory.
var order = binary.NativeEndian

const (
	headerSize  = 16 // of a page: id, flags, count, overflow
	elementSize = 16 // of a branch or a leaf
	bucketSize  = 16 // root page and sequence, before an inline page

	branchPage   = 0x01
	leafPage     = 0x02
	metaPage     = 0x04
	freelistPage = 0x10
	bucketFlag   = 0x01 // of an element of a leaf

	noFreelist = ^uint64(0)
	largeCount = 0xFFFF // of a freelist: the count is in its first element
)

// Check reads the file at path. why is what is wrong with it, "" if nothing is; err is
// that it could not be read. Nobody may write to the file meanwhile.
func Check(path string) (why string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", durable.Fault(err, "read", path)
	}
	defer file.Close()
	err = check(file)
	if d, ok := errors.AsType[damage](err); ok {
		return string(d), nil
	}
	return "", durable.Fault(err, "read", path)
}

// damage is what is wrong with a file.
type damage string

func (d damage) Error() string { return string(d) }

func damaged(format string, args ...any) error { return damage(fmt.Sprintf(format, args...)) }

func check(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	m, err := newestMeta(file, info.Size())
	if err != nil {
		return err
	}
	if m.pages < 2 || m.pages > uint64(info.Size())/m.pageSize {
		return damaged("it is cut off")
	}
	c := &checker{file: file, meta: m, used: make([]bool, m.pages), pending: []subtree{{page: m.root}}}
	c.used[0], c.used[1] = true, true
	for len(c.pending) > 0 {
		next := c.pending[len(c.pending)-1]
		c.pending = c.pending[:len(c.pending)-1]
		if err := c.tree(next); err != nil {
			return err
		}
	}
	return c.freelist()
}

// meta is the content of a meta page.
type meta struct {
	pageSize uint64
	root     uint64
	freelist uint64
	pages    uint64 // in use
	tx       uint64
}

const (
	metaMagic   = 0xED0CDAED
	metaVersion = 2
	metaSize    = 64
	metaSummed  = 56 // before the checksum
)

// newestMeta finds the meta page that bbolt uses: of the two first pages the one with
// the later transaction that is whole. Where the second one is depends on the size of
// a page.
func newestMeta(file *os.File, size int64) (meta, error) {
	var newest meta
	found := false
	for at := int64(0); at < size && at <= 1<<24; at = max(1024, 2*at) {
		var b [headerSize + metaSize]byte
		if _, err := file.ReadAt(b[:], at); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return meta{}, err
		}
		m, ok := parseMeta(b[headerSize:])
		if !ok || at > 0 && int64(m.pageSize) != at {
			continue
		}
		if page := uint64(min(at, 1)); order.Uint64(b[:]) != page || order.Uint16(b[8:]) != metaPage {
			return meta{}, damaged("page %d is not what it should be", page)
		}
		if !found || m.tx > newest.tx {
			newest, found = m, true
		}
	}
	if !found {
		return meta{}, damaged("neither of its first two pages is whole")
	}
	return newest, nil
}

func parseMeta(b []byte) (meta, bool) {
	sum := fnv.New64a()
	sum.Write(b[:metaSummed])
	m := meta{
		pageSize: uint64(order.Uint32(b[8:])), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]),
		pages: order.Uint64(b[40:]), tx: order.Uint64(b[48:]),
	}
	return m, order.Uint32(b) == metaMagic && order.Uint32(b[4:]) == metaVersion &&
		order.Uint64(b[metaSummed:]) == sum.Sum64() && m.pageSize >= 1024 && m.pageSize <= 1<<24
}

// checker goes through a file page by page.
type checker struct {
	file    *os.File
	meta    meta
	used    []bool // pages that something refers to
	pending []subtree
	buffer  []byte
}

// subtree is a page and what its keys may be.
type subtree struct {
	page     uint64
	min, max []byte // nil: no bound; max itself is out of bounds
}

// page reads a page with those that belong to it, to which nothing else may refer.
// The content is valid until the next page is read.
func (c *checker) page(id uint64) ([]byte, error) {
	if id >= c.meta.pages {
		return nil, damaged("a page refers to page %d, which there is not", id)
	}
	at := int64(id * c.meta.pageSize)
	var header [headerSize]byte
	if _, err := c.file.ReadAt(header[:], at); err != nil {
		return nil, err
	}
	last := id + uint64(order.Uint32(header[12:]))
	if order.Uint64(header[:]) != id || last >= c.meta.pages {
		return nil, damaged("page %d is not what it should be", id)
	}
	for n := id; n <= last; n++ {
		if c.used[n] {
			return nil, damaged("page %d is used twice", n)
		}
		c.used[n] = true
	}
	size := int((last - id + 1) * c.meta.pageSize)
	if cap(c.buffer) < size {
		c.buffer = make([]byte, size)
	}
	_, err := c.file.ReadAt(c.buffer[:size], at)
	return c.buffer[:size], err
}

// tree checks a page of keys and puts the pages below it to the pending ones.
func (c *checker) tree(t subtree) error {
	b, err := c.page(t.page)
	if err != nil {
		return err
	}
	switch flags := order.Uint16(b[8:]); flags {
	case branchPage:
		return c.branch(b, t)
	case leafPage:
		return c.leaf(b, t, true)
	default:
		return damaged("page %d is of the unknown kind %#x", t.page, flags)
	}
}

func (c *checker) branch(b []byte, t subtree) error {
	count := int(order.Uint16(b[10:]))
	if count == 0 {
		return damaged("page %d is empty", t.page)
	}
	for i := range count {
		at := headerSize + i*elementSize
		if at+elementSize > len(b) {
			return damaged("page %d is too full", t.page)
		}
		key, ok := slice(b, count, at, order.Uint32(b[at:]), order.Uint32(b[at+4:]))
		if !ok {
			return damaged("page %d has an element beyond its end", t.page)
		}
		key = bytes.Clone(key)
		if i > 0 {
			c.pending[len(c.pending)-1].max = key
		}
		if !t.holds(key) || i > 0 && bytes.Compare(c.pending[len(c.pending)-1].min, key) >= 0 {
			return damaged("the keys of page %d are not in order", t.page)
		}
		c.pending = append(c.pending, subtree{page: order.Uint64(b[at+8:]), min: key, max: t.max})
	}
	return nil
}

// holds reports whether a key may be in the subtree.
func (t subtree) holds(key []byte) bool {
	return bytes.Compare(t.min, key) <= 0 && (t.max == nil || bytes.Compare(key, t.max) < 0)
}

// leaf checks a page of keys and values, or, if not whole, one that is the value of a
// bucket.
func (c *checker) leaf(b []byte, t subtree, whole bool) error {
	count := int(order.Uint16(b[10:]))
	var last []byte
	for i := range count {
		at := headerSize + i*elementSize
		if at+elementSize > len(b) {
			return damaged("page %d is too full", t.page)
		}
		position, keySize, valueSize := order.Uint32(b[at+4:]), order.Uint32(b[at+8:]), order.Uint32(b[at+12:])
		key, ok := slice(b, count, at, position, keySize)
		value, fits := slice(b, count, at, position+keySize, valueSize)
		if !ok || !fits {
			return damaged("page %d has an element beyond its end", t.page)
		}
		if !t.holds(key) || i > 0 && bytes.Compare(last, key) >= 0 {
			return damaged("the keys of page %d are not in order", t.page)
		}
		last = key
		switch flags := order.Uint32(b[at:]); flags {
		case 0:
		case bucketFlag:
			if err := c.bucket(value, t.page, whole); err != nil {
				return err
			}
		default:
			return damaged("page %d has an element of the unknown kind %#x", t.page, flags)
		}
	}
	return nil
}

// bucket checks the value that stands for a bucket on a page.
func (c *checker) bucket(value []byte, page uint64, whole bool) error {
	if len(value) < bucketSize || !whole { // an inline bucket has no buckets in it
		return damaged("page %d has a bucket that is none", page)
	}
	if root := order.Uint64(value); root != 0 {
		c.pending = append(c.pending, subtree{page: root})
		return nil
	}
	inline := value[bucketSize:]
	if len(inline) < headerSize || order.Uint16(inline[8:]) != leafPage {
		return damaged("page %d has a bucket that is none", page)
	}
	return c.leaf(inline, subtree{page: page}, false)
}

// slice gives what an element at an offset refers to, behind all elements.
func slice(b []byte, elements, at int, position, size uint32) ([]byte, bool) {
	start := at + int(position)
	end := start + int(size)
	if start < headerSize+elements*elementSize || end > len(b) {
		return nil, false
	}
	return b[start:end], true
}

// freelist checks the list of free pages: none of them may be in use.
func (c *checker) freelist() error {
	if c.meta.freelist == noFreelist {
		return nil
	}
	b, err := c.page(c.meta.freelist)
	if err != nil {
		return err
	}
	if order.Uint16(b[8:]) != freelistPage {
		return damaged("the list of free pages is none")
	}
	ids, count := b[headerSize:], uint64(order.Uint16(b[10:]))
	if count == largeCount {
		count, ids = order.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids))/8 {
		return damaged("the list of free pages goes beyond its end")
	}
	for i := range count {
		id := order.Uint64(ids[8*i:])
		if id >= c.meta.pages || c.used[id] {
			return damaged("page %d is in use and free", id)
		}
		c.used[id] = true
	}
	return nil
}
