package decode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// repeated gives a text again and again, between a head and a tail.
func repeated(head, text, tail string, times int) io.Reader {
	one := []byte(text)
	n := 0
	body := readerFunc(func(p []byte) (int, error) {
		if n == times*len(one) {
			return 0, io.EOF
		}
		filled := 0
		for filled < len(p) && n < times*len(one) {
			c := copy(p[filled:], one[n%len(one):])
			filled, n = filled+c, n+c
		}
		return filled, nil
	})
	return io.MultiReader(strings.NewReader(head), body, strings.NewReader(tail))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func discard(order.Order) error { return nil }

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	mappings := Mappings{ResourceTypes: []ResourceType{{Identifier: "Group", DefaultObjectClass: "groups"}}}
	for name, tc := range map[string]struct {
		decode           fulfill.Decoder
		head, text, tail string
		orders           int
	}{
		"own": {
			Own(nil), `{"orders": [{"id": "0", "operation": "delete", "entity": "user", "key": "0"}`,
			`, {"id": "1", "operation": "delete", "entity": "user", "key": {"userPrincipalName": "ann@contoso.com"}}` + "\n", `]}`, 1 << 17,
		},
		"reference": {
			Either(mappings, nil), `{"ProvisioningOrdersList": [{"AssignedResourceTypeId": "1", "ChangeType": "Deleted", "Resource": {"objectid": "1"}, "ResourceType": {"Identifier": "group"}}`,
			`, {"AssignedResourceTypeId": "1", "ChangeType": "Deleted", "Resource": {"objectid": "1"}, "ResourceType": {"Identifier": "group"}}`, `]}`, 1 << 17,
		},
		"what nobody knows": {Either(mappings, nil), `{"a": [0`, `,"` + strings.Repeat("x", 100) + "\"\n", `], "ProvisioningOrdersList": []}`, 1 << 17},
	} {
		t.Run(name, func(t *testing.T) {
			before, most, n := heap(), uint64(0), 0
			in := readerFunc(repeated(tc.head, tc.text, tc.tail, tc.orders).Read)
			watched := readerFunc(func(p []byte) (int, error) {
				if n++; n%64 == 0 {
					most = max(most, heap())
				}
				return in.Read(p)
			})
			if err := tc.decode("x.json", watched, discard); err != nil {
				t.Fatal(err)
			}
			if grown := int64(most) - int64(before); grown > 4<<20 {
				t.Errorf("%d bytes more are in use while %d are read", grown, len(tc.text)*tc.orders)
			}
		})
	}
}

func TestTooLong(t *testing.T) {
	for name, tc := range map[string]struct{ head, text, tail, want string }{
		"an order": {
			"{\"orders\": [\n {\"id\": \"1\", \"links\": {\"members\": {\"add\": [\"0\"", `,"6f1c0a52-7b7e-4f0b-8f6e-0d6a4f1c2b3d"`, `]}}}]}`,
			"x.json:2:2: an order is longer than 16 MiB",
		},
		"a text":        {`{"orders": [{"id": "`, strings.Repeat("x", 1000), `"}]}`, "x.json:1:13: an order is longer than 16 MiB"},
		"another value": {`{"Orders": "`, strings.Repeat("x", 1000), `"}`, "x.json:1:12: a value is longer than 16 MiB"},
	} {
		in := repeated(tc.head, tc.text, tc.tail, 20<<20/len(tc.text))
		err := Own(nil)("x.json", in, discard)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func TestEncodings(t *testing.T) {
	const text = `{"orders": []}`
	var wide []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	for _, tc := range []struct {
		text []byte
		want string
	}{
		{[]byte(text), ""},
		{[]byte("\ufeff" + text), ""},
		{append([]byte{0xFF, 0xFE}, wide...), "x.json:1:1: the file is saved as UTF-16 or UTF-32"},
		{wide, "x.json:1:1: the file is saved as UTF-16 or UTF-32"},
		{[]byte("\ufeff{\n  \"\xff\": 1}"), "x.json:2:4: the file is not UTF-8 from here on"},
	} {
		err := Own(nil)("x.json", bytes.NewReader(tc.text), discard)
		if tc.want == "" && err == nil {
			continue
		}
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: %v, want %q", tc.text, err, tc.want)
		}
	}
}

func TestErrorsOfOthers(t *testing.T) {
	const text = `{"orders": [{"id": "1"}, {"id": "2"}]}`
	stop := errors.New("stop")
	n := 0
	err := Own(nil)("x.json", strings.NewReader(text), func(order.Order) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("after %d orders: %v", n, err)
	}
	err = Own(nil)("x.json", io.MultiReader(strings.NewReader(text[:20]), readerFunc(func([]byte) (int, error) { return 0, context.Canceled })), discard)
	if !errors.Is(err, context.Canceled) || fault.Of(err) != nil {
		t.Errorf("cancelled: %v", err)
	}
	err = Own(nil)("x.json", readerFunc(func([]byte) (int, error) { return 0, os.ErrPermission }), discard)
	if !fault.Is(err, fault.Storage) {
		t.Errorf("unreadable: %v", err)
	}
	err = Own(nil)("x.json", strings.NewReader(`{"orders": [{"id": "1", "operation": "create", "password": {}}]}`), discard)
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("without passwords: %v", err)
	}
	err = Own(brokenPasswords{})("x.json", strings.NewReader(`{"orders": [{"id": "1", "operation": "create", "password": {"value": "s3cr3t"}}]}`), discard)
	if !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("with broken passwords: %v", err)
	}
}

