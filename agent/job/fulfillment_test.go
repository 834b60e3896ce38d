package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/ledger"
	"github.com/usher-iga/usher/agent/export/ledger/ledgertest"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock/clocktest"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// fakeFulfiller is a connector that carries out what do says.
type fakeFulfiller struct {
	fulfiller // what the tests do not call
	do        func(sdk.Order) sdk.Outcome
	examine   func([]sdk.Order) ([]sdk.OrderProblem, error)

	mu     sync.Mutex
	done   []string // ids of orders
	closed bool
}

func (f *fakeFulfiller) Close() { f.closed = true }

func (f *fakeFulfiller) Examine(_ context.Context, orders []sdk.Order) ([]sdk.OrderProblem, error) {
	if f.examine == nil {
		return nil, nil
	}
	return f.examine(orders)
}

func (f *fakeFulfiller) Resolve(_ context.Context, _ sdk.Connection, objects []sdk.NamedObject) ([]string, error) {
	return make([]string, len(objects)), nil
}

func (f *fakeFulfiller) Preview(_ context.Context, _ sdk.Connection, orders []sdk.Order, emit func(sdk.Preview) error) error {
	for _, o := range orders {
		if err := emit(sdk.Preview{Order: o.ID, Title: "the object of " + o.ID}); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeFulfiller) Fulfill(ctx context.Context, _ sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
	for {
		o, err := orders.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.done = append(f.done, o.ID)
		f.mu.Unlock()
		outcome := sdk.Outcome{ObjectID: "id-of-" + o.ID}
		if f.do != nil {
			outcome = f.do(o)
		}
		outcome.Order = o.ID
		if err := sink.Done(outcome); err != nil {
			return err
		}
	}
}

// newFulfillment is a connection whose orders a connector carries out; the journal and the audit log are not
// open.
func newFulfillment(t *testing.T, connector *fakeFulfiller, limits settings.OrderLimits) *fulfillment {
	t.Helper()
	work := t.TempDir()
	f := &fulfillment{
		runner: &Runner{
			Clock: clocktest.At(time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)), Logger: hclog.NewNullLogger(), Settings: &settings.Settings{WorkFolder: work},
		},
		connection: &settings.Connection{ID: "Contoso", Fulfillment: settings.Fulfillment{
			Limits: limits, OrdersFolder: filepath.Join(work, "ProvisioningOrders", "Contoso"), Retention: time.Hour,
		}},
		program: &program{launch: func(context.Context) (fulfiller, error) { return connector, nil }},
	}
	var err error
	if f.decode, err = f.decoder(); err != nil {
		t.Fatal(err)
	}
	return f
}

// opened is newFulfillment with journal and audit log.
func opened(t *testing.T, connector *fakeFulfiller, limits settings.OrderLimits) *fulfillment {
	t.Helper()
	f := newFulfillment(t, connector, limits)
	t.Cleanup(func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
		if len(connector.done) > 0 && !connector.closed {
			t.Error("the connector is not closed")
		}
	})
	if err := f.open(t.Context(), patience); err != nil {
		t.Fatal(err)
	}
	return f
}

// ordersFile writes a file of orders.
func ordersFile(t *testing.T, path string, orders ...string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"orders": [`+strings.Join(orders, ",\n")+`]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func deletion(id string) string {
	return fmt.Sprintf(`{"id": %q, "operation": "delete", "entity": "user", "key": {"employeeId": %[1]q}}`, id)
}

// states are the results beside a file of orders, in its sequence.
func states(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file + fulfill.JSONEnding)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		State   string
		Results []struct{ Order, State string }
	}
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	all := []string{read.State}
	for _, r := range read.Results {
		all = append(all, r.Order+" "+r.State)
	}
	return strings.Join(all, ", ")
}

