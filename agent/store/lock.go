package store

import (
	"context"
	"path/filepath"
	"time"

	"github.com/usher-iga/usher/agent/lock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// pause is the time between two attempts to get a lock.
const pause = 50 * time.Millisecond

// acquire takes the lock of a store, or says who holds it as fault.Conflict. bbolt
// locks its file too, but that file is replaced by a compaction: who waited for it
// would hold a file that is gone.
func acquire(ctx context.Context, folder string, o Options) (*lock.Lock, error) {
	for end := o.Clock.Now().Add(o.Wait); ; {
		l, by, err := lock.Try(filepath.Join(folder, "store"), "", o.Clock.Now())
		if err != nil || l != nil {
			return l, err
		}
		if !o.Clock.Now().Before(end) {
			return nil, fault.Errorf(fault.Conflict, "the store of connection %s is in use%s", o.Connection, by).
				WithHint("Wait until the export or command that uses it has ended")
		}
		if err := o.Clock.Sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}
