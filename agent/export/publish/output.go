// Package publish replaces the published files of a connection as a set: a reader
// of the manifest sees all files of one run or all of the run before, wherever the
// agent or the machine stops.
//
// The files of a run live in a folder of their own, which is complete before it
// gets its name and is never changed:
//
//	<output>/.<connection>/<run>/<connection>_directoryobjects.csv
//	<output>/.<connection>/<run>.held/              a set that waits for an operator
//	<output>/<connection>_directoryobjects.csv      a link to it, for who wants a fixed name
//	<output>/<connection>_manifest.json             names the folder; replacing it is the commit
//
// The set before the current one is kept, so that a slow reader can finish.
package publish

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Output is the place where the files of one connection are published. Only one
// run at a time may change it: hold the connection's lock.
type Output struct {
	Folder     string
	Connection string

	// Cut is for crash tests: it is called before each step that changes the disk,
	// and an error of it fails the step.
	Cut func(step string) error
}

// Manifest is the path of the manifest.
func (o Output) Manifest() string { return filepath.Join(o.Folder, o.manifestName()) }

func (o Output) manifestName() string { return o.Connection + "_manifest.json" }

// Current reads the manifest of what is published; nil if nothing is.
func (o Output) Current() (*Manifest, error) {
	m, err := ReadManifest(o.Manifest())
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return m, err
}

// sets is the folder of the connection's sets.
func (o Output) sets() string { return filepath.Join(o.Folder, "."+o.Connection) }

func (o Output) set(run string) string { return filepath.Join(o.sets(), run) }

// folder is what the manifest calls the set of a run.
func (o Output) folder(run string) string { return "." + o.Connection + "/" + run }

// fixed is the path of a file under its fixed name.
func (o Output) fixed(name string) string { return filepath.Join(o.Folder, name) }

func (o Output) step(name string) error {
	if o.Cut == nil {
		return nil
	}
	return o.Cut(name)
}

// Recover makes the files agree with the manifest again and deletes what is of no
// use: what a killed run left, and sets older than the previous one. Without a
// manifest nothing tells which set is the good one, so sets and fixed names stay
// until there is one again. It may be called at any time, any number of times.
func (o Output) Recover() error {
	current, err := o.Current()
	if err != nil {
		return err
	}
	sets, err := list(o.sets(), fs.DirEntry.IsDir)
	if err != nil {
		return err
	}
	var unfinished, useless []string
	for _, set := range sets {
		switch {
		case strings.HasSuffix(set, staging):
			unfinished = append(unfinished, set)
		case strings.HasSuffix(set, held):
		case current != nil && set != filepath.Base(current.Folder) && set != current.Previous:
			useless = append(useless, set)
		}
	}
	if current == nil {
		return o.tidy(unfinished, nil)
	}
	if err := o.restore(current); err != nil {
		return err
	}
	names, err := o.withdraw(useless, current)
	if err != nil {
		return err
	}
	for _, f := range current.Files {
		names = append(names, f.Name)
	}
	if err := durable.SyncFolder(o.Folder); err != nil {
		return err
	}
	return o.tidy(append(unfinished, useless...), names)
}

// tidy deletes sets, and what killed writers of the manifest and of the named files
// left.
func (o Output) tidy(sets, names []string) error {
	if err := durable.RemoveLeftovers(o.Folder, append(names, o.manifestName())...); err != nil {
		return err
	}
	for _, set := range sets {
		if err := o.delete(set); err != nil {
			return err
		}
	}
	_ = os.Remove(o.sets()) // only if empty
	return nil
}

// delete deletes a set.
func (o Output) delete(set string) error {
	if err := o.step("delete set " + set); err != nil {
		return err
	}
	return durable.Fault(os.RemoveAll(o.set(set)), "delete the folder", o.set(set))
}

// restore gives the fixed names back to the set of the manifest.
func (o Output) restore(m *Manifest) error {
	for _, f := range m.Files {
		from := filepath.Join(o.Folder, filepath.FromSlash(m.Folder), f.Name)
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			continue // deleted by hand: leave what there is
		}
		same, err := sameContent(from, o.fixed(f.Name))
		if err != nil {
			return err
		}
		if same {
			continue
		}
		if err := o.link(from, f.Name); err != nil {
			return err
		}
	}
	return nil
}

func (o Output) link(from, name string) error {
	if err := o.step("link " + name); err != nil {
		return err
	}
	return durable.Link(from, o.fixed(name))
}

// withdraw deletes the fixed names that belong to useless sets and to no file of
// the manifest. It returns the names of all files in these sets.
func (o Output) withdraw(useless []string, current *Manifest) ([]string, error) {
	var names []string
	for _, set := range useless {
		files, err := list(o.set(set), isFile)
		if err != nil {
			return nil, err
		}
		names = append(names, files...)
		for _, name := range files {
			if current.has(name) {
				continue
			}
			same, err := sameContent(filepath.Join(o.set(set), name), o.fixed(name))
			if err != nil {
				return nil, err
			}
			if !same {
				continue // it is somebody else's, or not there
			}
			if err := o.remove(name); err != nil {
				return nil, err
			}
		}
	}
	return names, nil
}

func (o Output) remove(name string) error {
	if err := o.step("delete " + name); err != nil {
		return err
	}
	return durable.Remove(o.fixed(name))
}

func isFile(entry fs.DirEntry) bool { return entry.Type().IsRegular() }

// list gives the names of some kind in a folder; none if it is missing.
func list(folder string, of func(fs.DirEntry) bool) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, durable.Fault(err, "list", folder)
	}
	var names []string
	for _, entry := range entries {
		if of(entry) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// sameContent reports whether two paths hold the same; a missing file holds nothing
// that is the same. Contents are compared only where the disk has no links.
func sameContent(a, b string) (bool, error) {
	if durable.Same(a, b) {
		return true, nil
	}
	fileA, err := os.Open(a)
	if err != nil {
		return false, ignoreMissing(err, a)
	}
	defer fileA.Close()
	fileB, err := os.Open(b)
	if err != nil {
		return false, ignoreMissing(err, b)
	}
	defer fileB.Close()
	infoA, errA := fileA.Stat()
	infoB, errB := fileB.Stat()
	if errA != nil || errB != nil || infoA.Size() != infoB.Size() || !infoB.Mode().IsRegular() {
		return false, nil
	}
	bufferA, bufferB := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, errA := io.ReadFull(fileA, bufferA)
		m, errB := io.ReadFull(fileB, bufferB)
		if !bytes.Equal(bufferA[:n], bufferB[:m]) {
			return false, nil
		}
		if errA != nil || errB != nil { // both at the end, or one cannot be read
			return isEnd(errA) && isEnd(errB), nil
		}
	}
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

func ignoreMissing(err error, path string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return durable.Fault(err, "read", path)
}
