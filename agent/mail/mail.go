// Package mail sends mails over SMTP, or writes them into a folder from which a mail server
// takes them. Nothing of what a mail says stands in an error.
package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Message is one mail.
type Message struct {
	// ID tells repetitions of one mail: it becomes the Message-ID, and the name of the file in a
	// pickup folder. Letters, digits and hyphens. Obligatory.
	ID      string
	To, CC  []Address
	Subject string
	Text    string // plain text
	HTML    string // the same as HTML; may be empty
}

// Address is one of a person.
type Address struct {
	Name  string // may be empty
	Email string
}

// Options are what a sender needs beside its settings.
type Options struct {
	// TrustedCertificates are authorities, in PEM form, that are trusted beside the system's.
	TrustedCertificates []byte
	Clock               clock.Clock // obligatory
}

// Sender sends mails. It may be used by several goroutines.
type Sender struct {
	settings Settings
	from     *netmail.Address
	roots    *x509.CertPool // nil: the system's
	clock    clock.Clock
}

// New checks the settings and makes a sender. It sends nothing. Errors are fault.Invalid.
func New(s Settings, o Options) (*Sender, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	sender := &Sender{settings: s, clock: o.Clock}
	if !s.Enabled {
		return sender, nil
	}
	from, err := netmail.ParseAddress(s.FromAddress)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "MailSettings: FromAddress is no mail address: %q", s.FromAddress).WithSetting("FromAddress")
	}
	sender.from = from
	if len(o.TrustedCertificates) > 0 {
		if sender.roots, err = x509.SystemCertPool(); err != nil {
			sender.roots = x509.NewCertPool() // a machine without a store
		}
		if !sender.roots.AppendCertsFromPEM(o.TrustedCertificates) {
			return nil, fault.Errorf(fault.Invalid, "TrustedCertificates holds no certificate in PEM form").WithSetting("TrustedCertificates").
				WithHint("Give a file that has -----BEGIN CERTIFICATE----- in it")
		}
	}
	return sender, nil
}

// Check tells whether mail can be sent to addresses, without the network. Errors are fault.Invalid, also where
// mail is not Enabled.
func (s *Sender) Check(addresses ...string) error {
	if !s.settings.Enabled {
		return fault.Errorf(fault.Invalid, "no mail is sent: Enabled of MailSettings is false").WithSetting("Enabled").
			WithHint("Set it to true, or set DisableNotifications where passwords need not be sent")
	}
	for _, address := range addresses {
		parsed, err := netmail.ParseAddress(address)
		switch {
		case err != nil || parsed.Address != address:
			return fault.Errorf(fault.Invalid, "%q is no mail address", address).WithHint("Correct it")
		case s.settings.CatchAllAddress == "" && !s.settings.allows(address):
			return fault.Errorf(fault.Invalid, "mail to %s is not allowed: AllowedDomains are %s", address, s.settings.AllowedDomains).
				WithSetting("AllowedDomains").WithHint("Add the domain to AllowedDomains, or use another address")
		}
	}
	return nil
}

// Send sends a mail. Sent again, a mail has the same Message-ID, by which mail servers and programs know
// that it is the same.
//
// Errors are fault.Unavailable for a server that cannot be reached or asks to come again,
// fault.Unauthorized for one that refuses to sign in, fault.Refused for one that refuses the mail,
// fault.Invalid for a wrong address and where mail is not Enabled, fault.Storage for a pickup folder, and those of ctx.
func (s *Sender) Send(ctx context.Context, m Message) error {
	if err := s.Check(); err != nil { // without it there is no sender's address either
		return err
	}
	mail, err := s.compose(m)
	if err != nil {
		return err
	}
	if s.settings.UseSpecifiedPickupDirectory {
		return s.drop(m.ID, mail)
	}
	return s.submit(ctx, mail)
}

// compose writes the mail.
func (s *Sender) compose(m Message) (*gomail.Msg, error) {
	to, cc := m.To, m.CC
	if s.settings.CatchAllAddress != "" {
		to, cc = []Address{{Email: s.settings.CatchAllAddress}}, nil
	}
	for _, a := range append(append([]Address{}, to...), cc...) {
		if err := s.Check(a.Email); err != nil {
			return nil, err
		}
	}
	if s.settings.CatchAllCCAddress != "" {
		cc = append(append([]Address{}, cc...), Address{Email: s.settings.CatchAllCCAddress})
	}
	mail := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	mail.FromMailAddress(s.from)
	mail.ToMailAddress(mailAddresses(to)...)
	if len(cc) > 0 {
		mail.CcMailAddress(mailAddresses(cc)...)
	}
	mail.Subject(m.Subject)
	mail.SetMessageIDWithValue(m.ID + "@" + s.domain())
	mail.SetDateWithValue(s.clock.Now())
	mail.SetGenHeader(gomail.Header("Auto-Submitted"), "auto-generated") // no automatic answers, by RFC 3834
	mail.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		mail.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return mail, nil
}

func mailAddresses(all []Address) (addresses []*netmail.Address) {
	for _, a := range all {
		addresses = append(addresses, &netmail.Address{Name: a.Name, Address: a.Email})
	}
	return addresses
}

// domain of the sender.
func (s *Sender) domain() string {
	return s.from.Address[strings.LastIndexByte(s.from.Address, '@')+1:]
}

// drop writes a mail into the pickup folder. The name is the same each time, so that a mail that
// is still there is not there twice.
func (s *Sender) drop(id string, mail *gomail.Msg) error {
	if err := durable.MakeFolder(s.settings.PickupDirectory); err != nil {
		return err
	}
	var text bytes.Buffer
	if _, err := mail.WriteTo(&text); err != nil {
		return fault.Errorf(fault.Internal, "the mail cannot be written")
	}
	return durable.WriteFile(filepath.Join(s.settings.PickupDirectory, id+".eml"), text.Bytes())
}

// timeout of each step of a conversation with a mail server.
const timeout = 30 * time.Second

// submit gives a mail to the mail server.
func (s *Sender) submit(ctx context.Context, mail *gomail.Msg) error {
	port, security := s.settings.connection()
	options := []gomail.Option{
		gomail.WithPort(port), gomail.WithTimeout(timeout), gomail.WithoutNoop(),
		gomail.WithTLSConfig(&tls.Config{ServerName: s.settings.Host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}),
	}
	switch security {
	case SSLOnConnect:
		options = append(options, gomail.WithSSL())
	case StartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case StartTLSWhenAvailable:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.settings.Username != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(s.settings.Username), gomail.WithPassword(s.settings.Password.Reveal()))
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		options = append(options, gomail.WithHELO(name))
	}
	client, err := gomail.NewClient(s.settings.Host, options...)
	if err != nil {
		return fault.Errorf(fault.Invalid, "MailSettings: %w", err).WithSetting("Host")
	}
	if err := client.DialAndSendWithContext(ctx, mail); err != nil && !mail.IsDelivered() {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return explain(net.JoinHostPort(s.settings.Host, strconv.Itoa(port)), err)
	}
	return nil
}