// Of several files each is accepted or refused by itself; the results stand beside each; and the same
// orders again are not carried out again.
func TestFulfillFiles(t *testing.T) {
	connector := &fakeFulfiller{do: func(o sdk.Order) sdk.Outcome {
		if o.ID == "2" {
			return sdk.Outcome{Failure: fault.Errorf(fault.NotFound, "there is no user")}
		}
		return sdk.Outcome{}
	}}
	f := opened(t, connector, settings.OrderLimits{})
	folder := t.TempDir()
	files := []string{
		ordersFile(t, filepath.Join(folder, "good.json"), deletion("1"), deletion("2")),
		ordersFile(t, filepath.Join(folder, "bad.json"), deletion("3"), `{"id": "4", "operation": "delete", "entity": "user"}`),
	}
	for again := range 2 {
		done, err := f.fulfill(t.Context(), files, "ann", nil)
		if err != nil || !done.Ran || len(done.Files) != 2 || done.Files[1].Refused == nil {
			t.Fatalf("%+v, %v", done, err)
		}
		if in := done.Files[0].Intake; in.Executed != 1 || in.Errored != 1 || in.Source.RequestedBy != "ann" || in.Source.Digest == "" {
			t.Errorf("the intake is %+v", in)
		}
		if ended := done.Run.Executed + done.Run.Errored; ended != uint64(2-2*again) {
			t.Errorf("%d orders were carried out", ended)
		}
	}
	if got := fmt.Sprint(connector.done); got != "[1 2]" {
		t.Errorf("carried out were %s", got)
	}
	if got, want := states(t, files[0]), "Open, 1 Executed, 2 Errored"; got != want {
		t.Errorf("the results are %s, want %s", got, want)
	}
	if got, want := states(t, files[1]), "Refused"; got != want {
		t.Errorf("the results are %s, want %s", got, want)
	}
	done, err := f.fulfill(t.Context(), files[1:], "ann", nil)
	if err != nil || done.Ran {
		t.Errorf("with a refused file only: %+v, %v", done, err)
	}
}

// What is beyond a limit waits, and goes on when it is released.
func TestHeldFile(t *testing.T) {
	connector := &fakeFulfiller{}
	f := opened(t, connector, settings.OrderLimits{MaximumDeletes: 1})
	file := ordersFile(t, filepath.Join(t.TempDir(), "leavers.json"), deletion("1"), deletion("2"))
	done, err := f.fulfill(t.Context(), []string{file}, "ann", nil)
	if err != nil || done.Files[0].Intake.State != journal.IntakeHeld || done.Run.Held != 2 || len(connector.done) > 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if got, want := states(t, file), "Held, 1 Held, 2 Held"; got != want {
		t.Errorf("the results are %s, want %s", got, want)
	}
	if _, err := f.journal.Release(done.Files[0].Intake.Number, "bob"); err != nil {
		t.Fatal(err)
	}
	if done, err = f.fulfill(t.Context(), nil, "ann", nil); err != nil || done.Run.Executed != 2 {
		t.Errorf("%+v, %v", done, err)
	}
	if got, want := states(t, file), "Open, 1 Executed, 2 Executed"; got != want {
		t.Errorf("the results are %s, want %s", got, want)
	}
}

// The order of an action that waits for one that is held says so, and what can be done.
func TestActionBehindHeldFile(t *testing.T) {
	f := opened(t, &fakeFulfiller{}, settings.OrderLimits{MaximumDeletes: 1})
	folder := t.TempDir()
	held := ordersFile(t, filepath.Join(folder, "leavers.json"), deletion("1"), deletion("2"))
	urgent := ordersFile(t, filepath.Join(folder, "urgent.json"), `{"id": "now", "operation": "disable", "entity": "user", "key": {"employeeId": "2"}}`)
	if _, err := f.fulfill(t.Context(), []string{held, urgent}, "ann", nil); err != nil {
		t.Fatal(err)
	}
	got := fault.Of(f.waits("now"))
	const message, hint = "order now has not begun: it waits for order 2 of intake 1, which is held: it deletes 2 ", "'usher orders release Contoso 1' lets it begin"
	if got == nil || got.Code != fault.Held || !strings.HasPrefix(got.Message, message) || !strings.Contains(got.Hint, hint) ||
		!strings.HasSuffix(got.Hint, "Then the next 'usher fulfill Contoso' carries out this order; 'usher orders cancel Contoso now' drops it") {
		t.Errorf("got %+v", got)
	}
	if _, err := f.journal.Release(1, "bob"); err != nil {
		t.Fatal(err)
	}
	if err := f.waits("now"); err != nil {
		t.Errorf("behind one that is not held: %v", err)
	}
}

