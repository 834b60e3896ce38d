package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// A held intake begins when it is released; what came later about the same objects waits for it.
func TestRelease(t *testing.T) {
	j := opened(t)
	held, err := receive(j, "too many", remove("1", byID("a")), remove("2", byID("b")))
	if err != nil || held.State != journal.IntakeHeld || held.Reason != "too many" {
		t.Fatalf("%+v, %v", held, err)
	}
	accept(t, j, update("3", byID("a")), update("4", byID("c")))
	if got := carryOut(t, j, executed); !slices.Equal(got, []string{"4"}) {
		t.Errorf("%q", got)
	}
	if _, r, err := j.Order("1"); err != nil || r.State != order.Held || r.Message != "too many" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := j.Release(held.Number, "ann"); err != nil {
		t.Fatal(err)
	}
	if got := carryOut(t, j, executed); !slices.Equal(got, []string{"1 2", "3"}) {
		t.Errorf("%q", got)
	}
	if in, err := j.Intake(held.Number); err != nil || in.DecidedBy != "ann" || !in.Complete() {
		t.Errorf("%+v, %v", in, err)
	}
	_, err = j.Release(held.Number, "ann")
	wrong(t, err, fault.Conflict, "is not held")
	_, err = j.Release(99, "ann")
	wrong(t, err, fault.NotFound, "no intake 99")
}

// A held intake that is canceled takes what depends on it with it, and nothing else.
func TestCancelIntake(t *testing.T) {
	o := options(t.TempDir())
	o.Chunk = 3
	j := open(t, o)
	defer shut(t, j)
	var many []order.Order
	for i := range 10 {
		many = append(many, remove(fmt.Sprint(i), byID(fmt.Sprint(i))))
	}
	held, err := receive(j, "too many", many...)
	if err != nil {
		t.Fatal(err)
	}
	accept(t, j, update("a", byID("0")), update("b", byID("x"), "1"))
	done, err := j.CancelIntake(context.Background(), held.Number, "ann")
	if err != nil || !done.Complete() || done.Canceled != 10 || done.State != journal.IntakeCanceled {
		t.Fatalf("%+v, %v", done, err)
	}
	if got := carryOut(t, j, executed); !slices.Equal(got, []string{"a b!"}) {
		t.Errorf("%q", got)
	}
	if _, r, err := j.Order("3"); err != nil || r.State != order.Canceled || r.Message != "canceled by ann" {
		t.Errorf("%+v, %v", r, err)
	}
}

// An order that was not begun can be canceled, one that failed can be tried again.
func TestCancelAndRetry(t *testing.T) {
	j := opened(t)
	in := accept(t, j, create("1", "a"), update("2", made("1")), update("3", byID("b")))
	if err := j.Cancel("3", "ann"); err != nil {
		t.Fatal(err)
	}
	failed := func(id string) (r order.Result) {
		r.Fail(fault.Errorf(fault.Refused, "no licence left"))
		return r
	}
	carryOut(t, j, failed)
	wrong(t, j.Cancel("1", "ann"), fault.Conflict, "begun already")
	wrong(t, j.Cancel("9", "ann"), fault.NotFound, "no order 9")
	wrong(t, j.Retry(context.Background(), "2", "bob"), fault.Conflict, "order 1, on which it depends, failed")
	if err := j.Reported(in.Number); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "2", "3"} {
		if err := j.Retry(context.Background(), id, "bob"); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := j.Ready(10)
	if err != nil || len(entries) != 2 || !entries[0].Uncertain() || entries[1].Uncertain() {
		t.Fatalf("%+v, %v", entries, err)
	}
	accept(t, j, update("4", upn("a")))
	if got := carryOut(t, j, executed); !slices.Equal(got, []string{"1 3", "2", "4"}) {
		t.Errorf("%q", got)
	}
	now, err := j.Intake(in.Number)
	if err != nil || now.Executed != 3 || now.Reported || !now.Complete() {
		t.Errorf("%+v, %v", now, err)
	}
	wrong(t, j.Retry(context.Background(), "1", "bob"), fault.Conflict, "it is Executed")
}

