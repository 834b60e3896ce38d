package edit

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// What these checks come to for requests is tested in graphapi; here are the ones
// with many cases.

func TestIsStrong(t *testing.T) {
	for password, want := range map[string]bool{
		"": false, "Ab1!": false, "abcdefgh": false, "abcdefg1": false, "Abcdefg1": true, "abcdefg1!": true, "ABCDEFG1!": true,
		"ABCDefgh": false, "пароль-1": true, strings.Repeat("Ab1", 86): false, strings.Repeat("Ab1", 85): true,
	} {
		if got := isStrong(password, false); got != want {
			t.Errorf("%q: %v, want %v", password, got, want)
		}
	}
	if !isStrong("abcdefgh", true) || isStrong("abc", true) {
		t.Error("without the rule of classes only the length counts")
	}
}

func TestReferenced(t *testing.T) {
	for address, want := range map[string]string{
		"https://graph.microsoft.com/v1.0/directoryObjects/a": "a",
		"https://localhost:1/beta/users/a":                    "a",
		"https://graph.microsoft.com/v1.0/Groups/a":           "a",
		"http://graph.microsoft.com/v1.0/users/a":             "",
		"https://graph.microsoft.com/v1.0/users":              "",
		"https://graph.microsoft.com/v1.0/users/a/manager":    "",
		"https://graph.microsoft.com/v2.0/users/a":            "",
		"https://graph.microsoft.com/v1.0/directoryRoles/a":   "",
		"/users/a": "", "a": "", "": "", ":": "",
	} {
		got, err := referenced(address)
		if refusal, refused := errors.AsType[*Refusal](err); got != want || refused != (want == "") || refused && refusal.Status != 400 {
			t.Errorf("%q: %q, %v", address, got, err)
		}
	}
}

func TestForms(t *testing.T) {
	for _, tt := range []struct {
		form  form
		value string
		want  bool
	}{
		{text, `"a"`, true}, {text, `1`, false}, {text, `["a"]`, false},
		{texts, `["a"]`, true}, {texts, `[]`, true}, {texts, `"a"`, false}, {texts, `[1]`, false},
		{boolean, `true`, true}, {boolean, `"true"`, false},
		{number, `7`, true}, {number, `7.5`, false}, {number, `3000000000`, false},
		{date, `"2026-11-22T12:00:00Z"`, true}, {date, `"2026-11-22T12:00:00.1234567+01:00"`, true}, {date, `"2026-11-22"`, false},
		{object, `{}`, true}, {object, `[]`, false}, {objects, `[{}]`, true}, {objects, `{}`, false},
	} {
		if got := tt.form.fits(json.RawMessage(tt.value)); got != tt.want {
			t.Errorf("%s as %s: %v", tt.value, tt.form, got)
		}
	}
}

func TestEffectiveLicences(t *testing.T) {
	group := "g"
	got := effective([]state{
		{SkuID: "a", DisabledPlans: []string{"1", "2"}, State: "Active"},
		{SkuID: "a", DisabledPlans: []string{"2", "3"}, State: "Active", AssignedByGroup: &group},
		{SkuID: "b", State: "Error", AssignedByGroup: &group},
	})
	if len(got) != 1 || got[0].SkuID != "a" || len(got[0].DisabledPlans) != 1 || got[0].DisabledPlans[0] != "2" {
		t.Errorf("got %+v", got)
	}
}
