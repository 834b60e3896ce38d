package store_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/clock/clocktest"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func options(folder string) store.Options {
	return store.Options{WorkFolder: folder, Connection: "Contoso", Clock: clocktest.At(noon)}
}

// fataler is a testing.TB or a rapid.T.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func open(tb fataler, o store.Options) *store.Store {
	tb.Helper()
	s, err := store.Open(context.Background(), o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func shut(tb fataler, s *store.Store) {
	tb.Helper()
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
}

func known(tb fataler, s *store.Store) *store.Known {
	tb.Helper()
	k, err := s.Known()
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func begin(tb fataler, s *store.Store, run string) *store.Commit {
	tb.Helper()
	c, err := s.Begin(run)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// content is what a set holds.
type content map[string]string

// replace prepares a set anew.
func replace(c *store.Commit, name string, with content) error {
	w, err := c.Replace(name)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(with)) {
		if err := w.Add([]byte(key), []byte(with[key])); err != nil {
			return err
		}
	}
	return w.Close()
}

// change prepares changes in the order of their keys; the value "-" deletes.
func change(c *store.Commit, name string, changes content) error {
	w, err := c.Change(name)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		if err := put(w, key, changes[key]); err != nil {
			return err
		}
	}
	return nil
}

func put(w *store.Changes, key, value string) error {
	if value == "-" {
		return w.Delete([]byte(key))
	}
	return w.Put([]byte(key), []byte(value))
}

// commit makes a commit of what do prepares.
func commit(tb fataler, s *store.Store, run string, do func(c *store.Commit) error) {
	tb.Helper()
	c := begin(tb, s, run)
	defer c.Discard() //nolint:errcheck // after Finish it does nothing
	if err := do(c); err != nil {
		tb.Fatal(err)
	}
	if err := c.Finish(context.Background()); err != nil {
		tb.Fatal(err)
	}
}

// read reads a set from a cursor.
func read(c *store.Cursor) (content, error) {
	got := content{}
	last := ""
	for c.Next() {
		if key := string(c.Key()); key <= last {
			return nil, fmt.Errorf("%q comes after %q", key, last)
		}
		last = string(c.Key())
		got[last] = string(c.Value())
	}
	return got, c.Err()
}

func isSet(tb fataler, s *store.Store, name string, want content) {
	tb.Helper()
	set := known(tb, s).Set(name)
	if got, err := read(set.Cursor()); err != nil || !maps.Equal(got, want) || int(set.Len()) != len(want) {
		tb.Fatalf("%s: got %d keys, %v, %v; want %v", name, set.Len(), got, err, want)
	}
}

// wrong checks an error: its code and parts of its message and hint.
func wrong(tb testing.TB, err error, code fault.Code, parts ...string) {
	tb.Helper()
	f := fault.Of(err)
	if f == nil || f.Code != code {
		tb.Fatalf("got %v, want a fault of code %s", err, code)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error()+"\n"+f.Hint, part) {
			tb.Errorf("%q is not in %q, hint %q", part, err, f.Hint)
		}
	}
}

func sample() store.Cookie {
	return store.Cookie{Entity: "user", Hash: [32]byte{1, 2}, Text: secret.New("https://graph/delta?$deltatoken=geheim\xff"), Obtained: noon, Run: "1"}
}

func same(a, b store.Cookie) bool {
	textA, textB := a.Text.Reveal(), b.Text.Reveal()
	a.Text, b.Text = secret.String{}, secret.String{}
	return a == b && textA == textB
}
