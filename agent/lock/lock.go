// Package lock keeps two processes of one machine from doing the same at the same
// time, and tells the second one who the first is.
package lock

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/usher-iga/usher/agent/durable"
)

// Lock is held by one process. The system gives it back when the process ends,
// however it ends.
type Lock struct {
	file   *flock.Flock
	holder string // a file of its own: on Windows a locked file cannot be read
}

// holder tells others who holds a lock.
type holder struct {
	Process int       `json:"process"`
	Run     string    `json:"run,omitempty"`
	Since   time.Time `json:"since"`
}

// Try takes the lock of the file path+".lock", whose folder must exist, for a run,
// which may be empty. If another process holds it, the Lock is nil and by tells
// which, as far as it is known, such as " by process 7, run X, since ...". Errors
// are faults of code Storage.
func Try(path, run string, now time.Time) (l *Lock, by string, err error) {
	l = &Lock{file: flock.New(path+".lock", flock.SetPermissions(durable.FileMode)), holder: path + ".holder"}
	locked, err := l.file.TryLock()
	if err != nil {
		return nil, "", durable.Fault(err, "lock", l.file.Path())
	}
	if !locked {
		return nil, describe(l.holder), nil
	}
	content, err := json.Marshal(holder{Process: os.Getpid(), Run: run, Since: now.UTC()})
	if err == nil {
		err = durable.RemoveLeftovers(filepath.Split(l.holder))
	}
	if err == nil {
		err = durable.WriteFile(l.holder, content)
	}
	if err != nil {
		l.Release()
		return nil, "", err
	}
	return l, "", nil
}

// describe tells who holds the lock.
func describe(path string) string {
	var h holder
	content, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(content, &h) != nil {
		return ""
	}
	by := fmt.Sprintf(" by process %d", h.Process)
	if h.Run != "" {
		by += ", run " + h.Run + ","
	}
	return by + " since " + h.Since.Format(time.DateTime+" MST")
}

// Release gives the lock back; it may be called twice. The lock file stays: deleting
// it could let two processes lock two files of one name.
func (l *Lock) Release() {
	if !l.file.Locked() {
		return
	}
	_ = os.Remove(l.holder) // only told who held the lock
	_ = l.file.Unlock()     // at the latest the end of the process unlocks it
}
