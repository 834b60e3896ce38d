package spool

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// sorter sorts the rows of blocks by key, equal keys in the order of the blocks.
//
// It compares eight bytes of the keys at a time, which it holds beside the position
// of the row, and goes on to the next eight only among rows that agree so far: keys
// with long common beginnings cost little.
type sorter struct {
	blocks  [][]byte
	entries []entry
}

type entry struct {
	part   uint64 // eight bytes of the key, those that are compared now
	block  uint32
	offset uint32
}

// deep is how far into the keys parts are compared; what agrees up to there is
// compared whole.
const deep = 1 << 10

// load sorts the rows of blocks.
func (s *sorter) load(blocks [][]byte) {
	s.locate(blocks)
	s.sort(s.entries, 0)
}

// locate finds the rows of blocks.
func (s *sorter) locate(blocks [][]byte) {
	s.blocks, s.entries = blocks, s.entries[:0]
	for i, b := range blocks {
		for at := 0; at < len(b); {
			s.entries = append(s.entries, entry{block: uint32(i), offset: uint32(at)})
			at += rowHeader + int(binary.LittleEndian.Uint32(b[at:])) + int(binary.LittleEndian.Uint32(b[at+4:]))
		}
	}
}

func (s *sorter) key(e entry) []byte {
	b := s.blocks[e.block][e.offset:]
	return b[rowHeader:][:binary.LittleEndian.Uint32(b)]
}

// sort sorts entries whose keys agree in their first depth bytes.
func (s *sorter) sort(entries []entry, depth int) {
	for i := range entries {
		key := s.key(entries[i])
		if len(key) < depth || depth > deep {
			// A key has ended, and zeros stood for the rest of it: look at all of them.
			slices.SortFunc(entries, s.compare)
			return
		}
		entries[i].part = part(key[depth:])
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.part, b.part) })
	for len(entries) > 0 {
		same := 1
		for same < len(entries) && entries[same].part == entries[0].part {
			same++
		}
		if same > 1 {
			s.sort(entries[:same], depth+8)
		}
		entries = entries[same:]
	}
}

// part is the first eight bytes as a number that sorts like them.
func part(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}

func (s *sorter) compare(a, b entry) int {
	return cmp.Or(bytes.Compare(s.key(a), s.key(b)), cmp.Compare(a.block, b.block), cmp.Compare(a.offset, b.offset))
}

// each calls fn for each row, as views.
func (s *sorter) each(fn func(key, value []byte) error) error {
	for _, e := range s.entries {
		b := s.blocks[e.block][e.offset:]
		end := rowHeader + binary.LittleEndian.Uint32(b)
		if err := fn(b[rowHeader:end], b[end:end+binary.LittleEndian.Uint32(b[4:])]); err != nil {
			return err
		}
	}
	return nil
}
