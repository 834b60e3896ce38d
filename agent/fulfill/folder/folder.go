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
	"crypto/sha256"
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
)

// The folders in the watched one where files go.
const (
	Completed = "Completed"
	Errored   = "Errored"
)

// Options say which folder to watch. All but Interval, RetryAfter and Trouble are obligatory.
type Options struct {
	Path    string // absolute
	Journal *journal.Journal
	Clock   clock.Clock
	Decode  fulfill.Decoder

	// Accept is [fulfill.Accept], and Run is [fulfill.Run], each with the options of the
	// connection. They are called side by side, each once at a time.
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
func (f *Folder) Look(ctx context.Context) error {
	found, err := f.list(ctx)
	if err != nil {
		return err
	}
	names := slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		return cmp.Or(found[a].modified.Compare(found[b].modified), strings.Compare(a, b))
	})
	last := f.files
	f.files = found
	var due []string
	for _, name := range names {
		file, before := found[name], last[name]
		switch {
		case before.size != file.size || !before.modified.Equal(file.modified):
		case before.taken:
			found[name] = before
		default:
			due = append(due, name)
		}
	}
	for _, name := range due {
		file := found[name]
		if file.taken, err = f.take(ctx, name); err != nil {
			if ctx.Err() != nil {
				return err
			}
			f.Trouble(err)
			return nil // later files may be about the same objects
		}
		found[name] = file
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
			if name == Completed || name == Errored {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || !wanted(d.Name()) {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was taken away
		}
		if err != nil {
			return err
		}
		found[filepath.ToSlash(name)] = seen{size: info.Size(), modified: info.ModTime()}
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
	return strings.HasSuffix(lower, ".json") && !strings.HasSuffix(lower, fulfill.JSONEnding) &&
		!strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "~")
}

// take brings a file into the journal, or moves it away if it is wrong.
func (f *Folder) take(ctx context.Context, name string) (taken bool, err error) {
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
	if there, err := f.isThere(source); there || err != nil {
		return there, err
	}
	same := &sameReader{from: file, hash: sha256.New(), digest: digest, path: path}
	_, err = f.Accept(ctx, fulfill.Input{Source: source, Reader: same, Decode: same.decoder(f.Decode)})
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
	if err := fulfill.WriteRefusal(to, f.Journal.Connection(), name, why); err != nil {
		return false, err
	}
	f.Trouble(why)
	return false, durable.Rename(path, to)
}

func (f *Folder) path(name string) string { return filepath.Join(f.Path, filepath.FromSlash(name)) }

// isThere reports whether the journal has a file whose results are still to come.
func (f *Folder) isThere(source journal.Source) (bool, error) {
	intakes, err := f.Journal.Unreported()
	for _, in := range intakes {
		if in.Source.Watched && in.Source.Name == source.Name && in.Source.Digest == source.Digest {
			return true, nil
		}
	}
	return false, err
}
