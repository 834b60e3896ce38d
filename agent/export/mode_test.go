package export_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

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
		{"separator", func(o *export.Options) { o.CSV.ValueSeparator = ";" }, publish.Complete, "Csv.ValueSeparator is another one", ""},
		{"fewer entities", func(o *export.Options) { o.CSV.ValueSeparator = ";"; o.Request.Collections = o.Request.Collections[:1] }, publish.Complete, "group is not exported any more", ""},
		{"all again", func(o *export.Options) { o.CSV.ValueSeparator = ";" }, publish.Complete, "group was not exported before", ""},
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
		if old := tc.name == "old cookie"; old != (len(report.Warnings) == 1) || len(report.Restarts) > 0 {
			t.Errorf("%s: warnings %v, restarts %v", tc.name, report.Warnings, report.Restarts)
		}
	}
}

// Changes go on from the published set. Where what is known is of another one, or there is
// none, everything is exported.
func TestGap(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	d, c := newDirectory(), &consumer{}
	next := func(run string, mode publish.Mode, why string) {
		t.Helper()
		report, err := export.Run(context.Background(), d.options(folder, run))
		if err != nil || report.Mode != mode || report.Why != why {
			t.Fatalf("run %s: %v, mode %s, why %q", run, err, report.Mode, report.Why)
		}
		c.load(t, folder)
		c.check(t, d)
	}
	d.set("u1", record.Present, "a")
	next("1", publish.Complete, "")
	place, backup := store.Folder(filepath.Join(folder, "Work"), "Contoso"), filepath.Join(folder, "Work", "backup")
	if err := os.CopyFS(backup, os.DirFS(place)); err != nil {
		t.Fatal(err)
	}
	d.set("u2", record.Present, "a")
	next("2", publish.Incremental, "")
	if err := errors.Join(os.RemoveAll(place), os.Rename(backup, place)); err != nil {
		t.Fatal(err)
	}
	d.set("u2", record.Gone, "")
	next("3", publish.Complete, "what is known is of run 1, and published is run 2")
	d.set("u3", record.Present, "a")
	if err := os.Remove(filepath.Join(output(folder), "Contoso_manifest.json")); err != nil {
		t.Fatal(err)
	}
	next("4", publish.Complete, "the manifest of run 3, from which it would go on, is not there")
	next("5", publish.Incremental, "")
	if err := os.RemoveAll(place); err != nil {
		t.Fatal(err)
	}
	next("6", publish.Complete, "nothing is known of run 5, which is published: the store was lost")
	next("7", publish.Incremental, "")
}
