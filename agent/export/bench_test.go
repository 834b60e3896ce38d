package export_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// tenant is a large made-up one.
type tenant struct {
	users, groups, members int // members of each group
	columns                int
}

// appendID appends the id of the nth object of a kind; ids are in no order.
func appendID(b []byte, kind byte, n int) []byte {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], uint64(n)*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(id[8:], uint64(n)<<8|uint64(kind))
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return b
}

// Export gives objects as they come from the plugin boundary, as views.
func (t tenant) Export(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error {
	users, err := s.Begin(0, true, "")
	if err != nil {
		return err
	}
	var o, view record.Object
	var id, wire []byte
	text := []byte("some text of usual length")
	for i := range t.users {
		o.Reset()
		id = appendID(id[:0], 1, i)
		o.SetID(id)
		for a := range t.columns {
			o.Text(a, text[:len(text)-a%8])
		}
		wire = o.AppendTo(wire[:0])
		if _, err := record.NextObject(wire, t.columns, &view); err != nil {
			return err
		}
		if err := users.Object(&view); err != nil {
			return err
		}
	}
	if err := users.End(""); err != nil {
		return err
	}
	groups, err := s.Begin(1, true, "")
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	var l record.Links
	for g := range t.groups {
		o.Reset()
		id = appendID(id[:0], 2, g)
		o.SetID(id)
		if err := groups.Object(&o); err != nil {
			return err
		}
		l.Reset(0)
		l.SetOwner(id)
		for range t.members {
			id = appendID(id[:0], 1, random.IntN(t.users))
			l.Add(id, false)
		}
		if err := groups.Links(&l); err != nil {
			return err
		}
	}
	return groups.End("")
}

func (t tenant) options(folder string) export.Options {
	o := export.Options{
		Connection: "Contoso", RunID: "1",
		Request: sdk.ExportRequest{Collections: []sdk.Collection{{Entity: "user"}, {Entity: "group", Navigations: []string{"members"}}}},
		Columns: []export.Column{{Name: "id", From: export.FromID}},
		CSV:     export.CSV{Delimiter: ',', ValueSeparator: "\n"},
		Folders: export.Folders{Temp: filepath.Join(folder, "Temp"), Work: filepath.Join(folder, "Work")},
		Source:  t, Clock: clock.System,
	}
	for i := range t.columns {
		o.Request.Attributes = append(o.Request.Attributes, sdk.Attribute{Path: strconv.Itoa(i)})
		o.Columns = append(o.Columns, export.Column{Name: strconv.Itoa(i), From: i})
	}
	return o
}

// peakHeap runs f and returns how large the heap was at most, in MiB.
func peakHeap(f func()) float64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		most := uint64(0)
		for tick := time.Tick(time.Millisecond); ; {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-stop:
				peak <- most
				return
			case <-tick:
			}
		}
	}()
	f()
	close(stop)
	return float64(<-peak) / (1 << 20)
}

// The share of an export that is the agent's: spool, merge and files of 200,000
// users with 15 attributes and 20,000 groups with 2 million members. The tenant
// itself costs about a fifth of it.
func BenchmarkRun(b *testing.B) {
	t := tenant{users: 200_000, groups: 20_000, members: 100, columns: 15}
	for b.Loop() {
		folder := b.TempDir()
		peak := peakHeap(func() {
			report, err := export.Run(context.Background(), t.options(folder))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(report.Spooled)/(1<<20), "spool-MiB")
		})
		b.ReportMetric(peak, "heap-MiB")
	}
	seconds := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(float64(t.users)/seconds, "objects/s")
	b.ReportMetric(float64(t.groups*t.members)/seconds, "links/s")
	b.ReportAllocs()
}