// An order that is canceled while it waits keeps its place: what is behind it still waits for
// what is before it, and if it is retried in time, it is where it was.
func TestRetryInPlace(t *testing.T) {
	for name, c := range map[string]struct {
		retry bool
		want  []string
	}{"canceled": {false, []string{"1", "3"}}, "retried": {true, []string{"1", "2", "3"}}} {
		t.Run(name, func(t *testing.T) {
			j := opened(t)
			accept(t, j, update("1", byID("a")), update("2", byID("a")), update("3", byID("a")))
			if err := j.Cancel("2", "ann"); err != nil {
				t.Fatal(err)
			}
			if c.retry {
				if err := j.Retry(context.Background(), "2", "bob"); err != nil {
					t.Fatal(err)
				}
			}
			if got := carryOut(t, j, executed); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Results come in the sequence of the input, repetitions counted in.
func TestResults(t *testing.T) {
	o := options(t.TempDir())
	o.Chunk = 2
	j := open(t, o)
	defer shut(t, j)
	accept(t, j, update("5", byID("x")))
	carryOut(t, j, executed)
	in := accept(t, j, update("3", byID("a")), update("5", byID("x")), update("1", byID("b")), update("2", byID("b")))
	if err := j.Cancel("2", "ann"); err != nil {
		t.Fatal(err)
	}
	var got []string
	collect := func(r order.Result) error {
		got = append(got, r.Order+" "+string(r.State))
		return nil
	}
	if err := j.Results(context.Background(), in.Number, collect); err != nil {
		t.Fatal(err)
	}
	if want := []string{"3 Pending", "5 Executed", "1 Pending", "2 Canceled"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	wrong(t, j.Results(context.Background(), 77, collect), fault.NotFound)
}

// Secrets stay until they are delivered.
func TestSecrets(t *testing.T) {
	j := opened(t)
	accept(t, j, create("1", "a"), create("2", "b"))
	entries, err := j.Ready(10)
	if err != nil {
		t.Fatal(err)
	}
	entries[0].Sealed = []byte("sealed")
	if _, err := j.Start(entries); err != nil {
		t.Fatal(err)
	}
	if again, err := j.Interrupted(0, 10); err != nil || len(again) != 2 || string(again[0].Sealed) != "sealed" || !again[0].Uncertain() || again[0].First != noon {
		t.Fatalf("%+v, %v", again, err)
	}
	if owed, err := j.Owed(0, 10); err != nil || len(owed) > 0 {
		t.Fatalf("%+v, %v", owed, err)
	}
	if err := j.Finish([]journal.Finished{{Seq: entries[0].Seq, Result: executed("1")}, {Seq: entries[1].Seq, Result: executed("2")}}); err != nil {
		t.Fatal(err)
	}
	owed, err := j.Owed(0, 10)
	if err != nil || len(owed) != 1 || owed[0].Result.ObjectID != "id-of-1" || string(owed[0].Sealed) != "sealed" {
		t.Fatalf("%+v, %v", owed, err)
	}
	if err := j.Delivered(owed[0].Seq); err != nil {
		t.Fatal(err)
	}
	if owed, err := j.Owed(0, 10); err != nil || len(owed) > 0 {
		t.Errorf("%+v, %v", owed, err)
	}
}

// An order that made its object and failed afterwards keeps the secrets that were
// delivered: others, made when it is retried, would be wrong.
func TestRetryAfterDelivery(t *testing.T) {
	for made, want := range map[string]bool{"id-of-1": true, "": false} {
		j := opened(t)
		accept(t, j, create("1", "a"))
		entries, err := j.Ready(10)
		if err != nil {
			t.Fatal(err)
		}
		entries[0].Sealed = []byte("sealed")
		if _, err := j.Start(entries); err != nil {
			t.Fatal(err)
		}
		failed := executed("1")
		failed.Fail(fault.Errorf(fault.Refused, "a link is refused"))
		failed.ObjectID = made
		if err := j.Finish([]journal.Finished{{Seq: entries[0].Seq, Result: failed}}); err != nil {
			t.Fatal(err)
		}
		if err := j.Delivered(entries[0].Seq); err != nil {
			t.Fatal(err)
		}
		if err := j.Retry(context.Background(), "1", "bob"); err != nil {
			t.Fatal(err)
		}
		entries, err = j.Ready(10)
		if err != nil || len(entries) != 1 || entries[0].Given != want || len(entries[0].Sealed) > 0 {
			t.Errorf("made %q: %+v, %v", made, entries, err)
		}
	}
}

// What is forgotten is what was asked for; repetitions are still answered.
func TestCompact(t *testing.T) {
	j := opened(t)
	in := accept(t, j, update("1", byID("a")), update("2", byID("b")))
	carryOut(t, j, func(string) (r order.Result) { r.Fail(fault.Errorf(fault.Refused, "no")); return r })
	for range 2 { // the first time the results were not handed over
		if err := j.Compact(context.Background(), noon.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if o, _, err := j.Order("1"); err != nil || (o == nil) != mustIntake(t, j, in.Number).Reported {
			t.Errorf("%+v, %v", o, err)
		}
		if err := j.Reported(in.Number); err != nil {
			t.Fatal(err)
		}
	}
	if again := accept(t, j, update("1", byID("a"))); again.Errored != 1 || !again.Complete() {
		t.Errorf("%+v", again)
	}
	wrong(t, j.Retry(context.Background(), "1", "bob"), fault.Conflict, "is forgotten")
	if all, err := j.Unreported(); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}

func mustIntake(t *testing.T, j *journal.Journal, n uint64) journal.Intake {
	t.Helper()
	in, err := j.Intake(n)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// Only one intake is received at a time.
func TestOneIntakeAtATime(t *testing.T) {
	j := opened(t)
	r, err := j.Begin(context.Background(), journal.Source{Name: "a"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := j.Begin(ctx, journal.Source{Name: "b"}, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := r.Discard(); err != nil {
		t.Fatal(err)
	}
	accept(t, j, update("1", byID("a")))
}
