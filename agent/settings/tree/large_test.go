package tree

import (
	"strings"
	"testing"
)

// TestLarge reads large files of the kinds that a careless reader needs quadratic time for. Such a
// reader shows here by taking minutes or hours where milliseconds are enough.
func TestLarge(t *testing.T) {
	const size = 2 << 20
	fill := func(before, unit, after string) string { return before + strings.Repeat(unit, size/len(unit)) + after }
	for _, tc := range []struct {
		name, text string
		ok         bool
	}{
		{"one long line", fill(`{"a":[`, `1,`, `]}`), true},
		{"comments", fill(`{`, `/**/`, `}`), true},
		{"comments that are not closed", fill(`{`, `/*a`, ``), false},
		{"brackets", fill(``, `[`, ``), false},
		{"braces", fill(``, `{"a":`, ``), false},
		{"backslashes", fill(`{"a":"`, `\\`, `"}`), true},
	} {
		var r Report
		f := NewFile("f", "f", []byte(tc.text), &r)
		ReadJSON(f, &r)
		if err := r.Err(); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}
