package export_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// watched runs small() and returns what was shown.
func watched(t *testing.T, folder, runID string, p sdk.Progress) (seen []export.Snapshot) {
	t.Helper()
	o := options(folder, runID, small())
	o.Source = sourceFunc(func(ctx context.Context, req sdk.ExportRequest, s sdk.Sink) error {
		if err := small().Export(ctx, req, s); err != nil {
			return err
		}
		return s.Progress(p)
	})
	o.Progress = func(s export.Snapshot) { seen = append(seen, s) }
	if _, err := export.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestProgress(t *testing.T) {
	seen := watched(t, t.TempDir(), "1", sdk.Progress{
		Requests: 7, ResourceUnits: 8, ThrottledMS: 9000, Pages: []uint64{3, 4},
	})
	if !slices.IsSortedFunc(seen, func(a, b export.Snapshot) int {
		order := []export.Phase{export.Reading, export.Merging, export.Publishing}
		return slices.Index(order, a.Phase) - slices.Index(order, b.Phase)
	}) {
		t.Errorf("the phases are out of order: %+v", seen)
	}
	last := seen[len(seen)-1]
	if last.Phase != export.Publishing || last.Requests != 7 || last.ResourceUnits != 8 || last.Throttled != 9*time.Second || last.Merged != last.ToMerge || last.ToMerge == 0 ||
		last.Rate <= 0 || last.Elapsed <= 0 {
		t.Errorf("got %+v", last)
	}
	want := []export.Collection{{Entity: "user", Objects: 3, Pages: 3, Ended: true}, {Entity: "group", Objects: 2, Links: 5, Pages: 4, Ended: true}}
	if !slices.Equal(last.Collections, want) {
		t.Errorf("got %+v, want %+v", last.Collections, want)
	}
}

// The run before tells how much there is to come.
func TestRemaining(t *testing.T) {
	folder := t.TempDir()
	if first := watched(t, folder, "1", sdk.Progress{}); first[0].Remaining != 0 || first[0].Collections[1].Expected != 0 {
		t.Errorf("nothing is known in the first run: %+v", first[0])
	}
	o := options(folder, "2", small())
	var seen []export.Snapshot
	o.Progress = func(s export.Snapshot) { seen = append(seen, s) }
	half := small()
	half.events = []event{{collection: 1, kind: "begin"}, {collection: 1, kind: "object", id: "g1"}}
	o.Source = half
	if _, err := export.Run(context.Background(), o); err == nil {
		t.Fatal("half a run was published")
	}
	last := seen[len(seen)-1]
	// The run before had 1 group and 2 links; one group has come.
	if c := last.Collections[1]; c.Expected != 3 || c.Objects != 1 || last.Remaining != 2*last.Elapsed {
		t.Errorf("got %+v", last)
	}
}

// While nothing comes, a snapshot a second shows that time goes on.
func TestHeartbeat(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := options(folder, "1", small())
		o.Clock = clock.System
		var seen []export.Snapshot
		o.Progress = func(s export.Snapshot) { seen = append(seen, s) }
		o.Source = sourceFunc(func(ctx context.Context, req sdk.ExportRequest, s sdk.Sink) error {
			time.Sleep(2500 * time.Millisecond) // a hung request
			if err := s.Progress(sdk.Progress{WaitingMS: 2000, Reason: "quota"}); err != nil {
				return err
			}
			time.Sleep(3 * time.Second)
			return small().Export(ctx, req, s)
		})
		if _, err := export.Run(context.Background(), o); err != nil {
			t.Fatal(err)
		}
		type moment struct {
			at, waiting time.Duration
			reason      string
		}
		var got []moment
		for _, s := range seen {
			if s.Phase == export.Reading && s.Elapsed < 5500*time.Millisecond {
				got = append(got, moment{s.Elapsed, s.Waiting, s.Reason})
			}
		}
		const half, second = 500 * time.Millisecond, time.Second
		want := []moment{
			{at: second}, {at: 2 * second}, {2*second + half, 2 * second, "quota"},
			{3 * second, second + half, "quota"}, {4 * second, half, "quota"}, {at: 5 * second},
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// Who watches too slowly misses snapshots; the rows do not wait.
func TestSlowWatcher(t *testing.T) {
	o := options(t.TempDir(), "1", small())
	read := make(chan struct{})
	calls := 0
	o.Progress = func(export.Snapshot) {
		<-read
		calls++
	}
	o.Source = sourceFunc(func(ctx context.Context, req sdk.ExportRequest, s sdk.Sink) error {
		defer close(read)
		for range 100 {
			if err := s.Progress(sdk.Progress{}); err != nil {
				return err
			}
		}
		return small().Export(ctx, req, s)
	})
	if _, err := export.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if calls > 20 {
		t.Errorf("a slow watcher was called %d times", calls)
	}
}
