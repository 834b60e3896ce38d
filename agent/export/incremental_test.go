package export_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// link is a link in a directory: of an owner of the only navigation of its entity.
type link struct{ owner, target string }

// directory is a system with delta queries: users, and groups with members. A
// cookie is the number of changes that were there.
type directory struct {
	collections []sdk.Collection
	states      map[string]record.State // absent: never was
	values      map[string]string
	links       map[link]bool
	log         []event // changes
	dead        [2]bool // cookies that are refused, by collection
	fail        error   // of the next export, in its middle
	began       []bool  // by Begin of the last export: whether it was complete
}

func newDirectory() *directory {
	return &directory{
		collections: []sdk.Collection{{Entity: "user"}, {Entity: "group", Navigations: []string{"members"}}},
		states:      map[string]record.State{}, values: map[string]string{}, links: map[link]bool{},
	}
}

// entity is that of an id: those of groups begin with g.
func entity(id string) int {
	if id[0] == 'g' {
		return 1
	}
	return 0
}

func (d *directory) set(id string, state record.State, value string) {
	restored := d.states[id] == record.Suspended && state == record.Present
	d.states[id], d.values[id] = state, value
	e := event{collection: entity(id), kind: "object", id: id, state: state}
	if state == record.Present {
		e.values = map[int][]string{0: {value}}
	}
	d.log = append(d.log, e)
	for l := range d.links {
		if restored && l.owner == id {
			d.link(l.owner, l.target, true)
		}
	}
	if state == record.Gone {
		maps.DeleteFunc(d.links, func(l link, _ bool) bool { return l.owner == id || l.target == id })
	}
}

func (d *directory) link(owner, id string, there bool) {
	if there {
		d.links[link{owner, id}] = true
	} else {
		delete(d.links, link{owner, id})
	}
	d.log = append(d.log, event{collection: 1, kind: "links", id: owner, targets: []target{{id, !there}}})
}

// Export makes directory an export.Source.
func (d *directory) Export(_ context.Context, req sdk.ExportRequest, s sdk.Sink) error {
	d.began = nil
	for i, c := range req.Collections {
		if c.Cookie != "" && d.dead[i] {
			if _, err := s.Begin(i, false, ""); err != nil {
				return err
			}
			c.Cookie = ""
		}
		w, err := s.Begin(i, c.Cookie == "", "because")
		if err != nil {
			return err
		}
		d.began = append(d.began, c.Cookie == "")
		events := d.list(i)
		if c.Cookie != "" {
			from := 0
			if _, err := fmt.Sscan(c.Cookie, &from); err != nil {
				return err
			}
			events = slices.DeleteFunc(slices.Clone(d.log[max(0, from-2):]), func(e event) bool { return e.collection != i }) // Graph repeats changes
		}
		for _, e := range events {
			if err := e.write(w); err != nil {
				return err
			}
		}
		if d.fail != nil {
			return d.fail
		}
		if err := w.End(fmt.Sprint(len(d.log))); err != nil {
			return err
		}
	}
	d.dead = [2]bool{}
	return nil
}

// list gives what a complete list has.
func (d *directory) list(collection int) []event {
	var events []event
	for _, id := range slices.Sorted(maps.Keys(d.states)) {
		if entity(id) == collection && d.states[id] == record.Present {
			events = append(events, event{kind: "object", id: id, values: map[int][]string{0: {d.values[id]}}})
		}
	}
	for l := range d.links {
		if collection == 1 && d.states[l.owner] == record.Present {
			events = append(events, event{kind: "links", id: l.owner, targets: []target{{l.target, false}}})
		}
	}
	return events
}

// consumer applies sets of files in their order.
type consumer struct {
	run     string
	objects map[string]string
	links   map[link]bool
}

