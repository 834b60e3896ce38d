package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const accounts = `{"appId": "Usher", "accounts": [
	{"object": "Graph", "safe": "Usher", "content": "ge,heim", "userName": "app", "passwordChangeInProcess": 2},
	{"object": "Twice", "safe": "Usher", "content": "1"}, {"object": "Twice", "safe": "Other", "content": "2"}]}`

func TestGetPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "accounts.json")
	if err := os.WriteFile(file, []byte(accounts), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("USHER_SANDBOX_CYBERARK", file)
	const query = "Query=Safe=Usher;Folder=Root;Object=Graph"
	good := []string{"GetPassword", "-p", "AppDescs.AppID=Usher", "-p", query, "-p", "RequiredProps=UserName", "-o", "Password,PassProps.UserName,PasswordChangeInProcess"}
	for _, tt := range []struct {
		name      string
		args      []string
		want, err string
	}{
		{"changing", append(good, "-d", "#@#"), "ge,heim#@#app#@#true\n", ""},
		{"refused while it changes", append(good, "-p", "FailRequestOnPasswordChange=true"), "", "APPAP282E Password [Safe=Usher;Folder=Root;Object=Graph]"},
		{"changed", append(good, "-d", "#@#"), "ge,heim#@#app#@#false\n", ""},
		{"the usual separator", []string{"getpassword", "-p", "AppDescs.AppID=usher", "-p", "Query=Object=graph", "-o", "Password,PassProps.Safe"}, "ge,heim,Usher\n", ""},
		{"no such object", []string{"GetPassword", "-p", "AppDescs.AppID=Usher", "-p", "Query=Object=x", "-o", "Password"}, "", "APPAP004E "},
		{"two objects", []string{"GetPassword", "-p", "AppDescs.AppID=Usher", "-p", "Query=Object=Twice", "-o", "Password"}, "", "APPAP228E "},
		{"bad query", []string{"GetPassword", "-p", "AppDescs.AppID=Usher", "-p", "Query=x", "-o", "Password"}, "", "AIMWS030E "},
		{"other application", []string{"GetPassword", "-p", "AppDescs.AppID=x", "-p", query, "-o", "Password"}, "", "APPAP008E "},
		{"no application", []string{"GetPassword", "-p", query, "-o", "Password"}, "", "APPAP085E "},
		{"no such property", []string{"GetPassword", "-p", "AppDescs.AppID=Usher", "-p", query, "-o", "PassProps.x"}, "", "APPAP097E "},
		{"no such command", []string{"SetPassword"}, "", "APPAP085E "},
		{"no such option", []string{"GetPassword", "-x", "y"}, "", "APPAP085E "},
		{"no value", []string{"GetPassword", "-p"}, "", "APPAP085E "},
	} {
		var out bytes.Buffer
		err := run(tt.args, &out)
		if out.String() != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
			t.Errorf("%s: %q, %v", tt.name, out.String(), err)
		}
	}
}

func TestFaultIsGiven(t *testing.T) {
	file := filepath.Join(t.TempDir(), "accounts.json")
	t.Setenv("USHER_SANDBOX_CYBERARK", file)
	args := []string{"GetPassword", "-p", "AppDescs.AppID=Usher", "-p", "Query=Object=Graph", "-o", "Password"}
	for content, want := range map[string]string{
		`{"fault":"APPAP007E","delay":"1ms"}`: "APPAP007E Connection to the Vault has failed",
		`{"delay":"soon"}`:                    "soon",
		`{`:                                   "accounts.json",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(args, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", content, err)
		}
	}
}
