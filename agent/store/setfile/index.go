package setfile

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"
)

// index tells which block of a file may hold a key.
type index struct {
	text    []byte  // the separators, one after the other
	ends    []int   // of each separator in text
	offsets []int64 // of each block, and where the last one ends
}

// parseIndex reads the index as it stands in a file; false if it contradicts itself.
func parseIndex(b []byte, blocks, end int64) (*index, bool) {
	if blocks > int64(len(b)) { // each block takes more than a byte
		return nil, false
	}
	x := &index{ends: make([]int, 0, blocks), offsets: append(make([]int64, 0, blocks+1), headerSize)}
	last := 0 // where the separator before begins
	for range blocks {
		var n [3]int // shared, fresh, length of the block
		for i := range n {
			v, width := binary.Uvarint(b)
			if width <= 0 || v > maxBlock {
				return nil, false
			}
			n[i], b = int(v), b[width:]
			if i == 1 {
				if n[0] > len(x.text)-last || n[1] > len(b) {
					return nil, false
				}
				start := len(x.text)
				x.text = append(x.text, x.text[last:last+n[0]]...)
				x.text = append(x.text, b[:n[1]]...)
				b, last = b[n[1]:], start
			}
		}
		x.ends = append(x.ends, len(x.text))
		x.offsets = append(x.offsets, x.offsets[len(x.offsets)-1]+int64(n[2]))
	}
	x.text = slices.Clip(x.text)
	return x, len(b) == 0 && x.offsets[blocks] == end
}

func (x *index) separator(block int) []byte {
	start := 0
	if block > 0 {
		start = x.ends[block-1]
	}
	return x.text[start:x.ends[block]]
}

// find returns the block that holds key if any does; -1 if there are no blocks.
func (x *index) find(key []byte) int {
	return sort.Search(len(x.ends), func(i int) bool { return bytes.Compare(x.separator(i), key) > 0 }) - 1
}
