package setfile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// writeBuffer is how many bytes are collected for one write.
const writeBuffer = 128 << 10

// Writer writes one file. It is not safe for concurrent use. End it by Commit or
// Discard.
type Writer struct {
	path string
	file *durable.File
	out  *bufio.Writer
	info Info
	at   int64 // offset of the block that is being filled

	block   []byte // with its header
	entries uint32 // in block
	blocks  int64
	last    []byte // key

	index     []byte
	separator []byte // the last one in index
}

// Create starts a file, which appears at Commit. Its folder must exist. number tells
// it from all other files of the folder.
func Create(path string, number uint64) (*Writer, error) {
	file, err := durable.Create(path)
	if err != nil {
		return nil, err
	}
	w := &Writer{
		path: path, file: file, out: bufio.NewWriterSize(file, writeBuffer), info: Info{Number: number},
		at: headerSize, block: make([]byte, blockHeader, maxBlock),
	}
	if _, err := w.out.Write(header(number)); err != nil {
		w.Discard()
		return nil, err
	}
	return w, nil
}

// Keys is the number of keys added.
func (w *Writer) Keys() int64 { return w.info.Keys }

// Add appends a key and its value, which are copied. Keys must come in ascending
// order, each once; anything else is fault.Internal. After an error the file can
// only be discarded.
func (w *Writer) Add(key, value []byte) error {
	if err := w.check(key, value); err != nil {
		return err
	}
	shared := common(w.last, key)
	if w.entries == 0 {
		w.startBlock(key, shared)
		shared = 0
	}
	b := binary.AppendUvarint(w.block, uint64(shared))
	b = binary.AppendUvarint(b, uint64(len(key)-shared))
	b = binary.AppendUvarint(b, uint64(len(value)))
	b = append(b, key[shared:]...)
	b = append(b, value...)
	w.block = b
	w.entries++
	w.info.Keys++
	w.last = append(w.last[:0], key...)
	if len(w.block) >= blockHeader+blockTarget {
		return w.endBlock()
	}
	return nil
}

func (w *Writer) check(key, value []byte) error {
	switch {
	case len(key) == 0 || len(key) > MaxKey:
		return fault.Errorf(fault.Internal, "write %s: a key of %d bytes", w.path, len(key))
	case len(value) > MaxValue:
		return fault.Errorf(fault.Internal, "write %s: a value of %d bytes", w.path, len(value))
	case bytes.Compare(w.last, key) >= 0:
		return fault.Errorf(fault.Internal, "write %s: the key %.100q comes after %.100q", w.path, key, w.last)
	}
	return nil
}

// startBlock puts into the index where the block begins: the shortest text that is
// greater than the last key and not greater than this one, which shares that many
// bytes with it.
func (w *Writer) startBlock(key []byte, shared int) {
	separator := key[:shared+1]
	if w.blocks == 0 {
		separator = nil // nothing is before
	}
	known := common(w.separator, separator)
	w.index = binary.AppendUvarint(w.index, uint64(known))
	w.index = binary.AppendUvarint(w.index, uint64(len(separator)-known))
	w.index = append(w.index, separator[known:]...)
	w.separator = append(w.separator[:0], separator...)
}

// endBlock writes the block and its length into the index.
func (w *Writer) endBlock() error {
	binary.LittleEndian.PutUint32(w.block, uint32(len(w.block)-blockHeader))
	binary.LittleEndian.PutUint32(w.block[4:], w.entries)
	w.block = binary.LittleEndian.AppendUint32(w.block, seal(w.info.Number, w.blocks, w.block))
	w.index = binary.AppendUvarint(w.index, uint64(len(w.block)))
	if _, err := w.out.Write(w.block); err != nil {
		return err
	}
	w.at += int64(len(w.block))
	w.blocks++
	w.block, w.entries = w.block[:blockHeader], 0
	return nil
}

// Commit makes the file appear, safe from a power cut. It may be called once.
func (w *Writer) Commit() (Info, error) {
	if w.entries > 0 {
		if err := w.endBlock(); err != nil {
			return Info{}, err
		}
	}
	footer := binary.LittleEndian.AppendUint64(nil, uint64(w.at))
	footer = binary.LittleEndian.AppendUint64(footer, uint64(len(w.index)))
	footer = binary.LittleEndian.AppendUint64(footer, uint64(w.blocks))
	footer = binary.LittleEndian.AppendUint64(footer, uint64(w.info.Keys))
	footer = binary.LittleEndian.AppendUint32(footer, crc32.Checksum(w.index, castagnoli))
	w.info.Sum = footerSum(w.info.Number, footer)
	footer = binary.LittleEndian.AppendUint32(footer, w.info.Sum)
	w.info.Bytes = w.at + int64(len(w.index)) + footerSize
	for _, part := range [][]byte{w.index, footer} {
		if _, err := w.out.Write(part); err != nil {
			return Info{}, err
		}
	}
	if err := w.out.Flush(); err != nil {
		return Info{}, err
	}
	return w.info, w.file.Commit()
}

// footerSum seals the header and the footer together.
func footerSum(number uint64, footer []byte) uint32 {
	return crc32.Update(crc32.Checksum(header(number), castagnoli), castagnoli, footer)
}

// Discard gives the file up. After Commit or Discard it does nothing.
func (w *Writer) Discard() { w.file.Discard() }
