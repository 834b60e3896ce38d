package publish

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// staging is the end of the name of a set that is being written.
const staging = ".staging"

// Stage is a set that is being written. End it by Publish or Discard.
type Stage struct {
	output Output
	run    string
	folder string
	kept   bool // it waits for a decision
	stray  bool // the set may have its name, and Recover would keep it though nothing is published
}

// Stage starts the set of a run, after Recover has cleaned up. It makes the output
// folder if it is missing. A run whose set is there already is fault.Conflict.
func (o Output) Stage(run string) (*Stage, error) {
	if _, err := os.Stat(o.set(run)); err == nil {
		return nil, fault.Errorf(fault.Conflict, "run %s has published files already", run)
	}
	s := &Stage{output: o, run: run, folder: o.set(run) + staging}
	return s, durable.MakeFolder(s.folder)
}

// Path is where to write a file of the set. Each must be durable before Publish.
func (s *Stage) Path(name string) string { return filepath.Join(s.folder, name) }

// Discard deletes what was written. After Publish it does nothing, so it can be
// deferred.
func (s *Stage) Discard() error {
	if s.kept {
		return nil
	}
	folders := []string{s.folder}
	if s.stray {
		folders = append(folders, s.output.set(s.run))
	}
	for _, folder := range folders {
		if err := os.RemoveAll(folder); err != nil {
			return durable.Fault(err, "delete the folder", folder)
		}
	}
	_ = os.Remove(s.output.sets()) // only if empty
	return nil
}

// Manifest gives m as Publish will write it.
func (s *Stage) Manifest(m Manifest) (Manifest, error) {
	old, err := s.output.Current()
	return s.manifest(m, old), err
}

// manifest fills in m what it says of the set, and of the one before, if there is one.
func (s *Stage) manifest(m Manifest, old *Manifest) Manifest {
	o := s.output
	m.Version, m.Connection, m.Run, m.Folder = ManifestVersion, o.Connection, s.run, o.folder(s.run)
	if old != nil {
		m.Previous = old.Run
	}
	return m
}

// Publish makes the set the current one and tidies up as Recover does. Version,
// Connection, Run, Folder and Previous of the manifest are filled in. After err the
// files are those of the set before. A warning is what went wrong once the set was
// the current one; the next Recover puts it right. It is not to be called twice.
func (s *Stage) Publish(m Manifest) (warning, err error) {
	o := s.output
	old, err := o.Current()
	if err != nil {
		return nil, err
	}
	m = s.manifest(m, old)
	s.stray = old == nil
	err = s.prepare(&m, old)
	if err == nil {
		warning, err = s.commit(m)
	}
	if err != nil {
		return nil, s.undo(err)
	}
	s.stray = false
	if untidy := o.Recover(); warning == nil {
		warning = untidy
	}
	return warning, nil
}

// prepare gives the set its name, and its files the fixed ones.
func (s *Stage) prepare(m, old *Manifest) error {
	o := s.output
	if err := s.reuse(m, old); err != nil {
		return err
	}
	if err := o.step("sync the set"); err != nil {
		return err
	}
	if err := durable.SyncFolder(s.folder); err != nil {
		return err
	}
	if err := o.step("name the set"); err != nil {
		return err
	}
	if err := durable.Rename(s.folder, o.set(s.run)); err != nil {
		return err
	}
	if old == nil {
		return nil // what has the fixed names could not be given back: Recover takes them after the commit
	}
	for _, f := range m.Files {
		if err := o.link(filepath.Join(o.set(s.run), f.Name), f.Name); err != nil {
			return err
		}
	}
	for _, f := range old.Files {
		if !m.has(f.Name) {
			if err := o.remove(f.Name); err != nil {
				return err
			}
		}
	}
	if err := o.step("sync the names"); err != nil {
		return err
	}
	return durable.SyncFolder(o.Folder)
}

// maxReuse bounds, in bytes, the files that are compared with those of the set before.
const maxReuse = 1 << 20

// reuse makes files that are those of the set before, such as the empty ones of an
// export without changes, links to them: neither they nor their fixed names change.
func (s *Stage) reuse(m, old *Manifest) error {
	if old == nil {
		return nil
	}
	for _, f := range m.Files {
		i := slices.IndexFunc(old.Files, func(before File) bool { return before.Name == f.Name && before.SHA256 == f.SHA256 })
		if i < 0 || f.Bytes > maxReuse {
			continue
		}
		from := filepath.Join(s.output.Folder, filepath.FromSlash(old.Folder), f.Name)
		if size, sum, err := digest(from); err != nil || size != f.Bytes || sum != f.SHA256 {
			continue // somebody has changed it
		}
		if err := s.output.step("reuse " + f.Name); err != nil {
			return err
		}
		if err := durable.Link(from, s.Path(f.Name)); err != nil {
			return err
		}
	}
	return nil
}

// commit replaces the manifest. What fails after that is a warning.
func (s *Stage) commit(m Manifest) (warning, err error) {
	o := s.output
	if err := o.step("commit"); err != nil {
		return nil, err
	}
	err = o.write(m)
	if err == nil {
		return nil, nil
	}
	switch now, unknown := o.Current(); {
	case unknown != nil:
		s.stray = false // it may be the current one
	case now != nil && now.Run == s.run:
		return fault.Errorf(fault.Storage, "the files are published, but a power cut might bring the old ones back: %w", err).
			WithHint("See that the disk is in order, and run again"), nil
	}
	return nil, err
}

// undo gives the fixed names back after a failure.
func (s *Stage) undo(err error) error {
	if failed := s.output.Recover(); failed != nil {
		return fault.Errorf(fault.CodeOf(err), "%w; and the fixed names could not be given back to the old files: %v", err, failed).
			WithHint("Put right what is wrong and start the export again: it gives them back first. The manifest and the folder it names are intact")
	}
	return err
}
