package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// A cancellation that was cut off goes on, though one of its orders is retried meanwhile.
func TestRetryAfterCutCancellation(t *testing.T) {
	o := options(t.TempDir())
	o.Chunk = 2
	steps := 0
	o.Cut = func(step string) error {
		if step == "cancel orders" {
			if steps++; steps == 2 {
				return errCut
			}
		}
		return nil
	}
	j := open(t, o)
	defer func() { shut(t, j) }()
	var many []order.Order
	for i := range 6 {
		many = append(many, remove(fmt.Sprint(i), byID(fmt.Sprint(i))))
	}
	held, err := receive(j, "too many", many...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.CancelIntake(context.Background(), held.Number, "ann"); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	shut(t, j)
	j = open(t, o)
	if err := j.Retry(context.Background(), "0", "bob"); err != nil {
		t.Fatal(err)
	}
	if got := carryOut(t, j, executed); !slices.Equal(got, []string{"0"}) {
		t.Errorf("%q were carried out", got)
	}
	if in, err := j.Intake(held.Number); err != nil || in.Canceled != 5 || in.Executed != 1 || !in.Complete() {
		t.Errorf("%+v, %v", in, err)
	}
}

// Each decision is told before it takes effect, and none that does not.
func TestDecisions(t *testing.T) {
	o := options(t.TempDir())
	var told []string
	var full error
	o.Decided = func(d journal.Decision) error {
		if full == nil {
			told = append(told, fmt.Sprintf("%s: %s %s%d %s %d %q", d.By, d.What, d.Order, d.Intake, d.Source, d.Orders, d.Reason))
			if d.Time != noon {
				t.Errorf("%+v", d)
			}
		}
		return full
	}
	j := open(t, o)
	defer shut(t, j)
	for range 2 {
		if _, err := receive(j, "too many", remove(fmt.Sprint(len(told)), byID("a")), update(fmt.Sprint("u", len(told)), byID("b"))); err != nil {
			t.Fatal(err)
		}
		told = append(told, "")
	}
	told = nil
	full = errors.New("the disk is full")
	if _, err := j.Release(1, "ann"); !errors.Is(err, full) || mustIntake(t, j, 1).State != journal.IntakeHeld {
		t.Errorf("%v, %+v", err, mustIntake(t, j, 1))
	}
	full = nil
	if _, err := j.Release(1, "ann"); err != nil {
		t.Fatal(err)
	}
	wrong(t, j.Retry(context.Background(), "0", "ann"), fault.Conflict, "it is Pending")
	if _, err := j.CancelIntake(context.Background(), 2, "ann"); err != nil {
		t.Fatal(err)
	}
	if err := j.Cancel("u0", "bob"); err != nil {
		t.Fatal(err)
	}
	carryOut(t, j, func(string) (r order.Result) { r.Fail(fault.Errorf(fault.Refused, "no licence")); return r })
	if err := j.Retry(context.Background(), "0", "eve"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`ann: release 1 orders.json 2 "too many"`, `ann: cancel 2 orders.json 2 "too many"`, `bob: cancel u00  0 ""`, `eve: retry 00  0 "no licence"`,
	}
	if !slices.Equal(told, want) {
		t.Errorf("got %q, want %q", told, want)
	}
	for range 2 { // while it is pending, and when it has ended
		if _, r, err := j.Order("0"); err != nil || r.RetriedBy != "eve" || r.Retried != noon {
			t.Errorf("%+v, %v", r, err)
		}
		carryOut(t, j, executed)
	}
}

// Who gave the input is known also of an order that says who asked for it.
func TestSubmittedBy(t *testing.T) {
	j := opened(t)
	o := update("1", byID("a"))
	o.RequestedBy = "workflow 7"
	accept(t, j, o, update("2", byID("b")))
	for id, want := range map[string]string{"1": "workflow 7", "2": "hr"} {
		if o, _, err := j.Order(id); err != nil || o.RequestedBy != want || o.SubmittedBy != "hr" {
			t.Errorf("%+v, %v", o, err)
		}
	}
	o.RequestedBy = "workflow 8"
	accept(t, j, o) // is a repetition
}
