package settings

import (
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/settings/tree"
)

// TestLargeXML reads large files of the kinds that a careless reader needs quadratic time for. Such a
// reader shows here by taking minutes or hours where milliseconds are enough.
func TestLargeXML(t *testing.T) {
	const size = 2 << 20
	fill := func(before, unit, after string) string { return before + strings.Repeat(unit, size/len(unit)) + after }
	const root = `<ConfigurationFile xmlns="` + configurationNamespace + `">`
	for _, tc := range []struct {
		name, text string
		ok         bool
	}{
		{"nested elements", fill(root, `<a>`, ``), false},
		{"mappings on one line", fill(root, `<EntityTypeMapping/>`, `</ConfigurationFile>`), true},
	} {
		var r tree.Report
		readXML(tree.NewFile("f", "f", []byte(tc.text), &r), &r)
		if err := r.Err(); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestManyColumns(t *testing.T) {
	var properties strings.Builder
	for i := range 50_000 {
		properties.WriteString(`, {"ConnectionColumn": "c` + strings.Repeat("x", i%7) + string(rune('A'+i%26)) + `"}`)
	}
	text := strings.Replace(minimal, `}]`, `}`+properties.String()+`]`, 1)
	_, err := load(t, Options{Dir: write(t, "appsettings.agent.json", text)})
	if got, want := len(problemsOf(t, err)), 50_000-7*26; got != want {
		t.Errorf("%d problems, want %d", got, want)
	}
}
