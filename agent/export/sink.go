package export

import (
	"bytes"
	"context"
	"math"
	"sync"
	"sync/atomic"

	"github.com/usher-iga/usher/agent/spool"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// sink takes the rows of a connector into the spool. It is an sdk.Sink.
type sink struct {
	ctx     context.Context // a sink lives as long as the call that it is given to
	plan    *plan
	spool   *spool.Spool
	tracker *tracker

	asked       []sdk.Collection
	mu          sync.Mutex
	collections []*collection // nil before their Begin
	restarts    []store.Restart
	warnings    []sdk.Warning
}

// collection is the writer of one collection and what it wrote. It is an
// sdk.Writer.
type collection struct {
	sink     *sink
	index    int
	entity   string
	complete bool // a complete list, not the changes since a cookie
	counts   *counts
	objects  *spool.Table
	links    []*spool.Table          // by navigation
	departed map[string]record.State // of a complete list: the objects that are not there, by what it said last
	ended    atomic.Bool
	cookie   string
	row      []byte
}

func newSink(ctx context.Context, p *plan, asked []sdk.Collection, s *spool.Spool, t *tracker) *sink {
	return &sink{ctx: ctx, plan: p, asked: asked, spool: s, tracker: t, collections: make([]*collection, len(asked))}
}

func (s *sink) Begin(i int, complete bool, reason string) (sdk.Writer, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	if i < 0 || i >= len(s.collections) {
		return nil, broken("it began collection %d of %d", i, len(s.collections))
	}
	asked := s.asked[i]
	if !complete && asked.Cookie == "" {
		return nil, broken("it sent changes of %q where everything was asked for", asked.Entity)
	}
	c := &collection{sink: s, index: i, entity: asked.Entity, complete: complete, counts: &s.tracker.counts[i], objects: s.spool.Table(), departed: map[string]record.State{}}
	for range asked.Navigations {
		c.links = append(c.links, s.spool.Table())
	}
	s.mu.Lock()
	old := s.collections[i]
	s.collections[i] = c
	if old != nil {
		s.restarts = append(s.restarts, store.Restart{Entity: asked.Entity, Reason: reason})
	}
	s.mu.Unlock()
	if old != nil {
		s.plan.Logger.Info("collection begins again", "entity", asked.Entity, "reason", reason)
		if err := old.discard(); err != nil {
			return nil, err
		}
	}
	c.counts.objects.Store(0)
	c.counts.links.Store(0)
	s.tracker.update(func(shown *Snapshot) { shown.Collections[i].Ended = false })
	return c, nil
}

func (s *sink) Progress(p sdk.Progress) error {
	s.tracker.page(p)
	return s.ctx.Err()
}

func (s *sink) Warn(w sdk.Warning) error {
	s.plan.Logger.Warn(w.Message, "hint", w.Hint)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warnings = append(s.warnings, w)
	return s.ctx.Err()
}

// complete makes sure that every collection was read to its end (E11).
func (s *sink) complete() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range s.collections {
		if c == nil || !c.ended.Load() {
			return broken("it finished without the end of %q", s.plan.Request.Collections[i].Entity)
		}
	}
	return nil
}

// Object writes the state, one byte, and the object's wire form under its id.
func (c *collection) Object(o *record.Object) error {
	if err := c.check(o.ID()); err != nil {
		return err
	}
	switch {
	case !c.complete:
	case o.State() != record.Present:
		c.departed[string(o.ID())] = o.State()
	case len(c.departed) > 0:
		delete(c.departed, string(o.ID()))
	}
	c.row = o.AppendTo(append(c.row[:0], byte(o.State())))
	c.counts.objects.Add(1)
	return c.objects.Add(o.ID(), c.row)
}

// Links writes the links under the id of their owner; see appendLink.
func (c *collection) Links(l *record.Links) error {
	if err := c.check(l.Owner()); err != nil {
		return err
	}
	if l.Navigation() >= len(c.links) {
		return broken("it sent links of navigation %d of %q, and %d were asked for", l.Navigation(), c.entity, len(c.links))
	}
	table := c.links[l.Navigation()]
	count := uint64(0)
	c.row = append(c.row[:0], c.sink.collectionOf(l.Type()))
	for id, removed := range l.All() {
		if err := c.check(id); err != nil {
			return err
		}
		if len(c.row) >= maxLinkRow {
			if err := table.Add(l.Owner(), c.row); err != nil {
				return err
			}
			c.row = c.row[:1]
		}
		c.row = appendLink(c.row, id, removed)
		count++
	}
	c.counts.links.Add(count)
	if count == 0 {
		return nil
	}
	return table.Add(l.Owner(), c.row)
}

// collectionOf is the position of the collection of a type, plus one; 0: not known, or
// behind the 255th.
func (s *sink) collectionOf(typ []byte) byte {
	for i := range min(len(s.asked), math.MaxUint8) {
		if s.asked[i].Entity == string(typ) {
			return byte(i + 1)
		}
	}
	return 0
}

func (c *collection) End(cookie string) error {
	if c.ended.Load() {
		return broken("it ended %q twice", c.entity)
	}
	c.objects.Finish()
	for _, t := range c.links {
		t.Finish()
	}
	c.cookie = cookie
	c.ended.Store(true)
	c.sink.tracker.update(func(shown *Snapshot) { shown.Collections[c.index].Ended = true })
	return c.sink.ctx.Err()
}

// rows is how many there are to merge.
func (c *collection) rows() uint64 { return c.counts.objects.Load() + c.counts.links.Load() }

// discard voids what was written.
func (c *collection) discard() error {
	c.ended.Store(true)
	for _, t := range append(c.links, c.objects) {
		if err := t.Discard(); err != nil {
			return err
		}
	}
	return nil
}

// maxID bounds an id: none of a directory comes near, keys are held in memory, and
// two ids with a byte between them are a key of the store.
const maxID = (store.MaxKey - 1) / 2

// check refuses rows after the end and ids that are none.
func (c *collection) check(id []byte) error {
	if c.ended.Load() {
		return broken("it sent rows of %q after its end", c.entity)
	}
	if len(id) == 0 || len(id) > maxID || bytes.IndexByte(id, 0) >= 0 {
		return broken("it sent the id %.100q in %q, which is none", id, c.entity)
	}
	return nil
}

func broken(format string, args ...any) error {
	return fault.Errorf(fault.Connector, "the connector broke the protocol: "+format, args...).
		WithHint("Install the connector program and the agent of the same release; if they are, report it to the connector's author")
}
