package export_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/spool"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// sourceFunc is a connector made of a function.
type sourceFunc func(ctx context.Context, req sdk.ExportRequest, s sdk.Sink) error

func (f sourceFunc) Export(ctx context.Context, req sdk.ExportRequest, s sdk.Sink) error {
	return f(ctx, req, s)
}

// ticking is a clock that goes on by a second each time it is read.
type ticking struct {
	mu  sync.Mutex
	now time.Time
}

func newTicking() *ticking { return &ticking{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)} }

func (c *ticking) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Second)
	return c.now
}

// Sleep waits for ever: time goes on only when it is read.
func (c *ticking) Sleep(ctx context.Context, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

// options are those of a run of a small history in a folder.
func options(folder, runID string, h history) export.Options {
	return export.Options{
		Connection: "Contoso", RunID: runID, Request: h.request(), Columns: h.columns(),
		CSV:     export.CSV{Delimiter: ',', ValueSeparator: "\n"},
		Folders: export.Folders{Temp: filepath.Join(folder, "Temp"), Work: filepath.Join(folder, "Work")},
		Source:  h, Clock: newTicking(), Usher: "test",
		Complete: true,
		Spool:    spool.Options{Memory: 1024, Block: 64, FanIn: 2, Group: 96}, // so that little is much
	}
}

func output(folder string) string { return filepath.Join(folder, "Temp", "ExportOutput") }

// published reads the files under their fixed names.
func published(tb testing.TB, folder string) map[string]string {
	tb.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(output(folder))
	if err != nil && !os.IsNotExist(err) {
		tb.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		content, err := os.ReadFile(filepath.Join(output(folder), e.Name()))
		if err != nil {
			tb.Fatal(err)
		}
		files[e.Name()] = string(content)
	}
	return files
}

// isPublished checks the fixed names, the manifest and its set against the model,
// and that no other file lies about.
func isPublished(tb testing.TB, folder string, h history) *publish.Manifest {
	tb.Helper()
	files, want := published(tb, folder), h.files("Contoso", "\n")
	manifest, err := publish.ReadManifest(filepath.Join(output(folder), "Contoso_manifest.json"))
	if err != nil {
		tb.Fatal(err)
	}
	delete(files, "Contoso_manifest.json")
	if !maps.Equal(files, want) {
		tb.Fatalf("got  %q\nwant %q", files, want)
	}
	if err := publish.Verify(output(folder), manifest); err != nil {
		tb.Error(err)
	}
	if len(manifest.Files) != len(want) {
		tb.Errorf("the manifest names %d files, there are %d", len(manifest.Files), len(want))
	}
	for _, f := range manifest.Files {
		if f.Bytes != uint64(len(want[f.Name])) {
			tb.Errorf("%s: the manifest says %d bytes, it has %d", f.Name, f.Bytes, len(want[f.Name]))
		}
	}
	isTidy(tb, folder, manifest)
	return manifest
}

// isTidy checks that only the sets of the manifest and its predecessor, the fixed
// names, the manifest and the lock are left.
func isTidy(tb testing.TB, folder string, m *publish.Manifest) {
	tb.Helper()
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel := strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(path, folder)), "/")
		name, isOutput := strings.CutPrefix(rel, "Temp/ExportOutput/")
		set, _, inSet := strings.Cut(strings.TrimPrefix(name, ".Contoso/"), "/")
		switch {
		case rel == "Work/locks/contoso.lock", strings.HasPrefix(rel, "Work/Store/"):
		case isOutput && inSet && m != nil && (set == m.Run || set == m.Previous):
		case isOutput && !strings.HasPrefix(name, ".") && m != nil:
		default:
			tb.Errorf("%s is left over", rel)
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// small is a history with a bit of everything.
func small() history {
	return history{
		collections: []sdk.Collection{{Entity: "user"}, {Entity: "group", Navigations: []string{"members", "owners"}}},
		attributes:  2,
		events: []event{
			{collection: 0, kind: "begin"},
			{collection: 1, kind: "begin"},
			{collection: 0, kind: "object", id: "u2", values: map[int][]string{0: {"a", "b"}, 1: {" x"}}},
			{collection: 0, kind: "object", id: "u1", values: map[int][]string{0: {"lost"}}},
			{collection: 1, kind: "object", id: "g1", typ: "special"},
			{collection: 1, kind: "links", id: "g1", targets: []target{{"u2", false}, {"u1", false}, {"u3", false}, {"u1", true}}},
			{collection: 1, kind: "object", id: "g2", state: record.Gone},
			{collection: 1, kind: "links", id: "g2", targets: []target{{"u2", false}}},
			{collection: 0, kind: "begin", reason: "page token expired"},
			{collection: 0, kind: "object", id: "u1", values: map[int][]string{0: {"first"}, 1: {"kept"}}},
			{collection: 0, kind: "object", id: "u1", values: map[int][]string{0: {"last"}}},
			{collection: 0, kind: "object", id: "u2", state: record.Suspended},
			{collection: 0, kind: "end"},
			{collection: 1, kind: "end"},
		},
	}
}

// other is a later state of the same tenant, with another set of files.
func other() history {
	h := small()
	h.collections = []sdk.Collection{{Entity: "user", Navigations: []string{"manager"}}, {Entity: "group", Navigations: []string{"members"}}}
	h.events = append(slices.Clone(h.events[:len(h.events)-2]),
		event{collection: 0, kind: "object", id: "u9", values: map[int][]string{1: {"new"}}},
		event{collection: 0, kind: "links", id: "u9", targets: []target{{"u1", false}}},
		event{collection: 0, kind: "end"}, event{collection: 1, kind: "end"})
	return h
}

func TestRun(t *testing.T) {
	folder := t.TempDir()
	report, err := export.Run(context.Background(), options(folder, "1", small()))
	if err != nil {
		t.Fatal(err)
	}
	isPublished(t, folder, small())
	files := published(t, folder)
	for name, want := range map[string]string{
		"Contoso_directoryobjects.csv": "Command,@odata.type,id,a0,a1\r\ninsert,special,g1,,\r\ninsert,user,u1,last,kept\r\n",
		"Contoso_members_group.csv":    "Command,groupId,id\r\ninsert,g1,u2\r\ninsert,g1,u3\r\n",
		"Contoso_owners_group.csv":     "Command,groupId,id\r\n",
	} {
		if files[name] != want {
			t.Errorf("%s is %q, want %q", name, files[name], want)
		}
	}
	if !slices.Equal(report.Restarts, []store.Restart{{Entity: "user", Reason: "page token expired"}}) {
		t.Errorf("restarts: %v", report.Restarts)
	}
	want := []publish.Entity{{Name: "user", Objects: 1}, {Name: "group", Objects: 1, Links: 2}}
	if !slices.Equal(report.Entities, want) || !report.Published || len(report.Warnings) != 0 {
		t.Errorf("report: %+v", report)
	}
}

// The sets of earlier runs go away, but for the one before; files that are no longer
// asked for disappear.
func TestRunAgain(t *testing.T) {
	folder := t.TempDir()
	for i, h := range []history{small(), other(), small(), other()} {
		if _, err := export.Run(context.Background(), options(folder, string(rune('1'+i)), h)); err != nil {
			t.Fatal(err)
		}
		isPublished(t, folder, h)
	}
	sets, err := os.ReadDir(filepath.Join(output(folder), ".Contoso"))
	if err != nil || len(sets) != 2 || sets[0].Name() != "3" || sets[1].Name() != "4" {
		t.Errorf("sets: %v, %v", sets, err)
	}
}

// Whatever a connector does, the files are those of the model, byte for byte, though
// memory holds a few rows only.
func TestRunIsTheModel(t *testing.T) {
	run := 0
	folder := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		h := histories().Draw(rt, "history")
		run++
		if _, err := export.Run(context.Background(), options(folder, string(rune('a'+run%20)), h)); err != nil {
			rt.Fatal(err)
		}
		isPublished(t, folder, h)
	})
}

