package fulfill_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
)

// prompt is a connector that has always done at once what it is asked for.
func prompt(ctx context.Context, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
	for {
		o, err := orders.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := sink.Done(sdk.Outcome{Order: o.ID, ObjectID: "id-of-" + o.ID}); err != nil {
			return err
		}
	}
}

// many decodes n orders: users that are made, and members that are added to groups.
func many(n int) fulfill.Decoder {
	return func(_ string, _ io.Reader, emit func(order.Order) error) error {
		for i := range n {
			o := create(fmt.Sprint(i), fmt.Sprintf("user%d@contoso.com", i))
			if i%2 == 1 {
				o = order.Order{ID: fmt.Sprint(i), Operation: sdk.Update, Entity: "group", Key: order.Ref{ID: fmt.Sprint("g", i%500)},
					Links: []order.Link{{Navigation: "members", Add: []order.Ref{{Order: fmt.Sprint(i - 1)}}}}}
			}
			if err := emit(o); err != nil {
				return err
			}
		}
		return nil
	}
}

// BenchmarkRun tells how long an order takes from its intake to its result when the target
// system takes no time, and how much memory is in use then: it must not grow with the number of orders.
func BenchmarkRun(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				s := newSite(b, b.TempDir())
				j := s.open(b, nil)
				o := s.options(j)
				o.Fulfiller = calls(prompt)
				peak := uint64(0)
				o.Progress = func(fulfill.Snapshot) { peak = max(peak, inUse()) }
				in := fulfill.Input{Decode: many(n)}
				if _, err := fulfill.Accept(context.Background(), o, in); err != nil {
					b.Fatal(err)
				}
				peak = max(peak, inUse())
				if report, err := fulfill.Run(context.Background(), o); err != nil || report.Executed != uint64(n) {
					b.Fatalf("%+v, %v", report, err)
				}
				if err := j.Close(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(max(peak, inUse()))/(1<<20), "MiB")
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/order")
			}
		})
	}
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