// load applies the set that is published, unless it has been.
func (c *consumer) load(tb testing.TB, folder string) {
	tb.Helper()
	m, err := publish.ReadManifest(filepath.Join(output(folder), "Contoso_manifest.json"))
	if fault.Is(err, fault.NotFound) {
		return
	}
	if err != nil {
		tb.Fatal(err)
	}
	if err := publish.Verify(output(folder), m); err != nil {
		tb.Fatal(err)
	}
	if m.Run == c.run {
		return
	}
	if m.Mode == publish.Incremental && m.Previous != c.run {
		tb.Fatalf("run %s goes on from %s, and %s was loaded", m.Run, m.Previous, c.run)
	}
	c.run = m.Run
	if m.Mode == publish.Complete {
		c.objects, c.links = map[string]string{}, map[link]bool{}
	}
	read := func(name string) [][]string {
		text, err := os.ReadFile(filepath.Join(output(folder), filepath.FromSlash(m.Folder), name))
		if err != nil {
			tb.Fatal(err)
		}
		return rows(tb, string(text))
	}
	for _, row := range read("Contoso_directoryobjects.csv") {
		_, known := c.objects[row[2]]
		switch row[0] {
		case "insert", "update":
			if known != (row[0] == "update") {
				tb.Errorf("run %s: %v, and it is known: %t", m.Run, row, known)
			}
			if c.objects[row[2]] == row[3] && known {
				tb.Errorf("run %s: %v was known like this", m.Run, row)
			}
			c.objects[row[2]] = row[3]
		case "delete":
			if !known || row[1] == "" || row[3] != "" {
				tb.Errorf("run %s: %v, and it is known: %t", m.Run, row, known)
			}
			delete(c.objects, row[2])
		}
	}
	for _, row := range read("Contoso_members_group.csv") {
		l := link{row[1], row[2]}
		if c.links[l] != (row[0] == "delete") {
			tb.Errorf("run %s: %v, and it is known: %t", m.Run, row, c.links[l])
		}
		delete(c.links, l)
		if row[0] == "insert" {
			c.links[l] = true
		}
	}
}

// rows reads the rows of a file, which must be sorted.
func rows(tb testing.TB, text string) [][]string {
	tb.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	all = all[1:]
	if !slices.IsSortedFunc(all, func(a, b []string) int { return slices.Compare(key(a), key(b)) }) {
		tb.Errorf("not sorted: %q", text)
	}
	return all
}

// key is what a row is sorted by.
func key(row []string) []string {
	if len(row) > 3 {
		return row[2:3]
	}
	return row[1:]
}

// check compares what the consumer has with the directory. Links of and to suspended
// objects may be there or not.
func (c *consumer) check(tb testing.TB, d *directory) {
	tb.Helper()
	objects := map[string]string{}
	for id, state := range d.states {
		if state == record.Present {
			objects[id] = d.values[id]
		}
	}
	if !maps.Equal(c.objects, objects) {
		tb.Fatalf("objects: got %v, want %v", c.objects, objects)
	}
	suspended := func(l link, _ bool) bool {
		return d.states[l.owner] != record.Present || d.states[l.target] == record.Suspended
	}
	got, want := maps.Clone(c.links), maps.Clone(d.links)
	maps.DeleteFunc(got, suspended)
	maps.DeleteFunc(want, suspended)
	if !maps.Equal(got, want) {
		tb.Fatalf("links: got %v, want %v", got, want)
	}
}

// next makes options for a run against d.
func (d *directory) options(folder, run string) export.Options {
	o := options(folder, run, history{collections: d.collections, attributes: 1})
	o.Source, o.Complete = d, false
	return o
}

var errCut = errors.New("cut")

