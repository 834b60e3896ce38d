package churn_test

import (
	"runtime"
	"testing"

	"github.com/usher-iga/usher/connectors/sandbox/churn"
	"github.com/usher-iga/usher/connectors/sandbox/graphapi"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// BenchmarkDeltaSince measures one page with 100 changes in a tenant of a
// million users, whose cost must follow the changes.
func BenchmarkDeltaSince(b *testing.B) {
	config := tenant.DefaultConfig()
	config.Users, config.Groups, config.Memberships = 1_000_000, 100_000, 10_000_000
	s := newSite(b, config, graphapi.Options{DeltaObjects: 200, DeltaLinks: 500})
	for _, bm := range []struct {
		name, query string
		request     churn.Request
	}{
		{"users", "/v1.0/users/delta", churn.Request{Users: churn.Objects{Update: 100}}},
		{"members", "/v1.0/groups/delta?$select=members", churn.Request{Members: churn.Links{Add: 50, Remove: 50}}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			link := s.delta(b, bm.query+map[bool]string{true: "&", false: "?"}[bm.name == "members"]+"$deltatoken=latest", false).Delta
			s.apply(b, bm.request)
			for b.Loop() {
				if p := s.delta(b, link, false); p.Delta == "" {
					b.Fatal("there is more than one page")
				}
			}
		})
	}
}

// BenchmarkChurn measures 100,000 changes in a tenant of a million users, and
// the memory that they take.
func BenchmarkChurn(b *testing.B) {
	config := tenant.DefaultConfig()
	config.Users, config.Groups, config.Memberships = 1_000_000, 100_000, 10_000_000
	for b.Loop() {
		s := newSite(b, config, graphapi.Options{DeltaObjects: 200, DeltaLinks: 500})
		before := heap()
		s.apply(b, churn.Request{
			Users:   churn.Objects{Create: 10_000, Update: 30_000, SoftDelete: 10_000, Restore: 5_000, Purge: 5_000},
			Members: churn.Links{Add: 20_000, Remove: 20_000},
		})
		b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
		runtime.KeepAlive(s)
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
