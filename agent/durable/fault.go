package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Fault explains an error of a file operation: doing is what was tried with path,
// such as "write". It returns nil for nil, and an error that is a fault already as
// it is.
func Fault(err error, doing, path string) error {
	if err == nil || fault.Of(err) != nil {
		return err
	}
	return &fault.Error{
		Code: fault.Storage, Message: "cannot " + doing + " " + path,
		Hint: hint(err, path), Err: reason(err),
	}
}

// reason strips the operation and the path, which the message names already.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

func hint(err error, path string) string {
	folder := filepath.Dir(path)
	switch {
	case diskFull(err):
		return "The disk that holds " + folder + " is full; free space on it or choose another folder"
	case quotaUsed(err):
		return "The disk quota of the account that runs Usher is used up in " + folder + "; raise it or free space"
	case readOnly(err):
		return "The disk that holds " + folder + " is read-only; make it writable or choose another folder"
	case busy(err):
		return "Close the program that has " + path + " open, and see that the account that runs Usher may write in " + folder
	case errors.Is(err, fs.ErrPermission):
		return "Give the account that runs Usher the right to read and write in " + folder
	case errors.Is(err, fs.ErrNotExist):
		return "See that " + folder + " exists and that nothing deletes files in it while Usher runs"
	case tooManyFiles(err):
		return "Raise the number of files that the account that runs Usher may have open"
	case nameTooLong(err):
		return "The name is too long for this disk; choose a shorter name for the connection or the folder"
	case notFolder(err):
		return "A part of the path is a file, not a folder; move it away or choose another folder"
	default:
		return ""
	}
}
