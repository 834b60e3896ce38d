package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// testClock stands still until it is moved.
type testClock struct{ now time.Time }

func (c *testClock) Now() time.Time { return c.now }

func (c *testClock) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func newClock() *testClock { return &testClock{time.Date(2026, 8, 31, 12, 0, 0, 0, time.UTC)} }

// logOf opens the log of a folder; the test closes it.
func logOf(t *testing.T, work string, c *testClock) *Log {
	t.Helper()
	l, err := Open(t.Context(), Options{WorkFolder: work, Connection: "Contoso", Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func closeLog(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// done is an order that was executed.
func done(id string, attempt int) fulfill.Done {
	return fulfill.Done{
		Order:  order.Order{ID: id, Operation: sdk.Update, Entity: "user", RequestedBy: "bob", Key: order.Ref{Attribute: "mail", Value: "ann"}},
		Result: order.Result{Order: id, State: order.Executed, Attempts: attempt, ObjectID: "o-" + id},
	}
}

func record(t *testing.T, l *Log, all ...fulfill.Done) {
	t.Helper()
	if err := l.Record(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

// told is what Verify says, in short.
func told(t *testing.T, work string) string {
	t.Helper()
	r, err := Verify(t.Context(), Folder(work, "CONTOSO"))
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%d lines", r.Lines)
	if r.Beyond > 0 {
		text += ", unfinished"
	}
	if r.Broken != nil {
		text += ", " + strings.TrimPrefix(r.Broken.String(), Folder(work, "Contoso")+string(filepath.Separator))
	}
	return text
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLine(t *testing.T) {
	work, c := t.TempDir(), newClock()
	l := logOf(t, work, c)
	failed := fulfill.Done{
		Order: order.Order{
			ID: "7", Operation: sdk.Create, Entity: "user", RequestedBy: "workflow 81", Place: "orders.json:2:3", Received: c.now,
			Secrets: []order.Secret{{Path: "passwordProfile/password", Sealed: []byte("sealed")}},
		},
		Outcome: sdk.Outcome{
			Exchanges: []sdk.Exchange{
				{Method: "POST", Path: "users", Body: json.RawMessage(`{"passwordProfile": {"password": "s3cr3t", "forceChangePasswordNextSignIn": true}, "mail": "a<b"}`), Status: 400, RequestID: "r", ClientRequestID: "c", ErrorCode: "Request_BadRequest", Time: c.now},
				{Method: "GET", Path: "users/1", Body: json.RawMessage(`{"password": "s3cr3t`)},
			},
			Changes: []sdk.AttributeChange{
				{Path: "jobTitle", Before: json.RawMessage(`"A"`), After: json.RawMessage(`"B"`)},
				{Path: "passwordProfile/password", After: json.RawMessage(`"s3cr3t"`)},
				{Path: "x", After: json.RawMessage(`[{"clientSecret": {"a": ["s3cr3t"]}}, 1]`)},
			},
		},
		Result: order.Result{
			State: order.Errored, Attempts: 2, Code: fault.Refused, Message: "Graph refused it", SystemCode: "Request_BadRequest",
			FailedLinks: []order.FailedLink{{Navigation: "memberOf", Target: order.Ref{ID: "g"}, Code: fault.NotFound, Message: "gone"}},
		},
	}
	record(t, l, failed)
	got := read(t, filepath.Join(Folder(work, "contoso"), "2026-08.jsonl"))
	want := `{"n":1,"previous":"","time":"2026-08-31T12:00:00Z","order":"7","attempt":2,"requestedBy":"workflow 81","received":"2026-08-31T12:00:00Z","place":"orders.json:2:3","operation":"create","entity":"user",` +
		`"state":"Errored","code":"refused","message":"Graph refused it","systemCode":"Request_BadRequest",` +
		`"requests":[{"time":"2026-08-31T12:00:00Z","method":"POST","path":"users","body":{"passwordProfile":{"password":"[hidden]","forceChangePasswordNextSignIn":true},"mail":"a\u003cb"},"status":400,"code":"Request_BadRequest","requestId":"r","clientRequestId":"c"},` +
		`{"method":"GET","path":"users/1","body":"[hidden]","status":0}],` +
		`"changes":[{"path":"jobTitle","before":"A","after":"B"},{"path":"passwordProfile/password","after":"[hidden]"},{"path":"x","after":[{"clientSecret":"[hidden]"},1]}],` +
		`"failedLinks":[{"navigation":"memberOf","target":{"id":"g"},"code":"not_found","message":"gone"}]}` + "\n"
	if string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// What a cut off attempt may have written stands in the line of the next one.
func TestCutOffAttempt(t *testing.T) {
	text := func(s string) json.RawMessage { return json.RawMessage(s) }
	asked := order.Order{
		ID: "1", Operation: sdk.Update, Entity: "user", Key: order.Ref{ID: "u"},
		Attributes: []order.Attribute{{Path: "jobTitle", Value: text(`"B"`)}, {Path: "mail", Value: text("null")}, {Path: "x/clientSecret", Value: text(`"s3cr3t"`)}},
		Links: []order.Link{
			{Navigation: "memberOf", Add: []order.Ref{{ID: "a"}, {Attribute: "displayName", Value: "B", Found: "b"}, {Attribute: "displayName", Value: "C"}, {ID: "d"}}, Remove: []order.Ref{{ID: "e"}, {ID: "f"}}},
			{Navigation: "manager", Remove: []order.Ref{{ID: "m"}}},
		},
	}
	part := sdk.Outcome{Changes: []sdk.AttributeChange{
		{Path: "JobTitle", Before: text(`"A"`), After: text(`"B"`)}, {Path: "memberOf", After: text(`["b"]`)}, {Path: "memberOf", Before: text(`["e"]`)},
	}}
	for name, tc := range map[string]struct {
		outcome sdk.Outcome
		result  order.Result
		before  bool // the attempt before has a line
		message string
		changes string // "": it is not uncertain
	}{
		"found so": {
			result: order.Result{State: order.Executed}, message: "it is as the order wants it; an earlier attempt, whose answer was not recorded, may have done it",
			changes: `[{"path":"jobTitle","after":"B"},{"path":"mail","after":null},{"path":"x/clientSecret","after":"[hidden]"},` +
				`{"path":"memberOf","after":["a","displayName \"B\"","displayName \"C\"","d"]},{"path":"memberOf","before":["e","f"]},{"path":"manager","before":["m"]}]`,
		},
		"in part": {
			outcome: part, message: "it is away; an earlier attempt, whose answer was not recorded, may have done some of it",
			result: order.Result{State: order.Errored, Message: "it is away", FailedLinks: []order.FailedLink{
				{Navigation: "memberOf", Target: order.Ref{ID: "d"}}, {Navigation: "memberOf", Target: order.Ref{ID: "f"}, Removal: true},
			}},
			changes: `[{"path":"JobTitle","before":"A","after":"B"},{"path":"memberOf","after":["b"]},{"path":"memberOf","before":["e"]},` +
				`{"path":"mail","after":null},{"path":"x/clientSecret","after":"[hidden]"},{"path":"memberOf","after":["a","displayName \"C\""]},{"path":"manager","before":["m"]}]`,
		},
		"recorded": {before: true, result: order.Result{State: order.Executed}},
	} {
		t.Run(name, func(t *testing.T) {
			work, c := t.TempDir(), newClock()
			l := logOf(t, work, c)
			if tc.before {
				record(t, l, fulfill.Done{Order: asked, Result: order.Result{State: order.Executed, Attempts: 1}})
				closeLog(t, l)
				l = logOf(t, work, c)
			}
			tc.result.Attempts = 2
			record(t, l, fulfill.Done{Order: asked, Outcome: tc.outcome, Result: tc.result, CutOff: true})
			var last Line
			if _, err := Read(t.Context(), Folder(work, "Contoso"), func(line Line, _ []byte) error {
				last = line
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			changes := ""
			if last.Uncertain {
				text, err := json.Marshal(last.Changes)
				if err != nil {
					t.Fatal(err)
				}
				changes = string(text)
			}
			if last.Attempt != 2 || last.Message != tc.message || changes != tc.changes {
				t.Errorf("got attempt %d, %q\n%s\nwant\n%s", last.Attempt, last.Message, changes, tc.changes)
			}
		})
	}
}

func TestChainGoesAcrossFilesAndProcesses(t *testing.T) {
	work, c := t.TempDir(), newClock()
	l := logOf(t, work, c)
	record(t, l, done("1", 1), done("2", 1))
	record(t, l) // nothing
	c.now = c.now.AddDate(0, 0, 1)
	record(t, l, done("3", 1))
	closeLog(t, l)
	c.now = c.now.AddDate(0, 0, -1) // a clock that goes back begins no file before the last
	l = logOf(t, work, c)
	if l.Healed() != "" {
		t.Errorf("healed: %s", l.Healed())
	}
	record(t, l, done("4", 1))
	r, err := Verify(t.Context(), Folder(work, "Contoso"))
	if err != nil || r.Broken != nil || r.Lines != 4 || r.Files != 2 || r.Beyond > 0 || r.Head == "" ||
		!r.First.Equal(c.now) || !r.Last.Equal(c.now) {
		t.Errorf("got %+v, %v", r, err)
	}
	if n := bytes.Count(read(t, filepath.Join(Folder(work, "Contoso"), "2026-09.jsonl")), []byte("\n")); n != 2 {
		t.Errorf("%d lines in the second file", n)
	}
}

func TestRepetitionsAreWrittenOnce(t *testing.T) {
	work, c := t.TempDir(), newClock()
	l := logOf(t, work, c)
	record(t, l, done("1", 1), done("2", 1), done("1", 1))
	record(t, l, done("2", 1), done("1", 2))
	closeLog(t, l)
	c.now = c.now.AddDate(0, 1, 0)
	l = logOf(t, work, c)
	record(t, l, done("1", 2), done("3", 1))
	closeLog(t, l)
	l = logOf(t, work, c)
	record(t, l, done("3", 1), done("1", 1)) // the latter is in the file before
	if got := told(t, work); got != "4 lines" {
		t.Errorf("got %s", got)
	}
}

func TestWindow(t *testing.T) {
	r := recent{known: map[key]bool{}}
	for n := range window + 1 {
		r.add(key{"a", n})
	}
	if r.has(key{"a", 0}) || !r.has(key{"a", 1}) || len(r.known) != window || len(r.queue) != window {
		t.Errorf("%d are known", len(r.known))
	}
}

// Whatever part of a batch reached the disk, the log goes on from the last whole line.
func TestCutOffAnywhere(t *testing.T) {
	work, c := t.TempDir(), newClock()
	folder := Folder(work, "Contoso")
	lines := filepath.Join(folder, "2026-08.jsonl")
	l := logOf(t, work, c)
	record(t, l, done("1", 1))
	headThen, before := read(t, filepath.Join(folder, headFile)), read(t, lines)
	record(t, l, done("2", 1), done("3", 1))
	closeLog(t, l)
	all := read(t, lines)
	first := bytes.IndexByte(all[len(before):], '\n') + 1
	for size := len(before); size <= len(all); size++ {
		if near := size-len(before) < 3 || len(all)-size < 3 || max(size-len(before)-first, first-size+len(before)) < 3; !near && size%17 != 0 {
			continue // between the ends of lines some places stand for all
		}
		write(t, lines, all[:size])
		write(t, filepath.Join(folder, headFile), headThen)
		written := size - len(before)
		whole, rest := uint64(1), written
		if written >= first {
			whole, rest = 2, written-first
		}
		if size == len(all) {
			whole, rest = 3, 0
		}
		want := fmt.Sprintf("%d lines", whole)
		if rest > 0 {
			want += ", unfinished"
		}
		if got := told(t, work); got != want {
			t.Fatalf("%d bytes: %s, want %s", size, got, want)
		}
		l := logOf(t, work, c)
		if healed := l.Healed() != ""; healed != (rest > 0) {
			t.Fatalf("%d bytes: healed %q", size, l.Healed())
		}
		record(t, l, done("2", 1), done("3", 1))
		closeLog(t, l)
		if got := told(t, work); got != "3 lines" {
			t.Fatalf("%d bytes: afterwards %s", size, got)
		}
	}
	// After a power cut there may be zeros, and even whole lines that follow nothing.
	write(t, lines, append(append(bytes.Clone(all[:len(before)]), make([]byte, first-1)...), all[len(before)+first-1:]...))
	write(t, filepath.Join(folder, headFile), headThen)
	if got := told(t, work); got != "1 lines, unfinished" {
		t.Errorf("with zeros: %s", got)
	}
	if l := logOf(t, work, c); l.Healed() == "" {
		t.Error("zeros were not taken off")
	}
}

// Whoever changes the log is found out.
func TestChangedAnywhere(t *testing.T) {
	work, c := t.TempDir(), newClock()
	folder := Folder(work, "Contoso")
	august, september := filepath.Join(folder, "2026-08.jsonl"), filepath.Join(folder, "2026-09.jsonl")
	l := logOf(t, work, c)
	record(t, l, done("1", 1), done("2", 1), done("3", 1))
	c.now = c.now.AddDate(0, 0, 1)
	record(t, l, done("4", 1), done("5", 1))
	closeLog(t, l)
	originals := map[string][]byte{}
	for _, path := range []string{august, september, filepath.Join(folder, headFile)} {
		originals[path] = read(t, path)
	}
	line := func(path string, n int) []byte { return bytes.SplitAfter(originals[path], []byte("\n"))[n-1] }
	for name, tc := range map[string]struct {
		change func()
		want   string
		opens  bool // the change is too far back to be seen when the log is opened
	}{
		"a line in the middle": {func() {
			write(t, august, bytes.Replace(originals[august], []byte(`"order":"2"`), []byte(`"order":"x"`), 1))
		},
			"2 lines, 2026-08.jsonl:2: this line or the next one was changed", true},
		"the last line of a file": {func() {
			write(t, august, bytes.Replace(originals[august], []byte(`"order":"3"`), []byte(`"order":"x"`), 1))
		},
			"3 lines, 2026-08.jsonl:3: this line or the next one was changed", true},
		"the last line of all": {func() {
			write(t, september, bytes.Replace(originals[september], []byte(`"order":"5"`), []byte(`"order":"x"`), 1))
		}, "5 lines, 2026-09.jsonl:2: it was changed after it was written", false},
		"no line of the log":  {func() { write(t, august, append([]byte("x\n"), originals[august]...)) }, "0 lines, 2026-08.jsonl:1: it is not a line of the log", true},
		"a line taken out":    {func() { write(t, august, append(bytes.Clone(line(august, 1)), line(august, 3)...)) }, "1 lines, 2026-08.jsonl:2: 1 lines are missing before it", true},
		"the first taken out": {func() { write(t, august, append(bytes.Clone(line(august, 2)), line(august, 3)...)) }, "0 lines, 2026-08.jsonl:1: 1 lines are missing before it", true},
		"a line twice":        {func() { write(t, september, append(bytes.Clone(line(september, 1)), originals[september]...)) }, "4 lines, 2026-09.jsonl:2: it is line 4 of the log, and 4 lines stand before it", false},
		"the end cut off":     {func() { write(t, september, line(september, 1)) }, "4 lines, 2026-09.jsonl:1: 1 lines are missing after it", false},
		"the end cut in two":  {func() { write(t, september, originals[september][:len(originals[september])-5]) }, "4 lines, unfinished, 2026-09.jsonl:1: 1 lines are missing after it", false},
		"the last file gone":  {func() { remove(t, september) }, "3 lines, 2026-08.jsonl:3: 2 lines are missing after it", false},
		"a file gone":         {func() { remove(t, august) }, "0 lines, 2026-09.jsonl:1: 3 lines are missing before it", true},
		"the head gone":       {func() { remove(t, filepath.Join(folder, headFile)) }, "5 lines, head.json: it is missing, so nobody knows whether the end of the log is", false},
		"the head damaged":    {func() { write(t, filepath.Join(folder, headFile), []byte("x")) }, "0 lines, head.json: it cannot be read", false},
		"nothing":             {func() {}, "5 lines", true},
	} {
		for path, text := range originals {
			write(t, path, text)
		}
		tc.change()
		if got := told(t, work); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
		l, err := Open(t.Context(), Options{WorkFolder: work, Connection: "Contoso", Clock: c})
		switch {
		case err == nil:
			if !tc.opens {
				t.Errorf("%s: the log was opened", name)
			}
			closeLog(t, l)
		case tc.opens || !fault.Is(err, fault.Storage) || fault.Of(err).Hint == "":
			t.Errorf("%s: %v", name, err)
		}
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	work, c := t.TempDir(), newClock()
	l := logOf(t, work, c)
	if _, err := Open(t.Context(), Options{WorkFolder: work, Connection: "contoso", Clock: c}); !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v", err)
	}
	closeLog(t, l)
	closeLog(t, l)
	if err := l.Record(t.Context(), []fulfill.Done{done("1", 1)}); err == nil {
		t.Error("a closed log takes orders")
	}
}

func TestNoLog(t *testing.T) {
	if _, err := Verify(t.Context(), filepath.Join(t.TempDir(), "none")); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
	work := t.TempDir()
	logOf(t, work, newClock())
	if got := told(t, work); got != "0 lines" {
		t.Errorf("an empty log: %s", got)
	}
}

func TestCancelled(t *testing.T) {
	work, c := t.TempDir(), newClock()
	l := logOf(t, work, c)
	record(t, l, done("1", 1))
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if err := l.Record(ctx, []fulfill.Done{done("2", 1)}); !errors.Is(err, stop) {
		t.Errorf("Record: %v", err)
	}
	record(t, l, done("2", 1)) // it was not an error of the log
	if _, err := Verify(ctx, Folder(work, "Contoso")); !errors.Is(err, stop) {
		t.Errorf("Verify: %v", err)
	}
}

// After an error nobody knows what is on the disk: the log is opened again first.
func TestDiskFails(t *testing.T) {
	work, c := t.TempDir(), newClock()
	l := logOf(t, work, c)
	record(t, l, done("1", 1))
	if err := l.file.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Record(t.Context(), []fulfill.Done{done("2", 1)}); !fault.Is(err, fault.Storage) {
			t.Errorf("got %v", err)
		}
	}
	l.file = nil
	closeLog(t, l)
	l = logOf(t, work, c)
	record(t, l, done("2", 1))
	if got := told(t, work); got != "2 lines" {
		t.Errorf("got %s", got)
	}
}

func FuzzWithoutSecrets(f *testing.F) {
	f.Add([]byte(`{"password": "s3cr3t", "a": [{"Secret": {"b": 1}}, "s3cr3t"]}`))
	f.Add([]byte(`00`))
	f.Add([]byte(`{"passwordPolicies": 1, "a": 1e999, "a": "\ud800"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got := withoutSecrets(text)
		if got != nil && !json.Valid(got) {
			t.Errorf("%s is no JSON, of %s", got, text)
		}
		again := withoutSecrets(got)
		if !bytes.Equal(again, got) {
			t.Errorf("%s became %s", got, again)
		}
	})
}
