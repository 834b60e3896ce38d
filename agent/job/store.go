package job

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// WithStore calls work with what is known of a connection, named in any case of
// letters. Errors are those of work, and fault.Conflict while an export has it.
func (r *Runner) WithStore(ctx context.Context, id string, work func(*store.Store) error) (err error) {
	connection, err := r.Settings.Connection(id)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Options{WorkFolder: r.Settings.WorkFolder, Connection: connection.ID, Clock: r.Clock})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return work(s)
}

// Release publishes a run that is held. Warning and errors are those of [export.Release].
func (r *Runner) Release(ctx context.Context, id, run string) (warning, err error) {
	connection, err := r.Settings.Connection(id)
	if err != nil {
		return nil, err
	}
	return export.Release(ctx, r.place(connection), run)
}

// Discard drops a run that is held. Errors are those of [export.Discard].
func (r *Runner) Discard(ctx context.Context, id, run string) error {
	connection, err := r.Settings.Connection(id)
	if err != nil {
		return err
	}
	return export.Discard(ctx, r.place(connection), run)
}

func (r *Runner) place(c *settings.Connection) export.Options {
	return export.Options{
		Connection: c.ID, Clock: r.Clock,
		Folders: export.Folders{Temp: r.Settings.TempFolder, Work: r.Settings.WorkFolder},
	}
}

// ResetCookies deletes the cookies of some entities, or of all if none is named, so
// that the next export is complete. It returns the entities whose cookies it deleted.
func (r *Runner) ResetCookies(ctx context.Context, id string, entities []string) (deleted []string, err error) {
	err = r.WithStore(ctx, id, func(s *store.Store) error {
		known, err := s.Known()
		if err != nil {
			return err
		}
		for _, c := range known.Cookies() {
			if len(entities) == 0 || containsFold(entities, c.Entity) {
				deleted = append(deleted, c.Entity)
			}
		}
		for _, entity := range entities {
			if !containsFold(deleted, entity) {
				return fault.Errorf(fault.NotFound, "connection %s has no cookie of %s", id, entity).
					WithHint("'usher cookies list %s' lists those there are", id)
			}
		}
		if len(deleted) == 0 {
			return nil
		}
		return r.change(ctx, s, "cookies reset", func(c *store.Commit) {
			for _, entity := range deleted {
				c.DeleteCookie(entity)
			}
		})
	})
	return deleted, err
}

// change changes what is known otherwise than by an export, which is remembered like
// a run.
func (r *Runner) change(ctx context.Context, s *store.Store, what string, do func(*store.Commit)) (err error) {
	now := r.Clock.Now().UTC()
	run, err := export.NewRunID(now, rand.Reader)
	if err != nil {
		return err
	}
	commit, err := s.Begin(run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, commit.Discard()) }()
	do(commit)
	commit.Record(store.Run{Mode: strings.ToLower(what), Started: now, Finished: now})
	return commit.Finish(ctx)
}
