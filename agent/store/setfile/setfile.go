// Package setfile keeps a sorted set of keys, each with a small value, in a file
// that never changes once it is written.
//
// A file is a header, blocks of about 16 KiB, an index of the blocks and a footer;
// numbers are little-endian. A block holds its keys front-coded: each without the
// part that it shares with the key before. Every block is sealed with a CRC-32C that
// also covers the number of the file and of the block, so that no block can stand in
// for another. The index is small and read only to look something up; a scan needs
// nothing but a buffer of fixed size.
//
// What reads here believes nothing: a file that was changed or cut off gives a
// [Damage], never a wrong key.
package setfile

import (
	"encoding/binary"
	"hash/crc32"
)

// The limits of a file.
const (
	MaxKey   = 8 << 10 // bytes of a key; a key has at least one
	MaxValue = 256     // bytes of a value, which may be empty
)

const (
	magic      = "USHERSET"
	version    = 1
	headerSize = 8 + 4 + 8 // magic, version, number of the file

	blockTarget = 16 << 10
	blockHeader = 4 + 4 // length of the entries, number of entries
	blockSeal   = 4
	// maxEntries is what the entries of a block take at most: the last one may go
	// beyond the target, with three numbers in front.
	maxEntries = blockTarget + MaxKey + MaxValue + 3*binary.MaxVarintLen32
	maxBlock   = blockHeader + maxEntries + blockSeal

	// offset and length of the index, blocks, keys, CRC of the index, CRC of the
	// header and of the footer up to here.
	footerSize = 8 + 8 + 8 + 8 + 4 + 4
)

// Info is what the user of a file remembers of it. It tells one file from another.
type Info struct {
	Number uint64 `json:"number"` // given by who wrote it; never used for two files of one folder
	Keys   int64  `json:"keys"`
	Bytes  int64  `json:"bytes"` // size of the file
	Sum    uint32 `json:"sum"`   // checksum of the footer, which covers the index
}

// Damage says that a file is not what was written.
type Damage struct {
	Path string
	Why  string
}

// Error names the file and what is wrong with it.
func (d *Damage) Error() string { return "the file " + d.Path + " is damaged: " + d.Why }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal is the checksum of a block without its last four bytes.
func seal(number uint64, block int64, content []byte) uint32 {
	var place [16]byte
	binary.LittleEndian.PutUint64(place[:], number)
	binary.LittleEndian.PutUint64(place[8:], uint64(block))
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, content)
}

func header(number uint64) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(magic), version)
	return binary.LittleEndian.AppendUint64(b, number)
}

// common is how many bytes a and b agree in from the start.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if binary.LittleEndian.Uint64(a[i:]) != binary.LittleEndian.Uint64(b[i:]) {
			break
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
