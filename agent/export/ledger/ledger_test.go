package ledger_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/export/ledger"
	"github.com/usher-iga/usher/agent/export/ledger/ledgertest"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// current is the run that is published.
func current(t *testing.T, folder string) string {
	t.Helper()
	m, err := publish.ReadManifest(filepath.Join(options(folder, "").Output, "Contoso_manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	return m.Run
}

// Nobody else works on a connection whose ledger is open.
func TestOpenTwice(t *testing.T) {
	folder := published(t)
	with(t, folder, "first", func(*ledger.Ledger) {
		o := options(folder, "second")
		o.Connection = "CONTOSO"
		if _, err := ledger.Open(t.Context(), o); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "run first") {
			t.Errorf("got %v", err)
		}
	})
	with(t, folder, "third", func(l *ledger.Ledger) {
		for range 2 {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A run can be published once.
func TestBeginTwice(t *testing.T) {
	folder := published(t)
	with(t, folder, "1", func(l *ledger.Ledger) {
		if _, err := l.Begin(); !fault.Is(err, fault.Conflict) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDecide(t *testing.T) {
	for _, tc := range []struct {
		name    string
		decide  func(context.Context, *ledger.Ledger) (warning, err error)
		state   store.RunState
		current string
	}{
		{"release", func(ctx context.Context, l *ledger.Ledger) (warning, err error) { return l.Release(ctx, "2") }, store.Released, "2"},
		{"discard", func(_ context.Context, l *ledger.Ledger) (warning, err error) { return l.Discard("2") }, store.Discarded, "1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			folder := published(t)
			ledgertest.Enter(t, options(folder, "2"), ledgertest.Run{Mode: publish.Incremental, Object: "b", Held: "too many"})
			with(t, folder, "2", func(l *ledger.Ledger) {
				if err := l.Refuse("nothing is done"); l.Waiting() != "2" || !fault.Is(err, fault.Held) || !strings.Contains(err.Error(), "nothing is done while run 2 is held") {
					t.Errorf("%q waits, %v", l.Waiting(), err)
				}
				if warning, err := tc.decide(t.Context(), l); warning != nil || err != nil {
					t.Fatal(warning, err)
				}
				if err := l.Refuse("nothing is done"); l.Waiting() != "" || err != nil {
					t.Errorf("%q waits, %v", l.Waiting(), err)
				}
				if _, err := tc.decide(t.Context(), l); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "it is "+string(tc.state)) {
					t.Errorf("again: %v", err)
				}
			})
			if got := current(t, folder); got != tc.current {
				t.Errorf("published is run %s, want %s", got, tc.current)
			}
		})
	}
	with(t, published(t), "2", func(l *ledger.Ledger) {
		if _, err := l.Release(t.Context(), "nonsense"); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
		if _, err := l.Discard("nonsense"); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
	})
}
