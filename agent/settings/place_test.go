package settings

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/settings/tree"
)

// TestPlaces writes settings in a random layout, with unknown keys in random sections, and expects
// each of them to be reported with the line that it stands in.
func TestPlaces(t *testing.T) {
	dir := write(t)
	rapid.Check(t, func(rt *rapid.T) {
		l := layout{T: rt, lineEnd: rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(rt, "line end")}
		l.put("{")
		l.member("Connections", func() {
			l.member("Contoso", func() {
				l.member("Csv", func() { l.unknown() })
				l.member("EntityTypeMapping", func() {
					l.unknown()
					l.put(`"Properties": [`)
					l.put("{")
					l.put(`"ConnectionColumn": "id",`)
					l.unknown()
					l.put(`"IsPrimaryKey": true}`)
					l.put("]")
				})
			})
		})
		l.member("Connectors", func() { l.unknown() })
		l.put("}")
		file := filepath.Join(dir, "appsettings.agent.json")
		r := newReading(Options{Dir: dir}, nil)
		root := tree.ReadJSON(tree.NewFile("appsettings.agent.json", file, []byte(l.text.String()), &r.Report), &r.Report)
		if root == nil {
			rt.Fatalf("%v in\n%s", r.Err(), &l.text)
		}
		r.settings(r.section(root))
		problems := problemsOf(t, r.Err())
		if len(problems) != len(l.lines) {
			rt.Fatalf("%d unknown keys, got %v in\n%s", len(l.lines), problems, &l.text)
		}
		for i, p := range problems {
			if want := fmt.Sprintf("%s:%d: unknown key \"odd%d\"", file, l.lines[i], i); !strings.HasPrefix(p.Message, want) {
				rt.Fatalf("got %s, want %s in\n%s", p.Message, want, &l.text)
			}
		}
	})
}

// layout writes JSON with random spaces, comments and line breaks.
type layout struct {
	*rapid.T
	lineEnd string
	text    strings.Builder
	lines   []int // in which the unknown keys stand
}

// put writes some text and then a random gap.
func (l *layout) put(text string) {
	l.text.WriteString(text)
	gap := rapid.SampledFrom([]string{"", " ", "\t", "\n", "\n\n", "// \" { \\\n", "/* \n } */", "/**/ //\n"}).Draw(l.T, "gap")
	l.text.WriteString(strings.ReplaceAll(gap, "\n", l.lineEnd))
}

// member writes an object with a trailing comma.
func (l *layout) member(name string, members func()) {
	l.put(fmt.Sprintf("%q:", name))
	l.put("{")
	members()
	l.put("}")
	l.put(",")
}

// unknown writes up to two keys that no section knows.
func (l *layout) unknown() {
	for range rapid.IntRange(0, 2).Draw(l.T, "unknown") {
		l.lines = append(l.lines, strings.Count(l.text.String(), "\n")+1)
		l.put(fmt.Sprintf("\"odd%d\"", len(l.lines)-1))
		l.put(":")
		l.put(rapid.SampledFrom([]string{`"a"`, "1", "null", "true", "[1, 2,]", "{}"}).Draw(l.T, "value"))
		l.put(",")
	}
}
