// Package csvfile writes the CSV files of an export, by RFC 4180: rows end with CR
// LF, a field is quoted when it has to be, quotes are doubled, and nothing is
// trimmed or otherwise changed. UTF-8 without a byte order mark.
//
// It is written by hand because a tenant has hundreds of millions of fields:
// fields are appended to one buffer, and what goes to disk is hashed on the way.
package csvfile

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"github.com/usher-iga/usher/agent/durable"
)

// Sum says what is in a finished file.
type Sum struct {
	Rows   uint64 // without the header
	Bytes  uint64
	SHA256 string // in hex
}

// flushAt is how much is written at once.
const flushAt = 256 << 10

// Writer writes one file. End it by Commit or Discard. It is not safe for
// concurrent use.
type Writer struct {
	dialect *Dialect
	file    *durable.File
	hash    hash.Hash
	buffer  []byte
	inRow   bool // the row has a field already
	rows    uint64
	bytes   uint64
}

// Create starts a file with its header.
func Create(path string, dialect *Dialect, header ...string) (*Writer, error) {
	file, err := durable.Create(path)
	if err != nil {
		return nil, err
	}
	w := &Writer{dialect: dialect, file: file, hash: sha256.New(), buffer: make([]byte, 0, flushAt+flushAt/4)}
	for _, name := range header {
		w.Field([]byte(name))
	}
	w.endRow()
	return w, nil
}

// Field appends a field to the row.
func (w *Writer) Field(text []byte) {
	if w.inRow {
		w.buffer = append(w.buffer, w.dialect.delimiter...)
	}
	w.inRow = true
	w.buffer = w.dialect.appendField(w.buffer, text)
}

// Encoded appends fields that Encode has made, such as those with which several rows
// begin.
func (w *Writer) Encoded(fields []byte) {
	if w.inRow {
		w.buffer = append(w.buffer, w.dialect.delimiter...)
	}
	w.buffer = append(w.buffer, fields...)
	w.inRow = true
}

// EndRow ends the row.
func (w *Writer) EndRow() error {
	w.endRow()
	w.rows++
	if len(w.buffer) < flushAt {
		return nil
	}
	return w.flush()
}

func (w *Writer) endRow() {
	w.buffer = append(w.buffer, '\r', '\n')
	w.inRow = false
}

func (w *Writer) flush() error {
	w.hash.Write(w.buffer)
	w.bytes += uint64(len(w.buffer))
	_, err := w.file.Write(w.buffer)
	w.buffer = w.buffer[:0]
	return err
}

// Commit makes the file appear; it is safe from a power cut then.
func (w *Writer) Commit() (Sum, error) {
	if err := w.flush(); err != nil {
		return Sum{}, err
	}
	if err := w.file.Commit(); err != nil {
		return Sum{}, err
	}
	return Sum{Rows: w.rows, Bytes: w.bytes, SHA256: hex.EncodeToString(w.hash.Sum(nil))}, nil
}

// Discard gives the file up; after Commit it does nothing.
func (w *Writer) Discard() { w.file.Discard() }
