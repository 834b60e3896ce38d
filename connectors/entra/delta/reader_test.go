package delta

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The reader takes for JSON what jsontext does, to the byte, and tells plain strings
// from others.
func FuzzReader(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-0.5e+3,true,false,null,"x\u00e9\ud83d\/"],"b":{}}`, " [ ] ", `"ends in 8 bytes"`, "\"a\x7f\xff\"", `{"a":1,}`, `[1 2]`, `{"a" 1}`,
		`01`, `1.`, `1e`, `-`, `truex`, `nul`, `"\x"`, `"\u12g4"`, "\"tab\there\"", "\"0123456\x1f\"", `"open`, `"open\`, `{`, `[`, ``, "\x00", `{} {}`,
		`[[{"nested":[]}]]`, `{"é":"12345678é"}`, `"1234567\"` + `"`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want, wantErr := only(text)
		r := reader{text: text}
		got := r.value()
		plain := r.plain
		r.peek()
		if failed := r.failed || r.pos < len(text); failed != (wantErr != nil) {
			t.Fatalf("%q: failed: %t, jsontext: %v", text, failed, wantErr)
		}
		if wantErr != nil {
			return
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		isPlain := !bytes.ContainsRune(got, '\\') && bytes.IndexFunc(got, func(c rune) bool { return c >= utf8.RuneSelf }) < 0
		if got[0] == '"' && plain != isPlain {
			t.Errorf("%q: plain: %t", got, plain)
		}
	})
}

// only reads a text that is one value.
func only(text []byte) (jsontext.Value, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(text), options()...)
	value, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	value = value.Clone()
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows")
	}
	return value, nil
}

func TestDepth(t *testing.T) {
	for depth, fails := range map[int]bool{maxDepth: false, maxDepth + 1: true} {
		text := []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))
		r := reader{text: text}
		r.value()
		if _, err := only(text); r.failed != fails || (err != nil) != fails {
			t.Errorf("%d lists: failed: %t, jsontext: %v", depth, r.failed, err)
		}
	}
}
