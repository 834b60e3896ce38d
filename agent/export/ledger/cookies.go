package ledger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// ResetCookies deletes the cookies of some entities, named in any case of letters, or of
// all if none is named: the next export is complete. It returns the entities whose cookies
// it deleted. An entity without one is fault.NotFound; while a run is held it is
// fault.Held.
func (l *Ledger) ResetCookies(ctx context.Context, entities []string) (deleted []string, err error) {
	if err := l.Refuse("its cookies are not deleted"); err != nil {
		return nil, err
	}
	known, err := l.store.Known()
	if err != nil {
		return nil, err
	}
	for _, c := range known.Cookies() {
		if len(entities) == 0 || tree.Contains(entities, c.Entity) {
			deleted = append(deleted, c.Entity)
		}
	}
	for _, entity := range entities {
		if !tree.Contains(deleted, entity) {
			return nil, fault.Errorf(fault.NotFound, "connection %s has no cookie of %s", l.options.Connection, entity).
				WithHint("'usher cookies list %s' lists those there are", l.options.Connection)
		}
	}
	if len(deleted) == 0 {
		return nil, nil
	}
	return deleted, l.change(ctx, "cookies reset", func(c *store.Commit) {
		for _, entity := range deleted {
			c.DeleteCookie(entity)
		}
	})
}

// ExportCookies writes each cookie to a file of its own, which is a secret, and returns
// the paths. A folder that is missing is made. A connection without cookies is
// fault.NotFound.
func (l *Ledger) ExportCookies(folder string) (paths []string, err error) {
	known, err := l.store.Known()
	if err != nil {
		return nil, err
	}
	cookies := known.Cookies()
	if len(cookies) == 0 {
		return nil, fault.Errorf(fault.NotFound, "connection %s has no cookies", l.options.Connection).
			WithHint("An export obtains them: run 'usher export %s'", l.options.Connection)
	}
	if err := durable.MakeFolder(folder); err != nil {
		return nil, err
	}
	for _, c := range cookies {
		path := filepath.Join(folder, l.cookieFile(c.Entity))
		if err := durable.WriteFile(path, []byte(c.Text.Reveal())); err != nil {
			return paths, err
		}
		paths = append(paths, path)
		// An import takes the age of a cookie from its file.
		if err := os.Chtimes(path, c.Obtained, c.Obtained); err != nil {
			return paths, durable.Fault(err, "set the time of", path)
		}
	}
	return paths, nil
}

// Imported is a cookie that was taken from a file.
type Imported struct {
	Entity   string
	Obtained time.Time
	// Newer than the one it replaces: what changed between the two is missing from what is
	// known, and in the files, until the next complete export.
	Newer bool
}

// rounding is how exactly disks keep the times of files.
const rounding = 2 * time.Second

// ImportCookies replaces cookies by those in files, named like those that ExportCookies
// writes. All or none is taken.
//
// Only a cookie can be replaced, as it goes on from what is known with it; and only by one
// of the same address. What is known stays, and so does what the cookie depends on: that
// the new one was obtained with the same mapping is for the caller to know. Everything that
// is wrong with the files is told at once, as fault.Invalid, fault.NotFound for an entity
// without a cookie, and fault.Storage for the disk; while a run is held it is fault.Held.
func (l *Ledger) ImportCookies(ctx context.Context, paths []string) (imported []Imported, err error) {
	if err := l.Refuse("cookies are not imported"); err != nil {
		return nil, err
	}
	known, err := l.store.Known()
	if err != nil {
		return nil, err
	}
	old := map[string]store.Cookie{} // by entity in lower case
	for _, c := range known.Cookies() {
		old[strings.ToLower(c.Entity)] = c
	}
	taken := map[string]store.Cookie{}
	var problems []error
	for _, path := range paths {
		c, err := l.readCookie(path, old)
		switch _, twice := taken[c.Entity]; {
		case err != nil:
			problems = append(problems, err)
		case twice:
			problems = append(problems, fault.Errorf(fault.Invalid, "the file %s is the second one of %s", path, c.Entity).
				WithHint("Name one file for each entity"))
		default:
			taken[c.Entity] = c
			was := old[strings.ToLower(c.Entity)].Obtained
			imported = append(imported, Imported{Entity: c.Entity, Obtained: c.Obtained, Newer: c.Obtained.After(was.Add(rounding))})
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return imported, l.change(ctx, "cookies import", func(commit *store.Commit) {
		for _, c := range taken {
			commit.SetCookie(c)
		}
	})
}

// change changes what is known otherwise than by an export, which is remembered like a
// run.
func (l *Ledger) change(ctx context.Context, what string, do func(*store.Commit)) (err error) {
	now := l.options.Clock.Now().UTC()
	commit, err := l.store.Begin(l.options.Run)
	if err != nil {
		return err
	}
	defer func() { err = both(err, commit.Discard()) }()
	do(commit)
	commit.Record(store.Run{Mode: what, State: store.Done, Started: now, Finished: now})
	return commit.Finish(ctx)
}
