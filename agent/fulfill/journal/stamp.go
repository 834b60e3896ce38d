package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/usher-iga/usher/agent/durable"
)

// Stamp tells a journal on disk from what it was before somebody changed it. Two are compared by ==. The zero
// Stamp is that of no journal.
type Stamp struct {
	size     int64
	modified int64 // nanoseconds
}

// StampOf looks at the journal of a connection, which need not be open nor exist. Only while the journal is not open in
// another process is it certain that a later change has another stamp. Errors are fault.Storage.
func StampOf(workFolder, connection string) (Stamp, error) {
	path := filepath.Join(Folder(workFolder, connection), fileName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Stamp{}, nil
	}
	if err != nil {
		return Stamp{}, durable.Fault(err, "read", path)
	}
	return Stamp{info.Size(), info.ModTime().UnixNano()}, nil
}
