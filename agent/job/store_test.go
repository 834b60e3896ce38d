package job_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/ledger"
	"github.com/usher-iga/usher/agent/export/ledger/ledgertest"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/job"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/clock/clocktest"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

var noon = time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)

const usersLink = "https://graph.example.com/v1.0/users/delta?$deltatoken=x"

// runner is one of an installation whose connection Contoso has a published run and a
// held one.
func runner(t *testing.T) *job.Runner {
	t.Helper()
	r := &job.Runner{Clock: clocktest.At(noon), Settings: &settings.Settings{
		TempFolder: filepath.Join(t.TempDir(), "Temp"), WorkFolder: filepath.Join(t.TempDir(), "Work"),
		Connections: []*settings.Connection{{ID: "Contoso"}},
	}}
	o := ledger.Options{
		Connection: "Contoso", Run: "1", Work: r.Settings.WorkFolder, Output: export.Output(r.Settings.TempFolder), Clock: r.Clock,
	}
	ledgertest.Enter(t, o, ledgertest.Run{
		Mode: publish.Complete, Object: "a", Cookies: map[string]string{"user": usersLink}, Obtained: noon.Add(-time.Hour),
	})
	o.Run = "2"
	ledgertest.Enter(t, o, ledgertest.Run{
		Mode: publish.Incremental, Object: "b", Cookies: map[string]string{"user": usersLink + "2"}, Obtained: noon, Held: "too many",
	})
	return r
}

// state is that of a run.
func state(t *testing.T, r *job.Runner, run string) (state store.RunState) {
	t.Helper()
	err := r.WithStore(t.Context(), "contoso", func(s *store.Store) error {
		record, err := s.Run(run)
		state = record.State
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func TestUnknownConnection(t *testing.T) {
	r, ctx := runner(t), t.Context()
	_, released := r.Release(ctx, "Fabrikam", "2")
	_, discarded := r.Discard(ctx, "Fabrikam", "2")
	_, reset := r.ResetCookies(ctx, "Fabrikam", nil)
	_, exported := r.ExportCookies(ctx, "Fabrikam", "")
	_, imported := r.ImportCookies(ctx, "Fabrikam", nil)
	stored := r.WithStore(ctx, "Fabrikam", nil)
	looked := r.Look(ctx, "Fabrikam", nil)
	for i, err := range []error{released, discarded, reset, exported, imported, stored, looked} {
		if err == nil || !strings.Contains(err.Error(), "Fabrikam") {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestWithStore(t *testing.T) {
	r := runner(t)
	want := errors.New("an error of the work")
	if err := r.WithStore(t.Context(), "CONTOSO", func(*store.Store) error { return want }); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
	err := r.WithStore(t.Context(), "Contoso", func(*store.Store) error {
		_, err := r.Release(t.Context(), "Contoso", "2")
		return err
	})
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("while the store is open: %v", err)
	}
}

func TestRelease(t *testing.T) {
	r := runner(t)
	if warning, err := r.Release(t.Context(), "contoso", "2"); warning != nil || err != nil {
		t.Fatal(warning, err)
	}
	if got := state(t, r, "2"); got != store.Released {
		t.Errorf("run 2 is %s", got)
	}
	if _, err := r.Release(t.Context(), "contoso", "2"); !fault.Is(err, fault.NotFound) {
		t.Errorf("again: %v", err)
	}
}

func TestDiscard(t *testing.T) {
	r := runner(t)
	if warning, err := r.Discard(t.Context(), "contoso", "2"); warning != nil || err != nil {
		t.Fatal(warning, err)
	}
	if got := state(t, r, "2"); got != store.Discarded {
		t.Errorf("run 2 is %s", got)
	}
	if _, err := r.Discard(t.Context(), "contoso", "2"); !fault.Is(err, fault.NotFound) {
		t.Errorf("again: %v", err)
	}
}

func TestCookies(t *testing.T) {
	r, ctx := runner(t), t.Context()
	if _, err := r.ResetCookies(ctx, "Contoso", nil); !fault.Is(err, fault.Held) {
		t.Errorf("while a run is held: %v", err)
	}
	if _, err := r.Release(ctx, "Contoso", "2"); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(r.Settings.WorkFolder, "ExportCookies", "Contoso_cookie_user.bin")
	paths, err := r.ExportCookies(ctx, "contoso", "")
	if err != nil || !slices.Equal(paths, []string{want}) {
		t.Fatalf("%v, %v", paths, err)
	}
	if content, err := os.ReadFile(want); err != nil || string(content) != usersLink+"2" {
		t.Errorf("%q, %v", content, err)
	}
	t.Chdir(t.TempDir())
	if paths, err := r.ExportCookies(ctx, "contoso", "here"); err != nil || !filepath.IsAbs(paths[0]) || filepath.Base(filepath.Dir(paths[0])) != "here" {
		t.Errorf("%v, %v", paths, err)
	}
	if imported, err := r.ImportCookies(ctx, "contoso", paths); err != nil || !slices.Equal(imported, []ledger.Imported{{Entity: "user", Obtained: noon}}) {
		t.Errorf("%v, %v", imported, err)
	}
	if deleted, err := r.ResetCookies(ctx, "contoso", []string{"User"}); err != nil || !slices.Equal(deleted, []string{"user"}) {
		t.Errorf("%v, %v", deleted, err)
	}
	if _, err := r.ImportCookies(ctx, "contoso", paths); !fault.Is(err, fault.NotFound) {
		t.Errorf("after the reset: %v", err)
	}
}
