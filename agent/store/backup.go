package store

import (
	"context"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Backup copies the store into a folder, which must not exist or be empty. To go back
// to it, close the store and put the folder in the place of the store's; the next run
// then goes on from there. The copy holds cookies and personal data. While a commit is
// under way it is fault.Conflict.
func (s *Store) Backup(ctx context.Context, folder string) error {
	if err := s.take(); err != nil {
		return err
	}
	defer s.give()
	k, err := s.Known()
	if err != nil {
		return err
	}
	sets := filepath.Join(folder, setsName)
	if entries, err := os.ReadDir(folder); err == nil && len(entries) > 0 {
		return fault.Errorf(fault.Invalid, "the folder %s is not empty", folder).WithHint("Name a folder that does not exist yet")
	}
	if err := durable.MakeFolder(sets); err != nil {
		return err
	}
	for file := range k.state.files() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := durable.Copy(s.setPath(file.Number), setPath(sets, file.Number)); err != nil {
			return err
		}
	}
	// Last, because a folder without it is no store.
	path := filepath.Join(folder, stateName)
	to, err := durable.Create(path)
	if err != nil {
		return err
	}
	defer to.Discard()
	err = s.view(k.state, func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(to)
		return err
	})
	if err != nil {
		return durable.Fault(err, "write", path)
	}
	return to.Commit()
}
