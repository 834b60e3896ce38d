package spool

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/usher-iga/usher/agent/durable"
)

// run is a file of sorted rows. Each row is three numbers as varints: how many
// bytes of its key are those of the row before, how many follow, and the length of
// the value; then the rest of the key and the value. Runs never outlive the
// process, so nothing is synced and the format has no version.
type run struct {
	path  string
	level int // 0: from memory; else merged from runs of the level below
}

const (
	runBuffer    = 256 << 10
	maxRowHeader = 3 * binary.MaxVarintLen64
	maxRow       = 1 << 30
)

type runWriter struct {
	run    run
	file   *os.File
	buffer []byte // not yet written
	last   []byte // key
	size   int64
}

func createRun(path string, level int, buffer []byte) (*runWriter, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, durable.FileMode)
	if err != nil {
		return nil, durable.Fault(err, "create", path)
	}
	return &runWriter{run: run{path: path, level: level}, file: file, buffer: buffer[:0]}, nil
}

func (w *runWriter) add(key, value []byte) error {
	shared := commonPrefix(w.last, key)
	b := binary.AppendUvarint(w.buffer, uint64(shared))
	b = binary.AppendUvarint(b, uint64(len(key)-shared))
	b = binary.AppendUvarint(b, uint64(len(value)))
	b = append(b, key[shared:]...)
	b = append(b, value...)
	w.buffer = b
	w.last = append(w.last[:shared], key[shared:]...)
	if len(w.buffer) < runBuffer {
		return nil
	}
	return w.flush()
}

func (w *runWriter) flush() error {
	n, err := w.file.Write(w.buffer)
	w.size += int64(n)
	w.buffer = w.buffer[:0]
	return durable.Fault(err, "write", w.run.path)
}

func (w *runWriter) finish() (run, int64, error) {
	if err := w.flush(); err != nil {
		w.discard()
		return run{}, w.size, err
	}
	return w.run, w.size, durable.Fault(w.file.Close(), "write", w.run.path)
}

func (w *runWriter) discard() {
	w.file.Close()
	os.Remove(w.run.path)
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for i+8 <= n && binary.NativeEndian.Uint64(a[i:]) == binary.NativeEndian.Uint64(b[i:]) {
		i += 8
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// runReader reads a run from its beginning.
type runReader struct {
	path  string
	file  *os.File
	in    *bufio.Reader
	key   []byte
	value []byte // a view, valid until the next row
	large []byte // the rest of a row that does not fit into the buffer
}

func openRun(r run, buffer int) (*runReader, error) {
	file, err := os.Open(r.path)
	if err != nil {
		return nil, durable.Fault(err, "read", r.path)
	}
	return &runReader{path: r.path, file: file, in: bufio.NewReaderSize(file, buffer)}, nil
}

// next reads the next row; io.EOF, as it is, after the last one.
func (r *runReader) next() error {
	header, err := r.in.Peek(maxRowHeader)
	if len(header) == 0 {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return durable.Fault(err, "read", r.path)
	}
	shared, a := binary.Uvarint(header)
	rest, b := binary.Uvarint(header[max(a, 0):])
	length, c := binary.Uvarint(header[max(a, 0)+max(b, 0):])
	if a <= 0 || b <= 0 || c <= 0 || shared > uint64(len(r.key)) || max(rest, length) > maxRow {
		return durable.Fault(errDamaged, "read", r.path)
	}
	_, _ = r.in.Discard(a + b + c) // they are in the buffer
	body, err := r.body(int(rest + length))
	if err != nil {
		return durable.Fault(err, "read", r.path)
	}
	r.key = append(r.key[:shared], body[:rest]...)
	r.value = body[rest:]
	return nil
}

var errDamaged = errors.New("the file was changed or cut off while it was in use")

// body reads n bytes; a view.
func (r *runReader) body(n int) ([]byte, error) {
	if n <= r.in.Size() {
		body, err := r.in.Peek(n)
		if err != nil {
			return nil, cutOff(err)
		}
		_, err = r.in.Discard(n)
		return body, err
	}
	if n > cap(r.large) {
		r.large = make([]byte, n)
	}
	body := r.large[:n]
	_, err := io.ReadFull(r.in, body)
	return body, cutOff(err)
}

func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errDamaged
	}
	return err
}

func (r *runReader) close() { r.file.Close() }
