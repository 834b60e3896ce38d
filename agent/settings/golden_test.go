package settings

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/cyberark"
	"github.com/usher-iga/usher/agent/secret/rsafile"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk"
)

var update = flag.Bool("update", false, "write the outcome of the golden tests into testdata")

// specs are the keys of the connector that the golden tests resolve connections against.
var specs = []sdk.Setting{
	{Name: "TenantId", Kind: sdk.GUID, Required: true, Help: "The directory's id"},
	{Name: "ApplicationKey", Secret: true, Required: true},
	{Name: "Root", Kind: sdk.URL, Default: "https://graph.example/v1.0/"},
	{Name: "Certificate", Kind: sdk.File},
	{Name: "Pin", Kind: sdk.GUID, Secret: true},
	{Name: "Verbose", Kind: sdk.Bool, Default: "false"},
	{Name: "Cloud", Kind: sdk.Choice, Choices: []string{"Global", "China"}, Default: "Global"},
}

// A golden file is a series of "-- name --" lines, each followed by a text: the files to read, the
// variables in "environ", the secrets in "vault", the accounts of CyberArk in "accounts", and the
// outcome in "problems", or in "warnings", "settings" and "entries" and the "names" that the vault
// was asked for.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			comment, sections := splitArchive(string(data))
			inputs, want := divide(sections)
			got := outcome(t, inputs, "\n")
			if *update {
				if err := os.WriteFile(file, []byte(comment+joinArchive(append(inputs, got...))), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got, want := joinArchive(got), joinArchive(want); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if got, want := joinArchive(outcome(t, inputs, "\r\n")), joinArchive(want); got != want {
				t.Errorf("with CRLF, got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

type archived struct{ name, text string }

func splitArchive(all string) (comment string, sections []archived) {
	for _, line := range strings.SplitAfter(all, "\n") {
		name, isName := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "-- ")
		name, ends := strings.CutSuffix(name, " --")
		switch {
		case isName && ends:
			sections = append(sections, archived{name: name})
		case len(sections) > 0:
			sections[len(sections)-1].text += line
		default:
			comment += line
		}
	}
	return comment, sections
}

func joinArchive(sections []archived) string {
	var b strings.Builder
	for _, s := range sections {
		fmt.Fprintf(&b, "-- %s --\n%s", s.name, s.text)
	}
	return b.String()
}

// divide tells what goes in from what is to come out.
func divide(sections []archived) (inputs, want []archived) {
	for _, s := range sections {
		if slices.Contains([]string{"problems", "warnings", "settings", "entries", "names"}, s.name) {
			want = append(want, s)
		} else {
			inputs = append(inputs, s)
		}
	}
	return inputs, want
}

// outcome loads the input files with the given line ends and describes what comes of it.
func outcome(t *testing.T, inputs []archived, lineEnd string) []archived {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: dir, ProgramDir: filepath.Join(dir, "bin"), Describe: describeSpecs}
	vault := &fakeVault{}
	accounts := fakeAccounts{}
	for _, input := range inputs {
		lines := strings.Split(strings.TrimSpace(input.text), "\n")
		switch input.name {
		case "environ":
			o.Environ = lines
		case "vault":
			vault.values = pairs(lines)
		case "accounts":
			for object, fields := range pairs(lines) {
				parts := strings.Split(fields, "|")
				accounts[object] = cyberark.Account{Username: parts[0], Content: secret.New(parts[1]), Address: parts[2]}
			}
		default:
			writeInput(t, filepath.Join(dir, input.name), input.text, lineEnd)
		}
	}
	loader := NewLoader(o)
	loader.keyVault.Open = vault.open
	loader.cyberArk.Open = accounts.open
	t.Cleanup(loader.Close)
	// Whatever the machine, the folder reads DIR; quoted paths of Windows have double backslashes.
	slash := func(path string) string { return strings.ReplaceAll(strings.ReplaceAll(path, `\\`, `\`), `\`, "/") }
	folders := strings.NewReplacer(slash(dir), "DIR", slash(filepath.Dir(dir)), "DIR/..")
	tidy := func(text string) string { return folders.Replace(slash(text)) }
	s, err := loader.Load(t.Context())
	if err != nil {
		return []archived{{"problems", tidy(describeProblems(t, problemsOf(t, err)))}}
	}
	var problems Problems
	var all strings.Builder
	for _, c := range s.Connections {
		all.WriteString(describe(c))
		if c.ID == "SAP" || c.Connector == "other" {
			continue // another product's, or of a connector that is not there
		}
		problems = append(problems, problemsOf(t, c.CheckMapping())...)
		plain, secrets, err := c.Resolve(specs)
		problems = append(problems, problemsOf(t, err)...)
		for _, name := range slices.Sorted(maps.Keys(plain)) {
			fmt.Fprintf(&all, "  %s = %s\n", name, plain[name])
		}
		for _, name := range slices.Sorted(maps.Keys(secrets)) {
			fmt.Fprintf(&all, "  %s = secret of %d bytes\n", name, len(secrets[name].Reveal()))
		}
	}
	fmt.Fprintf(&all, "connectors: %s, %v, start %v, idle %v\n",
		s.Connectors.Folder, s.Connectors.Checksums, s.Connectors.StartTimeout, s.Connectors.IdleTimeout)
	fmt.Fprintf(&all, "proxy: %q user %q password of %d bytes past %q\n", s.Proxy.Address, s.Proxy.Username, len(s.Proxy.Password.Reveal()), s.Proxy.Bypass)
	fmt.Fprintf(&all, "temp %s, work %s, certificates %q\n", s.TempFolder, s.WorkFolder, s.TrustedCertificates)
	for _, set := range s.Passwords.Sets {
		all.WriteString(describeSet(set))
	}
	if m := s.Passwords.Mail; m.Given {
		fmt.Fprintf(&all, "mail from %s by %s:%d as %s, password of %d bytes, %q, in %q, symbols %q\n", m.FromAddress, m.Host, m.Port, m.Username,
			len(m.Password.Reveal()), m.PickupDirectory, tree.Texts(s.Passwords.Cultures), s.Passwords.AllowedSymbolChars)
	}
	for _, source := range s.Sources() {
		fmt.Fprintf(&all, "source %s %s: %s (%s)\n", source.Kind, source.Address, source.Message, source.Origin)
	}
	if len(problems) > 0 {
		return []archived{{"problems", tidy(describeProblems(t, problems))}}
	}
	var warnings, entries strings.Builder
	for _, w := range s.Warnings {
		fmt.Fprintf(&warnings, "%s\n", w)
		if w.Hint != "" {
			fmt.Fprintf(&warnings, "  > %s\n", w.Hint)
		}
	}
	for _, e := range s.Entries(map[string][]sdk.Setting{"entra-export": specs}) {
		fmt.Fprintf(&entries, "%s = %q (%s)\n", e.Path, e.Value, e.Origin)
	}
	if strings.Contains(entries.String(), "s3cr3t") {
		t.Errorf("a secret stands in: %s", &entries)
	}
	got := []archived{
		{"warnings", tidy(warnings.String())}, {"settings", tidy(all.String())}, {"entries", tidy(entries.String())},
	}
	if vault.asked != nil {
		got = append(got, archived{"names", strings.Join(vault.asked, "\n") + "\n"})
	}
	return got
}

// writeInput writes an input file. Of files whose names say so it encrypts the values, except those
// that begin with "clear:".
func writeInput(t *testing.T, name, text, lineEnd string) {
	t.Helper()
	if strings.HasPrefix(filepath.Base(name), "appsettings.encrypted") {
		asItIs := func(value string) (secret.String, error) { return secret.New(value), nil }
		sealed, err := RotateFile(name, []byte(text), asItIs, func(text string) (string, error) {
			if rest, ok := strings.CutPrefix(text, "clear:"); ok {
				return rest, nil
			}
			return rsafile.Seal(text, certificates(t).one.Certificate())
		})
		if err != nil {
			t.Fatal(err)
		}
		text = string(sealed)
	}
	text = strings.ReplaceAll(text, "SEALED", certificates(t).sealed)
	text = strings.ReplaceAll(text, "PRIVATE KEY\n", certificates(t).onePEM)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(text, "\n", lineEnd)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// pairs reads lines of the form name=value.
func pairs(lines []string) map[string]string {
	all := map[string]string{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		all[name] = value
	}
	return all
}

func describe(c *Connection) string {
	var b strings.Builder
	fmt.Fprintf(&b, "connection %s of %s at %s\n  csv %q %q %s, ignore cookies %v\n  entities %q, navigations %q\n",
		c.ID, c.Connector, c.Origin, c.CSV.Delimiter, c.CSV.ValueSeparator, c.CSV.TypeName, c.IgnoreCookieFile,
		c.Mapping.Entities, c.Mapping.Navigations)
	f := c.Fulfillment
	if f.Connector != defaultFulfillConnector {
		fmt.Fprintf(&b, "  orders by %s from %s, kept %v, limits %v, mapped in %q\n", f.Connector, f.OrdersFolder, f.Retention, f.Limits, tree.Texts(f.MappingFiles))
	}
	for _, set := range f.PasswordSets {
		fmt.Fprintf(&b, "  %s", describeSet(set))
	}
	for _, p := range c.Mapping.Properties {
		fmt.Fprintf(&b, "  column %s", p.Column)
		if p.PrimaryKey {
			b.WriteString(" (key)")
		}
		if len(p.Entities) > 0 {
			fmt.Fprintf(&b, " only %q", p.Entities)
		}
		fmt.Fprintf(&b, " at %s\n", p.Origin)
	}
	return b.String()
}

func describeSet(s PasswordSet) string {
	text := fmt.Sprintf("set %s at %s: ", s.Identifier, s.Origin)
	s.Origin = Origin{}
	return text + fmt.Sprintf("%+v\n", s)
}

// problemsOf returns the problems of an error of this package.
func problemsOf(t *testing.T, err error) Problems {
	t.Helper()
	problems, ok := errors.AsType[Problems](err)
	if err != nil && (!ok || len(problems) == 0) {
		t.Fatalf("not Problems: %T %v", err, err)
	}
	return problems
}

// describeProblems writes each problem with its hint. No secret may stand there: all of the golden
// files have one word in common.
func describeProblems(t *testing.T, problems Problems) string {
	t.Helper()
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s\n", p)
		if p.Hint != "" {
			fmt.Fprintf(&b, "  > %s\n", p.Hint)
		}
	}
	if strings.Contains(b.String(), "s3cr3t") {
		t.Errorf("a secret stands in: %s", &b)
	}
	return b.String()
}
