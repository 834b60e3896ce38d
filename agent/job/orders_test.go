package job

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// All that failed begins again, whatever the sequence in the file; what cannot is told and keeps nothing
// else.
func TestRetryIntake(t *testing.T) {
	failing := true
	connector := &fakeFulfiller{do: func(sdk.Order) sdk.Outcome {
		if failing {
			return sdk.Outcome{Failure: fault.Errorf(fault.Forbidden, "not allowed")}
		}
		return sdk.Outcome{}
	}}
	f := opened(t, connector, settings.OrderLimits{})
	after := func(id, other string) string {
		return strings.Replace(deletion(id), "}}", `}, "dependsOn": ["`+other+`"]}`, 1)
	}
	folder := t.TempDir()
	first := ordersFile(t, filepath.Join(folder, "first.json"), deletion("other"))
	second := ordersFile(t, filepath.Join(folder, "second.json"), after("c", "b"), after("b", "a"), deletion("a"), after("d", "other"))
	done, err := f.fulfill(t.Context(), []string{first, second}, "ann", nil)
	if err != nil || done.Run.Errored != 5 {
		t.Fatalf("%+v, %v", done.Run, err)
	}
	intake := done.Files[1].Intake.Number
	retried, err := RetryIntake(t.Context(), f.journal, intake, "bob")
	if retried != 3 || !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "order d cannot be retried: order other") {
		t.Errorf("retried %d, %v", retried, err)
	}
	failing = false
	if done, err := f.fulfill(t.Context(), nil, "ann", nil); err != nil || done.Run.Executed != 3 {
		t.Errorf("%+v, %v", done.Run, err)
	}
	if _, r, err := f.journal.Order("d"); err != nil || r.State != order.Errored {
		t.Errorf("order d: %+v, %v", r, err)
	}
	if retried, err := RetryIntake(t.Context(), f.journal, done.Files[0].Intake.Number, "bob"); retried != 1 || err != nil {
		t.Errorf("retried %d, %v", retried, err)
	}
	if retried, err := RetryIntake(t.Context(), f.journal, intake, "bob"); retried != 1 || err != nil {
		t.Errorf("retried %d, %v", retried, err)
	}
	if retried, err := RetryIntake(t.Context(), f.journal, 99, "bob"); retried != 0 || !fault.Is(err, fault.NotFound) {
		t.Errorf("retried %d, %v", retried, err)
	}
}
