// Package folder watches a folder for files of orders.
//
// A file is taken when it has stopped changing. It stays where it is until all its orders have
// ended; then its results are written, and after that it moves to the folder Completed, or to
// Errored if one of its orders failed. A file with something wrong moves to Errored at once, with
// the reasons beside it. Cut off anywhere, the next look goes on: a file that was taken is
// recognised by its name and content.
package folder

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// The folders in the watched one where files go.
const (
	Completed = "Completed"
	Errored   = "Errored"
)

// Options say which folder to watch. Path is obligatory; Look needs Decode and Accept as well, and Watch all
// but Interval, RetryAfter and Trouble.
type Options struct {
	Path   string // absolute
	Clock  clock.Clock
	Decode fulfill.Decoder

	// Open opens the journal when there may be something to do, and Close closes it when that is done, or Open has
	// failed: others need it, too. fault.Conflict tells that another process has it.
	Open  func(ctx context.Context) (*journal.Journal, error)
	Close func() error
	// Changed reports whether another process may have changed the journal since Close. It is called while the
	// journal is closed.
	Changed func() bool

	// Accept is [fulfill.Accept], and Run is [fulfill.Run], each with the options of the
	// connection and the open journal. They are called side by side, each once at a time.
	Accept func(ctx context.Context, in fulfill.Input) (journal.Intake, error)
	Run    func(ctx context.Context) error

	Interval   time.Duration // between two looks; default 2 seconds. A file has to stay the same for one.
	RetryAfter time.Duration // a run that failed; default 1 minute

	// Trouble is told why a file is refused, and what else goes wrong and is tried again. May be nil.
	Trouble func(error)
}

const (
	defaultInterval   = 2 * time.Second
	defaultRetryAfter = time.Minute
)

// Folder is a watched folder. Its methods are called from one goroutine.
type Folder struct {
	Options
	files map[string]seen // by name, with slashes
}

// seen is a file as the last look found it.
type seen struct {
	size     int64
	modified time.Time
	taken    bool // its orders are in the journal
	link     bool // it is a symbolic link, which is not taken
}

// New makes the folder and those in it where they are missing. Errors are fault.Storage.
func New(o Options) (*Folder, error) {
	if o.Interval == 0 {
		o.Interval = defaultInterval
	}
	if o.RetryAfter == 0 {
		o.RetryAfter = defaultRetryAfter
	}
	if o.Trouble == nil {
		o.Trouble = func(error) {}
	}
	for _, name := range []string{Completed, Errored} {
		if err := durable.MakeFolder(filepath.Join(o.Path, name)); err != nil {
			return nil, err
		}
	}
	return &Folder{Options: o, files: map[string]seen{}}, nil
}

// Look takes the files that have not changed since the last look, in the order in which they were
// written. What goes wrong with one is told to Trouble and tried again by the next look, as are the
// files behind it. Errors are fault.Storage and those of ctx.
func (f *Folder) Look(ctx context.Context, j *journal.Journal) error {
	due, err := f.scan(ctx)
	if err != nil {
		return err
	}
	if err := f.takeAll(ctx, j, due, time.Time{}); err != nil {
		if ctx.Err() != nil {
			return err
		}
		f.Trouble(err)
	}
	return nil
}

// scan finds the files that Look is to take, in their order.
func (f *Folder) scan(ctx context.Context) (due []string, err error) {
	found, err := f.list(ctx)
	if err != nil {
		return nil, err
	}
	names := slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		return cmp.Or(found[a].modified.Compare(found[b].modified), strings.Compare(a, b))
	})
	last := f.files
	f.files = found
	for _, name := range names {
		file, before := found[name], last[name]
		switch {
		case file.link && !before.link:
			f.Trouble(fault.Errorf(fault.Invalid, "%s is a symbolic link and is not taken", f.path(name)).
				WithHint("Move the file itself into the folder"))
		case file.link:
		case before.size != file.size || !before.modified.Equal(file.modified):
		case before.taken:
			found[name] = before
		default:
			due = append(due, name)
		}
	}
	return due, nil
}

// takeAll takes the files that scan found, up to one that cannot be taken: later files may be about the same
// objects. It leaves the rest to the next look after a time, if there is one.
func (f *Folder) takeAll(ctx context.Context, j *journal.Journal, due []string, until time.Time) error {
	if len(due) == 0 {
		return nil
	}
	there, err := waiting(j)
	if err != nil {
		return err
	}
	for i, name := range due {
		if i > 0 && !until.IsZero() && !f.Clock.Now().Before(until) {
			return nil
		}
		taken, err := f.take(ctx, j, name, there)
		if err != nil {
			return err
		}
		file := f.files[name]
		file.taken = taken
		f.files[name] = file
	}
	return nil
}

// list finds the files that may hold orders.
func (f *Folder) list(ctx context.Context) (map[string]seen, error) {
	found := map[string]seen{}
	err := filepath.WalkDir(f.Path, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(f.Path, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			// In any case: on Windows a folder "completed" is that one.
			if strings.EqualFold(name, Completed) || strings.EqualFold(name, Errored) {
				return fs.SkipDir
			}
			return nil
		}
		isLink := d.Type()&fs.ModeSymlink != 0 // also one to a folder, whatever its name
		if isHidden(d.Name()) || !isLink && (!d.Type().IsRegular() || !wanted(d.Name())) {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was taken away
		}
		if err != nil {
			return err
		}
		found[filepath.ToSlash(name)] = seen{size: info.Size(), modified: info.ModTime(), link: isLink}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		return nil, durable.Fault(err, "list", f.Path)
	}
	return found, err
}

// wanted reports whether a file of that name may hold orders.
func wanted(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasSuffix(lower, ".json") && !strings.HasSuffix(lower, fulfill.JSONEnding)
}

func isHidden(name string) bool { return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") }

// take brings a file into the journal, unless it is there, or moves it away if it is wrong.
func (f *Folder) take(ctx context.Context, j *journal.Journal, name string, there map[content]bool) (taken bool, err error) {
	path := f.path(name)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, durable.Fault(err, "read", path)
	}
	defer file.Close()
	digest, err := digestOf(path)
	if err != nil {
		return false, err
	}
	source := journal.Source{Name: name, Digest: digest, Watched: true}
	if there[content{name, digest}] {
		return true, nil
	}
	_, err = f.Accept(ctx, fulfill.Input{Source: source, Reader: file, Decode: f.Decode})
	if _, refused := errors.AsType[*order.Refusal](err); !refused {
		return err == nil, err
	}
	why := err
	if err := file.Close(); err != nil { // Windows moves no file that is open
		return false, durable.Fault(err, "read", path)
	}
	to, err := f.free(Errored, name, "refused")
	if err != nil {
		return false, err
	}
	if err := fulfill.WriteRefusal(to, j.Connection(), name, why); err != nil {
		return false, err
	}
	f.Trouble(why)
	return false, durable.Rename(path, to)
}

func (f *Folder) path(name string) string { return filepath.Join(f.Path, filepath.FromSlash(name)) }

// content is what a file is recognised by.
type content struct{ name, digest string }

// waiting are the files in the journal whose results are still to come.
func waiting(j *journal.Journal) (map[content]bool, error) {
	intakes, err := j.Unreported()
	all := map[content]bool{}
	for _, in := range intakes {
		if in.Source.Watched {
			all[content{in.Source.Name, in.Source.Digest}] = true
		}
	}
	return all, err
}
