package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// model is what a store should hold.
type model struct {
	generation uint64
	sets       map[string]content
	cookies    map[string]string // text by entity
}

func (m model) clone() model {
	c := model{m.generation, map[string]content{}, maps.Clone(m.cookies)}
	for name, keys := range m.sets {
		c.sets[name] = maps.Clone(keys)
	}
	return c
}

// news is what one commit does; it can be done to a store and to a model.
type news struct {
	replaced, changed map[string]content
	dropped           []string
	cookies           map[string]string // "" deletes
}

func (n news) prepare(c *store.Commit) error {
	for name, keys := range n.replaced {
		if err := replace(c, name, keys); err != nil {
			return err
		}
	}
	for name, keys := range n.changed {
		if err := change(c, name, keys); err != nil {
			return err
		}
	}
	for _, name := range n.dropped {
		if err := c.Drop(name); err != nil {
			return err
		}
	}
	for entity, text := range n.cookies {
		if text == "" {
			c.DeleteCookie(entity)
		} else {
			c.SetCookie(store.Cookie{Entity: entity, Text: secret.New(text)})
		}
	}
	return nil
}

func (n news) applied(m model) model {
	m = m.clone()
	m.generation++
	for name, keys := range n.replaced {
		m.sets[name] = maps.Clone(keys)
	}
	for name, keys := range n.changed {
		if m.sets[name] == nil && len(keys) > 0 {
			m.sets[name] = content{}
		}
		for key, value := range keys {
			if value == "-" {
				delete(m.sets[name], key)
			} else {
				m.sets[name][key] = value
			}
		}
	}
	for _, name := range n.dropped {
		delete(m.sets, name)
	}
	for entity, text := range n.cookies {
		if text == "" {
			delete(m.cookies, entity)
		} else {
			m.cookies[entity] = text
		}
	}
	return m
}

func contents(value string) *rapid.Generator[content] {
	return rapid.Map(rapid.MapOfN(rapid.StringMatching(`[ab]{1,2}[0-9a-c]{0,2}`), rapid.StringMatching(value), 0, 30),
		func(m map[string]string) content { return m })
}

func newsOf() *rapid.Generator[news] {
	return rapid.Custom(func(t *rapid.T) news {
		n := news{replaced: map[string]content{}, changed: map[string]content{}}
		for _, name := range []string{"a", "b/c"} {
			switch rapid.SampledFrom([]string{"change", "change", "replace", "keep", "drop"}).Draw(t, name) {
			case "replace":
				n.replaced[name] = contents(`[xy]?`).Draw(t, "keys")
			case "change":
				n.changed[name] = contents(`[xy-]?`).Draw(t, "changes")
			case "drop":
				n.dropped = append(n.dropped, name)
			}
		}
		n.cookies = rapid.MapOfN(rapid.SampledFrom([]string{"user", "group"}), rapid.SampledFrom([]string{"", "1", "2"}), 0, 2).Draw(t, "cookies")
		return n
	})
}

// is compares a store with a model in every way in which it can be read.
func (m model) is(tb fataler, s *store.Store) {
	tb.Helper()
	k := known(tb, s)
	if k.Generation() != m.generation || !slices.Equal(k.Names(), slices.Sorted(maps.Keys(m.sets))) {
		tb.Fatalf("generation %d, sets %v; want %d, %v", k.Generation(), k.Names(), m.generation, slices.Sorted(maps.Keys(m.sets)))
	}
	cookies := map[string]string{}
	for _, c := range k.Cookies() {
		cookies[c.Entity] = c.Text.Reveal()
	}
	if !maps.Equal(cookies, m.cookies) {
		tb.Fatalf("cookies %v, want %v", cookies, m.cookies)
	}
	for _, name := range []string{"a", "b/c"} {
		want := m.sets[name]
		isSet(tb, s, name, want)
		set := k.Set(name)
		for _, key := range []string{"b0", "a0", "a10", "0", "zz0", "ab00"} {
			value, ok, err := set.Get([]byte(key))
			if expected, has := want[key]; err != nil || ok != has || string(value) != expected {
				tb.Fatalf("%s of %q: %q, %v, %v; want %q, %v", name, key, value, ok, err, expected, has)
			}
		}
	}
}

