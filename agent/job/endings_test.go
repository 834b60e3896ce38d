package job

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk"
)

// day is a clock that a test moves.
type day struct{ now time.Time }

func (d *day) Now() time.Time                                   { return d.now }
func (d *day) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// The tenant is asked once a day for the same credentials, whatever it answers, and at
// once for others.
func TestEndingCredentials(t *testing.T) {
	clock := &day{time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)}
	r := &Runner{Clock: clock, Logger: hclog.NewNullLogger(), Settings: &settings.Settings{WorkFolder: t.TempDir()}}
	connection := sdk.Connection{ID: "Contoso", Secrets: map[string]string{"ApplicationKey": "c4nary"}}
	asked := 0
	var failure error
	ask := func(context.Context) (sdk.CheckReport, error) {
		asked++
		return sdk.CheckReport{Findings: []sdk.Finding{
			{State: sdk.Warned, Subject: "client secret", Message: "ends soon", Hint: "make another", Ends: clock.now.AddDate(0, 0, 9)},
			{State: sdk.Warned, Subject: "clock", Message: "is off"},
			{State: sdk.OK, Subject: "certificate", Message: "ends late", Ends: clock.now.AddDate(1, 0, 0)},
		}}, failure
	}
	for _, step := range []struct {
		name     string
		change   func()
		asked    int
		warnings int
	}{
		{"the first time", func() {}, 1, 1},
		{"an hour later", func() { clock.now = clock.now.Add(time.Hour) }, 1, 1},
		{"a day later", func() { clock.now = clock.now.Add(24 * time.Hour) }, 2, 1},
		{"with another secret", func() { connection.Secrets = map[string]string{"ApplicationKey": "an0ther"} }, 3, 1},
		{"a clock put back", func() { clock.now = clock.now.Add(-48 * time.Hour) }, 4, 1},
		{"a damaged file", func() {
			if err := os.WriteFile(filepath.Join(r.Settings.WorkFolder, "Credentials", "contoso.json"), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, 5, 1},
	} {
		step.change()
		warnings, err := r.endingCredentials(t.Context(), connection, ask)
		if err != nil || asked != step.asked || len(warnings) != step.warnings || warnings[0] != (sdk.Warning{Message: "ends soon", Hint: "make another"}) {
			t.Errorf("%s: asked %d times, %+v, %v", step.name, asked, warnings, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(r.Settings.WorkFolder, "Credentials", "contoso.json"))
	if err != nil || strings.Contains(string(text), "an0ther") {
		t.Errorf("%v: %s", err, text)
	}

	failure = errors.New("throttled")
	clock.now = clock.now.Add(72 * time.Hour)
	for range 2 { // a tenant that does not answer is left alone for a day, too
		if _, err := r.endingCredentials(t.Context(), connection, ask); err != nil || asked != 6 {
			t.Errorf("asked %d times, %v", asked, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	clock.now = clock.now.Add(72 * time.Hour)
	if _, err := r.endingCredentials(ctx, connection, ask); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
