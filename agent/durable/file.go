// Package durable is the one way in which the agent writes a file that must
// survive a power cut whole: a temporary file beside it, fsync, rename, fsync of
// the folder. A reader sees the old content or the new, never a part.
//
// What the agent writes holds personal data, so folders and files that this
// package makes are open to the account that runs the agent and to nobody else: by
// their mode, or on Windows by an access list that inherits nothing and has SYSTEM
// and Administrators in it besides. Errors are faults of code Storage that name the path and the way out.
package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The modes of what this package creates. Folders that exist keep theirs.
const (
	FolderMode = 0o700
	FileMode   = 0o600
)

// temporary is the end of the name of a file that is not finished; its name
// begins with a dot, so that patterns such as *.csv do not find it.
const temporary = ".tmp"

// MakeFolder creates a folder and its parents where they are missing; the names are
// safe from a power cut then.
func MakeFolder(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return Fault(errNotFolder, "create the folder", path)
	case !errors.Is(err, fs.ErrNotExist):
		return Fault(err, "create the folder", path)
	}
	parent := filepath.Dir(path)
	if parent == path { // a drive that does not exist
		return Fault(err, "create the folder", path)
	}
	if err := MakeFolder(parent); err != nil {
		return err
	}
	if err := makeFolder(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return Fault(err, "create the folder", path)
	}
	return SyncFolder(parent)
}

// File is a durable file that is being written. It appears under its name at
// Commit. It is not safe for concurrent use and not buffered.
type File struct {
	path string
	temp *os.File // nil after Commit and Discard
}

// Create starts a file. Its folder must exist. End it by Commit or Discard.
func Create(path string) (*File, error) {
	temp, err := createTemp(filepath.Dir(path), "."+filepath.Base(path)+".")
	if err != nil {
		return nil, Fault(err, "create", path)
	}
	return &File{path: path, temp: temp}, nil
}

// Write is io.Writer.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.temp.Write(p)
	return n, Fault(err, "write", f.path)
}

// Commit makes the file appear, whole and safe from a power cut. After an error
// the old file, if there was one, still stands; or the new one, if only its name is
// not safe from a power cut. It may be called once.
func (f *File) Commit() error {
	if err := f.temp.Sync(); err != nil {
		f.Discard()
		return Fault(err, "write", f.path)
	}
	temp := f.temp
	f.temp = nil
	if err := temp.Close(); err != nil {
		os.Remove(temp.Name())
		return Fault(err, "write", f.path)
	}
	if err := Rename(temp.Name(), f.path); err != nil {
		os.Remove(temp.Name())
		return err
	}
	return nil
}

// Discard gives the file up. After Commit or Discard it does nothing, so it can be
// deferred.
func (f *File) Discard() {
	if f.temp == nil {
		return
	}
	f.temp.Close()
	os.Remove(f.temp.Name())
	f.temp = nil
}

// WriteFile writes a small file; its errors mean what those of File.Commit do.
func WriteFile(path string, content []byte) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.Commit()
}

// Copy makes to a durable copy of from.
func Copy(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return Fault(err, "read", from)
	}
	defer source.Close()
	f, err := Create(to)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := io.Copy(f, source); err != nil {
		return Fault(err, "copy to "+to, from)
	}
	return f.Commit()
}

// RemoveLeftovers deletes what killed writers of the named files left in folder.
// The caller makes sure that nobody writes them now. A missing folder has none.
func RemoveLeftovers(folder string, names ...string) error {
	entries, err := os.ReadDir(folder)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return Fault(err, "list", folder)
	}
	for _, entry := range entries {
		if !isLeftover(entry.Name(), names) {
			continue
		}
		path := filepath.Join(folder, entry.Name())
		if err := os.Remove(path); err != nil {
			return Fault(err, "delete", path)
		}
	}
	return nil
}

func isLeftover(name string, of []string) bool {
	rest, hidden := strings.CutPrefix(name, ".")
	rest, unfinished := strings.CutSuffix(rest, temporary)
	if !hidden || !unfinished {
		return false
	}
	dot := strings.LastIndexByte(rest, '.') // what follows is the random part
	for _, n := range of {
		if dot >= 0 && rest[:dot] == n {
			return true
		}
	}
	return false
}
