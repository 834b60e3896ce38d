package main

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/fulfill"
)

// displayed gives snapshots to a display of lines and returns what it prints.
func displayed[S any](json bool, display func(*program) display[S], snapshots ...S) string {
	var out bytes.Buffer
	d := display(&program{stderr: &out, json: json})
	for _, s := range snapshots {
		d.show(s)
	}
	d.done(true)
	return out.String()
}

func TestExportLines(t *testing.T) {
	at := func(elapsed time.Duration, phase export.Phase) export.Snapshot {
		return export.Snapshot{
			Phase: phase, Elapsed: elapsed, Rate: 1234.5, Throttled: 1500 * time.Millisecond, Remaining: 90 * time.Second, Merged: 3, ToMerge: 4,
			Waiting: 30 * time.Second, Reason: "429 of Graph",
			Collections: []export.Collection{{Entity: "user", Objects: 10, Pages: 2}, {Entity: "group", Objects: 1, Links: 5, Pages: 1, Ended: true}},
		}
	}
	all := []export.Snapshot{
		at(3*time.Second, export.Reading), at(6*time.Second, export.Reading), at(8*time.Second, export.Reading), at(11*time.Second, export.Merging),
	}
	same(t, "an export", displayed(false, (*program).exportDisplay, all...), `
    6 s  user 10 rows, 2 pages, group 6 rows, 1 page (all); 1234 rows/s, held back 1.5s, waiting 30s: 429 of Graph, about 1m30s left
   11 s  write files: 3 of 4 rows
`)
	same(t, "an export --json", displayed(true, (*program).exportDisplay, all...), "")
}

func TestOrderLines(t *testing.T) {
	at := func(seconds int, s fulfill.Snapshot) fulfill.Snapshot {
		s.Elapsed = time.Duration(seconds) * time.Second
		return s
	}
	begun := fulfill.Snapshot{Executed: 10, Errored: 2, Pending: 8, UnderWay: 3, Requests: 1}
	waiting := begun
	waiting.Requests, waiting.Throttled, waiting.Waiting, waiting.Reason = 5, 1500*time.Millisecond, 30*time.Second, "429 of Graph"
	all := []fulfill.Snapshot{at(1, begun), at(5, begun), at(9, begun), at(12, waiting), at(20, fulfill.Snapshot{Executed: 20})}
	same(t, "orders", displayed(false, (*program).orderDisplay, all...), `
    5 s  12 of 20 orders, 2 errored; 1 request
   12 s  12 of 20 orders, 2 errored; 5 requests, held back 1.5s, waiting 30s: 429 of Graph
`)
	same(t, "orders --json", displayed(true, (*program).orderDisplay, all...), "")
}

func TestCount(t *testing.T) {
	if got := fmt.Sprint(count(0, "order"), ", ", count(1, "order"), ", ", count(2, "order")); got != "0 orders, 1 order, 2 orders" {
		t.Error(got)
	}
}
