package setfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// cached is how many blocks a Reader keeps for Get.
const cached = 8

// Reader reads a file. Its methods may be called from several goroutines.
type Reader struct {
	path     string
	file     *os.File
	info     Info
	blocks   int64
	indexAt  int64
	indexLen int64
	indexSum uint32

	mu    sync.Mutex
	index *index // nil until it is needed
	cache [cached]cachedBlock
	turn  int // the next place of cache to be used anew
	found entries
}

// cachedBlock is a block that was read and found whole; the zero value is none.
type cachedBlock struct {
	buffer  []byte
	content []byte // of buffer
	count   uint32
	block   int64
}

// Open opens the file of which info is remembered. A file that is another one or
// cut off is a [Damage]. The blocks are checked when they are read.
func Open(path string, info Info) (*Reader, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Damage{path, "it is missing"}
	}
	if err != nil {
		return nil, durable.Fault(err, "read", path)
	}
	r := &Reader{path: path, file: file, info: info}
	if err := r.readFooter(); err != nil {
		file.Close()
		return nil, err
	}
	return r, nil
}

func (r *Reader) readFooter() error {
	stat, err := r.file.Stat()
	if err != nil {
		return durable.Fault(err, "read", r.path)
	}
	if stat.Size() != r.info.Bytes || stat.Size() < headerSize+footerSize {
		return r.damage("it has %d bytes; %d were written", stat.Size(), r.info.Bytes)
	}
	var head [headerSize]byte
	var footer [footerSize]byte
	if err := r.readAt(head[:], 0); err != nil {
		return err
	}
	if err := r.readAt(footer[:], r.info.Bytes-footerSize); err != nil {
		return err
	}
	sum := binary.LittleEndian.Uint32(footer[footerSize-4:])
	if !bytes.Equal(head[:], header(r.info.Number)) || sum != r.info.Sum ||
		sum != footerSum(r.info.Number, footer[:footerSize-4]) {
		return r.damage("it is not the file that was written")
	}
	r.indexAt = int64(binary.LittleEndian.Uint64(footer[:]))
	r.indexLen = int64(binary.LittleEndian.Uint64(footer[8:]))
	r.blocks = int64(binary.LittleEndian.Uint64(footer[16:]))
	keys := int64(binary.LittleEndian.Uint64(footer[24:]))
	r.indexSum = binary.LittleEndian.Uint32(footer[32:])
	if r.indexAt < headerSize || r.indexLen < 0 || r.indexLen > r.info.Bytes || r.blocks < 0 ||
		r.indexAt+r.indexLen+footerSize != r.info.Bytes || keys != r.info.Keys {
		return r.damage("its parts do not fit together")
	}
	return nil
}

// Close gives the file back; what still reads it fails. It may be called twice.
func (r *Reader) Close() error {
	err := r.file.Close()
	if errors.Is(err, fs.ErrClosed) {
		return nil
	}
	return durable.Fault(err, "close", r.path)
}

// Info is what is remembered of the file.
func (r *Reader) Info() Info { return r.info }

func (r *Reader) damage(why string, args ...any) error {
	return &Damage{r.path, fmt.Sprintf(why, args...)}
}

// readAt fills b from the file.
func (r *Reader) readAt(b []byte, offset int64) error {
	_, err := r.file.ReadAt(b, offset)
	switch {
	case errors.Is(err, io.EOF):
		return r.damage("it was cut off while it was in use")
	case errors.Is(err, fs.ErrClosed):
		return fault.Errorf(fault.Internal, "the file %s is read after it was given back", r.path)
	}
	return durable.Fault(err, "read", r.path)
}

// load reads the index where that was not done; mu is held.
func (r *Reader) load() error {
	if r.index != nil {
		return nil
	}
	b := make([]byte, r.indexLen)
	if err := r.readAt(b, r.indexAt); err != nil {
		return err
	}
	if crc32.Checksum(b, castagnoli) != r.indexSum {
		return r.damage("its index does not have the checksum that it was written with")
	}
	x, ok := parseIndex(b, r.blocks, r.indexAt)
	if !ok {
		return r.damage("its index contradicts itself")
	}
	r.index = x
	return nil
}

// Get returns a copy of the value of a key, and whether the key is there.
func (r *Reader) Get(key []byte) (value []byte, ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.load(); err != nil {
		return nil, false, err
	}
	block := r.index.find(key)
	if block < 0 {
		return nil, false, nil
	}
	b, err := r.block(int64(block))
	if err != nil {
		return nil, false, err
	}
	r.found.reset(b.content, b.count)
	for r.found.next() {
		switch c := bytes.Compare(r.found.key, key); {
		case c == 0:
			return bytes.Clone(r.found.value), true, nil
		case c > 0:
			return nil, false, nil
		}
	}
	if r.found.bad {
		return nil, false, r.damage("a block contradicts itself")
	}
	return nil, false, nil
}

// block gives a block from the cache or the file; mu is held.
func (r *Reader) block(block int64) (*cachedBlock, error) {
	for i := range r.cache {
		if c := &r.cache[i]; c.content != nil && c.block == block {
			return c, nil
		}
	}
	c := &r.cache[r.turn]
	r.turn = (r.turn + 1) % cached
	offset, size := r.index.offsets[block], int(r.index.offsets[block+1]-r.index.offsets[block])
	c.content, c.block = nil, block
	if cap(c.buffer) < size {
		c.buffer = make([]byte, size)
	}
	if err := r.readAt(c.buffer[:size], offset); err != nil {
		return nil, err
	}
	content, count, length, why := openBlock(r.info.Number, block, c.buffer[:size])
	if why != "" || length != size {
		return nil, r.damage("%s", cmp.Or(why, "a block is shorter than the index says"))
	}
	c.content, c.count = content, count
	return c, nil
}
