package setfile

import "encoding/binary"

// entries reads the entries of a block one by one.
type entries struct {
	rest  []byte
	key   []byte // of the current entry; kept, as the next one shares its beginning
	value []byte // of the current entry; a view of the block
	left  uint32 // entries in rest, as the block says
	bad   bool   // the block contradicts itself
}

// reset starts with the first entry of a block.
func (e *entries) reset(content []byte, count uint32) {
	e.rest, e.left, e.key, e.value = content, count, e.key[:0], nil
}

// next goes to the next entry. It returns false at the end of the block and sets bad
// if that comes where it must not.
func (e *entries) next() bool {
	b := e.rest
	if len(b) == 0 || e.left == 0 {
		e.bad = e.bad || len(b) > 0 || e.left > 0
		return false
	}
	var shared, fresh, size int
	if len(b) >= 3 && b[0]|b[1]|b[2] < 0x80 { // nearly all are like this
		shared, fresh, size = int(b[0]), int(b[1]), int(b[2])
		b = b[3:]
	} else {
		for _, n := range [...]*int{&shared, &fresh, &size} {
			v, width := binary.Uvarint(b)
			if width <= 0 || v > maxEntries {
				e.bad = true
				return false
			}
			*n, b = int(v), b[width:]
		}
	}
	if shared > len(e.key) || fresh+size > len(b) || shared+fresh == 0 || shared+fresh > MaxKey || size > MaxValue {
		e.bad = true
		return false
	}
	e.key = append(e.key[:shared], b[:fresh]...)
	e.value = b[fresh : fresh+size : fresh+size]
	e.rest = b[fresh+size:]
	e.left--
	return true
}

// openBlock checks a block that begins at b[0] and returns its entries, how many
// there are and the length of the block; why is what is wrong with it.
func openBlock(number uint64, block int64, b []byte) (content []byte, count uint32, size int, why string) {
	if len(b) < blockHeader+blockSeal {
		return nil, 0, 0, "a block is cut off"
	}
	length := int64(binary.LittleEndian.Uint32(b))
	if length > maxEntries || blockHeader+length+blockSeal > int64(len(b)) {
		return nil, 0, 0, "a block is cut off"
	}
	end := blockHeader + int(length)
	if binary.LittleEndian.Uint32(b[end:]) != seal(number, block, b[:end]) {
		return nil, 0, 0, "a block does not have the checksum that it was written with"
	}
	return b[blockHeader:end], binary.LittleEndian.Uint32(b[4:]), end + blockSeal, ""
}
