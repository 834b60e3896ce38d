package job

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/rsafile"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock/clocktest"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const newcomer = `{"id": "1", "operation": "create", "entity": "user", "password": {},
	"attributes": {"userPrincipalName": "ann@contoso.com", "mail": "ann@home.example"}}`

// ownCertificate is one certificate with its key for all tests: making one takes a while.
var ownCertificate = sync.OnceValues(func() ([]byte, error) {
	text, _, err := rsafile.NewCertificate("usher", 30, clocktest.At(time.Now()))
	return text, err
})

// loaded are settings with a certificate and what is beside it at the root.
func loaded(t *testing.T, root string) *settings.Settings {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "Runtime")
	certificate, err := ownCertificate()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"usher.pem":              string(certificate),
		"appsettings.agent.json": `{"EncryptionCertificate": {"File": "usher.pem"}, ` + root + `, "Connections": {"Contoso": {}}}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	loader := settings.NewLoader(settings.Options{
		Dir: folder, ProgramDir: folder,
		Describe: func(context.Context, settings.Connectors, string) ([]sdk.Setting, error) { return nil, nil },
	})
	t.Cleanup(loader.Close)
	s, err := loader.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// passwordRoot are settings that send generated passwords to the mail of the account.
const passwordRoot = `"PasswordResetSettings": {
	"Sets": {"default": {"AutoGenerate": true, "Mode": 1, "GeneratedLength": 30, "NotifiedEmailBinding": "mail"}},
	"MailSettings": {"FromAddress": "no-reply@contoso.com", "UseSpecifiedPickupDirectory": true, "PickupDirectory": "../Mails"},
	"NotificationSettings": {"Cultures": ["fr-FR"]}}`

// withPasswords is newFulfillment with such settings.
func withPasswords(t *testing.T, connector *fakeFulfiller, s *settings.Settings) *fulfillment {
	t.Helper()
	f := newFulfillment(t, connector, settings.OrderLimits{})
	t.Cleanup(func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
	f.runner.Settings = s
	s.Connections = []*settings.Connection{f.connection}
	var err error
	if f.keeper, err = f.runner.passwordKeeper(f.connection); err != nil || f.keeper == nil {
		t.Fatal(err)
	}
	if f.decode, err = f.decoder(); err != nil {
		t.Fatal(err)
	}
	return f
}

// hasMail checks that one mail was sent, and to whom.
func hasMail(t *testing.T, s *settings.Settings, to string) {
	t.Helper()
	mails, err := filepath.Glob(filepath.Join(s.Passwords.Mail.PickupDirectory, "*.eml"))
	if err != nil || len(mails) != 1 {
		t.Fatalf("the mails are %v, %v", mails, err)
	}
	if text, err := os.ReadFile(mails[0]); err != nil || !strings.Contains(string(text), to) {
		t.Errorf("the mail is %s, %v", text, err)
	}
}

// An order with a password is made one by the settings, and it is sent by mail.
func TestPasswordsOfSettings(t *testing.T) {
	s := loaded(t, passwordRoot)
	password := ""
	connector := &fakeFulfiller{do: func(o sdk.Order) sdk.Outcome {
		password = o.Secrets["passwordProfile/password"]
		return sdk.Outcome{ObjectID: "ann"}
	}}
	f := withPasswords(t, connector, s)
	if err := f.open(t.Context(), patience); err != nil {
		t.Fatal(err)
	}
	done, err := f.fulfill(t.Context(), []string{ordersFile(t, filepath.Join(t.TempDir(), "orders.json"), newcomer)}, "hr", nil)
	if err != nil || done.Run.Executed != 1 || len(password) != 30 || len(done.Warnings) > 0 {
		t.Fatalf("%+v, %v, a password of %d characters", done, err, len(password))
	}
	hasMail(t, s, "ann@home.example")
}

// A password that could not be sent is sent when somebody asks for it, also to another address, once.
func TestNotify(t *testing.T) {
	for email, to := range map[string]string{"": "ann@home.example", "desk@contoso.com": "desk@contoso.com"} {
		s := loaded(t, passwordRoot)
		f := withPasswords(t, &fakeFulfiller{}, s)
		if err := f.open(t.Context(), patience); err != nil {
			t.Fatal(err)
		}
		folder := s.Passwords.Mail.PickupDirectory
		if err := os.WriteFile(folder, nil, 0o600); err != nil { // no mail can be put there
			t.Fatal(err)
		}
		done, err := f.fulfill(t.Context(), []string{ordersFile(t, filepath.Join(t.TempDir(), "orders.json"), newcomer)}, "hr", nil)
		if err != nil || done.Run.Executed != 1 || done.Run.Owed != 1 || len(done.Warnings) != 1 {
			t.Fatalf("%+v, %v", done, err)
		}
		if err := f.release(); err != nil {
			t.Fatal(err)
		}
		if err := f.runner.Notify(t.Context(), "contoso", "1", email, "bob"); err == nil {
			t.Error("it is sent")
		}
		if err := f.runner.Notify(t.Context(), "contoso", "1", "nobody", "bob"); !fault.Is(err, fault.Invalid) {
			t.Errorf("to no address: %v", err)
		}
		err = f.runner.WithOrders(t.Context(), "contoso", func(j *journal.Journal) error {
			_, r, err := j.Order("1")
			if r.Undelivered == nil || r.Undelivered.Message == "" {
				t.Errorf("the result is %+v", r)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if err := os.Remove(folder); err != nil {
			t.Fatal(err)
		}
		if err := f.runner.Notify(t.Context(), "contoso", "1", email, "bob"); err != nil {
			t.Error(err)
		}
		hasMail(t, s, to)
		if err := f.runner.Notify(t.Context(), "contoso", "1", email, "bob"); !fault.Is(err, fault.Conflict) {
			t.Errorf("again: %v", err)
		}
	}
}

// What is wrong with the settings of passwords is told with its place, before anything begins.
func TestBadPasswordSettings(t *testing.T) {
	for root, want := range map[string]string{
		`"PasswordResetSettings": {"Sets": {"x": {"AutoGenerate": true, "StrengthCheck": "("}}}`:                                                "StrengthCheck is no regular expression",
		`"PasswordResetSettings": {"MailSettings": {"FromAddress": "nobody", "Host": "mail.contoso.com"}}`:                                      "FromAddress",
		`"PasswordResetSettings": {"MailSettings": {"FromAddress": "a@b.example", "Host": "h", "SecureSocketOption": "Perhaps"}}`:               "SecureSocketOption",
		`"PasswordResetSettings": {"MailSettings": {"FromAddress": "a@b.example", "Host": "h"}, "NotificationSettings": {"Cultures": ["tlh"]}}`: "tlh",
	} {
		r := &Runner{Settings: loaded(t, root), Clock: new(clocktest.Still)}
		_, err := r.passwordKeeper(r.Settings.Connections[0])
		f := fault.Of(err)
		if f == nil || f.Code != fault.Invalid || !strings.Contains(f.Message, want) || f.Hint == "" {
			t.Errorf("%s:\n%v", root, err)
		} else if !strings.Contains(f.Message, "appsettings.agent.json:1") && want != "tlh" {
			t.Errorf("%s: without its place:\n%v", root, err)
		}
	}
}

// Without a certificate a file with passwords is refused, and others are not.
func TestPasswordsWithoutCertificate(t *testing.T) {
	f := opened(t, &fakeFulfiller{}, settings.OrderLimits{})
	keeper, err := f.runner.passwordKeeper(f.connection)
	if keeper != nil || err != nil {
		t.Fatalf("%v, %v", keeper, err)
	}
	folder := t.TempDir()
	done, err := f.fulfill(t.Context(), []string{
		ordersFile(t, filepath.Join(folder, "user.json"), newcomer), ordersFile(t, filepath.Join(folder, "group.json"), deletion("2")),
	}, "hr", nil)
	if err != nil || done.Files[1].Intake.Executed != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if text := errors.Unwrap(done.Files[0].Refused).Error(); !strings.Contains(text, "nothing says how to encrypt them") {
		t.Errorf("it says %s", text)
	}
}

// The engine's settings of passwords and mails have the values of the settings of the same names.
func TestConvertedSettings(t *testing.T) {
	set := settings.PasswordSet{
		Identifier: "s", AutoGenerate: true, DefaultPassword: secret.New("p"),
		GeneratedLength: 1, GeneratedLowerCaseCharsCount: 2, GeneratedUpperCaseCharsCount: 3, GeneratedDigitCharsCount: 4, GeneratedSymbolCharsCount: 5,
		StrengthCheck: ".", MustChange: true, Mode: 2, DisableNotifications: true, NotificationCC: "c",
		NotifiedEmailBinding: "e", NotifiedFullNameBinding: "f", BeneficiaryEmailBinding: "g", BeneficiaryFullNameBinding: "h",
	}
	mail := settings.Mail{
		Enabled: true, FromAddress: "a", Host: "h", Port: 1, SecureSocketOption: "o", EnableSsl: true, Username: "u", Password: secret.New("p"),
		UseDefaultCredentials: true, UseSpecifiedPickupDirectory: true, PickupDirectory: "d", AllowedDomains: "c", CatchAllAddress: "x", CatchAllCCAddress: "y",
	}
	for _, pair := range [][2]any{{set, passwordSettings(set)}, {mail, mailSettings(mail)}} {
		from, to := reflect.ValueOf(pair[0]), reflect.ValueOf(pair[1])
		for i := range to.NumField() {
			name := to.Type().Field(i).Name
			want := from.FieldByName(name).Convert(to.Field(i).Type())
			if !reflect.DeepEqual(to.Field(i).Interface(), want.Interface()) || want.IsZero() {
				t.Errorf("%s of %T is %v, want %v", name, pair[1], to.Field(i), want)
			}
		}
	}
}

// Who waits for a password is told.
func TestNotDelivered(t *testing.T) {
	if got := notDelivered(fulfill.Report{}); got != nil {
		t.Errorf("nothing is owed: %v", got)
	}
	got, err := json.Marshal(notDelivered(fulfill.Report{Owed: 2, OwedError: fault.Errorf(fault.Storage, "no host").WithHint("Correct Host")}))
	want := `[{"Message":"2 passwords could not be sent: no host","Hint":"Correct Host. They are kept encrypted, and sent by the next run"}]`
	if string(got) != want || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	if one := notDelivered(fulfill.Report{Owed: 1, OwedError: errors.New("no host")}); !strings.HasPrefix(one[0].Message, "1 password could") {
		t.Errorf("got %v", one)
	}
}
