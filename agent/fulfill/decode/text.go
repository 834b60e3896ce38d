package decode

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxOrder is how long the text of one order may be, in bytes: it is in memory as a whole. It has
// room for about a hundred thousand links.
const maxOrder = 16 << 20

// errTooLong is what reading on beyond maxOrder ends with.
var errTooLong = errors.New("too long")

// place is a line and a column in characters, both from 1.
type place struct{ line, column int }

// text hands the bytes of an input on to a decoder and counts lines and columns behind it,
// however long the input is.
type text struct {
	in    io.Reader
	ahead []byte // what was handed on beyond offset
	place place  // of offset
	// offset is how far the decoder has come, begin where the order that is read begins.
	offset, begin int64
}

// errEncoding is a text in another encoding than UTF-8.
var errEncoding = errors.New("not UTF-8")

// newText takes a byte order mark off. Errors are errEncoding and those of in.
func newText(in io.Reader) (*text, error) {
	buffered := bufio.NewReaderSize(in, 64<<10)
	head, err := buffered.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{0xFE, 0xFF}), bytes.IndexByte(head, 0) >= 0:
		return nil, errEncoding
	case bytes.HasPrefix(head, []byte("\ufeff")):
		_, _ = buffered.Discard(len("\ufeff")) // it is there
	}
	return &text{in: buffered, place: place{1, 1}}, nil
}

// Read is [io.Reader] for the decoder.
func (t *text) Read(p []byte) (int, error) {
	if t.offset+int64(len(t.ahead))-t.begin > maxOrder {
		return 0, errTooLong
	}
	n, err := t.in.Read(p)
	t.ahead = append(t.ahead, p[:n]...)
	return n, err
}

// advance goes on to an offset that the decoder has reached.
func (t *text) advance(offset int64) {
	n := int(offset - t.offset)
	t.place, t.offset, t.ahead = t.at(n), offset, t.ahead[n:]
}

// at is the place n bytes ahead, or that of the end of what was handed on.
func (t *text) at(n int) place {
	p := t.place
	for _, b := range t.ahead[:min(n, len(t.ahead))] {
		switch {
		case b == '\n':
			p = place{p.line + 1, 1}
		case b&0xC0 != 0x80: // not the second or a later byte of a character
			p.column++
		}
	}
	return p
}

// next is the place where the next token begins, if that was handed on.
func (t *text) next() place {
	n := 0
	for n < len(t.ahead) && bytes.IndexByte([]byte(" \t\r\n,:"), t.ahead[n]) >= 0 {
		n++
	}
	return t.at(n)
}