// Whatever happens in a directory and to the runs, who loads the published sets in
// their order has what the directory has.
func TestConsumerHasTheDirectory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		folder := t.TempDir()
		d, c := newDirectory(), &consumer{}
		ids := rapid.SampledFrom([]string{"u1", "u2", "u3", "u4", "g1", "g2", "g3"})
		for run := range rapid.IntRange(2, 8).Draw(rt, "runs") {
			for range rapid.IntRange(0, 12).Draw(rt, "changes") {
				change(rt, d, ids.Draw(rt, "id"), ids.Draw(rt, "other"))
			}
			o := d.options(folder, fmt.Sprintf("%02d", run))
			o.Complete = rapid.IntRange(0, 9).Draw(rt, "complete") == 0
			d.dead = [2]bool{rapid.IntRange(0, 5).Draw(rt, "dead users") == 0, rapid.IntRange(0, 5).Draw(rt, "dead groups") == 0}
			cutAt := rapid.IntRange(-45, 45).Draw(rt, "cut")
			cuts := &cutter{step: cutAt, at: func(string) error { return fault.Errorf(fault.Storage, "cut: %w", errCut) }}
			o.Cut = cuts.cut
			report, err := export.Run(context.Background(), o)
			if err != nil && !errors.Is(err, errCut) {
				rt.Fatal(err)
			}
			c.load(t, folder)
			if err == nil {
				if c.run != report.Run {
					rt.Fatalf("run %s was published, and %s is there", report.Run, c.run)
				}
				c.check(t, d)
			}
			if t.Failed() {
				rt.FailNow()
			}
		}
	})
}

// change makes a change that a directory allows.
func change(rt *rapid.T, d *directory, id, other string) {
	state, was := d.states[id]
	switch what := rapid.SampledFrom([]string{"set", "set", "suspend", "restore", "purge", "link", "link", "link", "unlink"}).Draw(rt, "what"); {
	case what == "set" && (!was || state == record.Present):
		d.set(id, record.Present, rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "value"))
	case what == "suspend" && was && state == record.Present:
		d.set(id, record.Suspended, d.values[id])
	case what == "restore" && state == record.Suspended:
		d.set(id, record.Present, d.values[id])
	case what == "purge" && was && state != record.Gone:
		d.set(id, record.Gone, "")
	case entity(id) == 1 && was && state == record.Present && (what == "link" || what == "unlink"):
		if there, was := d.states[other]; was && there == record.Present {
			d.link(id, other, what == "link")
		}
	}
}

// A run beyond a threshold waits for an operator; so do the next ones.
func TestHeldRun(t *testing.T) {
	t.Parallel()
	for _, release := range []bool{true, false} {
		folder := t.TempDir()
		d, c := newDirectory(), &consumer{}
		for i := range 10 {
			d.set(fmt.Sprint("u", i), record.Present, "a")
		}
		if _, err := export.Run(context.Background(), d.options(folder, "1")); err != nil {
			t.Fatal(err)
		}
		c.load(t, folder)
		before := everyFile(t, output(folder))
		for i := range 4 {
			d.set(fmt.Sprint("u", i), record.Gone, "")
		}
		o := d.options(folder, "2")
		o.Thresholds.Deleted.Percent = 30
		_, err := export.Run(context.Background(), o)
		if !fault.Is(err, fault.Held) || !strings.Contains(err.Error(), "deletes 4 objects of 10 known, and MaxPercentageDeletedLines is 30") {
			t.Fatalf("got %v", err)
		}
		if _, err := export.Run(context.Background(), d.options(folder, "3")); !fault.Is(err, fault.Held) || !strings.Contains(err.Error(), "run 2") {
			t.Fatalf("got %v", err)
		}
		after := everyFile(t, output(folder))
		maps.DeleteFunc(after, func(name, _ string) bool { return strings.Contains(name, ".held") })
		if !maps.Equal(before, after) {
			t.Error("the published files have changed")
		}
		decide := export.Discard
		if release {
			decide = func(ctx context.Context, o export.Options, run string) error {
				warning, err := export.Release(ctx, o, run)
				return errors.Join(warning, err)
			}
		}
		if err := decide(context.Background(), o, "2"); err != nil {
			t.Fatal(err)
		}
		if err := decide(context.Background(), o, "2"); !fault.Is(err, fault.NotFound) {
			t.Errorf("again: %v", err)
		}
		c.load(t, folder)
		if release {
			c.check(t, d)
		}
		d.set("u9", record.Present, "b")
		if _, err := export.Run(context.Background(), d.options(folder, "4")); err != nil {
			t.Fatal(err)
		}
		c.load(t, folder)
		c.check(t, d)
	}
}

