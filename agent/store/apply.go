package store

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/store/setfile"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// source is where the keys of a changed set come from.
type source struct {
	kind kind
	file *setfile.Info              // replaced: the new file
	rows func() (changeRows, error) // changed: may be called several times
	most int64                      // changed: an upper bound of the changes
}

// apply makes prepared changes what is known.
func (c *Commit) apply(ctx context.Context, p *prepared, sources map[string]source) error {
	next := c.on.clone()
	next.Generation++
	delete(next.Held, c.run)
	if err := c.takeWorld(next, p, sources); err != nil {
		return err
	}
	next.takeCookies(p.Cookies)

	var gone []string // sets whose overlay is of no use any more
	small := map[string]source{}
	budget := int64(c.store.options.MaxOverlay)
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		from, known := sources[name], c.on.Sets[name]
		switch {
		case from.kind == dropped:
			delete(next.Sets, name)
		case from.kind == replaced:
			next.Sets[name] = set{Base: from.file, Keys: from.file.Keys}
		case from.most == 0:
			continue
		case from.most <= budget && c.store.fits(known, from.most):
			budget -= from.most
			small[name] = from
			continue
		default:
			merged, err := c.merge(ctx, name, from)
			if err != nil {
				return err
			}
			next.Sets[name] = merged
		}
		if known.Overlay.Entries > 0 {
			gone = append(gone, name)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.store.flip(next, p.Run, func(tx *bbolt.Tx) error {
		for _, name := range gone {
			if err := dropOverlay(tx, name); err != nil {
				return err
			}
		}
		for _, name := range slices.Sorted(maps.Keys(small)) {
			known, err := c.store.edit(tx, name, next.Sets[name], small[name])
			if err != nil {
				return err
			}
			next.Sets[name] = known
		}
		return nil
	})
}

// takeWorld refuses to mix two worlds.
func (c *Commit) takeWorld(next *state, p *prepared, sources map[string]source) error {
	if p.World == nil {
		return nil
	}
	if old := next.World; old != (World{}) && old.Hash != p.World.Hash {
		for name := range next.Sets {
			if from, ok := sources[name]; !ok || from.kind == changed {
				return fault.Errorf(fault.Conflict, "what is known of connection %s is of %s; it cannot be changed by a run of %s",
					c.store.options.Connection, old.Text, p.World.Text).
					WithHint("Make a complete export, which replaces everything known")
			}
		}
		next.Cookies = nil
	}
	next.World = *p.World
	return nil
}

// takeCookies applies the cookies of a commit in their order.
func (s *state) takeCookies(cookies []cookie) {
	for _, k := range cookies {
		if k.Text == nil {
			s.Cookies = slices.DeleteFunc(s.Cookies, func(old cookie) bool { return old.Entity == k.Entity })
		} else {
			s.Cookies = append(s.Cookies, k)
		}
	}
	slices.SortFunc(s.Cookies, compareCookies)
}

// fits reports whether so many changes of a set may go into its overlay: it stays
// small beside the file, so that reading both costs little more than the file.
func (s *Store) fits(known set, changes int64) bool {
	if known.Base == nil {
		return false
	}
	const always = 1024 // writing even the smallest file takes some time
	limit := min(int64(s.options.MaxOverlay), max(always, known.Base.Keys/4))
	return known.Overlay.Entries+changes <= limit
}

// edit changes the overlay of a set; s.mu is held.
func (s *Store) edit(tx *bbolt.Tx, name string, known set, from source) (set, error) {
	base, err := s.readerLocked(*known.Base)
	if err != nil {
		return set{}, err
	}
	b, err := tx.Bucket([]byte(overlayBucket)).CreateBucketIfNotExists([]byte(name))
	if err != nil {
		return set{}, err
	}
	rows, err := from.rows()
	if err != nil {
		return set{}, err
	}
	defer rows.Close()
	for rows.Next() {
		value, inBase, err := base.Get(rows.Key())
		if err != nil {
			return set{}, err
		}
		if err := known.edit(b, rows.Key(), value, inBase, rows.Value()); err != nil {
			return set{}, err
		}
	}
	return known, rows.Err()
}

func dropOverlay(tx *bbolt.Tx, name string) error {
	err := tx.Bucket([]byte(overlayBucket)).DeleteBucket([]byte(name))
	if errors.Is(err, bolterrors.ErrBucketNotFound) {
		return nil
	}
	return err
}

// checkEvery is after how many keys a long loop looks whether it is still wanted.
const checkEvery = 4096

// merge writes a set with its overlay and changes as a new file.
func (c *Commit) merge(ctx context.Context, name string, from source) (set, error) {
	if err := c.store.step("merge set " + name); err != nil {
		return set{}, err
	}
	w, err := c.createSet()
	if err != nil {
		return set{}, err
	}
	defer w.Discard()
	rows, err := from.rows()
	if err != nil {
		return set{}, err
	}
	defer rows.Close()
	old := (&Known{c.store, c.on}).Set(name).Cursor()
	if err := mergeInto(ctx, w, old, rows); err != nil {
		return set{}, c.store.explain(err)
	}
	info, err := w.Commit()
	if err != nil {
		return set{}, err
	}
	return set{Base: &info, Keys: info.Keys}, nil
}

func mergeInto(ctx context.Context, w *setfile.Writer, old *Cursor, rows changeRows) error {
	hasOld, hasRow := old.Next(), rows.Next()
	for n := 0; hasOld || hasRow; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		order := 1 // of the old key and the changed one
		switch {
		case !hasRow:
			order = -1
		case hasOld:
			order = bytes.Compare(old.Key(), rows.Key())
		}
		var err error
		if order < 0 {
			err = w.Add(old.Key(), old.Value())
		} else if entry := rows.Value(); entry[0] == present {
			err = w.Add(rows.Key(), entry[1:])
		}
		if err != nil {
			return err
		}
		if order <= 0 {
			hasOld = old.Next()
		}
		if order >= 0 {
			hasRow = rows.Next()
		}
	}
	return errors.Join(old.Err(), rows.Err())
}

// sources gives what the commit has collected.
func (c *Commit) sources() map[string]source {
	sources := make(map[string]source, len(c.sets))
	for name, d := range c.sets {
		from := source{kind: d.kind}
		if d.writer != nil {
			from.file = d.writer.info
		}
		if d.changes != nil {
			table := d.changes.table
			table.Finish()
			from.most = int64(table.Rows())
			from.rows = func() (changeRows, error) {
				rows, err := c.spool.Merge(table)
				if err != nil {
					return nil, durable.Fault(err, "read the folder", c.store.path(spoolName))
				}
				return newLastRows(rows), nil
			}
		}
		sources[name] = from
	}
	return sources
}
