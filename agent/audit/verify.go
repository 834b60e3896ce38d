package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Report tells what [Verify] found.
type Report struct {
	Files       int
	Lines       uint64    // up to the break, if there is one
	First, Last time.Time // of the lines; zero without lines
	Head        string    // SHA-256 of the last line
	// Beyond is how many bytes stand behind the last line and are no part of the log: they are being written,
	// or the agent was cut off then, or somebody added them. They are taken off when the log is opened.
	Beyond int64
	Broken *Break // nil: the log is as it was written
}

// Break is the first place where a log is not as it was written.
type Break struct {
	File   string // its path
	Line   uint64 // in the file, from 1; 0: the file as a whole
	Reason string
}

// String is the break in one line.
func (b *Break) String() string {
	if b.Line == 0 {
		return b.File + ": " + b.Reason
	}
	return fmt.Sprintf("%s:%d: %s", b.File, b.Line, b.Reason)
}

// Verify reads the log in a folder from its first line to its last, and finds the first break. It
// changes nothing, and an agent may be writing meanwhile. A folder that is not there is
// fault.NotFound. Other errors are fault.Storage and those of ctx; a break is none.
func Verify(ctx context.Context, folder string) (Report, error) {
	if _, err := os.Stat(folder); os.IsNotExist(err) {
		return Report{}, fault.Errorf(fault.NotFound, "there is no audit log in %s", folder).
			WithHint("See that WorkFolderPath is right; a log begins with the first order of a connection")
	}
	// The head is read first: lines that are written meanwhile come after it.
	known, err := readHead(folder)
	if errors.Is(err, errNoHead) {
		return Report{Broken: &Break{File: filepath.Join(folder, headFile), Reason: "it cannot be read"}}, nil
	}
	if err != nil {
		return Report{}, err
	}
	names, err := files(folder)
	if err != nil {
		return Report{}, err
	}
	v := verification{folder: folder, known: known}
	for _, name := range names {
		if err := v.file(ctx, name); err != nil {
			return v.report, err
		}
		if v.report.Broken != nil {
			return v.report, nil
		}
	}
	v.end()
	return v.report, nil
}

// verification goes from line to line.
type verification struct {
	folder     string
	known      *head
	report     Report
	last       Break // where the last line stands
	unfinished bool  // what follows the last line is no part of the log
}

func (v *verification) file(ctx context.Context, name string) error {
	path := filepath.Join(v.folder, name)
	info, err := os.Stat(path)
	if err != nil {
		return durable.Fault(err, "read", path)
	}
	v.report.Files++
	number, good := uint64(0), int64(0)
	_, err = eachLine(ctx, path, 0, info.Size(), func(text []byte, end int64) error {
		number++
		if v.report.Broken == nil {
			v.line(Break{File: path, Line: number}, text)
		}
		if !v.unfinished {
			good = end
		}
		return nil
	})
	if err == nil && good < info.Size() {
		v.unfinished = true
		v.report.Beyond += info.Size() - good
	}
	return err
}

// line looks at one line. The changed one is either it or the one before, whose hash it tells.
func (v *verification) line(at Break, text []byte) {
	r := &v.report
	var line Line
	switch err := json.Unmarshal(text, &line); {
	case err != nil:
		at.Reason = "it is not a line of the log"
	case v.unfinished:
		at.Reason = "what stands before it is unfinished"
	case line.Number > r.Lines+1:
		at.Reason = fmt.Sprintf("%d lines are missing before it", line.Number-r.Lines-1)
	case line.Number < r.Lines+1:
		at.Reason = fmt.Sprintf("it is line %d of the log, and %d lines stand before it", line.Number, r.Lines)
	case line.Previous != r.Head && r.Lines > 0:
		at = v.last
		at.Reason = "this line or the next one was changed"
	case line.Previous != r.Head:
		at.Reason = "it was changed, or lines before it are missing"
	default:
		r.Lines, r.Head, r.Last = line.Number, hashOf(text), line.Time
		if r.Lines == 1 {
			r.First = line.Time
		}
		v.last = at
		if v.known != nil && v.known.Lines == r.Lines && v.known.Hash != r.Head {
			r.Broken = &Break{at.File, at.Line, "it was changed after it was written"}
		}
		return
	}
	if v.known != nil && r.Lines >= v.known.Lines {
		v.unfinished = true
		return
	}
	r.Broken = &at
}

// end compares what is there with what the head tells.
func (v *verification) end() {
	r := &v.report
	path := filepath.Join(v.folder, headFile)
	switch {
	case v.known == nil && r.Lines == 0 && !v.unfinished:
	case v.known == nil:
		r.Broken = &Break{File: path, Reason: "it is missing, so nobody knows whether the end of the log is"}
	case v.known.Lines > r.Lines:
		at := v.last
		if at.File == "" {
			at.File = filepath.Join(v.folder, v.known.File)
		}
		at.Reason = fmt.Sprintf("%d lines are missing after it", v.known.Lines-r.Lines)
		r.Broken = &at
	}
}

// Read gives the lines of the log in a folder, from its first one, each also as it stands there, without
// its line break. What stands beyond the log and is no part of it is not given: beyond is how many bytes.
// It does not verify; see [Verify]. A folder that is not there has no lines. Errors are fault.Storage, those of ctx and
// of with.
func Read(ctx context.Context, folder string, with func(line Line, text []byte) error) (beyond int64, err error) {
	known, err := readHead(folder)
	if err != nil && !errors.Is(err, errNoHead) {
		return 0, err
	}
	names, err := files(folder)
	if err != nil {
		return 0, err
	}
	last, hash, unfinished := uint64(0), "", false
	for _, name := range names {
		path := filepath.Join(folder, name)
		info, err := os.Stat(path)
		if err != nil {
			return 0, durable.Fault(err, "read", path)
		}
		number, good := 0, int64(0)
		_, err = eachLine(ctx, path, 0, info.Size(), func(text []byte, end int64) error {
			number++
			var line Line
			err := json.Unmarshal(text, &line)
			if known != nil && last >= known.Lines && (err != nil || line.Number != last+1 || line.Previous != hash) {
				unfinished = true
			}
			switch {
			case unfinished:
				return nil
			case err != nil:
				return fault.Errorf(fault.Storage, "%s:%d: it is not a line of the audit log", path, number).
					WithHint("Find out who changed it; 'usher audit verify' tells where the log is not as it was written")
			}
			last, hash, good = line.Number, hashOf(text), end
			return with(line, text)
		})
		if err != nil {
			return 0, err
		}
		beyond += info.Size() - good
	}
	return beyond, nil
}