// Connectors may write collections side by side.
func TestRunSideBySide(t *testing.T) {
	folder := t.TempDir()
	h := history{collections: []sdk.Collection{{Entity: "user"}, {Entity: "group", Navigations: []string{"members"}}, {Entity: "device"}}, attributes: 1}
	for i := range 3 {
		h.events = append(h.events, event{collection: i, kind: "begin"})
		for n := range 500 {
			h.events = append(h.events, event{collection: i, kind: "object", id: strconv.Itoa(n * 7919 % 501), values: map[int][]string{0: {strconv.Itoa(n)}}})
			if i == 1 {
				h.events = append(h.events, event{collection: i, kind: "links", id: strconv.Itoa(n % 3), targets: []target{{strconv.Itoa(n), n%5 == 0}}})
			}
		}
		h.events = append(h.events, event{collection: i, kind: "end"})
	}
	o := options(folder, "1", h)
	o.Source = sourceFunc(func(ctx context.Context, req sdk.ExportRequest, s sdk.Sink) error {
		var group errgroup.Group
		for i := range h.collections {
			own := h
			own.events = slices.DeleteFunc(slices.Clone(h.events), func(e event) bool { return e.collection != i })
			group.Go(func() error { return own.Export(ctx, req, s) })
		}
		return group.Wait()
	})
	if _, err := export.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	isPublished(t, folder, h)
}

