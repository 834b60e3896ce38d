package store

import (
	"context"
	"sync"
	"unicode/utf8"

	"github.com/usher-iga/usher/agent/spool"
	"github.com/usher-iga/usher/agent/store/setfile"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Commit prepares what a run changes. Nothing of it is seen before Finish. Its
// methods may be called from several goroutines, and what Replace and Change return
// may be used side by side. End it by Finish, Hold or Discard.
type Commit struct {
	store *Store
	on    *state // on which it is built
	run   string

	mu      sync.Mutex
	world   *World
	cookies []cookie // Text nil: deleted; later ones replace earlier ones
	record  Run
	sets    map[string]*draft
	files   []uint64     // that it has written
	spool   *spool.Spool // of the changes; nil before the first
	ended   bool
}

// draft is what a commit does to a set.
type draft struct {
	kind    kind
	writer  *SetWriter
	changes *Changes
}

// The memory of a spool for changes.
const (
	spoolMemory = 4 << 20
	spoolBlock  = 32 << 10
)

// Begin starts the commit of a run. While another one is under way it is
// fault.Conflict.
func (s *Store) Begin(run string) (*Commit, error) {
	if err := s.take(); err != nil {
		return nil, err
	}
	k, err := s.Known()
	if err != nil {
		s.give()
		return nil, err
	}
	return &Commit{store: s, on: k.state, run: run, record: Run{ID: run}, sets: map[string]*draft{}}, nil
}

// Replace starts a set anew: the keys that are added are all that it holds then. A
// set can be replaced, changed or dropped once in a commit.
func (c *Commit) Replace(name string) (*SetWriter, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.draft(name, replaced)
	if err != nil {
		return nil, err
	}
	w, err := c.createSet()
	if err != nil {
		return nil, err
	}
	d.writer = &SetWriter{store: c.store, name: name, file: w}
	return d.writer, nil
}

// Change starts the changes of a set. A set that does not exist is made by the first
// change.
func (c *Commit) Change(name string) (*Changes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.draft(name, changed)
	if err != nil {
		return nil, err
	}
	if c.spool == nil {
		path := c.store.path(spoolName)
		if c.spool, err = spool.New(path, spool.Options{Memory: spoolMemory, Block: spoolBlock}); err != nil {
			return nil, err
		}
	}
	d.changes = &Changes{store: c.store, name: name, table: c.spool.Table()}
	return d.changes, nil
}

// Drop removes a set, which need not exist.
func (c *Commit) Drop(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.draft(name, dropped)
	return err
}

func (c *Commit) draft(name string, k kind) (*draft, error) {
	switch {
	case c.ended:
		return nil, c.late()
	case name == "" || len(name) > 255 || !utf8.ValidString(name):
		return nil, fault.Errorf(fault.Internal, "%.300q is no name of a set", name)
	case c.sets[name] != nil:
		return nil, fault.Errorf(fault.Internal, "the set %s is %s twice in one commit", name, k)
	}
	d := &draft{kind: k}
	c.sets[name] = d
	return d, nil
}

func (c *Commit) late() error {
	return fault.Errorf(fault.Internal, "the commit of run %s has ended", c.run)
}

// createSet starts a set file.
func (c *Commit) createSet() (*setfile.Writer, error) {
	if err := c.store.step("create set"); err != nil {
		return nil, err
	}
	c.store.files++
	c.files = append(c.files, c.store.files)
	return setfile.Create(c.store.setPath(c.store.files), c.store.files)
}

// SetCookie stores a cookie in place of all others of its entity.
func (c *Commit) SetCookie(k Cookie) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cookies = append(c.cookies, cookie{Entity: k.Entity}, k.stored())
}

// DeleteCookie deletes the cookies of an entity.
func (c *Commit) DeleteCookie(entity string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cookies = append(c.cookies, cookie{Entity: entity})
}

// SetWorld says to what world the sets belong. In another world than that of the
// store, Finish and Hold refuse a commit that does not replace or drop every set, and
// cookies that the commit does not set are deleted.
func (c *Commit) SetWorld(w World) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.world = &w
}

// Record gives the record of the run. The store sets its id, and its state unless that is
// Done.
func (c *Commit) Record(r Run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.ID = c.run
	c.record = r
}

// Finish makes the changes what is known, in one transaction. After an error nothing
// has changed, and Discard is still to be called; the store says if it cannot be
// used any more. A commit of another world that keeps sets is fault.Conflict.
func (c *Commit) Finish(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return c.late()
	}
	p, err := c.content(Published)
	if err != nil {
		return err
	}
	if err := c.apply(ctx, p, c.sources()); err != nil {
		return err
	}
	return c.end()
}

// content is what the commit changes, without the sets' keys.
func (c *Commit) content(s RunState) (*prepared, error) {
	for name, d := range c.sets {
		if d.writer != nil && d.writer.info == nil {
			return nil, fault.Errorf(fault.Internal, "the new set %s was not closed", name)
		}
	}
	record := c.record
	if record.State != Done {
		record.State = s
	}
	return &prepared{Generation: c.on.Generation, World: c.world, Cookies: c.cookies, Run: &record}, nil
}

// Discard gives the commit up and deletes what it has prepared. After Finish, Hold or
// Discard it does nothing, so it can be deferred.
func (c *Commit) Discard() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	for _, d := range c.sets {
		if d.writer != nil {
			d.writer.file.Discard()
		}
	}
	s := c.store
	s.mu.Lock()
	if s.broken == nil { // else the files may be in use
		for _, number := range c.files {
			s.removeSet(number)
		}
	}
	s.mu.Unlock()
	return c.end()
}

// end gives back what the commit holds.
func (c *Commit) end() error {
	c.ended = true
	defer c.store.give()
	if c.spool == nil {
		return nil
	}
	return c.spool.Close()
}
