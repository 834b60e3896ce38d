package password

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		change  func(*Settings)
		setting string // "" if all is well
	}{
		"generated":        {func(s *Settings) { s.AutoGenerate = true }, ""},
		"default password": {func(s *Settings) { s.DefaultPassword = secret.New("s3cr3t") }, ""},
		"neither":          {func(*Settings) {}, "AutoGenerate"},
		"no name":          {func(s *Settings) { s.Identifier = " " }, "Identifier"},
		"two-way":          {func(s *Settings) { s.AutoGenerate, s.Mode = true, TwoWay }, "Mode"},
		"unknown mode":     {func(s *Settings) { s.AutoGenerate, s.Mode = true, 3 }, "Mode"},
		"negative":         {func(s *Settings) { s.AutoGenerate, s.GeneratedDigitCharsCount = true, -1 }, "GeneratedDigitCharsCount"},
		"many":             {func(s *Settings) { s.AutoGenerate, s.GeneratedLength = true, 257 }, "GeneratedLength"},
		"many together":    {func(s *Settings) { s.AutoGenerate, s.GeneratedLowerCaseCharsCount = true, 256 }, "GeneratedLength"},
		"none": {func(s *Settings) {
			*s = Settings{Identifier: "x", AutoGenerate: true}
		}, "GeneratedLength"},
		"expression": {func(s *Settings) { s.AutoGenerate, s.StrengthCheck = true, "(" }, "StrengthCheck"},
		"never met":  {func(s *Settings) { s.AutoGenerate, s.StrengthCheck = true, "^[0-9]+$" }, "StrengthCheck"},
	} {
		s := Defaults()
		s.Identifier = "x"
		tc.change(&s)
		_, err := New(Options{Settings: []Settings{s}})
		f := fault.Of(err)
		switch {
		case err == nil && tc.setting == "":
		case f == nil || f.Code != fault.Invalid || f.Setting != tc.setting || f.Hint == "":
			t.Errorf("%s: %v", name, err)
		case strings.Contains(fmt.Sprint(err, f.Hint), "s3cr3t"):
			t.Errorf("%s: the password shows: %v", name, err)
		}
	}
	s := Defaults()
	s.Identifier, s.AutoGenerate = "a", true
	same := s
	same.Identifier = "A"
	if _, err := New(Options{Settings: []Settings{s, same}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("the same name twice: %v", err)
	}
}

func TestStrength(t *testing.T) {
	for _, tc := range []struct {
		check, password string
		want            bool
	}{
		{"", "", true},
		{`^.*`, "x", true},
		{`^(?=.*[A-Z])(?=.*\d).{8,}$`, "abcdefG1", true},
		{`^(?=.*[A-Z])(?=.*\d).{8,}$`, "abcdefg1", false},
		{`^(?!.*(.)\1)`, "aab", false},
		{`'^..........*$','^.*[0-9].*$', '^.*[a-z].*$', '^.*[A-Z].*$', '^.*[^A-Za-z0-9].*$'`, "abcdefgH1!", true},
		{`'^..........*$','^.*[0-9].*$', '^.*[a-z].*$', '^.*[A-Z].*$', '^.*[^A-Za-z0-9].*$'`, "abcdefgHI!", false},
		{` '^a$' `, "a", true},
		{`'`, "a'b", true},
	} {
		s, err := parseStrength(tc.check)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.met(tc.password); got != tc.want || err != nil {
			t.Errorf("%s of %s: %v, %v", tc.check, tc.password, got, err)
		}
	}
}

func TestStrengthTakesTooLong(t *testing.T) {
	s, err := parseStrength(`^(a+)+$`)
	if err != nil {
		t.Fatal(err)
	}
	s[0].MatchTimeout = 1
	_, err = s.met(strings.Repeat("a", 40) + "!")
	if !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "aaaa") {
		t.Errorf("got %v", err)
	}
}
