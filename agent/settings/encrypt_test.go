package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/rsafile"
	"github.com/usher-iga/usher/agent/settings/layer"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestEncryptFile(t *testing.T) {
	sealed := certificates(t).sealed
	const name = "appsettings.agent.json"
	given := `{ // a comment with s3cr3t
	"$schema": "x", "Empty": {}, "None": null, "Text": "a\"b", "Number": 0, "True": true, "List": ["a", [1, null,], {}], "Blank": "",
	"Sealed": "` + sealed + `", }`
	want := `{
  "$schema": "x",
  "Empty": {},
  "None": null,
  "Text": "<a\"b>",
  "Number": "<0>",
  "True": "<true>",
  "List": [
    "<a>",
    [
      "<1>",
      null
    ],
    {}
  ],
  "Blank": "<>",
  "Sealed": "` + sealed + `"
}
`
	got, err := EncryptFile(name, []byte(given), func(text string) (string, error) { return "<" + text + ">", nil })
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	for _, tc := range []struct{ given, want string }{
		{"{\"a\": 1,\n\"A\": 2}", name + ":2: the key \"A\" stands twice in one object, first in line 1"},
		{"{", name + ":1:2: the file ends too early"},
		{"\xff\xfe", name + ":1: the file is saved as UTF-16"},
		{"{\"a\": {\"b\": [0,\n1]}}", name + ":1: a.b.0: no\n" + name + ":2: a.b.1: no"},
	} {
		got, err := EncryptFile(name, []byte(tc.given), func(string) (string, error) { return "", fault.Errorf(fault.Invalid, "no") })
		if got != nil || err == nil || err.Error() != tc.want {
			t.Errorf("%q: %s, %v", tc.given, got, err)
		}
	}
}

// What was encrypted for one certificate opens with the other after rotation, and not before.
func TestRotateFile(t *testing.T) {
	c := certificates(t)
	sealOne := func(text string) (string, error) { return rsafile.Seal(text, c.one.Certificate()) }
	sealTwo := func(text string) (string, error) { return rsafile.Seal(text, c.two.Certificate()) }
	openOne := func(value string) (secret.String, error) { return rsafile.Open(value, c.one) }
	openTwo := func(value string) (secret.String, error) { return rsafile.Open(value, c.two) }
	plain := `{"Connections": {"Contoso": {"ApplicationKey": "s3cr3t", "Pins": [1, true]}}}`
	first, err := EncryptFile("f", []byte(plain), sealOne)
	if err != nil {
		t.Fatal(err)
	}
	second, err := RotateFile("f", first, openOne, sealTwo)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := RotateFile("f", second, openTwo, func(text string) (string, error) { return text, nil })
	want := "{\n  \"Connections\": {\n    \"Contoso\": {\n      \"ApplicationKey\": \"s3cr3t\",\n      \"Pins\": [\n        \"1\",\n        \"true\"\n      ]\n    }\n  }\n}\n"
	if err != nil || string(opened) != want {
		t.Errorf("got %s, %v", opened, err)
	}
	_, err = RotateFile("f", first, openTwo, sealTwo)
	if problems := problemsOf(t, err); len(problems) != 3 || !strings.HasPrefix(problems[0].Message, "f:4: Connections.Contoso.ApplicationKey: ") {
		t.Errorf("got %v", err)
	}
}

// What is needed to open encrypted values is not encrypted itself.
func TestEncryptFileWithItsCertificate(t *testing.T) {
	seal := func(string) (string, error) { return "sealed", nil }
	given := "{\"Proxy\": \"x\",\n\"encryptionCertificate\": {\"Thumbprint\": \"\",\n\"File\": \"usher.pem\", \"Password\": \"p\"}}"
	_, err := EncryptFile("appsettings.json", []byte(given), seal)
	problems := problemsOf(t, err)
	if len(problems) != 1 || !strings.HasPrefix(problems[0].Message, "appsettings.json:3: EncryptionCertificate.File cannot be encrypted") || !strings.Contains(problems[0].Hint, "appsettings.agent.json") {
		t.Errorf("got %v", err)
	}
	if _, err := EncryptFile("appsettings.json", []byte(`{"EncryptionCertificate": {"File": null, "Password": ""}}`), seal); err != nil {
		t.Errorf("without values: %v", err)
	}
}

