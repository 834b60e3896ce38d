package trial_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/trial"
)

// fulfilling is a tenant that can be written, and an installation that carries out orders in it.
type fulfilling struct {
	sandbox      *trial.Sandbox
	installation *trial.Installation
	files        string // folder of the files of orders
}

// startFulfilling starts a tenant without a quota and an installation that makes passwords and puts
// mails into a folder.
func startFulfilling(t *testing.T) *fulfilling {
	t.Helper()
	f := &fulfilling{files: t.TempDir()}
	f.sandbox, f.installation = start(t, "--writes", "--write-quota", "0", "--domain", "contoso.com", "--users", "60", "--groups", "30", "--memberships", "120")
	f.installation.Complete = false
	mustSucceed(t, f.installation, "secrets", "new-certificate", filepath.Join(f.installation.Settings(), "usher.pem"))
	f.change(t, nil)
	return f
}

// change writes the settings, with changes of the connection's.
func (f *fulfilling) change(t *testing.T, change func(connection map[string]any)) {
	t.Helper()
	f.installation.Change = change
	f.installation.ChangeRoot = func(r map[string]any) {
		r["EncryptionCertificate"] = map[string]any{"File": "usher.pem"}
		r["PasswordResetSettings"] = map[string]any{
			"Sets": map[string]any{
				"default": map[string]any{"AutoGenerate": true, "MustChange": true, "Mode": 1, "NotifiedEmailBinding": "mail"},
				"silent":  map[string]any{"AutoGenerate": true, "GeneratedLength": 24},
			},
			"MailSettings": map[string]any{"FromAddress": "no-reply@contoso.com", "UseSpecifiedPickupDirectory": true, "PickupDirectory": "../Mails"},
		}
	}
	write(t, f.installation)
}

// mails are what was put into the folder of mails.
func (f *fulfilling) mails(t *testing.T) (all []string) {
	t.Helper()
	for _, path := range glob(t, filepath.Join(f.installation.Root, "Mails", "*.eml")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all
}

// The account and the password in a mail.
var (
	mailAccount  = regexp.MustCompile(`Sign-in name:\s+(\S+)`)
	mailPassword = regexp.MustCompile(`Password:\s+(\S+)`)
)

// readMail reads whose password is in a mail.
func readMail(t *testing.T, path string) (account, password string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	message, err := netmail.ReadMessage(file)
	if err != nil {
		t.Fatal(err)
	}
	_, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	part, err := multipart.NewReader(message.Body, parameters["boundary"]).NextPart()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(part) // which is decoded
	if err != nil {
		t.Fatal(err)
	}
	found := mailPassword.FindSubmatch(text)
	whose := mailAccount.FindSubmatch(text)
	if found == nil || whose == nil {
		t.Fatalf("the mail has no password:\n%s", text)
	}
	return string(whose[1]), string(found[1])
}

// file writes a file of orders.
func (f *fulfilling) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(f.files, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// orders writes a file of orders in Usher's own format.
func (f *fulfilling) orders(t *testing.T, name string, orders ...string) string {
	t.Helper()
	return f.file(t, name, `{"orders": [`+strings.Join(orders, ",\n")+`]}`)
}

// ordered is the result of one order as its file tells it.
type ordered struct {
	Order, Operation, State, Message, ObjectID, SystemCode, RequestID string
	Attempts                                                          int
	Unchanged                                                         bool
	Details                                                           map[string]string
}

// results reads the results beside a file of orders, by order.
func results(t *testing.T, file string) map[string]ordered {
	t.Helper()
	text, err := os.ReadFile(file + ".results.json")
	if err != nil {
		t.Fatal(err)
	}
	var read struct{ Results []ordered }
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	all := map[string]ordered{}
	for _, r := range read.Results {
		all[r.Order] = r
	}
	return all
}

// mustFulfill carries out a file, all of whose orders must be executed.
func (f *fulfilling) mustFulfill(t *testing.T, file string) map[string]ordered {
	t.Helper()
	result := usher(t, f.installation, "fulfill", trial.Connection, file)
	all := results(t, file)
	if result.Code != 0 {
		t.Fatalf("usher fulfill: exit code %d\n%s%s\n%+v", result.Code, result.Stdout, result.Stderr, all)
	}
	return all
}

// ends runs usher fulfill, and checks the exit code.
func (f *fulfilling) ends(t *testing.T, want int, arguments ...string) fulfilled {
	t.Helper()
	result := usher(t, f.installation, append(append([]string{"fulfill", trial.Connection}, arguments...), "--json")...)
	var read fulfilled
	if err := json.Unmarshal([]byte(result.Stdout), &read); err != nil || result.Code != want {
		t.Fatalf("usher fulfill %v: exit code %d, want %d, %v\n%s%s", arguments, result.Code, want, err, result.Stdout, result.Stderr)
	}
	return read
}

// fulfilled is what `usher fulfill --json` says.
type fulfilled struct {
	Files []struct {
		File, State, Reason                         string
		Intake, Orders, Executed, Errored, Canceled uint64
		Errors                                      []struct{ Code, Message, Hint string }
	}
	Run    struct{ Executed, Errored, Pending, Held, Unchanged uint64 }
	Errors []struct{ Code, Message, Hint string }
}

// messages are all errors of files in one text.
func (f fulfilled) messages() string {
	var b strings.Builder
	for _, file := range f.Files {
		for _, e := range file.Errors {
			fmt.Fprintf(&b, "%s | %s\n", e.Message, e.Hint)
		}
	}
	return b.String()
}

// tenant is a part of the tenant as it truly is: objects by id.
func (f *fulfilling) tenant(t *testing.T, entity string) map[string]trial.Object {
	t.Helper()
	all := map[string]trial.Object{}
	err := f.sandbox.Snapshot(t.Context(), entity, func(o trial.Object) error {
		all[o.ID] = o
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// find returns the one object of an entity whose property has a value.
func (f *fulfilling) find(t *testing.T, entity, property, value string) trial.Object {
	t.Helper()
	found := f.all(t, entity, property, value)
	if len(found) != 1 {
		t.Fatalf("there are %d %s objects with the %s %s", len(found), entity, property, value)
	}
	return found[0]
}

func (f *fulfilling) all(t *testing.T, entity, property, value string) (found []trial.Object) {
	t.Helper()
	for _, o := range f.tenant(t, entity) {
		if o.Properties[property] == value {
			found = append(found, o)
		}
	}
	return found
}

// applied is one write in the tenant's own journal.
type applied struct {
	Method, Path string
	Effects      []effect
}

// effect is one change that a write made.
type effect struct {
	What, Entity, ID, Navigation, Target string
	Properties                           map[string]any
}

// journal is all that was ever written.
func (f *fulfilling) journal(t *testing.T) (all []applied) {
	t.Helper()
	err := f.sandbox.Lines(t.Context(), "/journal", func(line json.RawMessage) error {
		var one applied
		all = append(all, one)
		return json.Unmarshal(line, &all[len(all)-1])
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// effects are the changes for which is holds.
func (f *fulfilling) effects(t *testing.T, is func(effect) bool) (all []effect) {
	t.Helper()
	for _, write := range f.journal(t) {
		for _, e := range write.Effects {
			if is(e) {
				all = append(all, e)
			}
		}
	}
	return all
}

// wroteNothing checks that something wrote nothing.
func (f *fulfilling) wroteNothing(t *testing.T, do func()) {
	t.Helper()
	before := len(f.journal(t))
	do()
	if after := f.journal(t); len(after) != before {
		t.Errorf("something was written: %+v", after[before:])
	}
}

// exists reports whether a file is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}
