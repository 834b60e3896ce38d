package folder_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/folder"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock/clocktest"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// decode reads a delete for each line: its order's id, which is that of the object, too.
func decode(name string, r io.Reader, emit func(order.Order) error) error {
	refusal := order.Refusal{Source: name}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		id := lines.Text()
		if id == "?" {
			refusal.Add(order.Problem{Place: name + ":1:1", Message: "this is no order"})
			continue
		}
		if err := emit(order.Order{ID: id, Operation: sdk.Delete, Entity: "user", Key: order.Ref{ID: id}}); err != nil {
			return err
		}
	}
	return errors.Join(lines.Err(), refusal.Err())
}

// deleter is a connector that deletes everything but what begins with "bad".
type deleter struct{}

func (deleter) Examine(context.Context, []sdk.Order) ([]sdk.OrderProblem, error) { return nil, nil }

func (deleter) Resolve(_ context.Context, _ sdk.Connection, objects []sdk.NamedObject) ([]string, error) {
	return make([]string, len(objects)), nil
}

func (deleter) Preview(context.Context, sdk.Connection, []sdk.Order, func(sdk.Preview) error) error {
	return nil
}

func (deleter) Fulfill(ctx context.Context, _ sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
	for {
		o, err := orders.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		outcome := sdk.Outcome{Order: o.ID}
		if strings.HasPrefix(o.ID, "bad") {
			outcome.Failure = fault.Errorf(fault.Refused, "it is bad")
		}
		if err := sink.Done(outcome); err != nil {
			return err
		}
	}
}

// site is a watched folder.
type site struct {
	path    string
	journal *journal.Journal
	options fulfill.Options
	folder  *folder.Folder
	trouble []string
	accepts int

	accepting, running func() // are called when a file is taken, and when a run begins; may be nil

	inUse   error // why a watch cannot open the journal
	isOpen  bool
	opened  int
	changed bool
}

