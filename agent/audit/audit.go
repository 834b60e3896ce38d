// Package audit keeps a log of what was asked of a connection, what was sent for it and what
// came back: one line for each order that a connector has answered, and one for each decision of an
// operator about orders.
//
// The log of a connection lies in WorkFolder/Audit/<connection>/, one file a month by UTC, one line
// of JSON for each answer. Each line holds the SHA-256 of the line before it, also across files,
// and head.json the one of the last line; so whoever changes, takes out or inserts a line, or
// cuts off the end, has to write all that follows anew, and head.json too. Who may write in the folder
// can do so: copy head.json elsewhere from time to time where that matters.
//
// Passwords and other secrets stand in no line.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/lock"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	headFile = "head.json"
	lockName = "audit"
	// suffix of the files of lines; what stands before it is the month.
	suffix      = ".jsonl"
	monthFormat = "2006-01"
)

// Folder is where the log of a connection lies.
func Folder(workFolder, connection string) string {
	return filepath.Join(workFolder, "Audit", strings.ToLower(connection))
}

// Options say whose log it is. All are obligatory.
type Options struct {
	WorkFolder string
	Connection string
	Clock      clock.Clock
}

// head tells of the last line that was written. It is written after the line is safe, so that
// there may be lines beyond it, but never fewer than it tells of.
type head struct {
	File  string `json:"file"`  // where the line stands
	Size  int64  `json:"size"`  // where the line ends
	Lines uint64 `json:"lines"` // its number: of all lines of the log, from 1
	Hash  string `json:"hash"`  // of the line
}

// Log is the log of one connection, open for writing. It may be used by several goroutines.
type Log struct {
	folder string
	clock  clock.Clock
	lock   *lock.Lock
	healed string

	mu     sync.Mutex
	head   head
	file   *os.File // that head names; nil before the first line
	recent recent
	failed error // of an earlier write: where the log ends is not known until it is opened again
}

// Open opens the log, or starts it, and takes off what a crash left unfinished at its end; see
// [Log.Healed]. End it by Close.
//
// Errors are fault.Conflict if another process has it open, and fault.Storage, also for a log
// whose end is not as it was written: then nothing is written to it.
func Open(ctx context.Context, o Options) (*Log, error) {
	l := &Log{folder: Folder(o.WorkFolder, o.Connection), clock: o.Clock, recent: recent{known: map[key]bool{}}}
	if err := durable.MakeFolder(l.folder); err != nil {
		return nil, err
	}
	held, by, err := lock.Try(filepath.Join(l.folder, lockName), "", o.Clock.Now())
	if err != nil {
		return nil, err
	}
	if held == nil {
		return nil, fault.Errorf(fault.Conflict, "the audit log of connection %s is in use%s", o.Connection, by).
			WithHint("Wait until the other process has ended")
	}
	l.lock = held
	if err := l.resume(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Healed tells what Open took off the end of the log, in one sentence; "" if nothing was
// unfinished.
func (l *Log) Healed() string { return l.healed }

// Close closes the log. It may be called twice. Errors are fault.Storage.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = fault.Errorf(fault.Internal, "the audit log in %s is closed", l.folder)
	defer l.lock.Release()
	if l.file == nil {
		return nil
	}
	err := durable.Fault(l.file.Close(), "close", l.file.Name())
	l.file = nil
	return err
}

// Record writes a line for each order, and returns when all are safe. It may be called again with
// what was recorded: an order with the same attempt that is among the last lines is passed over. A line
// tells also what an attempt may have written that was cut off before it had a line.
//
// Errors are fault.Storage and those of ctx. After one the log takes nothing more until it is
// opened again.
func (l *Log) Record(ctx context.Context, done []fulfill.Done) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []Line
	for _, d := range done {
		if k := (key{d.Order.ID, d.Result.Attempts}); !l.recent.has(k) {
			line := lineOf(d)
			if d.CutOff && !l.recent.has(key{d.Order.ID, d.Result.Attempts - 1}) {
				line.doubt(d)
			}
			lines = append(lines, line)
			l.recent.add(k)
		}
	}
	return l.add(lines)
}

