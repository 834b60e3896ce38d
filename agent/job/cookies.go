package job

import (
	"cmp"
	"context"
	"crypto/rand"
	"path/filepath"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/ledger"
)

// cookieFolder is the folder in WorkFolderPath where cookies are exported to, named as in
// the reference product.
const cookieFolder = "ExportCookies"

// ResetCookies deletes the cookies of some entities, or of all if none is named, so
// that the next export is complete. It returns the entities whose cookies it deleted.
// Errors are those of [ledger.Ledger.ResetCookies].
func (r *Runner) ResetCookies(ctx context.Context, id string, entities []string) (deleted []string, err error) {
	err = r.withCommand(ctx, id, func(l *ledger.Ledger) error {
		deleted, err = l.ResetCookies(ctx, entities)
		return err
	})
	return deleted, err
}

// ExportCookies writes the cookies of a connection to files in a folder; empty: in
// ExportCookies in WorkFolderPath. It returns their paths. Errors are those of
// [ledger.Ledger.ExportCookies].
func (r *Runner) ExportCookies(ctx context.Context, id, folder string) (paths []string, err error) {
	folder, err = filepath.Abs(cmp.Or(folder, filepath.Join(r.Settings.WorkFolder, cookieFolder)))
	if err != nil {
		return nil, err
	}
	err = r.withCommand(ctx, id, func(l *ledger.Ledger) error {
		paths, err = l.ExportCookies(folder)
		return err
	})
	return paths, err
}

// ImportCookies replaces cookies of a connection by those in files. Errors are those of
// [ledger.Ledger.ImportCookies].
func (r *Runner) ImportCookies(ctx context.Context, id string, paths []string) (imported []ledger.Imported, err error) {
	err = r.withCommand(ctx, id, func(l *ledger.Ledger) error {
		imported, err = l.ImportCookies(ctx, paths)
		return err
	})
	return imported, err
}

// withCommand calls work with the ledger of a connection, for a command that has an id like
// a run: what it changes is remembered by it.
func (r *Runner) withCommand(ctx context.Context, id string, work func(*ledger.Ledger) error) error {
	run, err := export.NewRunID(r.Clock.Now(), rand.Reader)
	if err != nil {
		return err
	}
	return r.withLedger(ctx, id, run, work)
}