func (s *site) open() (*journal.Journal, error) {
	if s.inUse != nil {
		return nil, s.inUse
	}
	s.isOpen = true
	s.opened++
	return s.journal, nil
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{path: t.TempDir()}
	clock := clocktest.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	j, err := journal.Open(context.Background(), journal.Options{WorkFolder: t.TempDir(), Connection: "Contoso", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	s.journal = j
	s.options = fulfill.Options{Connection: sdk.Connection{ID: "Contoso"}, Fulfiller: deleter{}, Journal: j, Clock: clock}
	s.again(t)
	return s
}

// again is the next process.
func (s *site) again(t *testing.T) {
	t.Helper()
	var err error
	s.folder, err = folder.New(folder.Options{
		Path: s.path, Clock: s.options.Clock, Decode: decode,
		Open:    func(context.Context) (*journal.Journal, error) { return s.open() },
		Close:   func() error { s.isOpen = false; return nil },
		Changed: func() bool { return s.changed },
		Accept: func(ctx context.Context, in fulfill.Input) (journal.Intake, error) {
			s.accepts++
			if s.accepting != nil {
				s.accepting()
			}
			return fulfill.Accept(ctx, s.options, in)
		},
		Run: func(ctx context.Context) error {
			if s.running != nil {
				s.running()
			}
			_, err := fulfill.Run(ctx, s.options)
			return err
		},
		Trouble: func(err error) { s.trouble = append(s.trouble, err.Error()) },
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(s.path, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *site) look(t *testing.T, times int) {
	t.Helper()
	for range times {
		if err := s.folder.Look(context.Background(), s.journal); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *site) run(t *testing.T) {
	t.Helper()
	if _, err := fulfill.Run(context.Background(), s.options); err != nil {
		t.Fatal(err)
	}
}

func (s *site) report(t *testing.T) {
	t.Helper()
	if err := s.folder.Report(context.Background(), s.journal); err != nil {
		t.Fatal(err)
	}
}

// has checks which files there are.
func (s *site) has(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	err := filepath.WalkDir(s.path, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(s.path, path)
			got = append(got, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// with are a file and its results.
func with(name string) []string {
	return []string{name, name + ".results.csv", name + ".results.json"}
}

func TestFiles(t *testing.T) {
	s := newSite(t)
	s.write(t, "good.json", "1\n2\n")
	s.write(t, "users/mixed.json", "3\nbad\n")
	s.write(t, "wrong.json", "?\n")
	s.write(t, "notes.txt", "4\n")
	s.write(t, ".hidden.json", "5\n")
	s.look(t, 1)
	if s.accepts > 0 {
		t.Error("a file was taken that may still change")
	}
	s.look(t, 2)
	stay := []string{"notes.txt", ".hidden.json"}
	s.has(t, slices.Concat(stay, []string{"good.json", "users/mixed.json"}, with("Errored/wrong.json"))...)
	s.report(t)
	s.run(t)
	s.look(t, 1)
	s.report(t)
	s.has(t, slices.Concat(stay, with("Completed/good.json"), with("Errored/users/mixed.json"), with("Errored/wrong.json"))...)
	if s.accepts != 3 || len(s.trouble) != 1 || !strings.Contains(s.trouble[0], "this is no order") {
		t.Errorf("%d, %q", s.accepts, s.trouble)
	}
	// Another file of a name that is taken.
	s.write(t, "good.json", "6\n")
	s.write(t, "wrong.json", "?\n?\n")
	s.look(t, 2)
	s.run(t)
	s.report(t)
	s.has(t, slices.Concat(stay, with("Completed/good.json"), with("Completed/good-intake-3.json"),
		with("Errored/users/mixed.json"), with("Errored/wrong.json"), with("Errored/wrong-refused.json"))...)
	// A file that repeats what was done is done.
	s.write(t, "copy.json", "1\n2\n")
	s.look(t, 2)
	s.report(t)
	if _, err := os.Stat(filepath.Join(s.path, "Completed", "copy.json.results.json")); err != nil {
		t.Error(err)
	}
}

// A file that changes is not taken until it stays the same.
func TestChanging(t *testing.T) {
	s := newSite(t)
	for _, text := range []string{"1\n", "1\n2\n", "1\n2\n3\n"} {
		s.write(t, "a.json", text)
		s.look(t, 1)
	}
	if s.accepts > 0 {
		t.Error("it was taken")
	}
	s.look(t, 1)
	all, err := s.journal.Unreported()
	if err != nil || len(all) != 1 || all[0].Orders != 3 {
		t.Errorf("%+v, %v", all, err)
	}
}

// The next process goes on wherever one was cut off.
func TestCutOff(t *testing.T) {
	for name, cut := range map[string]func(t *testing.T, s *site){
		"taken": func(*testing.T, *site) {},
		"carried out": func(t *testing.T, s *site) {
			t.Helper()
			s.run(t)
		},
		"results written": func(t *testing.T, s *site) {
			t.Helper()
			s.run(t)
			if err := fulfill.WriteResults(context.Background(), s.journal, 1, filepath.Join(s.path, "Completed", "a.json")); err != nil {
				t.Fatal(err)
			}
		},
		"moved": func(t *testing.T, s *site) {
			t.Helper()
			s.run(t)
			to := filepath.Join(s.path, "Completed", "a.json")
			if err := fulfill.WriteResults(context.Background(), s.journal, 1, to); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(s.path, "a.json"), to); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.write(t, "a.json", "1\n")
			s.look(t, 2)
			cut(t, s)
			s.again(t)
			s.look(t, 3)
			s.run(t)
			s.report(t)
			s.look(t, 2)
			s.has(t, with("Completed/a.json")...)
			if all, err := s.journal.Unreported(); err != nil || len(all) > 0 || s.accepts != 1 {
				t.Errorf("%+v, %v, taken %d times", all, err, s.accepts)
			}
		})
	}
}

// Orders that are retried get their results where the file lies.
func TestRetried(t *testing.T) {
	s := newSite(t)
	s.write(t, "a.json", "bad\n")
	s.look(t, 2)
	s.run(t)
	s.report(t)
	s.options.Fulfiller = kind{}
	if err := s.journal.Retry(context.Background(), "bad", "bob"); err != nil {
		t.Fatal(err)
	}
	s.run(t)
	s.report(t)
	s.has(t, with("Errored/a.json")...)
	text, err := os.ReadFile(filepath.Join(s.path, "Errored", "a.json.results.csv"))
	if err != nil || !strings.Contains(string(text), "Executed") {
		t.Errorf("%s, %v", text, err)
	}
}

// kind is a connector that carries out everything.
type kind struct{ deleter }

func (kind) Fulfill(ctx context.Context, _ sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
	for {
		o, err := orders.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := sink.Done(sdk.Outcome{Order: o.ID}); err != nil {
			return err
		}
	}
}

// What happens to a file meanwhile does not keep its results from being written.
func TestMeddledWith(t *testing.T) {
	for name, c := range map[string]struct {
		meddle func(t *testing.T, s *site)
		want   []string
	}{
		"taken away": {func(t *testing.T, s *site) {
			t.Helper()
			if err := os.Remove(filepath.Join(s.path, "a.json")); err != nil {
				t.Fatal(err)
			}
		}, with("Completed/a.json")[1:]},
		"replaced": {func(t *testing.T, s *site) {
			t.Helper()
			s.write(t, "a.json", "2\n3\n")
		}, append(with("Completed/a.json")[1:], "a.json")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.write(t, "a.json", "1\n")
			s.look(t, 2)
			c.meddle(t, s)
			s.run(t)
			s.report(t)
			s.has(t, c.want...)
		})
	}
}

// A file that cannot be taken now is taken later.
func TestTriedAgain(t *testing.T) {
	s := newSite(t)
	s.options.Fulfiller = unavailable{}
	s.write(t, "a.json", "1\n")
	s.look(t, 2)
	s.has(t, "a.json")
	s.options.Fulfiller = deleter{}
	s.look(t, 1)
	if len(s.trouble) != 1 || s.accepts != 2 {
		t.Errorf("%q, %d", s.trouble, s.accepts)
	}
}

type unavailable struct{ deleter }

func (unavailable) Examine(context.Context, []sdk.Order) ([]sdk.OrderProblem, error) {
	return nil, fault.Errorf(fault.Unavailable, "it does not answer")
}

// watch lets the folder be watched until step, which is called with the number of each pause that it makes with the
// journal closed, returns false.
func (s *site) watch(t *testing.T, step func(n int) bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	s.options.Clock.(*clocktest.Still).Slept = func() {
		if s.isOpen {
			time.Sleep(time.Millisecond) // let the run go on
			return
		}
		if n++; !step(n) {
			cancel()
		}
	}
	if err := s.folder.Watch(ctx); err != nil {
		t.Fatal(err)
	}
}

// While there is nothing to do, a watch leaves the journal to others.
func TestWatch(t *testing.T) {
	s := newSite(t)
	s.write(t, "a.json", "1\n")
	s.write(t, "b.json", "bad\n")
	for again := range 2 { // also with a new process
		s.opened = 0
		s.watch(t, func(n int) bool { return n < 10 })
		s.has(t, append(with("Completed/a.json"), with("Errored/b.json")...)...)
		if want := 2 - again; s.opened != want {
			t.Errorf("the journal was opened %d times, want %d", s.opened, want)
		}
		s.again(t)
	}
	if len(s.trouble) > 0 {
		t.Errorf("%q", s.trouble)
	}
}

// The first orders of many files begin before the last file is taken, and all of them are taken in the end.
func TestManyFiles(t *testing.T) {
	s := newSite(t)
	const files = 20
	var want []string
	for i := range files {
		name := fmt.Sprintf("%02d.json", i)
		s.write(t, name, fmt.Sprintln(i))
		want = append(want, with("Completed/"+name)...)
	}
	clock := s.options.Clock.(*clocktest.Still)
	var taken, first atomic.Int32 // first: when the first run began
	s.accepting = func() {
		taken.Add(1)
		clock.Forward(time.Second)
	}
	s.running = func() { first.CompareAndSwap(0, taken.Load()) }
	s.watch(t, func(int) bool {
		_, err := os.Stat(filepath.Join(s.path, "Completed", fmt.Sprintf("%02d.json", files-1)))
		return err != nil
	})
	s.has(t, want...)
	if first.Load() != 2 || s.accepts != files || len(s.trouble) > 0 {
		t.Errorf("the first run began after %d files, %d were taken, %q", first.Load(), s.accepts, s.trouble)
	}
}

// What others do to the journal is seen: what they have released is carried out, and what they have carried out is
// reported.
func TestWatchBesideOthers(t *testing.T) {
	s := newSite(t)
	s.options.Limits.Deletes.Count = 1
	s.write(t, "a.json", "1\n2\n")
	s.write(t, "b.json", "3\n4\n")
	s.watch(t, func(n int) bool {
		s.changed = false
		switch n {
		case 5:
			if _, err := s.journal.Release(1, "ann"); err != nil {
				t.Error(err)
			}
			s.changed = true
		case 10:
			s.has(t, append(with("Completed/a.json"), "b.json")...)
			if _, err := s.journal.Release(2, "ann"); err != nil {
				t.Error(err)
			}
			s.run(t)
			s.changed = true
		}
		return n < 15
	})
	s.has(t, append(with("Completed/a.json"), with("Completed/b.json")...)...)
	if s.opened > 4 {
		t.Errorf("the journal was opened %d times", s.opened)
	}
}

// While another process has the journal, the watch waits, and tells so once.
func TestJournalInUse(t *testing.T) {
	s := newSite(t)
	s.inUse = fault.Errorf(fault.Conflict, "the orders are in use")
	s.write(t, "a.json", "1\n")
	s.watch(t, func(n int) bool {
		if n == 20 {
			s.inUse = nil
		}
		return n < 25
	})
	s.has(t, with("Completed/a.json")...)
	if len(s.trouble) != 1 || s.trouble[0] != "the orders are in use" {
		t.Errorf("%q", s.trouble)
	}
}

// A file that cannot be taken is not tried again with every look.
func TestWatchOfUnavailable(t *testing.T) {
	s := newSite(t)
	s.options.Fulfiller = unavailable{}
	s.write(t, "a.json", "1\n")
	s.watch(t, func(n int) bool {
		if n == 20 {
			s.options.Fulfiller = deleter{}
		}
		return n < 50
	})
	s.has(t, with("Completed/a.json")...)
	if len(s.trouble) != 1 || s.accepts != 2 {
		t.Errorf("%q, %d", s.trouble, s.accepts)
	}
}

// After a run that failed the next one waits, and the journal is closed meanwhile.
func TestRunThatFails(t *testing.T) {
	s := newSite(t)
	var runs []time.Time
	s.folder.Run = func(context.Context) error {
		runs = append(runs, s.options.Clock.Now())
		if len(runs) == 1 {
			return fault.Errorf(fault.Unavailable, "it does not answer")
		}
		_, err := fulfill.Run(context.Background(), s.options)
		return err
	}
	s.write(t, "a.json", "1\n")
	s.watch(t, func(n int) bool { return n < 50 })
	s.has(t, with("Completed/a.json")...)
	if len(runs) != 2 || runs[1].Sub(runs[0]) < time.Minute || s.opened != 3 || len(s.trouble) != 1 {
		t.Errorf("run at %v, opened %d times, %q", runs, s.opened, s.trouble)
	}
}
