package settings

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// maxSource bounds a file of settings; a longer one is surely another file.
const maxSource = 16 << 20

// source is the text of one file, always UTF-8 without a byte order mark.
type source struct {
	layer, file string
	data        []byte
	lines       []int // offsets at which lines start

	// The last place that was asked for. Readers ask from start to end, so that counting on from
	// here keeps a file of one very long line from taking quadratic time.
	lastOffset int
	last       Origin
}

// newSource takes the bytes of a file. If they are no text that can be read it reports so and
// returns nil.
func newSource(layer, file string, data []byte, r *report) *source {
	s := &source{layer: layer, file: file, data: bytes.TrimPrefix(data, []byte("\ufeff")), lines: []int{0}}
	for i, b := range s.data {
		if b == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	whole := Origin{Layer: layer, File: file, Line: 1, Column: 1}
	switch {
	case len(data) > maxSource:
		r.invalid(whole, "the file is larger than %d MiB", maxSource>>20).
			WithHint("Check that this is the right file")
		return nil
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}), bytes.HasPrefix(data, []byte{0xFE, 0xFF}),
		bytes.IndexByte(data[:min(len(data), 4)], 0) >= 0:
		r.invalid(whole, "the file is saved as UTF-16").WithHint("Save it as UTF-8")
		return nil
	}
	if at := invalidUTF8(s.data); at >= 0 {
		r.invalid(s.at(at), "the file is not UTF-8 from here on").WithHint("Save it as UTF-8")
		return nil
	}
	return s
}

// readSource reads a file. Without one it returns nil and fs.ErrNotExist; all other trouble it
// reports, and returns nil.
func readSource(layer, file string, r *report) (*source, error) {
	data, err := readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		at := Origin{Layer: layer, File: file}
		r.add(at, fault.Errorf(fault.Storage, "%s: cannot read the file: %w", at, bare(err))).
			WithHint("Let the account that runs usher read the file")
		return nil, nil
	}
	return newSource(layer, file, data, r), nil
}

// readFile reads a file up to one byte more than is allowed.
func readFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSource+1))
	return data, errors.Join(err, file.Close())
}

// bare takes the path off a file error, because messages start with it.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// at tells the place of an offset, which is where a character starts.
func (s *source) at(offset int) Origin {
	offset = min(offset, len(s.data))
	line, found := slices.BinarySearch(s.lines, offset)
	if !found {
		line--
	}
	from, column := s.lines[line], 1
	if s.last.Line == line+1 && s.lastOffset <= offset {
		from, column = s.lastOffset, s.last.Column
	}
	column += utf8.RuneCount(s.data[from:offset])
	s.lastOffset, s.last = offset, Origin{Layer: s.layer, File: s.file, Line: line + 1, Column: column}
	return s.last
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
