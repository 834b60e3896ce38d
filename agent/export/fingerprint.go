package export

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// marks are a set of attributes, of which every sixteenth shares a bit.
type marks uint16

func (m *marks) add(attribute int) { *m |= 1 << (attribute % 16) }

// fingerprint is what is kept of the row of an object: six bytes of SHA-256 of it without
// its command, and in two more the attributes that were not empty. An object has few states
// in its life, so two of the same six bytes are out of question.
type fingerprint [8]byte

const rowBytes = 6

func newFingerprint(row []byte, filled marks) (f fingerprint) {
	sum := sha256.Sum256(row)
	copy(f[:rowBytes], sum[:])
	binary.BigEndian.PutUint16(f[rowBytes:], uint16(filled))
	return f
}

// sameRow reports whether two fingerprints, as the store keeps them, are of one row.
func sameRow(a, b []byte) bool {
	return bytes.Equal(a[:min(len(a), rowBytes)], b[:min(len(b), rowBytes)])
}

// filledIn gives the attributes that were not empty in the row of a fingerprint, as the
// store keeps it.
func filledIn(kept []byte) marks {
	if len(kept) != len(fingerprint{}) {
		return 0
	}
	return marks(binary.BigEndian.Uint16(kept[rowBytes:]))
}
