package graph

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestLinks(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       links
		ahead      bool // the links stand before the objects
		err        error
	}{
		{name: "empty object", body: `{}`, ahead: true},
		{name: "links ahead", body: `{"@odata.context":"c","@odata.nextLink":"https://h/a?b","value":[]}`, want: links{next: "https://h/a?b"}, ahead: true},
		{name: "links behind", body: `{"value":[{"id":"1"}],"@odata.deltaLink":"https://h/d"}` + "\n", want: links{delta: "https://h/d"}},
		{name: "escapes", body: `{"@odata.nextLink":"https:\/\/h\u0026\"x\\","value":[]}`, want: links{next: `https://h&"x\`}, ahead: true},
		{name: "escaped name", body: `{"@odata.next\u004cink":"n","value":[]}`, want: links{next: "n"}, ahead: true},
		{name: "inner links do not count", body: `{"x":{"@odata.deltaLink":"no"},"value":[{"@odata.nextLink":"no"}]}`, ahead: true},
		{name: "null link", body: `{"@odata.nextLink":null,"value":[]}`, ahead: true},
		{name: "brackets and quotes in text", body: `{"a":["}]\\","\"{["],"@odata.nextLink":"n","value":[]}`, want: links{next: "n"}, ahead: true},
		{name: "spaces", body: " \r\n\t{ \"@odata.nextLink\" : \"n\" , \"value\":[] } \n", want: links{next: "n"}, ahead: true},
		{name: "both links", body: `{"@odata.nextLink":"n","@odata.deltaLink":"d","value":[]}`, err: errNoPage},
		{name: "link is no text", body: `{"@odata.nextLink":{"a":1},"value":[]}`, err: errNoPage},
		{name: "html", body: `<html>`, err: errNoPage},
		{name: "more behind the end", body: `{}{`, err: errNoPage},
		{name: "array", body: `[]`, err: errNoPage},
		{name: "broken", body: `{"a" 1}`, err: errNoPage},
		{name: "nothing", body: ``, err: io.ErrUnexpectedEOF},
		{name: "cut behind an object", body: `{"value":[{"id":"1"}`, err: io.ErrUnexpectedEOF},
		{name: "cut in text", body: `{"value":["}`, err: io.ErrUnexpectedEOF},
		{name: "cut in a link", body: `{"@odata.nextLink":"https://h/`, err: io.ErrUnexpectedEOF},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := allLinks([]byte(tc.body))
			if !errors.Is(err, tc.err) || err == nil && got != tc.want {
				t.Errorf("whole: got %+v, %v; want %+v, %v", got, err, tc.want, tc.err)
			}
			// However the network cuts it, the head says nothing wrong.
			for end := range len(tc.body) + 1 {
				head, known, err := headLinks([]byte(tc.body[:end]))
				if err != nil && tc.err == nil {
					t.Fatalf("refused after %d bytes: %v", end, err)
				}
				if known && tc.ahead && head != tc.want {
					t.Fatalf("after %d bytes: got %+v, want %+v", end, head, tc.want)
				}
			}
			if _, known, _ := headLinks([]byte(tc.body)); tc.ahead && !known {
				t.Error("the links ahead of the objects were not found")
			}
		})
	}
}

// What the head of a page tells, the whole page tells too, and no beginning of a
// page is refused.
func FuzzLinks(f *testing.F) {
	f.Add([]byte(`{"@odata.context":"c","@odata.nextLink":"https://h/?$skiptoken=a%2B","value":[{"a":"\\\""}]}`), 7)
	f.Add([]byte(`{"value":[{},[],{"x":[{}]}],"@odata.deltaLink":"d\u0026"}`), 1)
	f.Fuzz(func(t *testing.T, body []byte, cut int) {
		whole, err := allLinks(body)
		if err != nil || cut < 0 || cut > len(body) {
			return
		}
		head, known, err := headLinks(body[:cut])
		if err != nil {
			t.Fatalf("the beginning of a page is refused: %v", err)
		}
		if known && (head.next != "" && head.next != whole.next || head.delta != "" && head.delta != whole.delta) && bytes.Count(body, []byte("Link")) < 2 {
			t.Fatalf("head %+v, whole %+v", head, whole)
		}
	})
}

// testPage is a page with n users.
func testPage(n int, head string) []byte {
	var b strings.Builder
	b.WriteString("{" + head + `"value":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"00000000-0000-0000-0000-%012d","displayName":"User %d, \"quoted\"","mail":"user%d@example.com","accountEnabled":true,"businessPhones":["+49 %d"],"department":"Sales","jobTitle":null,"city":"Köln"}`, i, i, i, i)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// BenchmarkHeadLinks shows that a page's size does not matter where the links stand
// ahead.
func BenchmarkHeadLinks(b *testing.B) {
	page := testPage(999, `"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=x",`)
	b.ReportAllocs()
	for b.Loop() {
		if l, known, err := headLinks(page); err != nil || !known || l.next == "" {
			b.Fatal(l, known, err)
		}
	}
}