// A hint of a connector gets the name of the connection.
func TestNamed(t *testing.T) {
	of := func(hint string) error { return fault.Errorf(fault.Invalid, "no").WithHint("%s", hint) }
	if got := fault.Of(named(of("See usher actions describe CONNECTION x"), "Contoso")); got.Hint != "See usher actions describe Contoso x" {
		t.Errorf("the hint is %q", got.Hint)
	}
	for _, err := range []error{nil, io.EOF, of("Give it")} {
		if got := named(err, "Contoso"); !errors.Is(got, err) {
			t.Errorf("%v becomes %v", err, got)
		}
	}
}

// Results that cannot be written are told once, with a way out.
func TestResultsInTheWay(t *testing.T) {
	f := opened(t, &fakeFulfiller{}, settings.OrderLimits{})
	file := ordersFile(t, filepath.Join(t.TempDir(), "orders.json"), deletion("1"))
	if err := os.MkdirAll(filepath.Join(file+fulfill.CSVEnding, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	done, err := f.fulfill(t.Context(), []string{file}, "ann", nil)
	if got := fault.Of(err); got == nil || got.Code != fault.Storage || got.Hint == "" || strings.Count(err.Error(), "cannot ") != 1 || done.Files[0].Intake.Executed != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	if err := os.RemoveAll(file + fulfill.CSVEnding); err != nil {
		t.Fatal(err)
	}
	if _, err := f.fulfill(t.Context(), nil, "ann", nil); err != nil || states(t, file) != "Open, 1 Executed" {
		t.Errorf("%v, %s", err, states(t, file))
	}
}

// Every limit of the settings is one of the engine.
func TestLimitsOfSettings(t *testing.T) {
	f := newFulfillment(t, &fakeFulfiller{}, settings.OrderLimits{
		MaximumDeletes: 1, MaxPercentageDeletes: 2, MaximumDisables: 3, MaxPercentageDisables: 4, MaximumLinkRemovals: 5, MaxPercentageLinkRemovals: 6,
	})
	want := fulfill.Limits{Deletes: fulfill.Limit{Count: 1, Percent: 2}, Disables: fulfill.Limit{Count: 3, Percent: 4}, Removals: fulfill.Limit{Count: 5, Percent: 6}}
	if got := f.options(); got.Limits != want || got.Record != nil || got.Secrets != nil || got.Deliver != nil {
		t.Errorf("got %+v", got)
	}
}

// Without limits in per cent nobody counts what is known; with one, a connection that was never exported knows
// nothing, and otherwise what was published last counts, also while an export is at work.
func TestKnown(t *testing.T) {
	f := newFulfillment(t, &fakeFulfiller{}, settings.OrderLimits{MaximumDeletes: 1})
	if known, err := f.known(t.Context()); known != nil || err != nil {
		t.Errorf("without per cent: %v", err)
	}
	f.runner.Settings.Connections = []*settings.Connection{f.connection}
	f.runner.Settings.TempFolder = t.TempDir()
	f.connection.Fulfillment.Limits.MaxPercentageDeletes = 5
	users := func(when string, want uint64) {
		t.Helper()
		if known, err := f.known(t.Context()); err != nil || known("user", "") != want {
			t.Errorf("%s: %v", when, err)
		}
	}
	users("never exported", 0)
	o := ledger.Options{
		Connection: "Contoso", Run: "1", Work: f.runner.Settings.WorkFolder, Output: export.Output(f.runner.Settings.TempFolder), Clock: f.runner.Clock,
	}
	ledgertest.Enter(t, o, ledgertest.Run{Mode: publish.Complete, Object: "a"})
	users("exported", 1)
	counts := filepath.Join(store.Folder(o.Work, "Contoso"), "counts.json")
	if err := os.Remove(counts); err != nil {
		t.Fatal(err)
	}
	users("not written down", 1)
	o.Run = "2"
	at, err := ledger.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	users("during an export", 1)
	if err := os.Remove(counts); err != nil {
		t.Fatal(err)
	}
	if _, err := f.known(t.Context()); !fault.Is(err, fault.Conflict) {
		t.Errorf("nobody knows, and it says %v", err)
	}
}

// While another process has the journal, a command waits some seconds and says so; then it says what to do.
func TestJournalInUse(t *testing.T) {
	f := newFulfillment(t, &fakeFulfiller{}, settings.OrderLimits{})
	j, err := journal.Open(t.Context(), journal.Options{WorkFolder: f.runner.Settings.WorkFolder, Connection: "Contoso", Clock: f.runner.Clock})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	var told []string
	f.runner.Waiting = func(text string) { told = append(told, text) }
	began := f.runner.Clock.Now()
	got := fault.Of(errors.Join(f.open(t.Context(), patience), f.close()))
	if got == nil || got.Code != fault.Conflict || !strings.Contains(got.Hint, "try again") || f.runner.Clock.Now().Sub(began) < patience {
		t.Errorf("got %+v", got)
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], "the orders of connection Contoso are in use by process ") || !strings.HasSuffix(told[0], ": waiting for up to 10s") {
		t.Errorf("told is %q", told)
	}
	// One that gives way in time keeps nobody from it.
	f.runner.Clock.(*clocktest.Still).Slept = func() { _ = j.Close() }
	if err := errors.Join(f.open(t.Context(), patience), f.close()); err != nil {
		t.Error(err)
	}
}

// A connector that crashed since the last call is started anew, once.
func TestRelaunching(t *testing.T) {
	for _, tc := range []struct {
		crashes  int
		launched int
		want     fault.Code
	}{{0, 1, ""}, {1, 2, ""}, {2, 2, fault.Connector}} {
		launched, crashes := 0, tc.crashes
		p := relaunching{&program{launch: func(context.Context) (fulfiller, error) {
			launched++
			return &fakeFulfiller{examine: func([]sdk.Order) ([]sdk.OrderProblem, error) {
				if crashes--; crashes >= 0 {
					return nil, fault.Errorf(fault.Connector, "it crashed")
				}
				return []sdk.OrderProblem{{Order: "1"}}, nil
			}}, nil
		}}}
		problems, err := p.Examine(t.Context(), nil)
		if launched != tc.launched || fault.CodeOf(err) != tc.want || err == nil && len(problems) != 1 {
			t.Errorf("after %d crashes: launched %d times, %v, %v", tc.crashes, launched, problems, err)
		}
	}
}

// watched is a connection whose folder is watched while step, which is called in each pause, returns true.
func watched(t *testing.T, f *fulfillment, events WatchEvents, step func() bool) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	f.runner.Settings.Connections = []*settings.Connection{f.connection}
	f.runner.Settings.TempFolder = t.TempDir()
	f.runner.Clock.(*clocktest.Still).Slept = func() {
		if f.journal == nil && !step() {
			stop()
		}
	}
	if err := errors.Join(f.watch(ctx, events), f.close()); err != nil {
		t.Error(err)
	}
}

