package job

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/settings"
)

// A plan says of files what the run then does with them: refused, held, answered, or carried out, also
// where one refers to another one. It leaves no results and nothing in the journal.
func TestPlan(t *testing.T) {
	f := opened(t, &fakeFulfiller{}, settings.OrderLimits{MaximumDeletes: 1})
	folder := t.TempDir()
	if _, err := f.fulfill(t.Context(), []string{ordersFile(t, filepath.Join(folder, "before.json"), deletion("1"))}, "hr", nil); err != nil {
		t.Fatal(err)
	}
	files := []string{
		ordersFile(t, filepath.Join(folder, "one.json"), deletion("1"), deletion("2")),
		ordersFile(t, filepath.Join(folder, "two.json"), `{"id": "3", "operation": "enable", "entity": "user", "key": "a", "dependsOn": ["2"]}`),
		ordersFile(t, filepath.Join(folder, "wrong.json"), `{"id": "4", "operation": "enable", "entity": "user", "key": "a", "dependsOn": ["none"]}`),
		ordersFile(t, filepath.Join(folder, "many.json"), deletion("5"), deletion("6")),
	}
	var orders []string
	planned, err := f.plan(t.Context(), files, func(p fulfill.Previewed) error {
		line := p.Order.ID
		if p.Answer != nil {
			line += " " + string(p.Answer.State)
		}
		orders = append(orders, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"1 Executed", "2", "3", "5", "6"}; !slices.Equal(orders, want) {
		t.Errorf("got %q, want %q", orders, want)
	}
	for _, file := range files {
		if _, err := os.Stat(file + fulfill.JSONEnding); !os.IsNotExist(err) {
			t.Errorf("%s has results: %v", file, err)
		}
	}
	done, err := f.fulfill(t.Context(), files, "hr", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, would := range planned {
		is := done.Files[i]
		switch {
		case would.Refused != nil || is.Refused != nil:
			if would.Refused == nil || is.Refused == nil || would.Refused.Error() != is.Refused.Error() || !strings.Contains(is.Refused.Error(), "none, which does not exist") {
				t.Errorf("%s: %v, planned %v", is.Path, is.Refused, would.Refused)
			}
		case would.Intake.State != is.Intake.State || would.Intake.Reason != is.Intake.Reason || would.Intake.Answered != is.Intake.Answered:
			t.Errorf("%s: %+v, planned %+v", is.Path, is.Intake, would.Intake)
		}
	}
	if planned[0].Intake.Answered.Orders != 1 || planned[3].Intake.State != journal.IntakeHeld {
		t.Errorf("%+v", planned)
	}
}
