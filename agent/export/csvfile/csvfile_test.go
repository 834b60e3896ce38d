package csvfile_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/usher-iga/usher/agent/export/csvfile"
)

func comma(tb testing.TB) *csvfile.Dialect {
	tb.Helper()
	d, err := csvfile.NewDialect(',')
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func TestWriter(t *testing.T) {
	for _, rows := range []int{0, 1, 20000} { // the last is more than one buffer
		path := filepath.Join(t.TempDir(), "a.csv")
		w, err := csvfile.Create(path, comma(t), "Command", "", "id")
		if err != nil {
			t.Fatal(err)
		}
		want := "Command,,id\r\n"
		for i := range rows {
			want += fmt.Sprintf(",\"x,\",%d\r\n", i)
			if i%2 == 0 {
				w.Field(nil)
				w.Field([]byte("x,"))
			} else {
				w.Encoded(comma(t).Encode(nil, nil, []byte("x,")))
			}
			w.Field(fmt.Append(nil, i))
			if err := w.EndRow(); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := w.Commit()
		if err != nil {
			t.Fatal(err)
		}
		w.Discard()
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(content) != want {
			t.Errorf("%d rows: the content differs", rows)
		}
		wantSum := csvfile.Sum{Rows: uint64(rows), Bytes: uint64(len(want)), SHA256: fmt.Sprintf("%x", sha256.Sum256(content))}
		if sum != wantSum {
			t.Errorf("got %+v, want %+v", sum, wantSum)
		}
	}
}

func TestDiscardLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	w, err := csvfile.Create(filepath.Join(folder, "a.csv"), comma(t), "h")
	if err != nil {
		t.Fatal(err)
	}
	w.Discard()
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

func BenchmarkWriter(b *testing.B) {
	w, err := csvfile.Create(filepath.Join(b.TempDir(), "a.csv"), comma(b), "h")
	if err != nil {
		b.Fatal(err)
	}
	defer w.Discard()
	field, id := []byte("some text of usual length"), []byte("87d349ed-44d7-43e1-9a83-5f2406dee5bd")
	b.Run("object", func(b *testing.B) {
		b.SetBytes(15 * int64(len(field)))
		b.ReportAllocs()
		for b.Loop() {
			for range 15 {
				w.Field(field)
			}
			if err := w.EndRow(); err != nil {
				b.Fatal(err)
			}
		}
	})
	start := comma(b).Encode(nil, []byte("insert"), id)
	for name, begin := range map[string]func(){
		"link":      func() { w.Encoded(start) },
		"link-anew": func() { w.Field([]byte("insert")); w.Field(id) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				begin()
				w.Field(id)
				if err := w.EndRow(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
