package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// minimal is an appsettings.agent.json with one connection.
const minimal = `{"Connections": {"Contoso": {"EntityTypeMapping": {"Properties": [{"ConnectionColumn": "id", "IsPrimaryKey": true}]}}}}`

// write makes a folder of files, given as name and text in turn.
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load loads settings once.
func load(t *testing.T, o Options) (*Settings, error) {
	t.Helper()
	l := NewLoader(o)
	t.Cleanup(l.Close)
	return l.Load(t.Context())
}

func TestFolder(t *testing.T) {
	empty := t.TempDir()
	file := filepath.Join(write(t, "x", ""), "x")
	for _, tc := range []struct{ name, dir, want string }{
		{"missing folder", filepath.Join(empty, "no"), "there is no settings folder " + filepath.Join(empty, "no")},
		{"a file", file, "the settings folder " + file + " is a file"},
		{"no agent file", empty, "there is no appsettings.agent.json in " + empty},
	} {
		_, err := load(t, Options{Dir: tc.dir})
		problems := problemsOf(t, err)
		if len(problems) != 1 || problems[0].Message != tc.want || problems[0].Hint == "" || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
}

func TestEncoding(t *testing.T) {
	utf16 := "\xff\xfe"
	for _, r := range minimal {
		utf16 += string([]byte{byte(r), 0})
	}
	for _, tc := range []struct{ name, text, want string }{
		{"byte order mark", "\ufeff" + minimal, ""},
		{"UTF-16", utf16, "appsettings.agent.json:1: the file is saved as UTF-16"},
		{"UTF-16 without mark", utf16[2:], "appsettings.agent.json:1: the file is saved as UTF-16"},
		{"Latin 1", "{\n// M\xfcnchen\n}", "appsettings.agent.json:2: the file is not UTF-8 from here on"},
		{"huge", strings.Repeat(" ", 16<<20+1), "appsettings.agent.json:1: the file is larger than 16 MiB"},
		{"deep", strings.Repeat(`{"a":`, 100), "appsettings.agent.json:1: more than 64 levels of braces and brackets"},
	} {
		dir := write(t, "appsettings.agent.json", tc.text)
		_, err := load(t, Options{Dir: dir})
		switch problems := problemsOf(t, err); {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.want != "" && (len(problems) != 1 || problems[0].Message != dir+string(filepath.Separator)+tc.want):
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
}

func TestEnvironmentFiles(t *testing.T) {
	dir := write(t, "appsettings.agent.json", minimal,
		"appsettings.Test.json", `{"TempFolderPath": "t"}`, "appsettings.Production.json", `{"TempFolderPath": "p"}`)
	for _, tc := range []struct{ given, variable, want string }{
		{"", "", "p"},
		{"", "Test", "t"},
		{"Production", "Test", "p"},
	} {
		s, err := load(t, Options{Dir: dir, Environment: tc.given, Environ: []string{"aspnetcore_environment=" + tc.variable}})
		if err != nil || s.TempFolder != filepath.Join(dir, tc.want) {
			t.Errorf("%+v: got %v, %v", tc, s, err)
		}
	}
	if _, err := load(t, Options{Dir: dir, Environment: "../x"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a path as environment: %v", err)
	}
}

func TestUnreadable(t *testing.T) {
	dir := write(t, "appsettings.agent.json", minimal)
	if err := os.Mkdir(filepath.Join(dir, "appsettings.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := load(t, Options{Dir: dir})
	if !fault.Is(err, fault.Storage) || !strings.HasPrefix(err.Error(), filepath.Join(dir, "appsettings.json")+": cannot read the file: ") {
		t.Errorf("got %v", err)
	}
}

func TestConnectionLookup(t *testing.T) {
	s, err := load(t, Options{Dir: write(t, "appsettings.agent.json", minimal)})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Connection("CONTOSO"); err != nil || c.ID != "Contoso" {
		t.Errorf("got %v, %v", c, err)
	}
	_, err = s.Connection("Contosso")
	if e := fault.Of(err); e == nil || e.Code != fault.Invalid || e.Hint != "The connections are: Contoso" ||
		!strings.HasSuffix(e.Message, "did you mean Contoso?") {
		t.Errorf("got %v", err)
	}
	if _, err := (&Settings{}).Connection("x"); !fault.Is(err, fault.Invalid) {
		t.Errorf("without connections: %v", err)
	}
}

func TestLocate(t *testing.T) {
	text := strings.Replace(minimal, `"EntityType`, "\n\"TenantId\": 7,\n"+`"EntityType`, 1)
	dir := write(t, "appsettings.agent.json", text)
	s, err := load(t, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]Origin{
		"tenantID": {Layer: "appsettings.agent.json", File: filepath.Join(dir, "appsettings.agent.json"), Line: 2, Column: 1},
		"Absent":   {Layer: "appsettings.agent.json", File: filepath.Join(dir, "appsettings.agent.json"), Line: 1, Column: 18},
	} {
		if got := s.Connections[0].Locate(key); got != want {
			t.Errorf("%s: got %+v, want %+v", key, got, want)
		}
	}
}

func TestProxyURL(t *testing.T) {
	for address, want := range map[string]string{
		"":                          "",
		"proxy:3128":                "http://proxy:3128",
		"https://u:p%40ss@proxy:1/": "https://u:p%40ss@proxy:1",
	} {
		dir := write(t, "appsettings.agent.json", minimal, "appsettings.json", `{"Proxy": "`+address+`"}`)
		s, err := load(t, Options{Dir: dir, Environ: []string{"HTTPS_PROXY=http://other"}})
		if err != nil || s.Proxy.URL().Reveal() != want {
			t.Errorf("%q: got %v, %v", address, s, err)
		}
	}
	for _, address := range []string{"http://u:s3cr3t#x@proxy:3128", "socks5://u:s3cr3t@proxy", "http://u:s3cr3t@proxy/path", "u:s3cr3t %zz@proxy", "http://:s3cr3t"} {
		dir := write(t, "appsettings.agent.json", minimal, "appsettings.json", `{"Proxy": "`+address+`"}`)
		_, err := load(t, Options{Dir: dir})
		describeProblems(t, problemsOf(t, err))
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is taken", address)
		}
	}
}

func TestIDLength(t *testing.T) {
	for length, ok := range map[int]bool{maxConnectionID: true, maxConnectionID + 1: false} {
		dir := write(t, "appsettings.agent.json", strings.Replace(minimal, "Contoso", strings.Repeat("é", length), 1))
		if _, err := load(t, Options{Dir: dir}); (err == nil) != ok {
			t.Errorf("%d characters: %v", length, err)
		}
	}
}
