package ledger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/usher-iga/usher/agent/export/ledger"
	"github.com/usher-iga/usher/agent/export/ledger/ledgertest"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
)

// What is known is counted when it is published, and can be read while somebody works on the connection.
func TestCounts(t *testing.T) {
	folder := t.TempDir()
	counts := func() string {
		t.Helper()
		o := options(folder, "")
		sets, found, err := ledger.Counts(o.Work, o.Connection)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(sets, found)
	}
	same := func(when, want string) {
		t.Helper()
		if got := counts(); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	same("before all", "map[] false")
	with(t, folder, "0", func(*ledger.Ledger) { same("during the first run", "map[] true") })
	ledgertest.Enter(t, options(folder, "1"), ledgertest.Run{Mode: publish.Complete, Object: "a"})
	same("published", "map[objects/user:1] true")
	ledgertest.Enter(t, options(folder, "2"), ledgertest.Run{Mode: publish.Incremental, Object: "b", Held: "too many"})
	same("held", "map[objects/user:1] true")
	with(t, folder, "2", func(l *ledger.Ledger) {
		same("during a run", "map[objects/user:1] true")
		if warning, err := l.Release(t.Context(), "2"); warning != nil || err != nil {
			t.Fatal(warning, err)
		}
		same("released", "map[objects/user:2] true")
	})

	// Lost, damaged or out of date, it is put right by the next who looks.
	path := filepath.Join(store.Folder(options(folder, "").Work, "Contoso"), "counts.json")
	for _, content := range []string{"", "{", `{"sets":{"objects/user":7}}`} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		with(t, folder, "look", func(*ledger.Ledger) { same("put right", "map[objects/user:2] true") })
	}
}
