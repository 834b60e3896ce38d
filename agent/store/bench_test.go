package store_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/store"
)

// The size of the store that the benchmarks use: a large tenant.
const (
	benchObjects = 1_000_000
	benchLinks   = 10_000_000
)

// appendID writes the n-th of many ids, ascending, of the form of a directory's.
func appendID(b []byte, n int) []byte {
	var hash [16]byte
	binary.BigEndian.PutUint32(hash[:], uint32(n)*419)
	binary.BigEndian.PutUint64(hash[4:], uint64(n)*0x9e3779b97f4a7c15)
	const digits = "0123456789abcdef"
	for i, c := range hash {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

func appendLink(b []byte, n int) []byte {
	return appendID(append(appendID(b, n/100*10), 0), n%100*10_000+n/100%10_000)
}

// large makes a store of a large tenant.
func large(b *testing.B) store.Options {
	b.Helper()
	o := options(b.TempDir())
	s := open(b, o)
	defer shut(b, s)
	commit(b, s, "0", func(c *store.Commit) error {
		objects, err := c.Replace("objects/user")
		if err != nil {
			return err
		}
		var key, value []byte
		for n := range benchObjects {
			key, value = appendID(key[:0], n), binary.LittleEndian.AppendUint64(value[:0], uint64(n))
			if err := objects.Add(key, value); err != nil {
				return err
			}
		}
		if err := objects.Close(); err != nil {
			return err
		}
		links, err := c.Replace("links/group/members")
		if err != nil {
			return err
		}
		for n := range benchLinks {
			key = appendLink(key[:0], n)
			if err := links.Add(key, nil); err != nil {
				return err
			}
		}
		return links.Close()
	})
	return o
}

// BenchmarkLarge measures what a run does with the store of a large tenant. Memory is
// the most that was resident during the measurement, with what the tests brought.
func BenchmarkLarge(b *testing.B) {
	o := large(b)
	random := rand.New(rand.NewPCG(1, 2))
	run := 0
	// changes commits so many changes of objects, and as many of links.
	changes := func(b *testing.B, count int) {
		b.Helper()
		s := open(b, o)
		defer shut(b, s)
		run++
		commit(b, s, strconv.Itoa(run), func(c *store.Commit) error {
			objects, err := c.Change("objects/user")
			if err != nil {
				return err
			}
			links, err := c.Change("links/group/members")
			if err != nil {
				return err
			}
			for i := range count {
				n := random.IntN(benchObjects)
				if err := objects.Put(appendID(nil, n), fmt.Append(nil, run, i)); err != nil {
					return err
				}
				if err := links.Delete(appendLink(nil, random.IntN(benchLinks))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, count := range []int{0, 100, 10_000, 25_000, 1_000_000} {
		b.Run(fmt.Sprintf("commit/%d", count), func(b *testing.B) {
			for b.Loop() {
				resident(b, func() { changes(b, count) })
			}
		})
	}
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			resident(b, func() {
				s := open(b, o)
				defer shut(b, s)
				set, n := known(b, s).Set("links/group/members"), int64(0)
				c := set.Cursor()
				for c.Next() {
					n++
				}
				if c.Err() != nil || n != set.Len() {
					b.Fatal(n, set.Len(), c.Err())
				}
			})
		}
		b.ReportMetric(float64(b.N)*benchLinks/b.Elapsed().Seconds(), "keys/s")
	})
	b.Run("get", func(b *testing.B) {
		s := open(b, o)
		defer shut(b, s)
		set := known(b, s).Set("links/group/members")
		var key []byte
		for b.Loop() {
			key = appendLink(key[:0], random.IntN(benchLinks))
			if _, _, err := set.Get(key); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "gets/s")
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			s := open(b, o)
			if _, err := s.Check(context.Background()); err != nil {
				b.Fatal(err)
			}
			shut(b, s)
		}
	})
}

// resident reports the most memory that was resident while do ran, where the system
// tells it.
func resident(b *testing.B, do func()) {
	b.Helper()
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		do()
		return
	}
	do()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if fields := strings.Fields(rest); len(fields) > 0 {
		if kib, err := strconv.Atoi(fields[0]); err == nil {
			b.ReportMetric(float64(kib)/1024, "MiB-resident")
		}
	}
}