// An entity of which all is gone at once is held, whatever the thresholds are.
func TestEmptyList(t *testing.T) {
	t.Parallel()
	for _, complete := range []bool{true, false} {
		folder := t.TempDir()
		d := newDirectory()
		for i := range 1000 {
			d.set(fmt.Sprint("u", i), record.Present, "a")
		}
		if _, err := export.Run(context.Background(), d.options(folder, "1")); err != nil {
			t.Fatal(err)
		}
		d.states = map[string]record.State{}
		d.dead[0] = true
		o := d.options(folder, "2")
		o.Complete = complete
		if _, err := export.Run(context.Background(), o); !fault.Is(err, fault.Held) || !strings.Contains(err.Error(), "the list of user is empty, and 1000 were known") {
			t.Errorf("complete %t: %v", complete, err)
		}
	}
}

// Where nothing has changed, no file is written anew but the manifest.
func TestNothingChanged(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	d := newDirectory()
	d.set("u1", record.Present, "a")
	var before []os.FileInfo
	for run := range 4 {
		if _, err := export.Run(context.Background(), d.options(folder, fmt.Sprint(run))); err != nil {
			t.Fatal(err)
		}
		var now []os.FileInfo
		for _, name := range []string{"Contoso_directoryobjects.csv", "Contoso_members_group.csv"} {
			info, err := os.Stat(filepath.Join(output(folder), name))
			if err != nil {
				t.Fatal(err)
			}
			now = append(now, info)
		}
		for i := range now {
			if run > 1 && !os.SameFile(before[i], now[i]) {
				t.Errorf("run %d: %s is another file", run, now[i].Name())
			}
		}
		before = now
		if !slices.Equal(d.began, []bool{run == 0, run == 0}) {
			t.Errorf("run %d: complete lists: %v", run, d.began)
		}
	}
}

// What changes in the options of a connection makes the next run complete, or is
// refused.
func TestOtherWorld(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	d := newDirectory()
	d.set("u1", record.Present, "a")
	run := 0
	next := func(change func(*export.Options)) (export.Report, error) {
		run++
		o := d.options(folder, fmt.Sprint(run))
		o.World.Hash[0], o.World.Text = 1, "tenant one"
		change(&o)
		return export.Run(context.Background(), o)
	}
	other := func(o *export.Options) { o.World.Hash[0], o.World.Text = 2, "tenant two" }
	for _, tc := range []struct {
		name   string
		change func(*export.Options)
		mode   publish.Mode
		why    string
		code   fault.Code
	}{
		{"first", func(*export.Options) {}, publish.Complete, "", ""},
		{"second", func(*export.Options) {}, publish.Incremental, "", ""},
		{"separator", func(o *export.Options) { o.CSV.ValueSeparator = ";" }, publish.Complete, "what is asked of user has changed", ""},
		{"fewer entities", func(o *export.Options) { o.CSV.ValueSeparator = ";"; o.Request.Collections = o.Request.Collections[:1] }, publish.Complete, "group was exported with what is not asked for any more", ""},
		{"all again", func(o *export.Options) { o.CSV.ValueSeparator = ";" }, publish.Complete, "there is no cookie of group", ""},
		{"other tenant", other, publish.Complete, "", fault.Invalid},
		{"asked for", func(o *export.Options) { other(o); o.Complete = true }, publish.Complete, "", ""},
		{"goes on", other, publish.Incremental, "", ""},
		{"old cookie", func(o *export.Options) {
			other(o)
			o.MaxCookieAge, o.Clock = 1, &ticking{now: newTicking().now.Add(time.Hour)}
		}, publish.Incremental, "", ""},
	} {
		report, err := next(tc.change)
		if fault.CodeOf(err) != tc.code || report.Mode != tc.mode || !strings.Contains(report.Why, tc.why) || tc.why == "" && report.Why != "" {
			t.Errorf("%s: %v, mode %s, why %q", tc.name, err, report.Mode, report.Why)
		}
		if old := tc.name == "old cookie"; old != (len(report.Restarts) == 2) {
			t.Errorf("%s: restarts %v", tc.name, report.Restarts)
		}
	}
}
