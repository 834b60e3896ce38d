package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// countsFile is in the folder of the store.
const countsFile = "counts.json"

// counts tells how much is known, to who must not wait until nobody works on the connection.
type counts struct {
	Sets map[string]int64 `json:"sets"` // keys of each set of the store
}

// Counts tells how many keys each set of a connection's store has, at any time: also while a run is at work, which
// counts when it is published. There are none where found is false: nothing was published, or it is not written down;
// opening the ledger does that. Errors are fault.Storage.
func Counts(work, connection string) (sets map[string]int64, found bool, err error) {
	path := filepath.Join(store.Folder(work, connection), countsFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, durable.Fault(err, "read", path)
	}
	var c counts
	whole := json.Unmarshal(content, &c) == nil // else the next who opens the ledger writes it anew
	return c.Sets, whole, nil
}

// count writes down how much is known, unless it stands there already. It is not part of the commit: cut off in
// between, the next Open does it.
func (l *Ledger) count() error {
	known, err := l.store.Known()
	if err != nil {
		return err
	}
	c := counts{Sets: map[string]int64{}}
	for _, name := range known.Names() {
		c.Sets[name] = known.Set(name).Len()
	}
	content, err := json.Marshal(c)
	if err != nil {
		return fault.Errorf(fault.Internal, "write how much is known of connection %s: %w", l.options.Connection, err)
	}
	folder := store.Folder(l.options.Work, l.options.Connection)
	path := filepath.Join(folder, countsFile)
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, content) {
		return nil
	}
	if l.options.Cut != nil {
		if err := l.options.Cut("count"); err != nil {
			return err
		}
	}
	if err := durable.RemoveLeftovers(folder, countsFile); err != nil {
		return err
	}
	return durable.WriteFile(path, content)
}
