package mail

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/textproto"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// The replies of a mail server that are about signing in: RFC 4954 section 6.
const (
	authenticationRequired = 530
	authenticationTooWeak  = 534
	credentialsInvalid     = 535
	encryptionRequired     = 538
)

// explain makes a fault of why a mail server did not take a mail. What servers say stands in it:
// it tells admins more than a paraphrase, and holds nothing of the mail.
func explain(server string, err error) error {
	if sent, ok := errors.AsType[*gomail.SendError](err); ok {
		return refused(server, sent)
	}
	var (
		unknownAuthority x509.UnknownAuthorityError
		wrongName        x509.HostnameError
		invalid          x509.CertificateInvalidError
		notTLS           tls.RecordHeaderError
	)
	reply, _ := errors.AsType[*textproto.Error](err)
	text := err.Error()
	switch {
	case errors.As(err, &unknownAuthority):
		return fault.Errorf(fault.Unavailable, "the certificate of the mail server %s is not trusted: %w", server, err).
			WithHint("Add the authority that issued it to TrustedCertificates")
	case errors.As(err, &wrongName), errors.As(err, &invalid):
		return fault.Errorf(fault.Unavailable, "the certificate of the mail server %s is not valid: %w", server, err).
			WithHint("Set Host to the name that the certificate is for, or renew the certificate")
	case errors.As(err, &notTLS):
		return fault.Errorf(fault.Unavailable, "the mail server %s does not answer in TLS", server).WithSetting("SecureSocketOption").
			WithHint("Set SecureSocketOption to StartTls, or Port to 465")
	case strings.Contains(text, "does not support STARTTLS"):
		return fault.Errorf(fault.Unavailable, "the mail server %s offers no encryption", server).WithSetting("SecureSocketOption").
			WithHint("Use another port of the server. Only if mails may travel in clear, set SecureSocketOption to StartTlsWhenAvailable")
	case reply != nil && isSignIn(reply.Code), strings.Contains(text, "SMTP AUTH"), errors.Is(err, gomail.ErrNoSupportedAuthDiscovered):
		return fault.Errorf(fault.Unauthorized, "the mail server %s refused to sign in: %w", server, err).WithSetting("Username").
			WithHint("Check Username and Password of MailSettings. Servers take them over an encrypted connection only: see SecureSocketOption")
	default:
		return fault.Errorf(fault.Unavailable, "the mail server %s cannot be used: %w", server, bare(err)).
			WithHint("Check Host and Port of MailSettings and that the network lets this machine reach them")
	}
}

func isSignIn(code int) bool {
	switch code {
	case authenticationRequired, authenticationTooWeak, credentialsInvalid, encryptionRequired:
		return true
	default:
		return false
	}
}

// refused explains what a server said of a mail.
func refused(server string, e *gomail.SendError) error {
	said := strings.ReplaceAll(e.Error(), "\n", " ")
	switch {
	case isSignIn(e.ErrorCode()):
		return fault.Errorf(fault.Unauthorized, "the mail server %s takes mails only after signing in: %s", server, said).WithSetting("Username").
			WithHint("Give Username and Password in MailSettings")
	case e.IsTemp() || e.ErrorCode() == 0:
		return fault.Errorf(fault.Unavailable, "the mail server %s did not take the mail now: %s", server, said).WithHint("It is sent again in the next run")
	default:
		return fault.Errorf(fault.Refused, "the mail server %s refused the mail: %s", server, said).
			WithHint("Correct the address, or let the server take mails from this machine and from FromAddress")
	}
}

// bare takes what the message says already off an error of the network.
func bare(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}
