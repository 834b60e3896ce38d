package durable

import (
	"errors"

	"golang.org/x/sys/windows"
)

// errNotFolder is not syscall.ENOTDIR, which is "path not found" on Windows.
const errNotFolder = windows.ERROR_DIRECTORY

func diskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

func quotaUsed(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED) || errors.Is(err, windows.ERROR_NOT_ENOUGH_QUOTA)
}

func readOnly(err error) bool     { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }
func tooManyFiles(err error) bool { return errors.Is(err, windows.ERROR_TOO_MANY_OPEN_FILES) }
func nameTooLong(err error) bool  { return errors.Is(err, windows.ERROR_FILENAME_EXCED_RANGE) }
func notFolder(err error) bool    { return errors.Is(err, errNotFolder) }

// busy reports that another program may have the file open. Windows also says
// "access denied" then, when the file is to be replaced.
func busy(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION) ||
		errors.Is(err, windows.ERROR_ACCESS_DENIED)
}

// SyncFolder does nothing on Windows: NTFS journals names, and a folder cannot be
// flushed.
func SyncFolder(string) error { return nil }
