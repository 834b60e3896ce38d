package export

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/lock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// acquire takes the lock of a connection for a run, or says who holds it as
// fault.Conflict.
func acquire(work, connection, run string, now time.Time) (*lock.Lock, error) {
	folder := filepath.Join(work, "locks")
	if err := durable.MakeFolder(folder); err != nil {
		return nil, err
	}
	l, by, err := lock.Try(filepath.Join(folder, strings.ToLower(connection)), run, now)
	if err == nil && l == nil {
		err = fault.Errorf(fault.Conflict, "connection %s is being exported already%s", connection, by).
			WithHint("Wait until that run has ended, or end it")
	}
	return l, err
}
