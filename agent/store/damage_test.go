package store_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// full makes a store with something of everything and returns its folder.
func full(t *testing.T) (folder string, m model) {
	t.Helper()
	folder = t.TempDir()
	s := open(t, options(folder))
	defer shut(t, s)
	m = model{sets: map[string]content{}, cookies: map[string]string{}}
	many, some := content{}, content{}
	for i := range 600 {
		many[fmt.Sprintf("%03d-key", i)] = fmt.Sprint(i)
		if i%4 == 0 {
			some[fmt.Sprintf("%03d-key", i)] = "-"
			some[fmt.Sprintf("%03d-new", i)] = "new"
		}
	}
	for i, n := range []news{
		{replaced: map[string]content{"a": many, "b/c": {"x": ""}}, cookies: map[string]string{"user": "1"}},
		{changed: map[string]content{"a": some, "b/c": {"y": ""}}, cookies: map[string]string{"user": "2"}},
	} {
		commit(t, s, fmt.Sprint(i), n.prepare)
		m = n.applied(m)
	}
	c := begin(t, s, "held")
	if err := change(c, "a", content{"h": ""}); err != nil {
		t.Fatal(err)
	}
	if err := c.Hold(context.Background()); err != nil {
		t.Fatal(err)
	}
	return folder, m
}

// wholeOrDamaged opens a store that may be damaged and reads all of it: every answer
// must be right or an error that tells the way out.
func wholeOrDamaged(t *testing.T, folder string, m model, what string) {
	t.Helper()
	err := reading(folder, m)
	if err == nil {
		return
	}
	f := fault.Of(err)
	if f == nil || f.Code != fault.Storage || !strings.Contains(f.Hint, "move the folder "+store.Folder(folder, "Contoso")+" aside") {
		t.Errorf("%s: %v", what, err)
	}
}

func reading(folder string, m model) error {
	s, err := store.Open(context.Background(), options(folder))
	if err != nil {
		return err
	}
	defer s.Close()
	k, err := s.Known()
	if err != nil {
		return err
	}
	for name, want := range m.sets {
		set := k.Set(name)
		got, err := read(set.Cursor())
		if err != nil {
			return err
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("%s holds other keys", name)
		}
		for key, value := range want {
			got, ok, err := set.Get([]byte(key))
			if err != nil {
				return err
			}
			if !ok || string(got) != value {
				return fmt.Errorf("%s of %s: %q, %v", key, name, got, ok)
			}
		}
	}
	for _, c := range k.Cookies() {
		if c.Text.Reveal() != m.cookies[c.Entity] {
			return fmt.Errorf("cookie %s: %s", c.Entity, c.Text.Reveal())
		}
	}
	if _, err := s.Runs(0); err != nil {
		return err
	}
	_, err = s.Check(context.Background())
	return err
}

// A byte that changed anywhere in a file of the store is an error for the one who
// reads it, or of no importance.
func TestDamage(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows deletes no file that bbolt has left open when it panicked")
	}
	folder, m := full(t)
	if err := reading(folder, m); err != nil {
		t.Fatal(err)
	}
	place := store.Folder(folder, "Contoso")
	names := []string{"state.db"}
	for _, n := range []string{"1", "2", "3"} {
		names = append(names, filepath.Join("sets", n+".set"))
	}
	whole := map[string][]byte{}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(place, name))
		if err != nil {
			t.Fatal(err)
		}
		whole[name] = content
	}
	// with makes the store anew, with another content of a file.
	with := func(damaged string, content []byte) {
		t.Helper()
		if err := os.RemoveAll(place); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(place, "sets"), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b := whole[name]
			if name == damaged {
				b = content
			}
			if err := os.WriteFile(filepath.Join(place, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	stride := 251
	if testing.Short() {
		stride = 997
	}
	for _, name := range names {
		for at := 0; at < len(whole[name]); at += stride {
			broken := bytes.Clone(whole[name])
			broken[at] ^= byte(1 + at%255)
			with(name, broken)
			wholeOrDamaged(t, folder, m, fmt.Sprintf("%s, byte %d", name, at))
		}
		for _, size := range []int{0, 1, len(whole[name]) / 2, len(whole[name]) - 1} {
			with(name, whole[name][:size])
			wholeOrDamaged(t, folder, m, fmt.Sprintf("%s, cut off at %d", name, size))
		}
	}
	with("", nil)
	if err := reading(folder, m); err != nil {
		t.Error(err)
	}
}
