package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
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
		slog.New(handler).Info("m", "secret", s, "struct", struct{ S secret.String }{s}, slog.Any("pointer", &s))
	}
	log.New(&out, "", 0).Print(s, errors.New(s.String()))
	if got := out.String(); leaks(got) || strings.Count(got, secret.Hidden) < 6 {
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
