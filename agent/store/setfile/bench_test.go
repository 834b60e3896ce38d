package setfile_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/usher-iga/usher/agent/store/setfile"
)

// id writes the n-th of many ids in ascending order that look random behind their
// first digits, as those of a directory do.
func id(b []byte, n int) []byte {
	return fmt.Appendf(b, "%08x-%04x-4%03x-a%03x-%012x", n*419, n*31&0xffff, n*17&0xfff, n*13&0xfff, n*7_654_321&0xffffffffffff)
}

// benchKeys are how many keys the benchmarks write.
const benchKeys = 1_000_000

// eachObject calls with objects, an id and a fingerprint; eachLink with links, 100 of
// each owner.
func eachObject(each func(key, value []byte)) {
	var key, value []byte
	for n := range benchKeys {
		key = id(key[:0], n)
		value = binary.LittleEndian.AppendUint64(value[:0], uint64(n)*0x9e3779b97f4a7c15)
		each(key, value)
	}
}

func eachLink(each func(key, value []byte)) {
	var key []byte
	for n := range benchKeys {
		key = id(append(id(key[:0], n/100*100), 0), n%100*10_000)
		each(key, nil)
	}
}

var contents = []struct {
	name string
	each func(func(key, value []byte))
}{{"objects", eachObject}, {"links", eachLink}}

func BenchmarkWrite(b *testing.B) {
	for _, of := range contents {
		b.Run(of.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "1.set")
			b.ReportAllocs()
			for b.Loop() {
				info := fill(b, path, of.each)
				b.ReportMetric(float64(info.Bytes)/benchKeys, "B/key")
			}
			b.ReportMetric(float64(b.N)*benchKeys/b.Elapsed().Seconds(), "keys/s")
		})
	}
}

func fill(tb testing.TB, path string, each func(func(key, value []byte))) setfile.Info {
	tb.Helper()
	w, err := setfile.Create(path, 1)
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Discard()
	each(func(key, value []byte) {
		if err := w.Add(key, value); err != nil {
			tb.Fatal(err)
		}
	})
	info, err := w.Commit()
	if err != nil {
		tb.Fatal(err)
	}
	return info
}

func BenchmarkScan(b *testing.B) {
	for _, of := range contents {
		b.Run(of.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "1.set")
			r := open(b, path, fill(b, path, of.each))
			b.ReportAllocs()
			for b.Loop() {
				c := r.Cursor()
				n := 0
				for c.Next() {
					n++
				}
				if n != benchKeys || c.Err() != nil {
					b.Fatal(n, c.Err())
				}
			}
			b.ReportMetric(float64(b.N)*benchKeys/b.Elapsed().Seconds(), "keys/s")
		})
	}
}

func BenchmarkGet(b *testing.B) {
	path := filepath.Join(b.TempDir(), "1.set")
	r := open(b, path, fill(b, path, eachObject))
	random := rand.New(rand.NewPCG(1, 2))
	for name, next := range map[string]func(n int) int{
		"random":    func(int) int { return random.IntN(benchKeys) },
		"ascending": func(n int) int { return n * 10 % benchKeys },
	} {
		b.Run(name, func(b *testing.B) {
			var key []byte
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				key = id(key[:0], next(n))
				if _, ok, err := r.Get(key); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "gets/s")
		})
	}
}
