package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/journal"
)

// shown are the lines of a log, in short, and how many bytes stand beyond it.
func shown(t *testing.T, work string) (lines []string, beyond int64) {
	t.Helper()
	beyond, err := Read(t.Context(), Folder(work, "Contoso"), func(l Line, text []byte) error {
		if len(text) == 0 || text[len(text)-1] != '}' {
			t.Errorf("%q", text)
		}
		lines = append(lines, fmt.Sprint(l.Number, " ", l.Decision, l.By, " ", l.Order, l.Attempt))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines, beyond
}

// Decisions stand between the answers, chained like these, and hide no repetition of one.
func TestDecisions(t *testing.T) {
	work := t.TempDir()
	for range 2 {
		l := logOf(t, work, newClock())
		record(t, l, done("1", 1))
		err := l.Decide(journal.Decision{
			What: journal.DecidedRelease, By: "ann", Intake: 7, Source: "orders.json", Orders: 12, Reason: "it deletes 12 objects",
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Decide(journal.Decision{What: journal.DecidedRetry, By: "bob", Order: "1", Reason: "no licence"}); err != nil {
			t.Fatal(err)
		}
		record(t, l, done("1", 2))
		closeLog(t, l)
	}
	lines, beyond := shown(t, work)
	want := []string{"1  11", "2 releaseann 0", "3 retrybob 10", "4  12", "5 releaseann 0", "6 retrybob 10"}
	if !slices.Equal(lines, want) || beyond > 0 || told(t, work) != "6 lines" {
		t.Errorf("%q, %d, %s", lines, beyond, told(t, work))
	}
	path := filepath.Join(Folder(work, "Contoso"), "2026-08.jsonl")
	const release = `"decision":"release","by":"ann","intake":7,"orders":12,"place":"orders.json","message":"it deletes 12 objects"}`
	if text := string(read(t, path)); !strings.Contains(text, release) {
		t.Errorf("%s is not in %s", release, text)
	}
}

// What stands beyond the log is told by its size, is not shown as a part of it, and is taken off when the log
// is opened.
func TestBeyond(t *testing.T) {
	for name, added := range map[string]string{
		"a line": "{\"n\":1}\n", "half a line": `{"n":2,`, "no line": "hello\n", "a line that would follow": "{\"n\":2,\"previous\":\"x\"}\n{\"n\":3}\n",
	} {
		t.Run(name, func(t *testing.T) {
			work := t.TempDir()
			l := logOf(t, work, newClock())
			record(t, l, done("1", 1))
			closeLog(t, l)
			path := filepath.Join(Folder(work, "Contoso"), "2026-08.jsonl")
			file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.WriteString(added); err != nil {
				t.Fatal(err)
			}
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			later := filepath.Join(Folder(work, "Contoso"), "2026-09.jsonl")
			if err := os.WriteFile(later, []byte(added), 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := Verify(t.Context(), Folder(work, "Contoso"))
			if err != nil || r.Broken != nil || r.Lines != 1 || r.Beyond != 2*int64(len(added)) {
				t.Errorf("%+v, %v", r, err)
			}
			if lines, beyond := shown(t, work); len(lines) != 1 || beyond != r.Beyond {
				t.Errorf("%q, %d", lines, beyond)
			}
			closeLog(t, logOf(t, work, newClock()))
			if r, err := Verify(t.Context(), Folder(work, "Contoso")); err != nil || r.Lines != 1 || r.Beyond > 0 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// Who gave an input is told where somebody else asked for the order.
func TestSubmittedBy(t *testing.T) {
	d := done("1", 1)
	for submitted, want := range map[string]string{"bob": "", "hr": "hr"} {
		d.Order.SubmittedBy = submitted
		if line := lineOf(d); line.RequestedBy != "bob" || line.SubmittedBy != want {
			t.Errorf("%+v", line)
		}
	}
}
