package csvfile

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestAppendField(t *testing.T) {
	for _, tc := range []struct {
		delimiter rune
		in, want  string
	}{
		{',', "plain", "plain"},
		{',', "", ""},
		{',', "a;b", "a;b"},
		{',', "a,b", `"a,b"`},
		{';', "a;b", `"a;b"`},
		{';', "a,b", "a,b"},
		{'\t', "a\tb", "\"a\tb\""},
		{'¦', "a¦b", `"a¦b"`},
		{'¦', "a©b", "a©b"}, // begins with the same byte
		{'¦', "©\n", "\"©\n\""},
		{',', `say "hi"`, `"say ""hi"""`},
		{',', `"`, `""""`},
		{',', "a\nb", "\"a\nb\""},
		{',', "a\rb", "\"a\rb\""},
		{',', " lead", `" lead"`},
		{',', "trail ", `"trail "`},
		{',', "in side", "in side"},
		{',', "\u00a0nbsp", "\"\u00a0nbsp\""},
		{',', "\ttab", "\"\ttab\""},
		{',', "=1+1", "=1+1"},
		{',', "שלום 👋", "שלום 👋"},
		{',', `a\b`, `a\b`},
	} {
		d, err := NewDialect(tc.delimiter)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(d.appendField(nil, []byte(tc.in))); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestNewDialect(t *testing.T) {
	for r, valid := range map[rune]bool{
		',': true, ';': true, '\t': true, '¦': true,
		'"': false, '\n': false, '\r': false, 0: false, 0xfffd: false, -1: false,
	} {
		if _, err := NewDialect(r); (err == nil) != valid || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", r, err)
		}
	}
}

// What is written is what a reader of RFC 4180 reads. Go's reader turns CR LF into
// LF inside quotes, so texts with a CR are left to TestAppendField.
func FuzzField(f *testing.F) {
	f.Add("a", `b "c", d`, ',')
	f.Add("", "y\nz ", '¦')
	f.Fuzz(func(t *testing.T, a, b string, delimiter rune) {
		d, err := NewDialect(delimiter)
		if err != nil || strings.Contains(a+b, "\r") {
			t.Skip()
		}
		line := append(d.appendField(nil, []byte(a)), d.delimiter...)
		line = append(d.appendField(line, []byte(b)), "\r\n"...)
		r := csv.NewReader(bytes.NewReader(line))
		r.Comma = delimiter
		row, err := r.Read()
		if err != nil || !slices.Equal(row, []string{a, b}) {
			t.Errorf("%q reads as %q, %v", line, row, err)
		}
	})
}
