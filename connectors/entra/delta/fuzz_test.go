package delta_test

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/connectors/entra/delta"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// checked makes sure that all text is UTF-8 before it shows the rows.
type checked struct {
	*shown
	t *testing.T
}

func (c checked) Object(o *record.Object) error {
	c.valid(o.ID())
	c.valid(o.Type())
	for v := range o.Values() {
		for text := range v.Texts() {
			c.valid(text)
		}
	}
	return c.shown.Object(o)
}

func (c checked) Links(l *record.Links) error {
	c.valid(l.Owner())
	for target := range l.All() {
		c.valid(target)
	}
	return c.shown.Links(l)
}

func (c checked) valid(text []byte) {
	if !utf8.Valid(text) {
		c.t.Errorf("%q is not UTF-8", text)
	}
}

// Whatever comes, the parser ends with rows or an error, the same each time, and
// the same however the page is laid out.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/pages/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"value":[{"id":"g","members@delta":[{"id":"m"}],"members":[{"id":"n"}],"employeeOrgData":{"division":"\ud83d"}}]}`))
	asked := &shown{
		navigations: []string{"manager"},
		attributes: []string{
			"displayName", "id", "businessPhones", "employeeOrgData", "employeeOrgData/division", "assignedLicenses/disabledPlans", "assignedLicenses",
		},
	}
	collection := planned(f, "user", asked)
	reused := delta.NewParser(collection)
	f.Fuzz(func(t *testing.T, page []byte) {
		rows := func(p *delta.Parser, page []byte) (string, error) {
			s := &shown{navigations: asked.navigations, attributes: asked.attributes}
			err := p.Page(page, checked{s, t})
			return s.String(), err
		}
		first, err := rows(delta.NewParser(collection), page)
		again, errAgain := rows(reused, page)
		if first != again || (err == nil) != (errAgain == nil) {
			t.Errorf("first\n%s%v\nagain\n%s%v", first, err, again, errAgain)
		}
		if err != nil {
			return
		}
		for _, option := range []jsontext.Options{jsontext.Multiline(true), jsontext.EscapeForHTML(true)} {
			other, err := jsontext.AppendFormat(nil, page, option, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := rows(reused, other); got != first || err != nil {
				t.Errorf("of %q\n%s\nof %q\n%s%v", page, first, other, got, err)
			}
		}
	})
}
