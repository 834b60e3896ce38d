package durable

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// Rename moves a file or folder within one disk, replacing a file that stands
// there, and makes the move survive a power cut. An error may mean that it only
// might not survive one: look which file stands there where that matters.
func Rename(from, to string) error {
	if err := replace(from, to); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(to))
}

// Link makes to the same file as from, at once and replacing what stands there:
// a hard link, or a copy on a disk that has none. The name is safe from a power
// cut only after SyncFolder, so that many links need one.
func Link(from, to string) error {
	if Same(from, to) {
		return nil // renaming a link onto its own file would do nothing, by POSIX
	}
	temp := filepath.Join(filepath.Dir(to), "."+filepath.Base(to)+".link"+temporary)
	if err := os.Remove(temp); err != nil && !os.IsNotExist(err) {
		return Fault(err, "delete", temp)
	}
	if err := os.Link(from, temp); err != nil {
		// Disks say in many ways that they have no links, so any failure is worth a
		// copy: what is really wrong comes back from there.
		return Copy(from, to)
	}
	if err := replace(temp, to); err != nil {
		os.Remove(temp)
		return err
	}
	return nil
}

// Same reports whether both paths are one file.
func Same(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// Remove deletes a file that may be missing.
func Remove(path string) error {
	err := retry(func() error { return os.Remove(path) }, busy, clock.System)
	if os.IsNotExist(err) {
		return nil
	}
	return Fault(err, "delete", path)
}

func replace(from, to string) error {
	err := retry(func() error { return os.Rename(from, to) }, busy, clock.System)
	return Fault(err, "replace", to)
}

const (
	retries    = 20
	retryPause = 50 * time.Millisecond
)

// retry repeats op for a second while another program has the file open: on
// Windows a virus scanner or an indexer often holds a new file for moments.
func retry(op func() error, busy func(error) bool, wait clock.Clock) error {
	err := op()
	for i := 0; i < retries && busy(err); i++ {
		_ = wait.Sleep(context.Background(), retryPause) // a second in all is not worth cancelling
		err = op()
	}
	return err
}
