package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/secret/rsafile"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
)

// given runs usher with a text as standard input.
func given(t *testing.T, input io.Reader, arguments ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	p := &program{args: arguments, stdin: input, stdout: &out, stderr: &err}
	code = p.run(t.Context())
	return code, out.String(), err.String()
}

// sealing makes a folder with a certificate and settings in clear.
func sealing(t *testing.T) (folder, key, plain string) {
	t.Helper()
	folder = t.TempDir()
	key, plain = filepath.Join(folder, "key.pem"), filepath.Join(folder, "appsettings.agent.json")
	if code, _, stderr := invoke(t, "secrets", "new-certificate", key); code != exitDone {
		t.Fatal(stderr)
	}
	for file, text := range map[string]string{
		plain: `{"Connections": {"Contoso": {"ApplicationKey": "c4nary", "Csv": {"Delimiter": ";"}}}}`,
		filepath.Join(folder, "appsettings.json"): `{"EncryptionCertificate": {"File": "key.pem"}}`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder, key, plain
}

// A value is encrypted from standard input, without the line break at its end.
func TestEncryptValue(t *testing.T) {
	folder, key, _ := sealing(t)
	identity, err := certificate.Load(key, "")
	if err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string]string{"c4nary": "c4nary", "c4nary\n": "c4nary", "c4nary\r\n": "c4nary", "two\nlines\n\n": "two\nlines\n"} {
		code, stdout, stderr := given(t, strings.NewReader(input), "secrets", "encrypt-value", "--settings", folder)
		text, err := rsafile.Open(strings.TrimSpace(stdout), identity)
		if code != exitDone || err != nil || text.Reveal() != want {
			t.Errorf("%q: exit code %d, %v, %q, %s", input, code, err, text.Reveal(), stderr)
		}
	}
	for name, input := range map[string]string{"nothing": "", "a line break": "\n"} {
		if code, _, stderr := given(t, strings.NewReader(input), "secrets", "encrypt-value", "--settings", folder); code != exitUsage {
			t.Errorf("%s: exit code %d, %s", name, code, stderr)
		}
	}
}

// A secret that is given as an argument is refused and not repeated.
func TestEncryptValueTakesNoArgument(t *testing.T) {
	code, stdout, stderr := invoke(t, "secrets", "encrypt-value", "c4nary", "--json")
	if code != exitUsage || strings.Contains(stdout+stderr, "c4nary") || !strings.Contains(stdout, "standard input") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
}

// Waiting for a value can be cancelled.
func TestEncryptValueIsCancelled(t *testing.T) {
	folder, _, _ := sealing(t)
	silent, writer := io.Pipe()
	defer writer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, err bytes.Buffer
	p := &program{args: []string{"secrets", "encrypt-value", "--settings", folder}, stdin: silent, stdout: &out, stderr: &err}
	if code := p.run(ctx); code != exitCancelled || out.Len() > 0 {
		t.Errorf("exit code %d, %s%s", code, &out, &err)
	}
}

// A file is encrypted beside itself, by the certificate of the settings in its folder; what
// is there is not overwritten.
func TestEncryptFile(t *testing.T) {
	folder, _, plain := sealing(t)
	sealed := filepath.Join(folder, "appsettings.encrypted.agent.json")
	if code, _, stderr := invoke(t, "secrets", "encrypt", plain); code != exitDone {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	text, err := os.ReadFile(sealed)
	if err != nil {
		t.Fatal(err)
	}
	var tree struct {
		Connections struct {
			Contoso struct {
				ApplicationKey string
				Csv            struct{ Delimiter string }
			}
		}
	}
	if err := json.Unmarshal(text, &tree); err != nil || !rsafile.IsSealed(tree.Connections.Contoso.ApplicationKey) || !rsafile.IsSealed(tree.Connections.Contoso.Csv.Delimiter) {
		t.Errorf("%v\n%s", err, text)
	}
	if code, _, stderr := invoke(t, "secrets", "encrypt", plain); code != exitFailed || !strings.Contains(stderr, "--replace") {
		t.Errorf("a second time: exit code %d, %s", code, stderr)
	}
	if code, _, stderr := invoke(t, "secrets", "encrypt", plain, "--replace"); code != exitDone {
		t.Errorf("replacing: exit code %d, %s", code, stderr)
	}
	if code, _, stderr := invoke(t, "secrets", "encrypt", sealed); code != exitUsage || !strings.Contains(stderr, "--out") {
		t.Errorf("an encrypted one: exit code %d, %s", code, stderr)
	}
}

// A private key is never overwritten.
func TestNewCertificateKeepsFiles(t *testing.T) {
	_, key, _ := sealing(t)
	before, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := invoke(t, "secrets", "new-certificate", key); code != exitFailed || !strings.Contains(stderr, "exists already") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if after, err := os.ReadFile(key); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key has changed, %v", err)
	}
}

// What an admin copies from a hint ends without a full stop.
func TestSentence(t *testing.T) {
	for text, want := range map[string]string{
		"Run: chmod 600 /x/appsettings.agent.json": "Run: chmod 600 /x/appsettings.agent.json",
		"Encrypt it with: usher secrets encrypt x": "Encrypt it with: usher secrets encrypt x",
		"Check the network":                        "Check the network.",
		"Is it on?":                                "Is it on?",
	} {
		if got := sentence(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