// isReported reports whether the results of a file are there.
func isReported(path string) bool {
	_, err := os.Stat(path + fulfill.CSVEnding)
	return err == nil
}

// Files that are put into the watched folder are carried out and put away.
func TestWatch(t *testing.T) {
	f := newFulfillment(t, &fakeFulfiller{}, settings.OrderLimits{MaximumDeletes: 1})
	folder := f.connection.Fulfillment.OrdersFolder
	ordersFile(t, filepath.Join(folder, "many.json"), deletion("2"), deletion("3"))
	ordersFile(t, filepath.Join(folder, "one.json"), deletion("1"))
	ordersFile(t, filepath.Join(folder, "bad.json"), `{"id": "4"}`)
	var mu sync.Mutex
	told := map[string]int{}
	tell := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		told[what]++
	}
	watched(t, f, WatchEvents{
		Watching: func(path string, _ []sdk.Warning) { tell("watching " + filepath.Base(path)) },
		Taken:    func(in journal.Intake) { tell(fmt.Sprint(in.Source.Name, " is ", in.State)) },
		Ran:      func(r fulfill.Report, _ []sdk.Warning) { tell(fmt.Sprintf("executed %d", r.Executed)) },
		Trouble:  func(err error) { tell("trouble " + string(fault.CodeOf(err))) },
	}, func() bool {
		return !isReported(filepath.Join(folder, "Completed", "one.json")) || !isReported(filepath.Join(folder, "Errored", "bad.json"))
	})
	if got, want := fmt.Sprint(told), "map[executed 1:1 many.json is Held:1 one.json is Open:1 trouble invalid:1 watching Contoso:1]"; got != want {
		t.Errorf("told is\n%s\nwant\n%s", got, want)
	}
	if _, err := os.Stat(filepath.Join(folder, "many.json")); err != nil {
		t.Errorf("the file that is held is not there: %v", err)
	}
}

