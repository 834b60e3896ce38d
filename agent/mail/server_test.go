package mail

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// inbox is a mail server.
type inbox struct {
	refuse *smtp.SMTPError // every recipient
	signIn bool            // wants it

	mu    sync.Mutex
	mails []string
}

func (b *inbox) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{inbox: b, conn: c}, nil
}

type session struct {
	*inbox
	conn   *smtp.Conn
	signed bool
	text   string
}

func (s *session) AuthMechanisms() []string {
	if !s.signIn {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "usher" || password != "s3cr3t" {
			return smtp.ErrAuthFailed
		}
		s.signed = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.signIn && !s.signed {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authenticate first"}
	}
	_, encrypted := s.conn.TLSConnectionState()
	s.text = fmt.Sprintf("encrypted: %v, from %s", encrypted, from)
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.refuse != nil {
		return s.refuse
	}
	s.text += ", to " + to
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, s.text+"\n"+string(text))
	return err
}

func (*session) Reset() {}

func (*session) Logout() error { return nil }

// authority issues a certificate for 127.0.0.1 and returns it with its own.
func authority(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// listen runs a mail server and returns its port.
func listen(t *testing.T, b *inbox, certificate *tls.Certificate, onConnect bool) int {
	t.Helper()
	server := smtp.NewServer(b)
	server.AllowInsecureAuth = true // the client is the one that must not
	server.ErrorLog = quiet{}
	if certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if onConnect {
		listener = tls.NewListener(listener, server.TLSConfig)
		server.TLSConfig = nil
	}
	go func() { _ = server.Serve(listener) }() // until it is closed
	t.Cleanup(func() { server.Close() })
	return port
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

func (quiet) Println(...any) {}

func TestMailServer(t *testing.T) {
	certificate, roots := authority(t)
	for name, tc := range map[string]struct {
		inbox     *inbox
		plain     bool // the server has no TLS
		onConnect bool
		security  Security
		signIn    string // the password
		untrusted bool

		code fault.Code
		want string // of the mail, or of the error
	}{
		"plain":                {inbox: &inbox{}, plain: true, security: NoSecurity, want: "encrypted: false, from no-reply@contoso.com, to bob@contoso.com, to desk@contoso.com\n"},
		"when available":       {inbox: &inbox{}, want: "encrypted: true"},
		"not available":        {inbox: &inbox{}, plain: true, want: "encrypted: false"},
		"None with TLS":        {inbox: &inbox{}, security: NoSecurity, want: "encrypted: false"},
		"StartTls":             {inbox: &inbox{}, security: StartTLS, want: "encrypted: true"},
		"no StartTls":          {inbox: &inbox{}, plain: true, security: StartTLS, code: fault.Unavailable, want: "offers no encryption"},
		"on connect":           {inbox: &inbox{}, onConnect: true, security: SSLOnConnect, want: "from no-reply"},
		"no TLS on connect":    {inbox: &inbox{}, security: SSLOnConnect, code: fault.Unavailable, want: "does not answer in TLS"},
		"not trusted":          {inbox: &inbox{}, untrusted: true, code: fault.Unavailable, want: "is not trusted"},
		"signed in":            {inbox: &inbox{signIn: true}, signIn: "s3cr3t", want: "from no-reply"},
		"wrong password":       {inbox: &inbox{signIn: true}, signIn: "wr0ng", code: fault.Unauthorized, want: "refused to sign in"},
		"not signed in":        {inbox: &inbox{signIn: true}, code: fault.Unauthorized, want: "only after signing in"},
		"nothing to sign in":   {inbox: &inbox{}, signIn: "s3cr3t", code: fault.Unauthorized, want: "refused to sign in"},
		"password in clear":    {inbox: &inbox{signIn: true}, plain: true, signIn: "s3cr3t", code: fault.Unauthorized, want: "encrypted connection only"},
		"unknown recipient":    {inbox: &inbox{refuse: &smtp.SMTPError{Code: 550, Message: "No such user"}}, code: fault.Refused, want: "No such user"},
		"recipient not now":    {inbox: &inbox{refuse: &smtp.SMTPError{Code: 451, Message: "Greylisted"}}, code: fault.Unavailable, want: "Greylisted"},
		"sign-in wanted later": {inbox: &inbox{refuse: &smtp.SMTPError{Code: 530, Message: "Authenticate"}}, code: fault.Unauthorized, want: "after signing in"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Settings{Enabled: true, FromAddress: "no-reply@contoso.com", Host: "127.0.0.1", SecureSocketOption: tc.security}
			offered := &certificate
			if tc.plain {
				offered = nil
			}
			s.Port = listen(t, tc.inbox, offered, tc.onConnect)
			if tc.signIn != "" {
				s.Username, s.Password = "usher", secret.New(tc.signIn)
			}
			trusted := roots
			if tc.untrusted {
				trusted = nil
			}
			err := newSender(t, s, trusted).Send(t.Context(), message)
			got := ""
			if f := fault.Of(err); f != nil {
				got = f.Error() + " > " + f.Hint
			}
			if fault.CodeOf(err) != tc.code {
				t.Fatalf("got %v, want %s", err, tc.code)
			}
			tc.inbox.mu.Lock()
			defer tc.inbox.mu.Unlock()
			if tc.code == "" {
				if len(tc.inbox.mails) != 1 {
					t.Fatalf("%d mails came", len(tc.inbox.mails))
				}
				got = tc.inbox.mails[0]
			}
			if !strings.Contains(got, tc.want) {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			if err != nil && (strings.Contains(got, "P@ss") || strings.Contains(got, "s3cr3t")) {
				t.Errorf("the error tells what nobody may know: %s", got)
			}
		})
	}
}

func TestMailServerAway(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := Settings{Enabled: true, FromAddress: "no-reply@contoso.com", Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := newSender(t, s, nil).Send(t.Context(), message); !fault.Is(err, fault.Unavailable) || fault.Of(err).Hint == "" {
		t.Errorf("got %v", err)
	}
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if err := newSender(t, s, nil).Send(ctx, message); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestSameMailTwiceIsTheSame(t *testing.T) {
	b := &inbox{}
	s := Settings{Enabled: true, FromAddress: "no-reply@contoso.com", Host: "127.0.0.1", Port: listen(t, b, nil, false)}
	sender := newSender(t, s, nil)
	for range 2 {
		if err := sender.Send(t.Context(), message); err != nil {
			t.Fatal(err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, mail := range b.mails {
		if !bytes.Contains([]byte(mail), []byte("<password-1@contoso.com>")) {
			t.Errorf("another Message-ID: %s", mail)
		}
	}
}