type brokenPasswords struct{ fakePasswords }

func (brokenPasswords) Seal(string, Wish) ([]byte, error) { return nil, io.ErrShortWrite }

func TestManyProblems(t *testing.T) {
	err := Own(nil)("x.json", repeated(`{"orders": [0`, `,0`, `]}`, 1000), discard)
	refusal, ok := errors.AsType[*order.Refusal](err)
	if !ok || refusal.Count != 1001 || len(refusal.Problems) != order.MaxProblems {
		t.Errorf("got %v", err)
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"20260901.json": "20260901.json", "/orders/a/b.json": "b.json", `C:\orders\b.json`: "b.json",
		strings.Repeat("ä", 150): strings.Repeat("ä", 100),
	} {
		if got := baseName(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func FuzzReference(f *testing.F) {
	data, err := os.ReadFile("testdata/reference.txtar")
	if err != nil {
		f.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "-- mappings.xml --\n")
	mapping, rest, _ := strings.Cut(rest, "-- 20260901120000.json --\n")
	orders, _, _ := strings.Cut(rest, "-- orders --\n")
	m, err := ParseMappings("mappings.xml", strings.NewReader(mapping))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(orders))
	f.Add([]byte(`{"ProvisioningOrdersList": [{"AssignedResourceTypeId": 1, "ChangeType": "Added", "ResourceType": {"Identifier": "Entra_Guest"}, "Changes": {"mail": 1}}]}`))
	f.Add([]byte(mapping))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, m := range []Mappings{m, {ResourceTypes: m.ResourceTypes}} {
			err := Either(m, fakePasswords{})("x.json", bytes.NewReader(text), func(o order.Order) error {
				if o.ID == "" || o.Operation == "" || o.Entity == "" || o.Place == "" || !o.Makes() && o.Key.IsZero() {
					return fmt.Errorf("the order lacks something: %+v", o)
				}
				return nil
			})
			if err != nil && !fault.Is(err, fault.Invalid) {
				t.Error(err)
			}
		}
		if _, err := ParseMappings("x.xml", bytes.NewReader(text)); err != nil && !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
	})
}

// The orders that nothing is wrong with come also where something else is wrong, so that what a
// connector finds wrong with them can be told with the rest.
func TestOrdersAroundAProblem(t *testing.T) {
	const text = `{"orders": [
 {"id": "1", "operation": "delete", "entity": "user", "key": "a"},
 {"id": "2", "operation": "delete", "entity": "user", "key": "a", "kee": 1},
 {"id": "3", "operation": "delete", "entity": "user", "key": "a"},
 {"id": "4", "operation": "delete" "entity": "user", "key": "a"}
]}`
	var ids, problems []string
	err := Own(nil)("x.json", strings.NewReader(text), func(o order.Order) error {
		ids = append(ids, o.ID)
		return nil
	})
	refusal, ok := errors.AsType[*order.Refusal](err)
	if !ok || !fault.Is(err, fault.Invalid) || !refusal.Partial {
		t.Fatalf("%+v", err)
	}
	for _, p := range refusal.Problems {
		problems = append(problems, p.String())
	}
	if got := strings.Join(ids, " "); got != "1 3" {
		t.Errorf("orders %s", got)
	}
	if want := []string{`x.json:3:67: order 2: the property "kee" is not known, did you mean key?`, "x.json:5:36: a comma is missing before this place"}; !slices.Equal(problems, want) {
		t.Errorf("got  %q\nwant %q", problems, want)
	}
}

// A file is of one format.
func TestTwoFormats(t *testing.T) {
	mappings := Mappings{ResourceTypes: []ResourceType{{Identifier: "Group", DefaultObjectClass: "groups"}}}
	for text, want := range map[string][]string{
		`{"orders": [], "ProvisioningOrdersList": [], "whatever": 1}`: {
			"x.json:1:1: the file has lists of orders in two formats", `x.json:1:46: the property "whatever" is not known`,
		},
		`{"ProvisioningOrdersList": [], "whatever": 1}`: nil,
		`{"orders": [], "whatever": 1}`:                 {`x.json:1:16: the property "whatever" is not known`},
		`{"whatever": 1}`:                               {"x.json:1:1: the file has no list of orders", `x.json:1:2: the property "whatever" is not known`},
	} {
		var problems []string
		if refusal, ok := errors.AsType[*order.Refusal](Either(mappings, nil)("x.json", strings.NewReader(text), discard)); ok {
			for _, p := range refusal.Problems {
				problems = append(problems, p.String())
			}
		}
		if !slices.Equal(problems, want) {
			t.Errorf("%s: got %q, want %q", text, problems, want)
		}
	}
}
