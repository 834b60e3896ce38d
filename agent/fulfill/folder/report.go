package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Report writes the results of the files all of whose orders have ended, whoever carried them out, and moves
// the files. Errors are fault.Storage and those of ctx.
func (f *Folder) Report(ctx context.Context, j *journal.Journal) error {
	intakes, err := j.Unreported()
	if err != nil {
		return err
	}
	for _, in := range intakes {
		if in.Complete() && in.Source.Watched {
			if err := f.report(ctx, j, in); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Folder) report(ctx context.Context, j *journal.Journal, in journal.Intake) error {
	name := in.Source.Name
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fault.Errorf(fault.Internal, "intake %d of connection %s is said to come from %q, which is not in %s", in.Number, j.Connection(), name, f.Path)
	}
	folder := Completed
	if in.Errored+in.Canceled > 0 {
		folder = Errored
	}
	to, err := f.free(folder, name, mark(in))
	if err != nil {
		return err
	}
	from := f.path(name)
	digest, err := digestOf(from)
	switch {
	case err == nil && digest == in.Source.Digest:
		if err := fulfill.WriteResults(ctx, j, in.Number, to); err != nil {
			return err
		}
		if err := durable.Rename(from, to); err != nil {
			return err
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	default:
		// The file has moved already, perhaps before orders of it were retried; or it was taken
		// away, or is another one by now.
		if moved, err := f.moved(in); err != nil {
			return err
		} else if moved != "" {
			to = moved
		}
		if err := fulfill.WriteResults(ctx, j, in.Number, to); err != nil {
			return err
		}
	}
	return j.Reported(in.Number)
}

// moved is where the file of an intake lies since it was reported; empty if it does not.
func (f *Folder) moved(in journal.Intake) (string, error) {
	for _, folder := range []string{Completed, Errored} {
		to := filepath.Join(f.Path, folder, filepath.FromSlash(in.Source.Name))
		ending := filepath.Ext(to)
		for _, path := range []string{to, strings.TrimSuffix(to, ending) + "-" + mark(in) + ending} {
			digest, err := digestOf(path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
			if digest == in.Source.Digest {
				return path, nil
			}
		}
	}
	return "", nil
}

// mark tells the file of an intake from others of its name.
func mark(in journal.Intake) string { return fmt.Sprintf("intake-%d", in.Number) }

// free is where a file goes: to its own name, or to one with a mark if that is taken. Its folder
// exists then.
func (f *Folder) free(folder, name, mark string) (string, error) {
	to := filepath.Join(f.Path, folder, filepath.FromSlash(name))
	if err := durable.MakeFolder(filepath.Dir(to)); err != nil {
		return "", err
	}
	base, ending := strings.TrimSuffix(to, filepath.Ext(to)), filepath.Ext(to)
	for n := 1; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return to, nil
		} else if err != nil {
			return "", durable.Fault(err, "look for", to)
		}
		to = base + "-" + mark + ending
		if n > 1 {
			to = fmt.Sprintf("%s-%s-%d%s", base, mark, n, ending)
		}
	}
}