// Decide writes a line for a decision of an operator, and returns when it is safe. Errors are those of
// Record.
func (l *Log) Decide(d journal.Decision) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.add([]Line{lineOfDecision(d)})
}

// add writes lines; mu is held.
func (l *Log) add(lines []Line) error {
	if l.failed != nil {
		return l.failed
	}
	now := l.clock.Now().UTC()
	next := l.head
	// A clock that goes back into another month makes no difference: files follow each other.
	if file := now.Format(monthFormat) + suffix; file > next.File {
		next.File, next.Size = file, 0
	}
	var text []byte
	for _, line := range lines {
		line.Number, line.Time, line.Previous = next.Lines+1, now, next.Hash
		encoded, err := json.Marshal(line)
		if err != nil {
			l.failed = fault.Errorf(fault.Internal, "a line about order %s cannot be written into the audit log: %w", line.Order, err)
			return l.failed
		}
		next.Lines, next.Hash = line.Number, hashOf(encoded)
		text = append(append(text, encoded...), '\n')
	}
	if len(text) == 0 {
		return nil
	}
	next.Size += int64(len(text))
	l.failed = l.write(next, text)
	return l.failed
}

// write makes lines safe, and then the head.
func (l *Log) write(next head, text []byte) error {
	if l.file == nil || next.File != l.head.File {
		if err := l.turn(next.File); err != nil {
			return err
		}
	}
	if _, err := l.file.Write(text); err != nil {
		return durable.Fault(err, "write", l.file.Name())
	}
	if err := l.file.Sync(); err != nil {
		return durable.Fault(err, "write", l.file.Name())
	}
	return l.setHead(next)
}

// turn goes on in another file.
func (l *Log) turn(name string) error {
	path := filepath.Join(l.folder, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := durable.WriteFile(path, nil); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, durable.FileMode)
	if err != nil {
		return durable.Fault(err, "open", path)
	}
	if l.file != nil {
		if err := l.file.Close(); err != nil {
			return errors.Join(durable.Fault(err, "close", l.file.Name()), file.Close())
		}
	}
	l.file = file
	return nil
}

func (l *Log) setHead(h head) error {
	text, err := json.Marshal(h)
	if err != nil {
		return fault.Errorf(fault.Internal, "the head of the audit log cannot be written: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(l.folder, headFile), append(text, '\n')); err != nil {
		return err
	}
	l.head = h
	return nil
}

// errNoHead is the cause of a fault about a file that is there and no head.
var errNoHead = errors.New("it cannot be read")

// readHead returns nil if there is none. Errors are fault.Storage.
func readHead(folder string) (*head, error) {
	path := filepath.Join(folder, headFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, durable.Fault(err, "read", path)
	}
	var h head
	if json.Unmarshal(text, &h) != nil {
		return nil, damaged(path, errNoHead)
	}
	return &h, nil
}

// damaged refuses to go on with a log that somebody changed.
func damaged(path string, reason error) error {
	return fault.Errorf(fault.Storage, "the audit log is not as it was written: %s: %w", path, reason).
		WithHint("Find out who changed it with: usher audit verify. Then move the folder %s away; a new log is started", filepath.Dir(path))
}

func hashOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// key is what a repetition has the same.
type key struct {
	order   string
	attempt int
}

// window is how many lines back a repetition is found: more than an engine has under way at a time.
const window = 10_000

// recent are the keys of the last lines.
type recent struct {
	known map[key]bool
	queue []key // oldest first
}

func (r *recent) has(k key) bool { return r.known[k] }

func (r *recent) add(k key) {
	r.known[k] = true
	r.queue = append(r.queue, k)
	if len(r.queue) > window {
		delete(r.known, r.queue[0])
		r.queue = r.queue[1:]
	}
}
