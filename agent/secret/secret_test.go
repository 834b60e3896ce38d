package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/secret"
)

const text = "pässw0rd"

func TestEveryVerbHides(t *testing.T) {
	s := secret.New(text)
	for _, verb := range []string{
		"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%c", "%U", "%p", "%T", "%20s", "%-5v", "%.2s",
	} {
		for _, arg := range []any{s, &s, []secret.String{s}, map[string]secret.String{"k": s}, struct{ S secret.String }{s}} {
			if got := fmt.Sprintf(verb, arg); leaks(got) {
				t.Errorf("%s of %T leaks: %s", verb, arg, got)
			}
		}
		if verb == "%p" || verb == "%T" {
			continue // fmt answers these itself
		}
		if got := fmt.Sprintf(verb, s); got != secret.Hidden {
			t.Errorf("%s = %q, want %q", verb, got, secret.Hidden)
		}
	}
}

// leaks reports whether the secret stands in got in clear or in hexadecimal digits.
func leaks(got string) bool {
	return strings.Contains(got, text) || strings.Contains(got, "ssw0rd") ||
		strings.Contains(strings.ToLower(strings.ReplaceAll(got, " ", "")), fmt.Sprintf("%x", text))
}

func TestUnexportedFieldHides(t *testing.T) {
	type holder struct{ inner secret.String }
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(verb, holder{secret.New(text)}); leaks(got) {
			t.Errorf("%s leaks: %s", verb, got)
		}
	}
}

func TestLogsHide(t *testing.T) {
	s := secret.New(text)
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).With("before", s).WithGroup("outer").Info("m", "secret", s, "struct", struct{ S secret.String }{s}, slog.Any("pointer", &s),
			slog.Group("inner", "secret", s, "list", []any{s}), "error", fmt.Errorf("wrong: %v %w", s, errors.New(s.String())))
	}
	log.New(&out, "", 0).Print(s, errors.New(s.String()))
	if got := out.String(); leaks(got) || strings.Count(got, secret.Hidden) < 14 {
		t.Errorf("got %s", got)
	}
}

func TestMarshalHides(t *testing.T) {
	value := struct {
		S secret.String
		P *secret.String
	}{S: secret.New(text)}
	value.P = &value.S
	asJSON, err := json.Marshal(value)
	if want := `{"S":"[hidden]","P":"[hidden]"}`; err != nil || string(asJSON) != want {
		t.Errorf("JSON: %s, %v; want %s", asJSON, err, want)
	}
	asKey, err := json.Marshal(map[secret.String]int{value.S: 1})
	if want := `{"[hidden]":1}`; err != nil || string(asKey) != want {
		t.Errorf("JSON key: %s, %v; want %s", asKey, err, want)
	}
	asXML, err := xml.Marshal(value.S)
	if want := `<String>[hidden]</String>`; err != nil || string(asXML) != want {
		t.Errorf("XML: %s, %v; want %s", asXML, err, want)
	}
}

func TestGobRefuses(t *testing.T) {
	for _, value := range []any{secret.New(text), struct{ S secret.String }{secret.New(text)}} {
		var out bytes.Buffer
		if err := gob.NewEncoder(&out).Encode(value); err == nil || leaks(out.String()) {
			t.Errorf("%T: %v, %q", value, err, out.String())
		}
	}
}

// Dumpers and encoders that know nothing of a String walk into it by reflection.
func TestReflectionHides(t *testing.T) {
	type holder struct {
		S     secret.String
		inner *secret.String
	}
	s := secret.New(text)
	var seen []string
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			walk(v.Elem())
		case reflect.Struct:
			for _, field := range v.Fields() {
				walk(field)
			}
		default:
			seen = append(seen, v.String())
		}
	}
	walk(reflect.ValueOf(&holder{s, &s}))
	if want := []string{"<func() string Value>", "<func() string Value>"}; !slices.Equal(seen, want) {
		t.Errorf("reflection sees %q, want %q", seen, want)
	}
}

func TestEqualOnlyToItself(t *testing.T) {
	s := secret.New(text)
	same := s
	if s != same || s == secret.New(text) || secret.New("") != (secret.String{}) {
		t.Error("a String does not compare as it should")
	}
}

// A program that dies of a panic prints the value and the stack.
func TestPanicHides(t *testing.T) {
	const variable = "USHER_TEST_PANIC"
	s := secret.New(text)
	values := map[string]any{"value": s, "pointer": &s, "struct": struct{ S secret.String }{s}, "error": fmt.Errorf("wrong: %v", s)}
	if value, ok := values[os.Getenv(variable)]; ok {
		panic(value)
	}
	for name := range values {
		program := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanicHides$")
		program.Env = append(os.Environ(), variable+"="+name, "GOTRACEBACK=all")
		out, err := program.CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("panic: ")) || leaks(string(out)) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestReveal(t *testing.T) {
	for _, want := range []string{"", text} {
		s := secret.New(want)
		if s.Reveal() != want || s.IsEmpty() != (want == "") {
			t.Errorf("New(%q): Reveal %q, IsEmpty %v", want, s.Reveal(), s.IsEmpty())
		}
	}
	var zero secret.String
	if zero.Reveal() != "" || !zero.IsEmpty() || fmt.Sprint(zero) != secret.Hidden {
		t.Error("the zero value is not the hidden empty secret")
	}
}
