package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/spool"
)

type row struct {
	key, value string
	table      int
}

// read gives all rows of a merge.
func read(tb testing.TB, s *spool.Spool, tables ...*spool.Table) []row {
	tb.Helper()
	rows, err := s.Merge(tables...)
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close()
	var got []row
	for rows.Next() {
		got = append(got, row{string(rows.Key()), string(rows.Value()), rows.Table()})
	}
	if rows.Err() != nil {
		tb.Fatal(rows.Err())
	}
	return got
}

// Whatever is added in whatever order, the rows come back sorted by key, then
// table, then time, also when memory holds a few rows only and runs are merged over
// several levels.
func TestSorted(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "spool")
	rapid.Check(t, func(rt *rapid.T) {
		o := spool.Options{
			Memory: rapid.IntRange(64, 1024).Draw(rt, "memory"),
			Block:  rapid.IntRange(16, 64).Draw(rt, "block"),
			FanIn:  rapid.IntRange(2, 4).Draw(rt, "fan-in"),
		}
		s, err := spool.New(folder, o)
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		tables := []*spool.Table{s.Table(), s.Table(), s.Table()}
		key := rapid.OneOf(
			rapid.StringMatching(`[ab]{0,3}`),
			rapid.StringMatching(`same-long-beginning-[ab\x00]{0,12}`),
			rapid.Custom(func(rt *rapid.T) string { return strings.Repeat("k", rapid.IntRange(0, 300).Draw(rt, "length")) }),
		)
		var want []row
		for i := range rapid.IntRange(0, 200).Draw(rt, "rows") {
			r := row{key.Draw(rt, "key"), fmt.Sprint(i), rapid.IntRange(0, 2).Draw(rt, "table")}
			if err := tables[r.table].Add([]byte(r.key), []byte(r.value)); err != nil {
				rt.Fatal(err)
			}
			want = append(want, r)
		}
		slices.SortStableFunc(want, func(a, b row) int {
			if c := strings.Compare(a.key, b.key); c != 0 {
				return c
			}
			return a.table - b.table
		})
		for _, table := range tables {
			table.Finish()
		}
		for range 2 {
			if got := read(t, s, tables...); !slices.Equal(got, want) {
				rt.Fatalf("got %v\nwant %v", got, want)
			}
		}
	})
}

// A group gives its rows back in order, again after a Reset, whether they stay in
// memory or not.
func TestGroup(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "spool")
	rapid.Check(t, func(rt *rapid.T) {
		s, err := spool.New(folder, spool.Options{Memory: 512, Block: 64, FanIn: 3, Group: rapid.IntRange(1, 2048).Draw(rt, "group")})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		g := s.Group()
		for range 3 {
			var got, want []row
			for i := range rapid.IntRange(0, 100).Draw(rt, "rows") {
				r := row{key: rapid.StringMatching(`same-beginning-[ab]{0,4}`).Draw(rt, "key"), value: fmt.Sprint(i)}
				if err := g.Add([]byte(r.key), []byte(r.value)); err != nil {
					rt.Fatal(err)
				}
				want = append(want, r)
			}
			slices.SortStableFunc(want, func(a, b row) int { return strings.Compare(a.key, b.key) })
			err := g.Each(func(key, value []byte) error {
				got = append(got, row{key: string(key), value: string(value)})
				return nil
			})
			if err != nil || !slices.Equal(got, want) {
				rt.Fatalf("got %v, %v\nwant %v", got, err, want)
			}
			if err := g.Reset(); err != nil {
				rt.Fatal(err)
			}
			if files := count(t, folder); files > 0 {
				rt.Fatalf("%d files remain", files)
			}
		}
	})
}

