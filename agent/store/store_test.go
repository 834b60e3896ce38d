package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestCommit(t *testing.T) {
	folder := t.TempDir()
	s := open(t, options(folder))
	if k := known(t, s); len(k.Names()) != 0 || k.Set("objects/user").Len() != 0 || k.Generation() != 0 || k.World() != (store.World{}) {
		t.Error("a new store is not empty")
	}
	isSet(t, s, "objects/user", content{})
	world := store.World{Hash: [32]byte{7}, Text: "tenant contoso.com"}
	commit(t, s, "1", func(c *store.Commit) error {
		c.SetWorld(world)
		c.SetCookie(sample())
		c.SetCookie(store.Cookie{Entity: "group", Hash: [32]byte{9}})
		if err := change(c, "links/group/members", content{"g\x00u": "", "h\x00u": "-"}); err != nil {
			return err
		}
		return replace(c, "objects/user", content{"a": "1", "b": "2", "c": "3"})
	})
	commit(t, s, "2", func(c *store.Commit) error {
		c.DeleteCookie("group")
		if err := change(c, "links/group/members", content{"g\x00u": "-"}); err != nil {
			return err
		}
		w, err := c.Change("objects/user")
		if err != nil {
			return err
		}
		for _, p := range [][2]string{{"c", "4"}, {"d", "5"}, {"a", "-"}, {"c", "6"}, {"d", "-"}, {"e", "7"}, {"b", "9"}, {"b", "2"}} {
			if err := put(w, p[0], p[1]); err != nil {
				return err
			}
		}
		return nil
	})
	for range 2 {
		isSet(t, s, "objects/user", content{"b": "2", "c": "6", "e": "7"})
		isSet(t, s, "links/group/members", content{})
		k := known(t, s)
		if got := k.Cookies(); len(got) != 1 || !same(got[0], sample()) {
			t.Errorf("cookies: %v", got)
		}
		if got, ok := k.Cookie("user", [32]byte{1, 2}); !ok || !same(got, sample()) {
			t.Errorf("cookie: %v, %v", got, ok)
		}
		if _, ok := k.Cookie("user", [32]byte{1}); ok {
			t.Error("a cookie was found that depends on something else")
		}
		if k.World() != world || k.Generation() != 2 || !slices.Equal(k.Names(), []string{"links/group/members", "objects/user"}) {
			t.Errorf("%+v, %d, %v", k.World(), k.Generation(), k.Names())
		}
		shut(t, s)
		s = open(t, options(folder))
	}
	commit(t, s, "3", func(c *store.Commit) error { return c.Drop("objects/user") })
	if names := known(t, s).Names(); !slices.Equal(names, []string{"links/group/members"}) {
		t.Errorf("%v", names)
	}
	shut(t, s)
	if text := fmt.Sprintf("%v %+v %#v", sample(), sample(), sample()); strings.Contains(text, "geheim") {
		t.Errorf("a cookie is printed: %s", text)
	}
	if text, _ := json.Marshal(sample()); strings.Contains(string(text), "geheim") {
		t.Errorf("a cookie is marshalled: %s", text)
	}
}

