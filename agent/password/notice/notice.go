// Package notice writes the mails that bring people passwords.
package notice

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	htmltemplate "html/template"
	"slices"
	"strings"
	texttemplate "text/template"

	"github.com/usher-iga/usher/agent/mail"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

//go:embed templates
var templates embed.FS

// cultures are the languages that there are.
var cultures = []string{"en", "fr"}

// Notice tells somebody a password.
type Notice struct {
	ID          string // tells repetitions: the same notice again gets the same Message-ID
	Email       string // of who gets it
	FullName    string // of who gets it; may be empty
	CC          string // may be empty
	Beneficiary string // whose account it is; may be empty
	Account     string // the name to sign in with
	Password    secret.String
	New         bool // the account is new
	MustChange  bool // the password has to be changed at the next sign-in
}

// Mailer sends mails; *mail.Sender is one.
type Mailer interface {
	Check(addresses ...string) error
	Send(ctx context.Context, m mail.Message) error
}

// Sender writes notices in some languages, one below the other, and sends them. It may be used
// by several goroutines.
type Sender struct {
	mailer Mailer
	parts  []part
}

// part writes a notice in one language.
type part struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

// New makes a sender. Languages are those of NotificationSettings.Cultures, en and fr, and en if
// there are none. An unknown one is fault.Invalid.
func New(m Mailer, languages []string) (*Sender, error) {
	if len(languages) == 0 {
		languages = []string{"en"}
	}
	s := &Sender{mailer: m}
	for _, language := range languages {
		culture, _, _ := strings.Cut(strings.ToLower(language), "-") // fr-FR is fr
		if !slices.Contains(cultures, culture) {
			return nil, fault.Errorf(fault.Invalid, "there are no mails in the language %q", language).
				WithSetting("NotificationSettings:Cultures").WithHint("Use %s", strings.Join(cultures, " or "))
		}
		text, err := texttemplate.ParseFS(templates, "templates/"+culture+".txt")
		if err != nil {
			return nil, fault.Errorf(fault.Internal, "the mail in %s cannot be read: %w", culture, err)
		}
		html, err := htmltemplate.ParseFS(templates, "templates/"+culture+".html")
		if err != nil {
			return nil, fault.Errorf(fault.Internal, "the mail in %s cannot be read: %w", culture, err)
		}
		s.parts = append(s.parts, part{text, html})
	}
	return s, nil
}

// Check tells whether mail can be sent to addresses; see [mail.Sender].
func (s *Sender) Check(addresses ...string) error { return s.mailer.Check(addresses...) }

// values are a notice as the templates see it.
type values struct {
	Notice
	Password string
}

// Send sends a notice. Errors are those of the mailer.
func (s *Sender) Send(ctx context.Context, n Notice) error {
	var subjects []string
	var text, html bytes.Buffer
	shown := values{n, n.Password.Reveal()}
	html.WriteString("<!DOCTYPE html>\n<html>\n<body>\n")
	for i, p := range s.parts {
		var subject bytes.Buffer
		if i > 0 {
			text.WriteString("\n-----\n\n")
			html.WriteString("<hr>\n")
		}
		for _, step := range []func() error{
			func() error { return p.text.ExecuteTemplate(&subject, "subject", shown) },
			func() error { return p.text.ExecuteTemplate(&text, "body", shown) },
			func() error { return p.html.ExecuteTemplate(&html, "body", shown) },
		} {
			if step() != nil { // its text may hold the password
				return fault.Errorf(fault.Internal, "the mail cannot be written")
			}
		}
		subjects = append(subjects, subject.String())
	}
	html.WriteString("</body>\n</html>\n")
	sum := sha256.Sum256([]byte(n.ID + "\x00" + n.Email))
	m := mail.Message{
		ID: "password-" + hex.EncodeToString(sum[:16]), To: []mail.Address{{Name: n.FullName, Email: n.Email}},
		Subject: strings.Join(subjects, " / "), Text: text.String(), HTML: html.String(),
	}
	if n.CC != "" {
		m.CC = []mail.Address{{Email: n.CC}}
	}
	return s.mailer.Send(ctx, m)
}
