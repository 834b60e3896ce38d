//go:build !windows

package durable

import (
	"errors"
	"os"
	"syscall"
)

const errNotFolder = syscall.ENOTDIR

func diskFull(err error) bool  { return errors.Is(err, syscall.ENOSPC) }
func quotaUsed(err error) bool { return errors.Is(err, syscall.EDQUOT) }
func readOnly(err error) bool  { return errors.Is(err, syscall.EROFS) }
func tooManyFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
func nameTooLong(err error) bool { return errors.Is(err, syscall.ENAMETOOLONG) }
func notFolder(err error) bool   { return errors.Is(err, errNotFolder) }

// busy is known to Windows only: elsewhere an open file can be renamed and deleted.
func busy(error) bool { return false }

// SyncFolder makes the names in a folder survive a power cut.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return Fault(err, "open the folder", path)
	}
	defer folder.Close()
	// Some network disks cannot do it and say EINVAL or ENOTSUP; they keep names safe themselves or not at all.
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return Fault(err, "write the folder", path)
	}
	return nil
}

// createTemp creates a file with FileMode; name is what stands before the random part.
func createTemp(folder, name string) (*os.File, error) {
	return os.CreateTemp(folder, name+"*"+temporary)
}

func makeFolder(path string) error { return os.Mkdir(path, FolderMode) }