// What stops Each is what it returns, and a group outlives it.
func TestGroupStops(t *testing.T) {
	for _, size := range []int{1, 1000} {
		s, err := spool.New(filepath.Join(t.TempDir(), "spool"), spool.Options{Group: size})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		g, stop := s.Group(), errors.New("stop")
		if err := g.Add([]byte("key"), nil); err != nil {
			t.Fatal(err)
		}
		if err := g.Each(func(_, _ []byte) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
		if err := g.Reset(); err != nil {
			t.Error(err)
		}
	}
}

// The members of an ordinary group: 100 that come in no order.
func BenchmarkGroup(b *testing.B) {
	s, err := spool.New(filepath.Join(b.TempDir(), "spool"), spool.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var keys [100][]byte
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "%08x-44d7-43e1-9a83-5f2406dee5bd", uint32(i)*0x9e3779b9)
	}
	g, value := s.Group(), []byte{0}
	b.ReportAllocs()
	for b.Loop() {
		for _, key := range keys {
			if err := g.Add(key, value); err != nil {
				b.Fatal(err)
			}
		}
		if err := errors.Join(g.Each(func(_, _ []byte) error { return nil }), g.Reset()); err != nil {
			b.Fatal(err)
		}
	}
}

// Tables are filled side by side while the memory of all is short.
func TestSideBySide(t *testing.T) {
	s, err := spool.New(filepath.Join(t.TempDir(), "spool"), spool.Options{Memory: 4096, Block: 256, FanIn: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const rows = 3000
	var wg sync.WaitGroup
	tables := make([]*spool.Table, 4)
	for i := range tables {
		tables[i] = s.Table()
		wg.Go(func() {
			for n := range rows {
				if err := tables[i].Add(fmt.Appendf(nil, "%05d", n*7919%rows), nil); err != nil {
					t.Error(err)
					return
				}
			}
			tables[i].Finish()
			if got := read(t, s, tables[i]); len(got) != rows || !slices.IsSortedFunc(got, func(a, b row) int { return strings.Compare(a.key, b.key) }) {
				t.Errorf("table %d: %d rows", i, len(got))
			}
		})
	}
	wg.Wait()
}

func TestDiscardDeletesRuns(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "spool")
	s, err := spool.New(folder, spool.Options{Memory: 1024, Block: 128})
	if err != nil {
		t.Fatal(err)
	}
	kept, dropped := s.Table(), s.Table()
	for i := range 500 {
		for _, table := range []*spool.Table{kept, dropped} {
			if err := table.Add(fmt.Appendf(nil, "%d", i), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept.Finish()
	if got := len(read(t, s, kept)); got != 500 {
		t.Errorf("%d rows", got)
	}
	before := count(t, folder)
	if err := dropped.Discard(); err != nil {
		t.Fatal(err)
	}
	if after := count(t, folder); after >= before {
		t.Errorf("%d files, then %d", before, after)
	}
	if err := dropped.Add([]byte("late"), bytes.Repeat([]byte("x"), 200)); err == nil {
		t.Error("a row was added to a discarded table")
	}
	if got := len(read(t, s, kept)); got != 500 {
		t.Errorf("%d rows afterwards", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func count(t *testing.T, folder string) int {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// A run that cannot be written fails the next call of every table, not the process.
func TestFolderGone(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "spool")
	s, err := spool.New(folder, spool.Options{Memory: 1024, Block: 128})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	table, failed := s.Table(), false
	for range 500 {
		if err := table.Add([]byte("key"), []byte("value")); err != nil {
			failed = true
			break
		}
	}
	table.Finish()
	if _, err := s.Merge(table); err == nil || !failed {
		t.Errorf("Merge gives %v, Add failed: %t", err, failed)
	}
}

// Bounded fan-in: the number of files stays small.
func TestFewFiles(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "spool")
	s, err := spool.New(folder, spool.Options{Memory: 512, Block: 64, FanIn: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	table := s.Table()
	for i := range 20000 {
		if err := table.Add(fmt.Appendf(nil, "%08d", i*7919%20000), nil); err != nil {
			t.Fatal(err)
		}
	}
	table.Finish()
	if got := len(read(t, s, table)); got != 20000 {
		t.Errorf("%d rows", got)
	}
	if got := count(t, folder); got > 3 {
		t.Errorf("%d files remain", got)
	}
}
