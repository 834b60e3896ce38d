package publish

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// held is the end of the name of a set that waits for a decision.
const held = ".held"

// HeldFolder is where the set of a held run is.
func (o Output) HeldFolder(run string) string { return o.set(run) + held }

// Hold keeps the set beside the published ones until DiscardHeld deletes it. commit makes
// it known elsewhere; after an error of it the set can only be discarded.
func (s *Stage) Hold(commit func() error) error {
	o := s.output
	if err := o.step("hold the set"); err != nil {
		return err
	}
	if err := durable.SyncFolder(s.folder); err != nil {
		return err
	}
	folder := o.HeldFolder(s.run)
	if err := durable.Rename(s.folder, folder); err != nil {
		return err
	}
	s.folder = folder
	err := commit()
	s.kept = err == nil
	return err
}

const discard = "Discard the run: the next export reads its changes again"

// Restage starts the set of a held run anew, to publish it: its files are links to the
// held ones, which stay until DiscardHeld, so that the set can be published again if it
// fails. Held files that are not what the run wrote are fault.Storage.
func (o Output) Restage(ctx context.Context, run string, files []File) (*Stage, error) {
	if _, err := os.Stat(o.set(run)); err == nil { // of a release that was cut off while there was no manifest
		if err := o.delete(run); err != nil {
			return nil, err
		}
	}
	s, err := o.Stage(run)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := s.relink(ctx, f); err != nil {
			return nil, errors.Join(err, s.Discard())
		}
	}
	return s, nil
}

// relink takes over a file of the held set.
func (s *Stage) relink(ctx context.Context, f File) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	from := filepath.Join(s.output.HeldFolder(s.run), f.Name)
	size, sum, err := digest(from)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Errorf(fault.Storage, "the file %s of the held run %s is gone", from, s.run).WithHint(discard)
	}
	if err != nil {
		return err
	}
	if size != f.Bytes || sum != f.SHA256 {
		return fault.Errorf(fault.Storage, "the file %s was changed while run %s was held", from, s.run).
			WithHint(discard)
	}
	if err := s.output.step("take over " + f.Name); err != nil {
		return err
	}
	return durable.Link(from, s.Path(f.Name))
}

// DiscardHeld deletes the held sets of all runs but one, which may be empty.
func (o Output) DiscardHeld(but string) error {
	sets, err := list(o.sets(), fs.DirEntry.IsDir)
	if err != nil {
		return err
	}
	for _, set := range sets {
		if run, ok := strings.CutSuffix(set, held); !ok || run == but {
			continue
		}
		if err := o.delete(set); err != nil {
			return err
		}
	}
	_ = os.Remove(o.sets()) // only if empty
	return nil
}
