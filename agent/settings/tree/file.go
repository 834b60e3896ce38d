package tree

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

// File is the text of one file: UTF-8 without a byte order mark. It is not for several goroutines.
type File struct {
	layer, name string
	data        []byte
	lines       []int // offsets at which lines start

	// The last place that was asked for. Readers ask from start to end, so that counting on from
	// here keeps a file of one very long line from taking quadratic time.
	lastOffset int
	last       Origin
}

// NewFile takes the bytes of a file and the layer and the path to be told as the origin of what
// stands in it. If they are no text that can be read it reports so and returns nil.
func NewFile(layer, name string, data []byte, r *Report) *File {
	f := &File{layer: layer, name: name, data: bytes.TrimPrefix(data, []byte("\ufeff")), lines: []int{0}}
	for i, b := range f.data {
		if b == '\n' {
			f.lines = append(f.lines, i+1)
		}
	}
	whole := Origin{Layer: layer, File: name, Line: 1, Column: 1}
	switch {
	case len(data) > maxSource:
		r.Invalid(whole, "the file is larger than %d MiB", maxSource>>20).
			WithHint("Check that this is the right file")
		return nil
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}), bytes.HasPrefix(data, []byte{0xFE, 0xFF}),
		bytes.IndexByte(data[:min(len(data), 4)], 0) >= 0:
		r.Invalid(whole, "the file is saved as UTF-16").WithHint("Save it as UTF-8")
		return nil
	}
	if at := invalidUTF8(f.data); at >= 0 {
		r.Invalid(f.At(at), "the file is not UTF-8 from here on").WithHint("Save it as UTF-8")
		return nil
	}
	return f
}

// ReadFile reads a file. Without one it returns nil and fs.ErrNotExist; all other trouble it
// reports, and returns nil.
func ReadFile(layer, name string, r *Report) (*File, error) {
	data, err := Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		at := Origin{Layer: layer, File: name}
		r.Add(at, fault.Errorf(fault.Storage, "%s: cannot read the file: %w", at, Bare(err))).
			WithHint("Let the account that runs usher read the file")
		return nil, nil
	}
	return NewFile(layer, name, data, r), nil
}

// Read reads a file that an admin wrote, up to one byte more than such a file may have.
func Read(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSource+1))
	return data, errors.Join(err, file.Close())
}

// Bare takes the path off a file error, because messages start with it.
func Bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// Text is what stands in the file.
func (f *File) Text() []byte { return f.data }

// At tells the place of an offset, which is where a character starts.
func (f *File) At(offset int) Origin {
	offset = min(offset, len(f.data))
	line, found := slices.BinarySearch(f.lines, offset)
	if !found {
		line--
	}
	from, column := f.lines[line], 1
	if f.last.Line == line+1 && f.lastOffset <= offset {
		from, column = f.lastOffset, f.last.Column
	}
	column += utf8.RuneCount(f.data[from:offset])
	f.lastOffset, f.last = offset, Origin{Layer: f.layer, File: f.name, Line: line + 1, Column: column}
	return f.last
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
