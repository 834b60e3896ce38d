package boltcheck_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/store/boltcheck"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// fill makes a database with pages of all kinds: branches, leaves, long values, free
// pages, buckets in pages of their own and in the page of their parent.
func fill(tb testing.TB, path string) {
	tb.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: 1024})
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	for round := range 3 {
		err = db.Update(func(tx *bbolt.Tx) error {
			for _, name := range []string{"large", "small", "empty"} {
				b, err := tx.CreateBucketIfNotExists([]byte(name))
				if err != nil {
					return err
				}
				for i := range map[string]int{"large": 300, "small": 3}[name] {
					if err := b.Put(fmt.Appendf(nil, "%04d", i*7%300), bytes.Repeat([]byte("v"), i%11*round)); err != nil {
						return err
					}
				}
			}
			b, err := tx.Bucket([]byte("large")).CreateBucketIfNotExists([]byte("in large"))
			if err != nil {
				return err
			}
			return b.Put([]byte("long"), bytes.Repeat([]byte("v"), 5000*round))
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func TestSound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	fill(t, path)
	if why, err := boltcheck.Check(path); why != "" || err != nil {
		t.Error(why, err)
	}
	if _, err := boltcheck.Check(path + "x"); !fault.Is(err, fault.Storage) {
		t.Error(err)
	}
}

// Whatever bbolt writes is sound.
func TestRandom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	rapid.Check(t, func(rt *rapid.T) {
		if err := os.RemoveAll(path); err != nil {
			rt.Fatal(err)
		}
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{
			PageSize: 1024, NoSync: true, NoFreelistSync: rapid.Bool().Draw(rt, "freelist"),
		})
		if err != nil {
			rt.Fatal(err)
		}
		defer db.Close()
		for range rapid.IntRange(1, 5).Draw(rt, "transactions") {
			err := db.Update(func(tx *bbolt.Tx) error {
				b, err := tx.CreateBucketIfNotExists([]byte(rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "bucket")))
				if err != nil {
					return err
				}
				for range rapid.IntRange(0, 200).Draw(rt, "puts") {
					key := rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(rt, "key")
					if rapid.Bool().Draw(rt, "delete") {
						err = b.Delete(key)
					} else {
						err = b.Put(key, make([]byte, rapid.IntRange(0, 700).Draw(rt, "size")))
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				rt.Fatal(err)
			}
			if why, err := boltcheck.Check(path); why != "" || err != nil {
				rt.Fatal(why, err)
			}
		}
	})
}

// A file in which a byte has changed is refused, or bbolt can be trusted with it: its
// own check ends, and every key is found.
func TestDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	fill(t, path)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	stride := 13
	if testing.Short() {
		stride = 131
	}
	for at := 0; at < len(whole); at += stride {
		broken := bytes.Clone(whole)
		broken[at] ^= byte(1 + at%255)
		if soundOrRefused(t, path, broken) {
			refused++
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	for _, size := range []int{0, 100, 1024, len(whole) / 2} {
		if !soundOrRefused(t, path, whole[:size]) {
			t.Errorf("cut off at %d it is sound", size)
		}
	}
}

func soundOrRefused(tb testing.TB, path string, content []byte) (refused bool) {
	tb.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	why, err := boltcheck.Check(path)
	if err != nil {
		tb.Fatal(err)
	}
	if why != "" {
		return true
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			if !strings.Contains(err.Error(), "unreachable unfreed") { // a page that is lost harms nobody
				tb.Error(err)
			}
		}
		return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
			if b == nil { // its element says that it is a value
				return nil
			}
			return b.ForEach(func(k, v []byte) error {
				if v != nil && b.Get(k) == nil {
					tb.Errorf("%q is not found", k)
				}
				return nil
			})
		})
	})
	if err != nil {
		tb.Error(err)
	}
	return false
}

// FuzzPage puts anything into a page.
func FuzzPage(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a.db")
	fill(f, path)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	for page := uint16(2); page < 20; page++ {
		f.Add(page, uint16(8), binary.NativeEndian.AppendUint16(nil, 1))
	}
	f.Fuzz(func(t *testing.T, page, at uint16, with []byte) {
		broken := bytes.Clone(whole)
		if place := 1024*int(page) + int(at%1024); page > 1 && place < len(broken) {
			copy(broken[place:], with)
		}
		soundOrRefused(t, path, broken)
	})
}