// held is a held run in the model.
type held struct {
	news
	generation uint64
}

var errCut = errors.New("cut")

// Random commits that are finished, discarded, held, released and cut off by errors,
// with compactions and other processes between them: the store is always what the
// model says.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		folder := t.TempDir()
		o := options(folder)
		o.MaxOverlay = rapid.IntRange(1, 40).Draw(rt, "overlay")
		cut, steps := 0, 0 // the step that fails
		o.Cut = func(string) error {
			if steps++; steps == cut {
				return errCut
			}
			return nil
		}
		s := open(rt, o)
		defer func() { s.Close() }()
		m := model{sets: map[string]content{}, cookies: map[string]string{}}
		holds := map[string]held{}
		run := 0
		ctx := context.Background()
		// attempt does what changes the store, which a cut may fail.
		attempt := func(do func() error) bool {
			steps = 0
			cut = max(0, rapid.IntRange(-6, 6).Draw(rt, "cut"))
			err := do()
			cut = 0
			if err != nil && !errors.Is(err, errCut) {
				rt.Fatal(err)
			}
			return err == nil
		}
		// with prepares a commit and ends it.
		with := func(n news, end func(c *store.Commit) error) bool {
			run++
			c := begin(rt, s, fmt.Sprint(run))
			done := attempt(func() error {
				if err := n.prepare(c); err != nil {
					return err
				}
				return end(c)
			})
			if err := c.Discard(); err != nil {
				rt.Fatal(err)
			}
			return done
		}
		rt.Repeat(map[string]func(*rapid.T){
			"finish": func(rt *rapid.T) {
				n := newsOf().Draw(rt, "news")
				if with(n, func(c *store.Commit) error { return c.Finish(ctx) }) {
					m = n.applied(m)
				}
			},
			"discard": func(rt *rapid.T) {
				with(newsOf().Draw(rt, "news"), (*store.Commit).Discard)
			},
			"hold": func(rt *rapid.T) {
				n := newsOf().Draw(rt, "news")
				if with(n, func(c *store.Commit) error { return c.Hold(ctx) }) {
					holds[fmt.Sprint(run)] = held{n, m.generation}
				}
			},
			"release": func(rt *rapid.T) {
				if len(holds) == 0 {
					rt.Skip()
				}
				id := rapid.SampledFrom(slices.Sorted(maps.Keys(holds))).Draw(rt, "run")
				h := holds[id]
				if h.generation != m.generation {
					if err := s.Release(ctx, id); !fault.Is(err, fault.Conflict) {
						rt.Fatalf("released after another run: %v", err)
					}
					return
				}
				if attempt(func() error { return s.Release(ctx, id) }) {
					m = h.applied(m)
					delete(holds, id)
				}
			},
			"give up": func(rt *rapid.T) {
				if len(holds) == 0 {
					rt.Skip()
				}
				id := rapid.SampledFrom(slices.Sorted(maps.Keys(holds))).Draw(rt, "run")
				if attempt(func() error { return s.Discard(id) }) {
					delete(holds, id)
				}
			},
			"compact": func(*rapid.T) { attempt(func() error { return s.Compact(ctx) }) },
			"reopen": func(rt *rapid.T) {
				shut(rt, s)
				s = open(rt, o)
				tidy(rt, s, folder)
			},
			"": func(rt *rapid.T) { m.is(rt, s) },
		})
	})
}

// tidy checks that a store has no file that it does not need, as Check counts them.
func tidy(tb fataler, s *store.Store, folder string) {
	tb.Helper()
	report, err := s.Check(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	var size int64
	for _, name := range []string{"state.db", "sets"} {
		err := filepath.WalkDir(filepath.Join(store.Folder(folder, "Contoso"), name), func(_ string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				size += info.Size()
			}
			return err
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	if size != report.Bytes {
		tb.Fatalf("the files have %d bytes; the store needs %d", size, report.Bytes)
	}
}