func TestTypePrefix(t *testing.T) {
	folder := t.TempDir()
	o := options(folder, "1", small())
	o.CSV.TypePrefix = "#microsoft.graph."
	if _, err := export.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	want := "Command,@odata.type,id,a0,a1\r\ninsert,#microsoft.graph.special,g1,,\r\ninsert,#microsoft.graph.user,u1,last,kept\r\n"
	if got := published(t, folder)["Contoso_directoryobjects.csv"]; got != want {
		t.Errorf("got %q", got)
	}
}

// What goes wrong on the connector's side leaves the published files as they were
// and nothing else behind.
func TestFailedRun(t *testing.T) {
	begin := func(s sdk.Sink, i int) sdk.Writer {
		w, err := s.Begin(i, true, "")
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	object := func(id string) *record.Object {
		o := &record.Object{}
		o.SetID([]byte(id))
		return o
	}
	for _, tc := range []struct {
		name   string
		source sourceFunc
		code   fault.Code
		text   string
	}{
		{"connector fails", func(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error {
			if err := begin(s, 0).Object(object("u1")); err != nil {
				return err
			}
			return fault.Errorf(fault.Forbidden, "no permission")
		}, fault.Forbidden, "no permission"},
		{"no end", func(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error {
			begin(s, 1)
			return begin(s, 0).End("")
		}, fault.Connector, `without the end of "group"`},
		{"no begin", func(context.Context, sdk.ExportRequest, sdk.Sink) error { return nil }, fault.Connector, `without the end of "user"`},
		{"unknown collection", func(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error {
			_, err := s.Begin(2, true, "")
			return err
		}, fault.Connector, "began collection 2 of 2"},
		{"changes", func(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error {
			_, err := s.Begin(0, false, "")
			return err
		}, fault.Connector, `changes of "user"`},
		{"no id", func(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error { return begin(s, 0).Object(object("")) }, fault.Connector, `the id ""`},
		{"zero in id", func(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error {
			return begin(s, 0).Object(object("a\x00b"))
		}, fault.Connector, `the id "a\x00b"`},
		{"unknown navigation", func(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error {
			l := &record.Links{}
			l.SetOwner([]byte("u1"))
			l.Add([]byte("u2"), false)
			return begin(s, 0).Links(l)
		}, fault.Connector, `navigation 0 of "user"`},
		{"row after the end", func(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error {
			w := begin(s, 0)
			return errors.Join(w.End(""), w.Object(object("u1")))
		}, fault.Connector, `rows of "user" after its end`},
		{"writer of a voided try", func(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error {
			w := begin(s, 0)
			begin(s, 0)
			return w.Object(object("u1"))
		}, fault.Connector, `after its end`},
		{"unknown attribute", func(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error {
			o := object("u1")
			o.Text(9, []byte("x"))
			w := begin(s, 0)
			return errors.Join(w.Object(o), w.End(""), begin(s, 1).End(""))
		}, fault.Connector, "attribute 9 was not asked for"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			folder := t.TempDir()
			if _, err := export.Run(context.Background(), options(folder, "1", small())); err != nil {
				t.Fatal(err)
			}
			before := published(t, folder)
			o := options(folder, "2", small())
			o.Source = tc.source
			report, err := export.Run(context.Background(), o)
			if !fault.Is(err, tc.code) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v", err)
			}
			if report.Published || report.Finished.IsZero() {
				t.Errorf("report: %+v", report)
			}
			if !maps.Equal(published(t, folder), before) {
				t.Error("the published files have changed")
			}
			isPublished(t, folder, small())
		})
	}
}
