package mail

import (
	netmail "net/mail"
	"strings"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Security says how the connection to the mail server is encrypted. The names are those of
// SecureSocketOption.
type Security string

// The ways.
const (
	NoSecurity            Security = "None"
	Auto                  Security = "Auto"         // the default: SslOnConnect on port 465, StartTlsWhenAvailable on others
	SSLOnConnect          Security = "SslOnConnect" // encrypted from the first byte
	StartTLS              Security = "StartTls"     // nothing is sent to a server without STARTTLS
	StartTLSWhenAvailable Security = "StartTlsWhenAvailable"
)

const (
	portOfSSL  = 465 // RFC 8314
	portOfSMTP = 25
	maxPort    = 65535
)

// Settings is the section MailSettings, with the reference product's names; start from [Defaults].
type Settings struct {
	Enabled     bool   // if not, no mail can be sent
	FromAddress string // "no-reply@contoso.com", or "Usher <no-reply@contoso.com>"

	Host               string
	Port               int // 0: 465 for SslOnConnect, else 25
	SecureSocketOption Security
	// EnableSsl without SecureSocketOption is StartTls.
	EnableSsl             bool
	Username              string
	Password              secret.String
	UseDefaultCredentials bool // is refused: Usher does not sign in as its Windows account

	UseSpecifiedPickupDirectory bool
	PickupDirectory             string // an absolute path; mails are written there as files

	AllowedDomains    string // separated by semicolons; empty: every domain
	CatchAllAddress   string // gets every mail instead of whom it is for
	CatchAllCCAddress string // gets a copy of every mail
}

// Defaults are the settings of a section that sets none.
func Defaults() Settings { return Settings{Enabled: true} }

// Check tells what is wrong with the settings; nil if nothing is. The error is fault.Invalid with
// the key as Setting.
func (s *Settings) Check() error {
	wrong := func(key, hint, format string, args ...any) error {
		return fault.Errorf(fault.Invalid, "MailSettings: "+format, args...).WithSetting(key).WithHint("%s", hint)
	}
	if !s.Enabled {
		return nil
	}
	switch s.security() {
	case NoSecurity, Auto, SSLOnConnect, StartTLS, StartTLSWhenAvailable:
	default:
		return wrong("SecureSocketOption", "Use None, Auto, SslOnConnect, StartTls or StartTlsWhenAvailable", "the SecureSocketOption %q is not known", string(s.SecureSocketOption))
	}
	switch {
	case s.FromAddress == "":
		return wrong("FromAddress", "Give the address that mails come from", "FromAddress is missing")
	case s.UseSpecifiedPickupDirectory && s.PickupDirectory == "":
		return wrong("PickupDirectory", "Name the folder, or set UseSpecifiedPickupDirectory to false", "PickupDirectory is missing")
	case !s.UseSpecifiedPickupDirectory && s.Host == "":
		return wrong("Host", "Name the mail server, or set UseSpecifiedPickupDirectory and PickupDirectory", "Host is missing")
	case s.Port < 0 || s.Port > maxPort:
		return wrong("Port", "Give a number from 1 to 65535, or 0 for the usual one", "the Port %d is not one", s.Port)
	case s.UseDefaultCredentials && !s.UseSpecifiedPickupDirectory:
		return wrong("UseDefaultCredentials", "Set it to false and give Username and Password, or let the server take mail from this machine",
			"Usher does not sign in to a mail server as its Windows account")
	case (s.Username == "") != s.Password.IsEmpty():
		return wrong("Username", "Give both, or neither for a server that asks for none", "there is only one of Username and Password")
	}
	for _, address := range []struct{ key, text string }{
		{"FromAddress", s.FromAddress}, {"CatchAllAddress", s.CatchAllAddress}, {"CatchAllCCAddress", s.CatchAllCCAddress},
	} {
		if address.text == "" {
			continue
		}
		if _, err := netmail.ParseAddress(address.text); err != nil {
			return wrong(address.key, "Write it as no-reply@contoso.com", "%s is no mail address: %q", address.key, address.text)
		}
	}
	return nil
}

// security in effect.
func (s *Settings) security() Security {
	switch {
	case s.SecureSocketOption != "":
		for _, known := range []Security{NoSecurity, Auto, SSLOnConnect, StartTLS, StartTLSWhenAvailable} {
			if strings.EqualFold(string(s.SecureSocketOption), string(known)) {
				return known
			}
		}
		return s.SecureSocketOption
	case s.EnableSsl:
		return StartTLS
	default:
		return Auto
	}
}

// connection returns the port and how the connection is encrypted, Auto decided.
func (s *Settings) connection() (int, Security) {
	port, security := s.Port, s.security()
	if security == Auto {
		security = StartTLSWhenAvailable
		if port == portOfSSL {
			security = SSLOnConnect
		}
	}
	switch {
	case port != 0:
	case security == SSLOnConnect:
		port = portOfSSL
	default:
		port = portOfSMTP
	}
	return port, security
}

// allows reports whether mail may be sent to the domain of an address.
func (s *Settings) allows(address string) bool {
	if strings.TrimSpace(s.AllowedDomains) == "" {
		return true
	}
	_, domain, _ := strings.Cut(address, "@")
	for allowed := range strings.SplitSeq(s.AllowedDomains, ";") {
		if allowed = strings.TrimPrefix(strings.TrimSpace(allowed), "@"); allowed != "" && strings.EqualFold(domain, allowed) {
			return true
		}
	}
	return false
}
