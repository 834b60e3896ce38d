package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/durable"
)

// files are the names of the files of lines, oldest first. A missing folder has none.
func files(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, durable.Fault(err, "list", folder)
	}
	var names []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), suffix) && !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// tail is how much of the end of the log is read for the keys of the last lines, in bytes.
const tail = 32 << 20

// resume finds the end of the log.
func (l *Log) resume(ctx context.Context) error {
	if err := durable.RemoveLeftovers(l.folder, headFile); err != nil {
		return err
	}
	names, err := files(l.folder)
	if err != nil {
		return err
	}
	known, err := readHead(l.folder)
	switch {
	case err != nil:
		return err
	case known == nil && len(names) == 0:
		return l.setHead(head{})
	case known == nil:
		return damaged(filepath.Join(l.folder, headFile), errors.New("it is missing"))
	}
	l.head = *known
	if known.Lines > 0 && !slices.Contains(names, known.File) {
		return damaged(filepath.Join(l.folder, known.File), errors.New("it is missing"))
	}
	for i, name := range names {
		switch last := known.File; {
		case name < last && (i+1 == len(names) || names[i+1] != last):
			// Too old for a repetition to be found in it.
		case name < last:
			err = l.remember(ctx, name)
		case name == last:
			err = l.resumeFile(ctx, name, known)
		default:
			err = l.beyond(ctx, name, 0)
		}
		if err != nil {
			return err
		}
	}
	if l.head != *known {
		return l.setHead(l.head)
	}
	return nil
}

// resumeFile goes through the end of the file that the head names: it must be there as far as the
// head tells.
func (l *Log) resumeFile(ctx context.Context, name string, known *head) error {
	path := filepath.Join(l.folder, name)
	last := ""
	end, err := eachLine(ctx, path, max(0, known.Size-tail), known.Size, func(text []byte, _ int64) error {
		last = hashOf(text)
		l.note(text)
		return nil
	})
	switch {
	case err != nil:
		return err
	case end < known.Size:
		return damaged(path, errors.New("its end is missing"))
	case known.Lines > 0 && last != known.Hash:
		return damaged(path, errors.New("its last line was changed"))
	}
	return l.beyond(ctx, name, known.Size)
}

// remember notes the keys of the end of a file.
func (l *Log) remember(ctx context.Context, name string) error {
	path := filepath.Join(l.folder, name)
	info, err := os.Stat(path)
	if err != nil {
		return durable.Fault(err, "read", path)
	}
	_, err = eachLine(ctx, path, max(0, info.Size()-tail), info.Size(), func(text []byte, _ int64) error {
		l.note(text)
		return nil
	})
	return err
}

// note remembers the key of a line.
func (l *Log) note(text []byte) {
	var line struct {
		Order    string
		Attempt  int
		Decision string
	}
	// The first one may be the second half of a line.
	if json.Unmarshal(text, &line) == nil && line.Decision == "" {
		l.recent.add(key{line.Order, line.Attempt})
	}
}

// errUnfinished ends a walk through lines.
var errUnfinished = errors.New("unfinished")

// beyond takes the lines that the head does not tell of, because the agent was cut off before it
// wrote the head, and takes off what is unfinished.
func (l *Log) beyond(ctx context.Context, name string, from int64) error {
	path := filepath.Join(l.folder, name)
	info, err := os.Stat(path)
	if err != nil {
		return durable.Fault(err, "read", path)
	}
	good := from
	_, err = eachLine(ctx, path, from, info.Size(), func(text []byte, end int64) error {
		var line Line
		if json.Unmarshal(text, &line) != nil || line.Number != l.head.Lines+1 || line.Previous != l.head.Hash {
			return errUnfinished
		}
		good = end
		l.head = head{File: name, Size: end, Lines: line.Number, Hash: hashOf(text)}
		l.note(text)
		return nil
	})
	if err != nil && !errors.Is(err, errUnfinished) || good == info.Size() {
		return err
	}
	l.healed = fmt.Sprintf("%d bytes were taken off the end of %s: the agent could not finish writing them, and what they told of is told again", info.Size()-good, path)
	return truncate(path, good)
}

func truncate(path string, size int64) error {
	file, err := os.OpenFile(path, os.O_WRONLY, durable.FileMode)
	if err != nil {
		return durable.Fault(err, "open", path)
	}
	err = errors.Join(file.Truncate(size), file.Sync(), file.Close())
	return durable.Fault(err, "shorten", path)
}

// maxLine is how long a line may be, in bytes; a longer one is surely none.
const maxLine = 256 << 20

// eachLine gives the whole lines of a file between two offsets, without their line breaks, and
// where each ends. It returns the end of the last one, or of the file if that comes first and is one.
// Errors are fault.Storage, those of ctx, and of do as they are.
func eachLine(ctx context.Context, path string, from, to int64, do func(text []byte, end int64) error) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, durable.Fault(err, "open", path)
	}
	defer file.Close()
	in := bufio.NewReaderSize(io.NewSectionReader(file, from, to-from), 256<<10)
	at := from
	var text []byte
	for {
		part, err := in.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(text) < maxLine:
			continue
		case err == io.EOF:
			return at, nil // what has no line break is no line
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return at, durable.Fault(err, "read", path)
		case ctx.Err() != nil:
			return at, context.Cause(ctx)
		}
		at += int64(len(text))
		if err := do(bytes.TrimSuffix(text, []byte("\n")), at); err != nil {
			return at, err
		}
		text = text[:0]
	}
}