// What is known stays readable while a commit is prepared and is refused afterwards.
func TestView(t *testing.T) {
	s := open(t, options(t.TempDir()))
	defer shut(t, s)
	commit(t, s, "1", func(c *store.Commit) error { return replace(c, "s", content{"a": "", "b": ""}) })
	commit(t, s, "2", func(c *store.Commit) error { return change(c, "s", content{"c": ""}) })
	before := known(t, s).Set("s")
	cursor := before.Cursor()
	c := begin(t, s, "3")
	if err := change(c, "s", content{"a": "-"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin("4"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second commit: %v", err)
	}
	isSet(t, s, "s", content{"a": "", "b": "", "c": ""})
	if err := c.Finish(context.Background()); err != nil {
		t.Fatal(err)
	}
	isSet(t, s, "s", content{"b": "", "c": ""})
	if _, err := read(cursor); !fault.Is(err, fault.Internal) {
		t.Errorf("a cursor of before: %v", err)
	}
	if _, _, err := before.Get([]byte("a")); !fault.Is(err, fault.Internal) {
		t.Errorf("a set of before: %v", err)
	}
	if err := c.Finish(context.Background()); !fault.Is(err, fault.Internal) {
		t.Errorf("finished twice: %v", err)
	}
	if err := c.Discard(); err != nil {
		t.Error(err)
	}
}

func TestMisuse(t *testing.T) {
	s := open(t, options(t.TempDir()))
	defer shut(t, s)
	c := begin(t, s, "1")
	w, err := c.Replace("s")
	if err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func() error{
		"a name":            func() error { return c.Drop("") },
		"a name in Latin-1": func() error { return c.Drop("\xe4") },
		"twice":             func() error { return c.Drop("s") },
		"not closed":        func() error { return c.Finish(context.Background()) },
		"not closed, held":  func() error { return c.Hold(context.Background()) },
	} {
		if err := do(); !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", what, err)
		}
	}
	changes, err := c.Change("t")
	if err != nil {
		t.Fatal(err)
	}
	long := make([]byte, store.MaxKey+1)
	for _, err := range []error{w.Add(nil, nil), changes.Delete(long), changes.Put([]byte("k"), long[:store.MaxValue+1])} {
		wrong(t, err, fault.Storage, "cannot hold")
	}
	if err := c.Discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Change("u"); !fault.Is(err, fault.Internal) {
		t.Errorf("after Discard: %v", err)
	}
}

// Sets are written, changed and read side by side.
func TestSideBySide(t *testing.T) {
	s := open(t, options(t.TempDir()))
	defer shut(t, s)
	names := []string{"a", "b", "c"}
	want := content{}
	for run := range 3 {
		c := begin(t, s, fmt.Sprint(run))
		k := known(t, s)
		before := maps.Clone(want)
		var wg sync.WaitGroup
		for _, name := range names {
			set := k.Set(name)
			wg.Go(func() {
				do := change
				if run == 0 {
					do = replace
				}
				if err := do(c, name, content{fmt.Sprint(run): ""}); err != nil {
					t.Error(err)
				}
			})
			for range 2 {
				wg.Go(func() {
					got, err := read(set.Cursor())
					if err != nil || !maps.Equal(got, before) {
						t.Errorf("%v, %v", got, err)
					}
					if _, ok, err := set.Get([]byte("0")); err != nil || ok != (run > 0) {
						t.Error(ok, err)
					}
				})
			}
		}
		wg.Wait()
		if err := c.Finish(context.Background()); err != nil {
			t.Fatal(err)
		}
		want[fmt.Sprint(run)] = ""
	}
}

// What is known of one world is never mixed with what is known of another.
func TestWorld(t *testing.T) {
	s := open(t, options(t.TempDir()))
	defer shut(t, s)
	one, two := store.World{Hash: [32]byte{1}, Text: "tenant one"}, store.World{Hash: [32]byte{2}, Text: "tenant two"}
	commit(t, s, "1", func(c *store.Commit) error {
		c.SetWorld(one)
		c.SetCookie(sample())
		if err := replace(c, "a", content{"1": ""}); err != nil {
			return err
		}
		return replace(c, "b", content{"1": ""})
	})
	for what, do := range map[string]func(c *store.Commit) error{
		"keeps": func(c *store.Commit) error { return replace(c, "a", content{"2": ""}) },
		"changes": func(c *store.Commit) error {
			if err := c.Drop("b"); err != nil {
				return err
			}
			return change(c, "a", content{"2": ""})
		},
	} {
		c := begin(t, s, "2")
		c.SetWorld(two)
		if err := do(c); err != nil {
			t.Fatal(err)
		}
		wrong(t, c.Hold(context.Background()), fault.Conflict, "tenant one", "tenant two", "complete export")
		wrong(t, c.Finish(context.Background()), fault.Conflict, "tenant one", "tenant two", "complete export")
		if err := c.Discard(); err != nil {
			t.Fatal(what, err)
		}
	}
	commit(t, s, "3", func(c *store.Commit) error {
		c.SetWorld(two)
		if err := c.Drop("b"); err != nil {
			return err
		}
		return replace(c, "a", content{"2": ""})
	})
	if k := known(t, s); k.World() != two || len(k.Cookies()) != 0 {
		t.Errorf("%v, %v", k.World(), k.Cookies())
	}
}

func TestOpenTwice(t *testing.T) {
	folder := t.TempDir()
	s := open(t, options(folder))
	_, err := store.Open(context.Background(), options(folder))
	wrong(t, err, fault.Conflict, "Contoso", fmt.Sprintf("process %d since 2026-03-01 12:00:00", os.Getpid()))
	other := options(folder)
	other.Connection = "Fabrikam"
	shut(t, open(t, other))
	shut(t, s)
	shut(t, s)
	if _, err := s.Known(); !fault.Is(err, fault.Internal) {
		t.Errorf("after Close: %v", err)
	}
	shut(t, open(t, options(folder)))
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	folder := t.TempDir()
	s := open(t, options(folder))
	defer shut(t, s)
	commit(t, s, "1", func(c *store.Commit) error { return replace(c, "s", content{"a": ""}) })
	err := filepath.WalkDir(filepath.Join(folder, "Store"), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
