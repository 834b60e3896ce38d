package fulfill_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/decode"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// text is an input in Usher's own format.
func text(name string, orders ...string) fulfill.Input {
	return fulfill.Input{
		Source: journal.Source{Name: name}, Decode: decode.Own(nil),
		Reader: strings.NewReader(`{"orders": [` + "\n" + strings.Join(orders, ",\n") + "\n]}"),
	}
}

// told are the problems of a refusal.
func told(t *testing.T, err error) (problems []string) {
	t.Helper()
	refusal, ok := errors.AsType[*order.Refusal](err)
	if !ok || !fault.Is(err, fault.Invalid) {
		t.Fatalf("not refused: %v", err)
	}
	for _, p := range refusal.Problems {
		problems = append(problems, p.String())
	}
	return problems
}

// noJobTitle is a connector that knows no jobTitle.
func noJobTitle(o sdk.Order) []sdk.OrderProblem {
	if len(o.Attributes) == 0 || o.Attributes[0].Path != "jobTitle" {
		return nil
	}
	return []sdk.OrderProblem{{Order: o.ID, Attribute: "jobTitle", Message: "a user has none"}}
}

// Whoever finds it, everything that is wrong with an input is told together, in its sequence, and a
// rehearsal tells the same. What does not exist only because it is wrong itself is no second problem.
func TestEverythingWrongIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		orders []string
		want   []string
	}{
		"of each kind": {[]string{
			`{"id": "1", "operation": "update", "entity": "user", "key": "a", "attributes": {"jobTitle": "x"}}`,
			`{"id": "2", "operation": "fly", "entity": "user", "key": "b"}`,
			`{"id": "3", "operation": "delete", "entity": "user", "key": {"order": "none"}}`,
			`{"id": "4", "operation": "delete", "entity": "user", "key": "c", "kee": 1}`,
			`{"id": "old", "operation": "delete", "entity": "user", "key": "c"}`,
			`{"id": "5", "operation": "delete", "entity": "user", "key": "d", "connection": "Fabrikam"}`,
			`{"id": "6", "operation": "delete", "entity": "user", "key": "e", "dependsOn": ["2", "4", "5"]}`,
			`{"id": "6", "operation": "enable", "entity": "user", "key": "e"}`,
		}, []string{
			"f.json:2:1: order 1: jobTitle: a user has none",
			"f.json:3:1: order 2: the operation fly is not known",
			"f.json:4:1: order 3: it refers to the order none, which does not exist",
			`f.json:5:66: order 4: the property "kee" is not known, did you mean key?`,
			"f.json:6:1: order old: an order of this id came before and asked for something else",
			"f.json:7:1: order 5: it is for the connection Fabrikam, not for Contoso",
			"f.json:9:1: order 6: the order of this id at f.json:8:1 asks for something else",
		}},
		"cut off": {[]string{
			`{"id": "1", "operation": "update", "entity": "user", "key": "a", "attributes": {"jobTitle": "x"}, "dependsOn": ["9"]}`,
			`{"id": "2", "operation": "delete", "entity": "user" "key": "b"}`,
		}, []string{
			"f.json:2:1: order 1: jobTitle: a user has none",
			"f.json:3:53: a comma is missing before this place",
		}},
		"circle": {[]string{
			`{"id": "1", "operation": "delete", "entity": "user", "key": "a", "dependsOn": ["2"]}`,
			`{"id": "2", "operation": "delete", "entity": "user", "key": {"id": "A"}}`,
		}, []string{"f.json:2:1: order 1: orders wait for each other in a circle: 1 depends on 2; 2 stands behind 1, about the same object"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, j, o := begin(t)
			accept(t, o, update("old", "x"))
			s.system.examine = noJobTitle
			r, err := fulfill.Rehearse(o)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			_, refused := fulfill.Accept(t.Context(), o, text("f.json", c.orders...))
			_, would := r.Input(t.Context(), text("f.json", c.orders...), func(fulfill.Previewed) error { return nil })
			for who, err := range map[string]error{"accept": refused, "rehearsal": would} {
				if got := told(t, err); !slices.Equal(got, c.want) {
					t.Errorf("%s: got\n%s\nwant\n%s", who, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
				}
			}
			if refused.Error() != would.Error() || fault.Of(refused).Hint != fault.Of(would).Hint {
				t.Errorf("%v\nand\n%v", refused, would)
			}
			if intakes, err := j.Unreported(); err != nil || len(intakes) != 1 {
				t.Errorf("%+v, %v", intakes, err)
			}
		})
	}
}

