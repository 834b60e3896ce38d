package export

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// lock holds a connection for one run, among all processes of the machine. The
// system gives it back when the process ends, however it ends.
type lock struct {
	file   *flock.Flock
	holder string // a file of its own: on Windows a locked file cannot be read
}

// holder tells others who holds a lock.
type holder struct {
	Process int       `json:"process"`
	Run     string    `json:"run"`
	Since   time.Time `json:"since"`
}

// acquire takes the lock of a connection, or says who holds it as fault.Conflict.
func acquire(work, connection, run string, now time.Time) (*lock, error) {
	folder := filepath.Join(work, "locks")
	if err := durable.MakeFolder(folder); err != nil {
		return nil, err
	}
	base := filepath.Join(folder, strings.ToLower(connection))
	l := &lock{file: flock.New(base+".lock", flock.SetPermissions(durable.FileMode)), holder: base + ".holder"}
	locked, err := l.file.TryLock()
	if err != nil {
		return nil, durable.Fault(err, "lock", l.file.Path())
	}
	if !locked {
		return nil, fault.Errorf(fault.Conflict, "connection %s is being exported already%s", connection, describe(l.holder)).
			WithHint("Wait until that run has ended, or end it")
	}
	content, err := json.Marshal(holder{Process: os.Getpid(), Run: run, Since: now.UTC()})
	if err == nil {
		err = durable.RemoveLeftovers(folder, filepath.Base(l.holder))
	}
	if err == nil {
		err = durable.WriteFile(l.holder, content)
	}
	if err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// describe tells who holds the lock, as far as it is known.
func describe(path string) string {
	var h holder
	content, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(content, &h) != nil {
		return ""
	}
	return fmt.Sprintf(" by process %d, run %s, since %s", h.Process, h.Run, h.Since.Format(time.DateTime+" MST"))
}

// release gives the lock back. The lock file stays: deleting it could let two
// processes lock two files of one name.
func (l *lock) release() {
	_ = os.Remove(l.holder) // only told who held the lock
	_ = l.file.Unlock()     // at the latest the end of the process unlocks it
}
