package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"syscall"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// explain makes a network error one that an admin can act on.
func (t *Transport) explain(target *url.URL, err error) error {
	host := target.Host
	route := host
	if t.proxy.used(target) {
		route = host + " through the proxy " + t.proxy.url.Host
	}
	cause := withoutURL(err)
	lasting := Final
	if t.hasReached(host) {
		lasting = func(err error) error { return err }
	}
	f := func(message string) *fault.Error {
		return &fault.Error{Code: fault.Unavailable, Message: message, Err: cause}
	}

	if refused, ok := errors.AsType[proxyRefusal](err); ok {
		if refused.status == http.StatusProxyAuthRequired {
			cause = lasting(cause)
			return f("the proxy " + t.proxy.url.Host + " wants a user name and password").
				WithSetting("Proxy").WithHint("Put user:password@ in front of the proxy's host, or correct what stands there")
		}
		return f("the proxy "+t.proxy.url.Host+" does not connect to "+host).
			WithSetting("Proxy").WithHint("Ask the owner of the proxy to allow %s", host)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		cause = lasting(cause)
		return f("the certificate of " + route + " comes from an authority that is not trusted").
			WithSetting("TrustedCertificates").WithHint("If a proxy or a private authority issued it, put that authority's certificate into TrustedCertificates")
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		cause = lasting(cause)
		if invalid.Reason == x509.Expired {
			return f("the certificate of " + route + " has expired or is not yet valid").
				WithHint("Check the clock of this machine, then ask the owner of the host for a new certificate")
		}
		return f("the certificate of " + route + " is not valid").WithHint("Ask the owner of the host for a correct certificate")
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		cause = lasting(cause)
		return f("the certificate of " + route + " is for another host").
			WithHint("Use the host name that stands in the certificate, or ask its owner for a correct one")
	}
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	alert := alertOf(err)
	if alert != nil && aboutClient(alert) {
		cause = lasting(cause)
		if !t.clientCertificate {
			return f(route + " asks for a client certificate").WithHint("Set up the client certificate that the owner of the host has registered")
		}
		return f(route + " does not accept the client certificate").
			WithHint("Check that it has not expired, and that the host trusts the authority that issued it")
	}
	if notTLS || alert != nil {
		cause = lasting(cause)
		return f("no TLS connection to " + route + " can be made").
			WithHint("Check scheme and port; the host must offer TLS 1.2 or later, and may want a client certificate")
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return f("the host name " + dns.Name + " cannot be resolved").
			WithHint("Check the spelling of the host, DNS and, if there is one, the Proxy setting")
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return f(route + " does not answer in time").WithHint("Check the firewall and, if there is one, the Proxy setting")
	}
	if isRefused(err) {
		return f(route + " refuses the connection").WithHint("Check host, port, firewall and, if there is one, the Proxy setting")
	}
	return f("the connection to " + route + " failed").WithHint("Check the network, the firewall and, if there is one, the Proxy setting")
}

// alertOf returns the alert by which the other side ended the TLS handshake, or nil.
func alertOf(err error) error {
	// crypto/tls gives it this way.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return op.Err
	}
	return nil
}

// aboutClient reports whether an alert is about the client's certificate. Its type is not
// exported, so the texts are compared. The numbers are those of RFC 8446, section 6.
func aboutClient(alert error) bool {
	const badCertificate, unsupported, revoked, expired, unknown, unknownAuthority, accessDenied, required = 42, 43, 44, 45, 46, 48, 49, 116
	return slices.ContainsFunc([]tls.AlertError{badCertificate, unsupported, revoked, expired, unknown, unknownAuthority, accessDenied, required},
		func(a tls.AlertError) bool { return a.Error() == alert.Error() })
}

// wsaRefused is ECONNREFUSED as Windows has it; package syscall knows it only there.
const wsaRefused = syscall.Errno(10061)

func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, wsaRefused)
}

// withoutURL leaves out what [url.Error] adds: the address is in the message already,
// and its query may hold a token.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// proxyRefusal is a proxy's answer to CONNECT that is not 200.
type proxyRefusal struct {
	status int
	text   string
}

func (p proxyRefusal) Error() string { return "proxy answered " + p.text }

func checkConnect(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return proxyRefusal{answer.StatusCode, answer.Status}
}
