package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// A backup in the place of the store is the store as it was.
func TestBackup(t *testing.T) {
	folder, m := full(t)
	s := open(t, options(folder))
	ctx := context.Background()
	to := filepath.Join(t.TempDir(), "a", "b")
	if err := s.Backup(ctx, to); err != nil {
		t.Fatal(err)
	}
	wrong(t, s.Backup(ctx, to), fault.Invalid, "is not empty")
	c := begin(t, s, "x")
	wrong(t, s.Backup(ctx, t.TempDir()), fault.Conflict, "is being changed")
	wrong(t, s.Compact(ctx), fault.Conflict, "is being changed")
	if err := c.Discard(); err != nil {
		t.Fatal(err)
	}
	commit(t, s, "later", func(c *store.Commit) error { return c.Drop("a") })
	shut(t, s)

	place := store.Folder(folder, "Contoso")
	if err := os.RemoveAll(place); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(to, place); err != nil {
		t.Fatal(err)
	}
	s = open(t, options(folder))
	defer shut(t, s)
	m.is(t, s)
	tidy(t, s, folder)
	if err := s.Release(ctx, "held"); err != nil {
		t.Error(err)
	}
}

// A compaction gives space back and changes nothing else.
func TestCompact(t *testing.T) {
	folder, m := full(t)
	s := open(t, options(folder))
	defer shut(t, s)
	ctx := context.Background()
	for i := range 30 {
		n := news{changed: map[string]content{"a": {}}}
		for key := range 40 {
			n.changed["a"][fmt.Sprintf("%d-%d", i, key)] = fmt.Sprint(i)
		}
		commit(t, s, fmt.Sprint("more ", i), n.prepare)
		m = n.applied(m)
	}
	before, err := s.Check(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	m.is(t, s)
	after, err := s.Check(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if before.Sets[0].Changes == 0 || after.Sets[0].Changes != 0 || after.Bytes >= before.Bytes || after.Runs != before.Runs || after.Held != 1 {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	tidy(t, s, folder)
	commit(t, s, "after", func(c *store.Commit) error { return nil })
	if err := s.Compact(ctx); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	commit(t, s, "again", func(c *store.Commit) error { return change(c, "a", content{"q": ""}) })
	if err := s.Compact(ended); !fault.Is(err, fault.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	tidy(t, s, folder)
}

// overwrite puts a record into the database of a store that is closed.
func overwrite(t *testing.T, folder, content string) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(store.Folder(folder, "Contoso"), "state.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("state")).Put([]byte("state"), store.Sealed("state", content))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// A store of a later release is not touched.
func TestLaterRelease(t *testing.T) {
	folder := t.TempDir()
	shut(t, open(t, options(folder)))
	overwrite(t, folder, `{"version":3,"sets":"other"}`)
	_, err := store.Open(context.Background(), options(folder))
	wrong(t, err, fault.Storage, "written by a later release", "it has format 3", "Use that release")
}

// What a store of format 1 knows is of no world, so that it is replaced without a question.
func TestEarlierRelease(t *testing.T) {
	folder := t.TempDir()
	shut(t, open(t, options(folder)))
	overwrite(t, folder, `{"version":1,"generation":4,"world":{"hash":[7],"text":"tenant"},"cookies":[{"entity":"user"}],
		"held":{"3":{"generation":4,"world":{"hash":[7],"text":"tenant"},"run":{"id":"3"}}}}`)
	s := open(t, options(folder))
	defer shut(t, s)
	if k := known(t, s); k.World() != (store.World{}) || len(k.Cookies()) != 1 || k.IsEmpty() {
		t.Errorf("%v, %v", k.World(), k.Cookies())
	}
	if err := s.Release(context.Background(), "3"); err != nil {
		t.Fatal(err)
	}
	world := store.World{Hash: [32]byte{8}, Text: "the same tenant"}
	commit(t, s, "5", func(c *store.Commit) error { c.SetWorld(world); return nil })
	if k := known(t, s); k.World() != world {
		t.Errorf("%v", k.World())
	}
}

// A database that another program holds is not waited for without end.
func TestForeignProgram(t *testing.T) {
	folder := t.TempDir()
	shut(t, open(t, options(folder)))
	path := filepath.Join(store.Folder(folder, "Contoso"), "state.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = store.Open(context.Background(), options(folder))
	wrong(t, err, fault.Conflict, path, "another program")
}
