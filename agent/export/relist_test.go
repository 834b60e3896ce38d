package export_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// sparing is a system of two entities that tells no more than what has changed: the next
// rounds of changes, and lists.
type sparing struct {
	changes map[string][]event // by entity
	list    map[string][]event
	asked   []string // entities of the exports so far, with * where they were listed
}

func (s *sparing) Export(_ context.Context, req sdk.ExportRequest, sink sdk.Sink) error {
	for i, c := range req.Collections {
		events, name := s.changes[c.Entity], c.Entity
		if c.Cookie == "" {
			events, name = s.list[c.Entity], name+"*"
		}
		s.asked = append(s.asked, name)
		w, err := sink.Begin(i, c.Cookie == "", "")
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := e.write(w); err != nil {
				return err
			}
		}
		if err := w.End("cookie"); err != nil {
			return err
		}
	}
	return nil
}

// said is what is said of a user: attribute and value in turn; "" is null.
func said(id string, values ...any) event {
	e := event{kind: "object", id: id, values: map[int][]string{}}
	for i := 0; i < len(values); i += 2 {
		texts := []string{values[i+1].(string)}
		if texts[0] == "" {
			texts = nil
		}
		e.values[values[i].(int)] = texts
	}
	return e
}

// An attribute of which nothing is said is as it was, never empty: where its text is not
// known any more, the entity is listed again in the same run.
func TestUndeliveredAttributes(t *testing.T) {
	t.Parallel()
	const header = "Command,@odata.type,id,a0,a1,a2\r\n"
	for _, tc := range []struct {
		name    string
		changes []event
		list    []event // now
		want    string
		again   bool
	}{
		{name: "all is said", changes: []event{said("u1", 0, "x", 1, "b", 2, "")}, want: "update,user,u1,x,b,\r\n"},
		{name: "what is empty need not be", changes: []event{said("u1", 0, "x", 1, "b")}, want: "update,user,u1,x,b,\r\n"},
		{name: "cleared", changes: []event{said("u1", 0, "a", 1, "")}, want: "update,user,u1,a,,\r\n"},
		{name: "nothing is said", changes: []event{said("u1")}},
		{name: "a new one", changes: []event{said("u9", 0, "x")}, want: "insert,user,u9,x,,\r\n"},
		{name: "said in parts", changes: []event{said("u1", 0, "x"), said("u1", 1, "y")}, want: "update,user,u1,x,y,\r\n"},
		{
			name: "lacking", changes: []event{said("u1", 0, "x"), said("u2", 1, "x")},
			list: []event{said("u1", 0, "x", 1, "b"), said("u2", 0, "c", 1, "x")},
			want: "update,user,u1,x,b,\r\nupdate,user,u2,c,x,\r\n", again: true,
		},
		{
			name: "lacking, and listed as it was", changes: []event{said("u1", 0, "x")},
			list: []event{said("u1", 0, "a", 1, "b"), said("u2", 0, "c", 1, "d")}, again: true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			h := history{collections: []sdk.Collection{{Entity: "user"}, {Entity: "group"}}, attributes: 3}
			s := &sparing{
				list:    map[string][]event{"user": {said("u1", 0, "a", 1, "b"), said("u2", 0, "c", 1, "d", 2, "")}},
				changes: map[string][]event{},
			}
			next := func(run string) export.Report {
				t.Helper()
				o := options(folder, run, h)
				o.Source, o.Complete = s, false
				report, err := export.Run(context.Background(), o)
				if err != nil {
					t.Fatal(err)
				}
				return report
			}
			next("1")
			s.asked, s.changes["user"] = nil, tc.changes
			if tc.list != nil {
				s.list["user"] = tc.list
			}
			report := next("2")
			if got := published(t, folder)["Contoso_directoryobjects.csv"]; got != header+tc.want || report.Mode != publish.Incremental {
				t.Errorf("%s, %q, want %q", report.Mode, got, tc.want)
			}
			asked, restarts := []string{"user", "group"}, []store.Restart(nil)
			if tc.again {
				asked = append(asked, "user*", "group")
				restarts = []store.Restart{{Entity: "user", Reason: "u1 came without attributes that it had"}}
			}
			if !slices.Equal(s.asked, asked) || !slices.Equal(report.Restarts, restarts) {
				t.Errorf("asked %v, restarts %v", s.asked, report.Restarts)
			}
			s.changes = map[string][]event{} // what was delivered is known
			next("3")
			if got := published(t, folder)["Contoso_directoryobjects.csv"]; got != header {
				t.Errorf("nothing has changed, and it is %q", got)
			}
		})
	}
}

// A run that lists an entity again and fails leaves all as it was.
func TestRelistingFails(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	h := history{collections: []sdk.Collection{{Entity: "user"}}, attributes: 2}
	s := &sparing{list: map[string][]event{"user": {said("u1", 0, "a", 1, "b")}}, changes: map[string][]event{"user": {said("u1", 0, "x")}}}
	o := options(folder, "1", h)
	o.Source, o.Complete = s, false
	if _, err := export.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	before := published(t, folder)
	o.RunID = "2"
	o.Source = sourceFunc(func(ctx context.Context, req sdk.ExportRequest, sink sdk.Sink) error {
		if req.Collections[0].Cookie == "" {
			return fault.Errorf(fault.Forbidden, "no permission")
		}
		return s.Export(ctx, req, sink)
	})
	report, err := export.Run(context.Background(), o)
	if !fault.Is(err, fault.Forbidden) || len(report.Restarts) != 1 || !maps.Equal(before, published(t, folder)) {
		t.Errorf("%v, restarts %v", err, report.Restarts)
	}
}

// What is asked for has changed: the report says what.
func TestWhyComplete(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	run := 0
	for _, tc := range []struct {
		change func(*export.Options)
		want   string
	}{
		{func(*export.Options) {}, ""},
		{func(o *export.Options) { o.WithoutCookies = true }, "IgnoreCookieFile is set"},
		{func(o *export.Options) { o.CSV.Delimiter = ';' }, "Csv.Delimiter is another one"},
		{func(o *export.Options) { o.CSV.TypePrefix = "#" }, "Csv.Delimiter is another one, Csv.TypeName is another one"},
		{func(o *export.Options) { slices.Reverse(o.Columns) }, "Csv.TypeName is another one, the columns are in another order"},
		{func(o *export.Options) { o.Request.Attributes[0].Path = "b" }, "attribute b of user is new, attribute a0 of user is not asked for any more"},
		{func(o *export.Options) { o.Request.Collections[1].Navigations = nil }, "attribute a0 of user is new"},
		{func(*export.Options) {}, "navigation members of group is new"},
	} {
		run++
		o := options(folder, fmt.Sprint(run), history{
			collections: []sdk.Collection{{Entity: "user"}, {Entity: "group", Navigations: []string{"members"}}}, attributes: 2,
		})
		o.Source, o.Complete = &sparing{}, false
		tc.change(&o)
		report, err := export.Run(context.Background(), o)
		if err != nil || report.Mode != publish.Complete || !strings.Contains(report.Why, tc.want) || tc.want == "" && report.Why != "" {
			t.Errorf("run %d: %v, %s, why %q, want %q", run, err, report.Mode, report.Why, tc.want)
		}
	}
}