// A value for another certificate is told with both, once for the file.
func TestWrongCertificate(t *testing.T) {
	c := certificates(t)
	content, err := EncryptFile("f", []byte(`{"Connections": {"A": {"x": "s3cr3t", "y": "s3cr3t"}}}`), func(text string) (string, error) {
		return rsafile.Seal(text, c.two.Certificate())
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := write(t, "appsettings.json", `{"EncryptionCertificate": {"File": "usher.pem"}}`, "usher.pem", c.onePEM, encryptedAgentFile, string(content))
	_, err = load(t, Options{Dir: dir})
	problems := problemsOf(t, err)
	start := filepath.Join(dir, encryptedAgentFile) + ":4: Connections.A.x and 1 more of this file: the value was encrypted for"
	if len(problems) != 1 || !strings.HasPrefix(problems[0].Message, start) || !strings.Contains(problems[0].Message, "Two") || !strings.Contains(problems[0].Message, "One") {
		t.Errorf("got %v", err)
	}
}

// In the reference product a password that has an at sign in it is written with one before it.
func TestEscapedPassword(t *testing.T) {
	one := certificates(t).one
	pfx, err := pkcs12.Modern.Encode(one.Key, one.Certificate(), nil, "p@ssword")
	if err != nil {
		t.Fatal(err)
	}
	for password, ok := range map[string]bool{"p@ssword": true, "@p@ssword": true, "password": false, "@password": false} {
		dir := write(t, "appsettings.agent.json", minimal, "usher.pfx", string(pfx),
			"appsettings.json", `{"EncryptionCertificate": {"File": "usher.pfx", "Password": "`+password+`"}}`)
		s, err := load(t, Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.EncryptionCertificate(); (err == nil) != ok {
			t.Errorf("%s: %v", password, err)
		}
	}
}

// FuzzEncrypted reads anything as an encrypted file: each value is opened or reported with a line
// of the file, and nothing of it is shown.
func FuzzEncrypted(f *testing.F) {
	seed(f, ".json", `{"a": "s3cr3t"}`, `{"a": "kxABAs3cr3t"}`, `{"a": "a.b.c.d.e"}`, `{"a": [null, 1, {"b": ""}]}`)
	dir := f.TempDir()
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "usher.pem"), []byte(makeCertificates().onePEM), 0o600),
		os.WriteFile(filepath.Join(dir, "appsettings.json"), []byte(`{}`), 0o600),
	); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"a": "` + makeCertificates().sealed + `"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newReading(Options{Dir: dir}, nil)
		file := tree.NewFile("f", "f", data, &r.Report)
		if file == nil {
			return
		}
		root := tree.ReadJSON(file, &r.Report)
		if root == nil {
			return
		}
		before := r.Len()
		values := 0
		for path := range root.Scalars() {
			if !slices.Equal(path, []string{layer.SchemaKey}) {
				values++
			}
		}
		section := r.section(&tree.Node{Shape: tree.Object})
		section.Node.Set([]string{layer.EncryptionSection, "File"}, secret.New("usher.pem"), Origin{}, &r.Report)
		state := layer.ReadEncryption(section).Files(root)
		if before == 0 && r.Len() == 0 && !strings.HasPrefix(state.Message, fmt.Sprintf("%d encrypted value", values)) {
			t.Fatalf("%d values, %s", values, state.Message)
		}
		if strings.Contains(fmt.Sprint(r.Err()), "s3cr3t") && before == 0 {
			t.Fatal(r.Err())
		}
	})
}
