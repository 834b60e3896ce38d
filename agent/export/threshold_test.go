package export_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// Each threshold has its own setting, counts or compares with what is known, and is not
// reached by as many; all that are exceeded are told. An export of everything that nobody
// asked for is measured by what it changes.
func TestThresholds(t *testing.T) {
	t.Parallel()
	lines := func(n uint64) export.Threshold { return export.Threshold{Lines: n} }
	percent := func(n uint64) export.Threshold { return export.Threshold{Percent: n} }
	for _, tc := range []struct {
		limits export.Thresholds
		want   string // in the error; empty: the run is published
	}{
		{export.Thresholds{}, ""},
		{export.Thresholds{Inserted: lines(1)}, "it inserts 2 objects, and MaximumInsertedLines is 1"},
		{export.Thresholds{Inserted: lines(2)}, ""},
		{export.Thresholds{Inserted: percent(19)}, "it inserts 2 objects of 10 known, and MaxPercentageInsertedLines is 19"},
		{export.Thresholds{Inserted: percent(20)}, ""},
		{export.Thresholds{Updated: lines(2)}, "it updates 3 objects, and MaximumUpdatedLines is 2"},
		{export.Thresholds{Updated: percent(29)}, "it updates 3 objects of 10 known, and MaxPercentageUpdatedLines is 29"},
		{export.Thresholds{Deleted: lines(3)}, "it deletes 4 objects, and MaximumDeletedLines is 3"},
		{export.Thresholds{Deleted: percent(39)}, "it deletes 4 objects of 10 known, and MaxPercentageDeletedLines is 39"},
		{export.Thresholds{LinkInserted: lines(1)}, "it inserts 2 links, and MaximumLinkInsertedLines is 1"},
		{export.Thresholds{LinkInserted: percent(39)}, "it inserts 2 links of 5 known, and MaxLinkPercentageInsertedLines is 39"},
		{export.Thresholds{LinkDeleted: lines(2)}, "it deletes 3 links, and MaximumLinkDeletedLines is 2"},
		{export.Thresholds{LinkDeleted: percent(59)}, "it deletes 3 links of 5 known, and MaxLinkPercentageDeletedLines is 59"},
		{export.Thresholds{Deleted: export.Threshold{Lines: 4, Percent: 40}, LinkDeleted: lines(3)}, ""},
		{export.Thresholds{Deleted: export.Threshold{Lines: 3, Percent: 40}}, "MaximumDeletedLines"},
		{export.Thresholds{Inserted: lines(1), LinkDeleted: lines(2)}, "MaximumInsertedLines is 1; it deletes 3 links, and MaximumLinkDeletedLines is 2"},
	} {
		for _, everything := range []bool{false, true} {
			tooMuch(t, tc.limits, everything, tc.want)
		}
	}
}

// tooMuch makes a run of some changes and checks why it is held.
func tooMuch(t *testing.T, limits export.Thresholds, everything bool, want string) {
	t.Helper()
	folder := t.TempDir()
	d := newDirectory()
	d.set("g1", record.Present, "a")
	for i := range 9 {
		d.set(fmt.Sprint("u", i), record.Present, "a")
	}
	for i := range 5 {
		d.link("g1", fmt.Sprint("u", i), true)
	}
	first := d.options(folder, "1")
	first.Thresholds = limits // not heeded: nothing is known yet
	if _, err := export.Run(context.Background(), first); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		d.set(fmt.Sprint("u", i+5), record.Gone, "")
	}
	for i := range 3 {
		d.set(fmt.Sprint("u", i), record.Present, "b")
		d.link("g1", fmt.Sprint("u", i), false)
	}
	for i := range 2 {
		d.set(fmt.Sprint("v", i), record.Present, "a")
		d.link("g1", fmt.Sprint("v", i), true)
	}
	o := d.options(folder, "2")
	o.Thresholds, o.WithoutCookies = limits, everything
	_, err := export.Run(context.Background(), o)
	if (want != "") != fault.Is(err, fault.Held) || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%+v, everything %t: got %v, want %q", limits, everything, err, want)
	}
}

// Only the first run and one that somebody asked everything of are not measured.
func TestUnaskedCompleteRuns(t *testing.T) {
	t.Parallel()
	reset := func(t *testing.T, folder string) {
		t.Helper()
		l, err := openLedger(folder, "reset", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if _, err := l.ResetCookies(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name string
		do   func(t *testing.T, folder string, o *export.Options)
		why  string // empty: the run is published
	}{
		{"asked for", func(_ *testing.T, _ string, o *export.Options) { o.Complete = true }, ""},
		{"asked for, and set", func(_ *testing.T, _ string, o *export.Options) { o.Complete, o.WithoutCookies = true, true }, ""},
		{"set", func(_ *testing.T, _ string, o *export.Options) { o.WithoutCookies = true }, "IgnoreCookieFile is set"},
		{"another mapping", func(_ *testing.T, _ string, o *export.Options) { o.CSV.TypePrefix = "#" }, "Csv.TypeName is another one"},
		{"cookies deleted", func(t *testing.T, folder string, _ *export.Options) { t.Helper(); reset(t, folder) }, "the cookie of user was deleted"},
		{"manifest lost", func(t *testing.T, folder string, _ *export.Options) {
			t.Helper()
			if err := os.Remove(filepath.Join(output(folder), "Contoso_manifest.json")); err != nil {
				t.Fatal(err)
			}
		}, "the manifest of run 1"},
		{"store lost", func(t *testing.T, folder string, _ *export.Options) {
			t.Helper()
			if err := os.RemoveAll(filepath.Join(folder, "Work", "Store")); err != nil {
				t.Fatal(err)
			}
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			folder, d := t.TempDir(), newDirectory()
			for i := range 10 {
				d.set(fmt.Sprint("u", i), record.Present, "a")
			}
			if _, err := export.Run(context.Background(), d.options(folder, "1")); err != nil {
				t.Fatal(err)
			}
			for i := range 4 {
				d.set(fmt.Sprint("u", i), record.Gone, "")
			}
			o := d.options(folder, "2")
			o.Thresholds.Deleted.Lines = 3
			tc.do(t, folder, &o)
			report, err := export.Run(context.Background(), o)
			if report.Mode != publish.Complete {
				t.Errorf("mode %s", report.Mode)
			}
			if tc.why == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if want := "it deletes 4 objects, and MaximumDeletedLines is 3 (everything was exported: " + tc.why; !fault.Is(err, fault.Held) || !strings.Contains(err.Error(), want) {
				t.Fatalf("got %v, want %q", err, want)
			}
			if err := decide(folder, "2", true, nil); err != nil {
				t.Fatal(err)
			}
			c := &consumer{}
			c.load(t, folder)
			c.check(t, d)
		})
	}
}

// A bound in lines holds also for what was never there before; one in per cent has nothing
// to compare with.
func TestLimitOfUnknownKind(t *testing.T) {
	t.Parallel()
	folder, d := t.TempDir(), newDirectory()
	d.set("g1", record.Present, "a")
	d.set("u1", record.Present, "a")
	if _, err := export.Run(context.Background(), d.options(folder, "1")); err != nil {
		t.Fatal(err)
	}
	d.link("g1", "u1", true)
	d.link("g1", "g1", true)
	o := d.options(folder, "2")
	o.Thresholds.LinkInserted = export.Threshold{Lines: 1, Percent: 1}
	_, err := export.Run(context.Background(), o)
	if !fault.Is(err, fault.Held) || !strings.Contains(err.Error(), "it inserts 2 links, and MaximumLinkInsertedLines is 1. The published") {
		t.Errorf("got %v", err)
	}
}
