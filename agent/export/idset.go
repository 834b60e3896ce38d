package export

import (
	"hash/maphash"
	"slices"
)

// idSet is a set of ids in 8 bytes each: that two of them have the same hash is out of
// question. All are added, then it is sorted, then it may be asked by several goroutines.
type idSet struct {
	seed   maphash.Seed
	hashes []uint64
}

func newIDSet() *idSet { return &idSet{seed: maphash.MakeSeed()} }

func (s *idSet) add(id []byte) { s.hashes = append(s.hashes, maphash.Bytes(s.seed, id)) }

func (s *idSet) sort() { slices.Sort(s.hashes) }

func (s *idSet) has(id []byte) bool {
	_, found := slices.BinarySearch(s.hashes, maphash.Bytes(s.seed, id))
	return found
}
