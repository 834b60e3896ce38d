package setfile

import (
	"encoding/binary"
	"hash/crc32"
)

// Forge makes a file of one block, with right checksums whatever it holds.
func Forge(entries []byte, count uint32, index []byte, keys int64) ([]byte, Info) {
	const number = 7
	block := binary.LittleEndian.AppendUint32(nil, uint32(len(entries)))
	block = append(binary.LittleEndian.AppendUint32(block, count), entries...)
	block = binary.LittleEndian.AppendUint32(block, seal(number, 0, block))
	content := append(header(number), block...)
	footer := binary.LittleEndian.AppendUint64(nil, uint64(len(content)))
	footer = binary.LittleEndian.AppendUint64(footer, uint64(len(index)))
	footer = binary.LittleEndian.AppendUint64(footer, 1)
	footer = binary.LittleEndian.AppendUint64(footer, uint64(keys))
	footer = binary.LittleEndian.AppendUint32(footer, crc32.Checksum(index, castagnoli))
	sum := footerSum(number, footer)
	content = append(content, index...)
	content = append(content, binary.LittleEndian.AppendUint32(footer, sum)...)
	return content, Info{Number: number, Keys: keys, Bytes: int64(len(content)), Sum: sum}
}
