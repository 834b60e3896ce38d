package delta_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/delta"
	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

var update = flag.Bool("update", false, "write what is found to the golden files")

// shown writes rows as lines that a person can check.
type shown struct {
	strings.Builder
	attributes, navigations []string
}

func (s *shown) Object(o *record.Object) error {
	fmt.Fprintf(s, "object %q", o.ID())
	if state := o.State(); state != record.Present {
		fmt.Fprintf(s, " %s", []string{"present", "suspended", "gone"}[state])
	}
	if len(o.Type()) > 0 {
		fmt.Fprintf(s, " type %s", o.Type())
	}
	s.WriteByte('\n')
	for v := range o.Values() {
		fmt.Fprintf(s, "    %s =", s.attributes[v.Attribute])
		for text := range v.Texts() {
			fmt.Fprintf(s, " %q", text)
		}
		s.WriteByte('\n')
	}
	return nil
}

func (s *shown) Links(l *record.Links) error {
	fmt.Fprintf(s, "links of %q: %s", l.Owner(), s.navigations[l.Navigation()])
	if len(l.Type()) > 0 {
		fmt.Fprintf(s, " of type %s", l.Type())
	}
	s.WriteByte('\n')
	for target, removed := range l.All() {
		fmt.Fprintf(s, "    %s%s\n", map[bool]string{false: "+ ", true: "- "}[removed], target)
	}
	return nil
}

// A golden is a file of sections, each behind a line "-- name --".
type golden map[string]string

func readGolden(t *testing.T, file string) golden {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g := golden{}
	name := ""
	for line := range strings.Lines(string(text)) {
		if inner, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(inner, " --") {
			name = strings.TrimSuffix(inner, " --")
			continue
		}
		g[name] += line
	}
	return g
}

// Each file holds what is asked for, a page, and the rows expected of it.
func TestPages(t *testing.T) {
	files, err := filepath.Glob("testdata/pages/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no pages", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			g := readGolden(t, file)
			entity, asked, _ := strings.Cut(strings.TrimSpace(g["asked"]), ":")
			words := strings.Fields(entity)
			rows := &shown{navigations: words[1:], attributes: strings.Fields(asked)}
			parser := delta.NewParser(planned(t, words[0], rows))
			if err := parser.Page([]byte(g["page"]), rows); err != nil {
				fmt.Fprintf(rows, "error: %v\n", err)
			}
			if *update {
				text := fmt.Sprintf("-- asked --\n%s-- page --\n%s-- rows --\n%s", g["asked"], g["page"], rows.String())
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if rows.String() != g["rows"] {
				t.Errorf("got\n%s\nwant\n%s", rows.String(), g["rows"])
			}
		})
	}
}

// planned is the plan for what rows show.
func planned(tb testing.TB, entity string, rows *shown) directory.Collection {
	tb.Helper()
	var attributes []sdk.Attribute
	for _, path := range rows.attributes {
		attributes = append(attributes, sdk.Attribute{Path: path})
	}
	plan, problems := directory.NewPlan([]sdk.Collection{{Entity: entity, Navigations: rows.navigations}}, attributes)
	if len(problems) > 0 {
		tb.Fatal(problems.Err())
	}
	return plan.Collections[0]
}

// failing takes a number of rows, then fails.
type failing struct{ left int }

var errFull = errors.New("full")

func (f *failing) take() error {
	if f.left--; f.left < 0 {
		return errFull
	}
	return nil
}
func (f *failing) Object(*record.Object) error { return f.take() }
func (f *failing) Links(*record.Links) error   { return f.take() }

func TestErrorsOfRowsEndThePage(t *testing.T) {
	rows := &shown{navigations: []string{"members"}}
	parser := delta.NewParser(planned(t, "group", rows))
	page := []byte(`{"value":[{"id":"a","members@delta":[{"id":"x"}]},{"id":"b"}]}`)
	for left := range 3 {
		if err := parser.Page(page, &failing{left}); !errors.Is(err, errFull) {
			t.Errorf("after %d rows: %v", left, err)
		}
	}
	if err := parser.Page(page, &failing{3}); err != nil {
		t.Error(err)
	}
}

// A group with very many members becomes several rows.
func TestManyLinks(t *testing.T) {
	const members = 5000
	var page strings.Builder
	page.WriteString(`{"value":[{"members@delta":[`)
	for i := range members {
		if i > 0 {
			page.WriteByte(',')
		}
		fmt.Fprintf(&page, `{"id":"87d349ed-44d7-43e1-9a83-%012d"}`, i)
	}
	page.WriteString(`],"id":"g"}]}`)

	rows := &counted{}
	parser := delta.NewParser(planned(t, "group", &shown{navigations: []string{"members"}}))
	for range 2 { // a second page reuses the rows
		*rows = counted{}
		if err := parser.Page([]byte(page.String()), rows); err != nil {
			t.Fatal(err)
		}
		if rows.targets != members || rows.rows < 2 || rows.largest > 33<<10 {
			t.Errorf("%+v", *rows)
		}
	}
}

// counted counts links.
type counted struct{ rows, targets, largest int }

func (c *counted) Object(*record.Object) error { return nil }
func (c *counted) Links(l *record.Links) error {
	c.rows++
	c.largest = max(c.largest, l.Size())
	for range l.All() {
		c.targets++
	}
	return nil
}

// A parser that works builds nothing per object.
func TestNoGarbage(t *testing.T) {
	rows := &shown{navigations: []string{"manager"}, attributes: []string{
		"displayName", "businessPhones", "employeeOrgData/division", "assignedLicenses/skuId", "assignedLicenses/disabledPlans",
	}}
	parser := delta.NewParser(planned(t, "user", rows))
	const object = `{"displayName":"\u00fc","businessPhones":["1","2"],"employeeOrgData":{"division":"a\nb"},` +
		`"assignedLicenses":[{"skuId":"s","disabledPlans":["p"]}],"manager@delta":[{"@removed":{"reason":"deleted"},"id":"m"}],"id":"u"}`
	pages := [][]byte{
		[]byte(`{"value":[` + object + `]}`),
		[]byte(`{"value":[` + strings.Repeat(object+",", 99) + object + `]}`),
	}
	var allocs [2]float64
	for i, page := range pages {
		allocs[i] = testing.AllocsPerRun(20, func() {
			if err := parser.Page(page, discard{}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if perObject := (allocs[1] - allocs[0]) / 99; perObject > 0.05 {
		t.Errorf("%.2f allocations per object", perObject)
	}
}
