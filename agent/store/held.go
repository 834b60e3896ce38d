package store

import (
	"context"
	"errors"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Hold keeps what the commit prepared until an operator releases or discards the run,
// also in another process. What is known does not change. Errors are those of
// Finish.
func (c *Commit) Hold(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return c.late()
	}
	p, err := c.content(Held)
	if err != nil {
		return err
	}
	sources := c.sources()
	next := c.on.clone()
	if err := c.takeWorld(c.on.clone(), p, sources); err != nil {
		return err
	}
	p.Sets = map[string]newsOf{}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		news := newsOf{Kind: sources[name].kind, File: sources[name].file}
		if news.Kind == changed {
			if news, err = c.keep(ctx, name, sources[name]); err != nil {
				return err
			}
		}
		p.Sets[name] = news
	}
	next.Held[c.run] = p
	if err := c.store.flip(next, p.Run, func(*bbolt.Tx) error { return nil }); err != nil {
		return err
	}
	return c.end()
}

// keep writes the changes of a set to a file.
func (c *Commit) keep(ctx context.Context, name string, from source) (newsOf, error) {
	if err := c.store.step("keep changes " + name); err != nil {
		return newsOf{}, err
	}
	w, err := c.createSet()
	if err != nil {
		return newsOf{}, err
	}
	defer w.Discard()
	rows, err := from.rows()
	if err != nil {
		return newsOf{}, err
	}
	defer rows.Close()
	for rows.Next() {
		if w.Keys()%checkEvery == 0 && ctx.Err() != nil {
			return newsOf{}, ctx.Err()
		}
		if err := w.Add(rows.Key(), rows.Value()); err != nil {
			return newsOf{}, err
		}
	}
	if err := rows.Err(); err != nil {
		return newsOf{}, err
	}
	info, err := w.Commit()
	return newsOf{changed, &info}, err
}

// Release finishes the commit of a held run. It is fault.Conflict if another run was
// committed since, fault.NotFound for a run that is not held, and otherwise as
// Commit.Finish.
func (s *Store) Release(ctx context.Context, run string) error {
	c, p, err := s.held(run)
	if err != nil {
		return err
	}
	if err := c.goesOnWith(p); err != nil {
		return errors.Join(err, c.Discard())
	}
	sources := make(map[string]source, len(p.Sets))
	for name, news := range p.Sets {
		from := source{kind: news.Kind, file: news.File}
		if news.Kind == changed {
			r, err := s.reader(*news.File)
			if err != nil {
				return errors.Join(err, c.Discard())
			}
			from.most = news.File.Keys
			from.rows = func() (changeRows, error) { return fileRows{r.Cursor()}, nil }
		}
		sources[name] = from
	}
	released := *p
	released.Run = s.decided(*p.Run, Released)
	if err := c.apply(ctx, &released, sources); err != nil {
		return errors.Join(err, c.Discard())
	}
	return c.end()
}

// Releasable tells whether Release would refuse a held run, by the errors of Release; nil
// if it would not.
func (s *Store) Releasable(run string) error {
	c, p, err := s.held(run)
	if err != nil {
		return err
	}
	return errors.Join(c.goesOnWith(p), c.Discard())
}

// goesOnWith refuses what was prepared before another run was committed.
func (c *Commit) goesOnWith(p *prepared) error {
	if p.Generation == c.on.Generation {
		return nil
	}
	return fault.Errorf(fault.Conflict, "run %s of connection %s cannot be released: another run was committed after it", c.run, c.store.options.Connection).
		WithHint("Discard it: the next run contains its changes")
}

// Discard gives a held run up and deletes what it prepared. A run that is not held is
// fault.NotFound.
func (s *Store) Discard(run string) error {
	c, p, err := s.held(run)
	if err != nil {
		return err
	}
	next := c.on.clone()
	delete(next.Held, run)
	if err := s.flip(next, s.decided(*p.Run, Discarded), func(*bbolt.Tx) error { return nil }); err != nil {
		return errors.Join(err, c.Discard())
	}
	return c.end()
}

// held starts to change the store by a held run.
func (s *Store) held(run string) (*Commit, *prepared, error) {
	c, err := s.Begin(run)
	if err != nil {
		return nil, nil, err
	}
	p := c.on.Held[run]
	if p == nil {
		err := fault.Errorf(fault.NotFound, "connection %s holds no run %s", s.options.Connection, run).
			WithHint("'usher runs list %s' lists the last runs and their states", s.options.Connection)
		return nil, nil, errors.Join(err, c.Discard())
	}
	return c, p, nil
}

func (s *Store) decided(r Run, state RunState) *Run {
	r.State, r.Decided = state, s.options.Clock.Now().UTC()
	return &r
}