// While a watch has nothing to do, others decide on orders and carry them out; the files get their results all the
// same.
func TestOthersBesideWatch(t *testing.T) {
	release := func(t *testing.T, f *fulfillment) {
		t.Helper()
		err := f.runner.WithOrders(t.Context(), "Contoso", func(j *journal.Journal) error {
			_, err := j.Release(1, "ann")
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	for name, other := range map[string]func(*testing.T, *fulfillment){
		"released": release,
		"canceled": func(t *testing.T, f *fulfillment) {
			t.Helper()
			err := f.runner.WithOrders(t.Context(), "Contoso", func(j *journal.Journal) error {
				_, err := j.CancelIntake(t.Context(), 1, "ann")
				return err
			})
			if err != nil {
				t.Error(err)
			}
		},
		"carried out": func(t *testing.T, f *fulfillment) {
			t.Helper()
			release(t, f)
			another := *f
			another.runner = &Runner{Clock: clocktest.At(f.runner.Clock.Now()), Logger: f.runner.Logger, Settings: f.runner.Settings}
			another.program = &program{launch: f.program.launch}
			err := another.open(t.Context(), patience)
			if err == nil {
				_, err = another.fulfill(t.Context(), nil, "ann", nil)
			}
			if err := errors.Join(err, another.close()); err != nil {
				t.Error(err)
			}
			if !isReported(filepath.Join(f.connection.Fulfillment.OrdersFolder, "Completed", "many.json")) {
				t.Error("usher fulfill does not report a watched file")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFulfillment(t, &fakeFulfiller{}, settings.OrderLimits{MaximumDeletes: 1})
			folder := f.connection.Fulfillment.OrdersFolder
			ordersFile(t, filepath.Join(folder, "many.json"), deletion("2"), deletion("3"))
			held, pauses := false, 0
			watched(t, f, WatchEvents{
				Taken:   func(in journal.Intake) { held = in.State == journal.IntakeHeld },
				Trouble: func(err error) { t.Error(err) },
			}, func() bool {
				if held {
					held = false
					other(t, f)
				}
				pauses++
				return pauses < 100 && !isReported(filepath.Join(folder, "Completed", "many.json")) && !isReported(filepath.Join(folder, "Errored", "many.json"))
			})
			if pauses == 100 {
				t.Error("the file has no results")
			}
		})
	}
}

// Where nobody has given orders, looking at them makes no journal.
func TestNoJournal(t *testing.T) {
	f := newFulfillment(t, &fakeFulfiller{}, settings.OrderLimits{})
	f.runner.Settings.Connections = []*settings.Connection{f.connection}
	f.runner.Settings.TempFolder = filepath.Join(t.TempDir(), "Temp")
	err := f.runner.WithOrders(t.Context(), "contoso", func(j *journal.Journal) error {
		all, err := j.Unreported()
		if len(all) > 0 || j.Connection() != "Contoso" {
			t.Errorf("%+v of %s", all, j.Connection())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for _, folder := range []string{f.runner.Settings.WorkFolder, f.runner.Settings.TempFolder} {
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("%v, %v", left, err)
		}
	}
}

// What is no file is told before anything is taken.
func TestAbsolute(t *testing.T) {
	folder := t.TempDir()
	file := ordersFile(t, filepath.Join(folder, "orders.json"))
	if all, err := absolute([]string{file}); err != nil || all[0] != file {
		t.Errorf("got %v, %v", all, err)
	}
	for path, want := range map[string]string{
		filepath.Join(folder, "none.json"): "there is no file " + filepath.Join(folder, "none.json"),
		folder:                             folder + " is not a file",
	} {
		_, err := absolute([]string{file, path})
		if f := fault.Of(err); f == nil || f.Code != fault.Invalid || f.Message != want || f.Hint == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Everything that is wrong with the files of mappings is told.
func TestMappingFiles(t *testing.T) {
	f := newFulfillment(t, &fakeFulfiller{}, settings.OrderLimits{})
	folder := t.TempDir()
	bad := filepath.Join(folder, "bad.xml")
	if err := os.WriteFile(bad, []byte("<Configuration"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.connection.Fulfillment.MappingFiles = []tree.Item{{Text: bad}, {Text: filepath.Join(folder, "none.xml")}}
	_, err := f.decoder()
	if text := fmt.Sprint(err); !strings.Contains(text, "bad.xml") || !strings.Contains(text, "none.xml") {
		t.Errorf("it says %s", text)
	}
}
