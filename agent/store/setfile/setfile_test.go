package setfile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/store/setfile"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

type pair struct{ key, value string }

func write(tb testing.TB, path string, number uint64, pairs []pair) setfile.Info {
	tb.Helper()
	w, err := setfile.Create(path, number)
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Discard()
	for _, p := range pairs {
		if err := w.Add([]byte(p.key), []byte(p.value)); err != nil {
			tb.Fatal(err)
		}
	}
	info, err := w.Commit()
	if err != nil {
		tb.Fatal(err)
	}
	return info
}

func open(tb testing.TB, path string, info setfile.Info) *setfile.Reader {
	tb.Helper()
	r, err := setfile.Open(path, info)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { r.Close() })
	return r
}

// rest reads what a cursor has left.
func rest(c *setfile.Cursor) ([]pair, error) {
	var got []pair
	for c.Next() {
		got = append(got, pair{string(c.Key()), string(c.Value())})
	}
	return got, c.Err()
}

// links are n pairs as those of groups and their members, several blocks of them.
func links(n int) []pair {
	pairs := make([]pair, n)
	for i := range pairs {
		pairs[i] = pair{fmt.Sprintf("%08x-group\x00%08x-member", i/100*7919, i), strings.Repeat("v", i%9)}
	}
	return pairs
}

// keys makes keys of every length that agree in long beginnings.
func keys() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[ab\x00\xff]{1,6}`),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat("k", rapid.IntRange(1, 5000).Draw(t, "length")) + rapid.StringMatching(`[ab]{0,4}`).Draw(t, "end")
		}),
		rapid.Map(rapid.Uint32(), func(n uint32) string { return fmt.Sprintf("%08x-0000-4000", n) }),
	)
}

// What was written comes back: by scanning, by looking up and by seeking.
func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.set")
	rapid.Check(t, func(rt *rapid.T) {
		model := rapid.MapOf(keys(), rapid.StringMatching(`.{0,20}`)).Draw(rt, "pairs")
		var want []pair
		for k, v := range model {
			want = append(want, pair{k, v})
		}
		slices.SortFunc(want, func(a, b pair) int { return strings.Compare(a.key, b.key) })
		info := write(t, path, 1, want)
		r, err := setfile.Open(path, info)
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		if int(info.Keys) != len(want) || r.Info() != info {
			rt.Fatalf("%+v, %d pairs", info, len(want))
		}
		if got, err := rest(r.Cursor()); err != nil || !slices.Equal(got, want) {
			rt.Fatalf("scan: %q, %v; want %q", got, err, want)
		}
		if err := r.Verify(context.Background()); err != nil {
			rt.Fatal(err)
		}
		asked := rapid.SliceOfN(keys(), 0, 20).Draw(rt, "asked")
		for _, p := range want[:min(len(want), 20)] {
			asked = append(asked, p.key)
		}
		for _, key := range asked {
			value, ok, err := r.Get([]byte(key))
			if want, known := model[key]; err != nil || ok != known || ok && string(value) != want {
				rt.Fatalf("get %.40q: %q, %v, %v", key, value, ok, err)
			}
		}
	})
}

// Who reads a file that was given back gets an error.
func TestClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.set")
	r := open(t, path, write(t, path, 1, links(10)))
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	_, _, err := r.Get([]byte("a"))
	_, scanErr := rest(r.Cursor())
	if !fault.Is(err, fault.Internal) || !fault.Is(scanErr, fault.Internal) {
		t.Error(err, scanErr)
	}
}

func TestRefused(t *testing.T) {
	for name, pairs := range map[string][]pair{
		"empty key":  {{"", ""}},
		"long key":   {{strings.Repeat("k", setfile.MaxKey+1), ""}},
		"long value": {{"a", strings.Repeat("v", setfile.MaxValue+1)}},
		"twice":      {{"a", ""}, {"a", ""}},
		"descending": {{"b", ""}, {"a", ""}},
	} {
		folder := t.TempDir()
		w, err := setfile.Create(filepath.Join(folder, "1.set"), 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pairs {
			err = w.Add([]byte(p.key), []byte(p.value))
		}
		if !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", name, err)
		}
		w.Discard()
		if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
			t.Errorf("%s: left %v, %v", name, entries, err)
		}
	}
}

// A bit that flipped anywhere is found at the latest by the one who reads there;
// until then all keys are right.
func TestDamage(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "1.set")
	pairs := links(1500)
	info := write(t, path, 1, pairs)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(content); at += 29 {
		broken := bytes.Clone(content)
		broken[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := reading(path, info, pairs); !isDamage(err) {
			t.Fatalf("bit flipped at %d of %d: %v", at, len(content), err)
		}
	}
	for _, size := range []int{0, 10, len(content) / 2, len(content) - 1} {
		if err := os.WriteFile(path, content[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := reading(path, info, pairs); !isDamage(err) {
			t.Errorf("cut off at %d: %v", size, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := reading(path, info, pairs); !isDamage(err) {
		t.Errorf("missing: %v", err)
	}
	write(t, path, 2, pairs) // the same keys under another number
	if err := reading(path, info, pairs); !isDamage(err) {
		t.Errorf("another file: %v", err)
	}
}

func isDamage(err error) bool {
	_, ok := errors.AsType[*setfile.Damage](err)
	return ok
}

// reading reads a file in every way and returns the first error. A wrong answer is
// an error that is no Damage.
func reading(path string, info setfile.Info, want []pair) error {
	r, err := setfile.Open(path, info)
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := rest(r.Cursor())
	if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
		return fmt.Errorf("the scan gave wrong keys, and %w", err)
	}
	for i := 0; i < len(want); i += 50 {
		value, ok, err := r.Get([]byte(want[i].key))
		if err == nil && (!ok || string(value) != want[i].value) {
			return fmt.Errorf("key %d: %q, %v", i, value, ok)
		}
	}
	return errors.Join(err, r.Verify(context.Background()))
}

// FuzzReader reads files that nobody wrote but that have the right checksums.
func FuzzReader(f *testing.F) {
	f.Add([]byte("\x00\x01\x01av\x00\x01\x00b"), uint32(2), []byte("\x00\x00\x15"), []byte("a"))
	f.Add([]byte("\x80\x01\x01\x01"), uint32(1), []byte("\x00\x01a\x10"), []byte("b"))
	f.Add([]byte{}, uint32(0), []byte{}, []byte("b"))
	path := filepath.Join(f.TempDir(), "fuzz.set")
	f.Fuzz(func(t *testing.T, entries []byte, count uint32, index, key []byte) {
		for _, keys := range []int64{1, int64(count)} {
			content, info := setfile.Forge(entries, count, index, keys)
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := setfile.Open(path, info)
			if err != nil {
				continue
			}
			c := r.Cursor()
			n := 0
			for c.Next() {
				n++
			}
			if c.Err() == nil && int64(n) != keys {
				t.Errorf("%d keys of %d without an error", n, keys)
			}
			_, _, getErr := r.Get(key)
			for _, err := range []error{getErr, c.Err(), r.Verify(context.Background())} {
				if err != nil && !isDamage(err) {
					t.Error(err)
				}
			}
			r.Close()
		}
	})
}