// changing gives another content each time that it is read.
type changing struct {
	io.ReadSeeker
	texts []string
}

func (c *changing) Seek(int64, int) (int64, error) {
	c.ReadSeeker = strings.NewReader(c.texts[0])
	c.texts = c.texts[1:]
	return 0, nil
}

// A file that is written to while it is read is not taken.
func TestChanging(t *testing.T) {
	const (
		one   = `{"orders": [{"id": "1", "operation": "delete", "entity": "user", "key": "a"}]}`
		two   = `{"orders": [{"id": "2", "operation": "delete", "entity": "user", "key": "a"}]}`
		wrong = `{"orders": [{"id": "1"`
	)
	for name, c := range map[string]struct {
		digest string
		texts  []string
	}{
		"other orders":                   {"", []string{one, two}},
		"cut off":                        {"", []string{one, wrong}},
		"cut off since it was looked at": {strings.Repeat("0", 64), []string{wrong}},
	} {
		_, j, o := begin(t)
		_, err := fulfill.Accept(t.Context(), o, fulfill.Input{
			Source: journal.Source{Name: "f.json", Digest: c.digest}, Reader: &changing{texts: c.texts}, Decode: decode.Own(nil),
		})
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "the file f.json changed while it was read") {
			t.Errorf("%s: %v", name, err)
		}
		if intakes, err := j.Unreported(); err != nil || len(intakes) > 0 {
			t.Errorf("%s: %+v, %v", name, intakes, err)
		}
	}
}

// large writes a file of orders of about a size, of which the last one is wrong.
func large(t *testing.T, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "large.json")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	fmt.Fprint(w, `{"orders": [`)
	for n := 0; n*450 < size; n++ {
		fmt.Fprintf(w, `{"id": "order-%d", "operation": "update", "entity": "user", "key": {"userPrincipalName": "user%d@contoso.com"}, "attributes": {"department": %q}},`+"\n",
			n, n, strings.Repeat("Research ", 35))
	}
	fmt.Fprint(w, `{"id": "order-0", "operation": "delete", "entity": "user", "key": "a"}]}`)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}

// heap is the memory that Go holds for objects, live or not yet collected.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// watched notes the most memory while it is read.
type watched struct {
	io.ReadSeeker
	reads int
	most  uint64
}

func (w *watched) Read(p []byte) (int, error) {
	if w.reads++; w.reads%16 == 0 {
		w.most = max(w.most, heap())
	}
	return w.ReadSeeker.Read(p)
}

// A large file that is refused leaves nothing in the journal, and takes no more memory than a
// small one of its kind.
func TestLargeRefusedFile(t *testing.T) {
	s, _, o := begin(t)
	database := filepath.Join(journal.Folder(s.folder, "Contoso"), "journal.db")
	before, err := os.Stat(database)
	if err != nil {
		t.Fatal(err)
	}
	base := heap()
	var most [2]uint64
	for i, size := range []int{5 << 20, 20 << 20} {
		file, err := os.Open(large(t, size))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		w := &watched{ReadSeeker: file}
		_, err = fulfill.Accept(t.Context(), o, fulfill.Input{Source: journal.Source{Name: "large.json"}, Reader: w, Decode: decode.Own(nil)})
		if got := told(t, err); len(got) != 1 || !strings.HasSuffix(got[0], ":1: order order-0: the order of this id at large.json:1:13 asks for something else") {
			t.Errorf("%q", got)
		}
		if w.most > base {
			most[i] = w.most - base
		}
	}
	if after, err := os.Stat(database); err != nil || after.Size() != before.Size() || after.ModTime() != before.ModTime() {
		t.Errorf("the journal was written to: %+v, %v", after, err)
	}
	t.Logf("heap: %d KB for 5 MB, %d KB for 20 MB", most[0]>>10, most[1]>>10)
	if bound := most[0] + 16<<20; most[1] > bound {
		t.Errorf("a file of 20 MB took %d KB, one of 5 MB %d KB", most[1]>>10, most[0]>>10)
	}
}
