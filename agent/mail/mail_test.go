package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

type fixedClock struct{}

func (fixedClock) Now() time.Time { return time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC) }

func (fixedClock) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

var message = Message{
	ID: "password-1", To: []Address{{"Bob Müller", "bob@contoso.com"}}, CC: []Address{{Email: "desk@contoso.com"}},
	Subject: "Nouveau compte : Ännchen", Text: "P@ss Wörd\n", HTML: "<p>P@ss Wörd</p>\n",
}

func pickup(t *testing.T) Settings {
	t.Helper()
	s := Defaults()
	s.FromAddress, s.UseSpecifiedPickupDirectory, s.PickupDirectory = "Usher <no-reply@contoso.com>", true, filepath.Join(t.TempDir(), "Mails")
	return s
}

func newSender(t *testing.T, s Settings, roots []byte) *Sender {
	t.Helper()
	sender, err := New(s, Options{Clock: fixedClock{}, TrustedCertificates: roots})
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

func TestPickupFolder(t *testing.T) {
	s := pickup(t)
	s.CatchAllCCAddress = "copy@contoso.com"
	sender := newSender(t, s, nil)
	for range 2 { // the second time replaces the file
		if err := sender.Send(t.Context(), message); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(s.PickupDirectory)
	if err != nil || len(entries) != 1 || entries[0].Name() != "password-1.eml" {
		t.Fatalf("got %v, %v", entries, err)
	}
	file, err := os.Open(filepath.Join(s.PickupDirectory, "password-1.eml"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	read, err := netmail.ReadMessage(file)
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"From": `"Usher" <no-reply@contoso.com>`, "Cc": "<desk@contoso.com>, <copy@contoso.com>", "Message-Id": "<password-1@contoso.com>",
		"To": "=?UTF-8?q?Bob_M=C3=BCller?= <bob@contoso.com>", "Date": "Tue, 01 Sep 2026 12:00:00 +0000", "Auto-Submitted": "auto-generated",
		"Subject": "=?UTF-8?q?Nouveau_compte_:_=C3=84nnchen?=",
	} {
		if got := read.Header.Get(header); !strings.EqualFold(got, want) {
			t.Errorf("%s: %s, want %s", header, got, want)
		}
	}
	body, err := io.ReadAll(read.Body)
	for _, want := range []string{"P@ss W=C3=B6rd", "<p>P@ss W=C3=B6rd</p>", "text/plain", "text/html"} {
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s is missing in %s, %v", want, body, err)
		}
	}
}

func TestPickupFolderThatCannotBe(t *testing.T) {
	s := pickup(t)
	s.PickupDirectory = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(s.PickupDirectory, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := newSender(t, s, nil).Send(t.Context(), message); !fault.Is(err, fault.Storage) {
		t.Error(err)
	}
}

func TestWhoGetsIt(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Settings)
		want   string // "to | cc", or the error
	}{
		"as it says": {func(*Settings) {}, "bob@contoso.com | desk@contoso.com"},
		"catch all": {func(s *Settings) {
			s.CatchAllAddress, s.AllowedDomains = "test@fabrikam.com", "elsewhere.com"
		}, "test@fabrikam.com | "},
		"allowed":     {func(s *Settings) { s.AllowedDomains = "fabrikam.com; @Contoso.com ;" }, "bob@contoso.com | desk@contoso.com"},
		"not allowed": {func(s *Settings) { s.AllowedDomains = "fabrikam.com" }, "mail to bob@contoso.com is not allowed"},
		"below only":  {func(s *Settings) { s.AllowedDomains = "so.com" }, "mail to bob@contoso.com is not allowed"},
		"off":         {func(s *Settings) { *s = Settings{} }, "no mail is sent: Enabled of MailSettings is false"},
	} {
		t.Run(name, func(t *testing.T) {
			s := pickup(t)
			folder := s.PickupDirectory
			tc.change(&s)
			err := newSender(t, s, nil).Send(t.Context(), message)
			got := "nothing"
			if file, openErr := os.Open(filepath.Join(folder, "password-1.eml")); openErr == nil {
				defer file.Close()
				read, err := netmail.ReadMessage(file)
				if err != nil {
					t.Fatal(err)
				}
				got = addresses(t, read, "To") + " | " + addresses(t, read, "Cc")
			}
			if err != nil {
				got = err.Error()
			}
			if !strings.HasPrefix(got, tc.want) || err != nil && !fault.Is(err, fault.Invalid) {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func addresses(t *testing.T, m *netmail.Message, header string) string {
	t.Helper()
	list, err := m.Header.AddressList(header)
	if err != nil && !errors.Is(err, netmail.ErrHeaderNotPresent) {
		t.Fatal(err)
	}
	var all []string
	for _, a := range list {
		all = append(all, a.Address)
	}
	return strings.Join(all, " ")
}

func TestCheckAddress(t *testing.T) {
	sender := newSender(t, pickup(t), nil)
	for address, ok := range map[string]bool{
		"bob@contoso.com": true, "bob+x@mail.contoso.com": true, "": false, "bob": false, "Bob <bob@contoso.com>": false,
		"bob@contoso.com, eve@contoso.com": false, "bob@contoso.com\r\nBcc: eve@contoso.com": false,
	} {
		if err := sender.Check(address); (err == nil) != ok || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// Who asks before anything is written is told that nothing would be sent.
func TestCheckWithoutMail(t *testing.T) {
	err := newSender(t, Settings{}, nil).Check("bob@contoso.com")
	if f := fault.Of(err); f == nil || f.Code != fault.Invalid || f.Setting != "Enabled" || f.Hint == "" {
		t.Errorf("%v", err)
	}
}

func TestSettings(t *testing.T) {
	good := Settings{Enabled: true, FromAddress: "a@contoso.com", Host: "mail.contoso.com"}
	for name, tc := range map[string]struct {
		change  func(*Settings)
		setting string
	}{
		"good":            {func(*Settings) {}, ""},
		"off":             {func(s *Settings) { *s = Settings{} }, ""},
		"from":            {func(s *Settings) { s.FromAddress = "" }, "FromAddress"},
		"from wrong":      {func(s *Settings) { s.FromAddress = "contoso" }, "FromAddress"},
		"host":            {func(s *Settings) { s.Host = "" }, "Host"},
		"port":            {func(s *Settings) { s.Port = 70000 }, "Port"},
		"security":        {func(s *Settings) { s.SecureSocketOption = "Tls" }, "SecureSocketOption"},
		"security case":   {func(s *Settings) { s.SecureSocketOption = "starttls" }, ""},
		"default account": {func(s *Settings) { s.UseDefaultCredentials = true }, "UseDefaultCredentials"},
		"user only":       {func(s *Settings) { s.Username = "u" }, "Username"},
		"password only":   {func(s *Settings) { s.Password = secret.New("s3cr3t") }, "Username"},
		"folder":          {func(s *Settings) { s.UseSpecifiedPickupDirectory = true }, "PickupDirectory"},
		"catch all":       {func(s *Settings) { s.CatchAllAddress = "x" }, "CatchAllAddress"},
		"catch all cc":    {func(s *Settings) { s.CatchAllCCAddress = "x" }, "CatchAllCCAddress"},
	} {
		s := good
		tc.change(&s)
		_, err := New(s, Options{Clock: fixedClock{}})
		f := fault.Of(err)
		switch {
		case err == nil && tc.setting == "":
		case f == nil || f.Code != fault.Invalid || f.Setting != tc.setting || f.Hint == "":
			t.Errorf("%s: %v", name, err)
		case strings.Contains(fmt.Sprint(err, f.Hint), "s3cr3t"):
			t.Errorf("%s: a secret shows: %v", name, err)
		}
	}
	if _, err := New(good, Options{Clock: fixedClock{}, TrustedCertificates: []byte("x")}); !fault.Is(err, fault.Invalid) {
		t.Errorf("wrong authorities: %v", err)
	}
}

func TestConnection(t *testing.T) {
	for _, tc := range []struct {
		port     int
		security Security
		ssl      bool
		want     string
	}{
		{0, "", false, "25 StartTlsWhenAvailable"},
		{0, "", true, "25 StartTls"},
		{587, "", true, "587 StartTls"},
		{465, "", false, "465 SslOnConnect"},
		{465, "auto", true, "465 SslOnConnect"},
		{587, "Auto", true, "587 StartTlsWhenAvailable"},
		{0, "SslOnConnect", false, "465 SslOnConnect"},
		{0, "None", true, "25 None"},
	} {
		s := Settings{Port: tc.port, SecureSocketOption: tc.security, EnableSsl: tc.ssl}
		if port, security := s.connection(); fmt.Sprint(port, " ", security) != tc.want {
			t.Errorf("%+v: %d %s", tc, port, security)
		}
	}
}
