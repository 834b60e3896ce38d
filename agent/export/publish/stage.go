package publish

import (
	"os"
	"path/filepath"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Stage is a set that is being written. End it by Publish or Discard.
type Stage struct {
	output Output
	run    string
	folder string
}

// Stage starts the set of a run, after Recover has cleaned up. It makes the output
// folder if it is missing. A run whose set is there already is fault.Conflict.
func (o Output) Stage(run string) (*Stage, error) {
	if _, err := os.Stat(o.set(run)); err == nil {
		return nil, fault.Errorf(fault.Conflict, "run %s has published files already", run)
	}
	s := &Stage{output: o, run: run, folder: o.set(run) + ".staging"}
	return s, durable.MakeFolder(s.folder)
}

// Path is where to write a file of the set. Each must be durable before Publish.
func (s *Stage) Path(name string) string { return filepath.Join(s.folder, name) }

// Discard deletes what was written. After Publish it does nothing, so it can be
// deferred.
func (s *Stage) Discard() error {
	err := os.RemoveAll(s.folder)
	_ = os.Remove(s.output.sets()) // only if empty
	return durable.Fault(err, "delete the folder", s.folder)
}

// Publish makes the set the current one. Version, Connection, Run, Folder and
// Previous of the manifest are filled in. After an error the files are those of
// the set before. It is not to be called twice.
func (s *Stage) Publish(m Manifest) error {
	err := s.publish(m)
	if err == nil {
		return nil
	}
	if undo := s.output.Recover(); undo != nil {
		return fault.Errorf(fault.CodeOf(err), "%w; and the fixed names could not be given back to the old files: %v", err, undo).
			WithHint("Put right what is wrong and start the export again: it gives them back first. The manifest and the folder it names are intact")
	}
	return err
}

func (s *Stage) publish(m Manifest) error {
	o := s.output
	old, err := o.Current()
	if err != nil {
		return err
	}
	m.Version, m.Connection, m.Run, m.Folder = ManifestVersion, o.Connection, s.run, o.folder(s.run)
	if old == nil {
		old = &Manifest{} // that of no file
	}
	m.Previous = old.Run
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
	if err := durable.SyncFolder(o.Folder); err != nil {
		return err
	}
	if err := o.step("commit"); err != nil {
		return err
	}
	return o.write(m)
}
