// Package transport is the one HTTP stack of a connector: proxy, private
// certificate authorities, TLS 1.2 or later, a connection pool, and network errors
// in an admin's words. Requests for data and for sign-in share it.
package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Options say how to reach the outside. The zero value goes there directly, with
// the system's trusted certificates.
type Options struct {
	// Proxy is the URL of an HTTP proxy, http or https, with user:password@ if it asks for them.
	Proxy string
	// NoProxy lists what is reached directly: host names (with all below them), IP
	// addresses and networks in CIDR form, each with an optional port, or "*" for everything.
	NoProxy []string
	// RootsPEM are certificate authorities trusted beside the system's own.
	RootsPEM []byte
	// ClientCertificate is shown to each server that asks for one, whatever authorities it says
	// it trusts: its refusal tells more than the silence of a client that chose to show none.
	ClientCertificate *tls.Certificate
	// UserAgent is sent with requests that have none.
	UserAgent string

	// HTTP2 offers HTTP/2. Without it there is HTTP/1.1 alone, which for a few chains of large
	// answers costs less: four chains of pages of 200 and 999 users over TLS took 0.11 and
	// 0.32 ms of processor time a page, and 0.15 and 0.43 ms by HTTP/2 (AMD EPYC, Go 1.26).
	HTTP2 bool

	// HeaderTimeout is how long an answer may take to begin; 60 seconds if zero. A page of
	// Graph begins within a second or two.
	HeaderTimeout time.Duration
	// StallTimeout is how long an answer may pause once begun; 60 seconds if zero.
	StallTimeout time.Duration
}

// Time limits of the steps of one request. A try that hangs in each of them, one
// after the other, takes dialTimeout, a minute for the proxy's answer to CONNECT
// (net/http's own), handshakeTimeout, headerTimeout and stallTimeout: less than 4
// minutes. That is below the 5 minutes for which the agent lets a connector be
// silent (Connectors.IdleTimeout), and each further try is announced.
const (
	dialTimeout      = 20 * time.Second
	handshakeTimeout = 20 * time.Second
	headerTimeout    = time.Minute
	stallTimeout     = time.Minute
)

// A Transport is an [http.RoundTripper] and also has the method Do. It follows no
// redirects. It is safe for use by several goroutines; [Transport.Close] ends it.
type Transport struct {
	pool      atomic.Pointer[http.Transport]
	proxy     *proxy
	userAgent string
	stall     time.Duration
	reached   sync.Map // the hosts that have answered, as keys

	clientCertificate bool // there is one
}

// New makes a transport. A proxy URL or certificates that cannot be used are
// [fault.Invalid] with the setting Proxy or TrustedCertificates.
func New(o Options) (*Transport, error) {
	roots, err := systemRootsAnd(o.RootsPEM)
	if err != nil {
		return nil, err
	}
	proxy, err := newProxy(o.Proxy, o.NoProxy)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if o.ClientCertificate != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return o.ClientCertificate, nil }
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(o.HTTP2)
	pool := &http.Transport{
		Proxy:                  proxy.forRequest,
		OnProxyConnectResponse: checkConnect,
		DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    handshakeTimeout,
		Protocols:              &protocols,
		// All requests go to one host or two: the pool keeps as many connections as there are chains.
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		ResponseHeaderTimeout:  orElse(o.HeaderTimeout, headerTimeout),
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		ReadBufferSize:         32 << 10,
	}
	t := &Transport{proxy: proxy, clientCertificate: o.ClientCertificate != nil, userAgent: o.UserAgent, stall: orElse(o.StallTimeout, stallTimeout)}
	t.pool.Store(pool)
	return t, nil
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// systemRootsAnd returns nil, which stands for the system's own, if there is nothing to add.
func systemRootsAnd(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a machine without a store
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fault.Errorf(fault.Invalid, "TrustedCertificates holds no certificate in PEM form").
			WithSetting("TrustedCertificates").
			WithHint("Give a file that has -----BEGIN CERTIFICATE----- in it")
	}
	return roots, nil
}

// RoundTrip sends one request, as [http.RoundTripper] has it. Errors are
// [fault.Unavailable] with a hint, or that of the request's context. Those that
// only a change of settings can cure, such as a certificate that is not trusted,
// are marked by [Final] unless the host has answered before: then the settings are
// right, and one server behind it is not. A body that pauses for too long ends with
// an error as if the connection had been cut.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.userAgent != "" && req.Header.Get("User-Agent") == "" {
		req = req.Clone(req.Context())
		req.Header.Set("User-Agent", t.userAgent)
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := t.pool.Load().RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		if err := req.Context().Err(); err != nil {
			return nil, err
		}
		return nil, t.explain(req.URL, err)
	}
	t.noteReached(req.URL.Host)
	resp.Request = req
	resp.Body = watch(ctx, cancel, resp.Body, t.stall)
	return resp, nil
}

// noteReached remembers that a host has answered.
func (t *Transport) noteReached(host string) {
	if !t.hasReached(host) {
		t.reached.Store(host, nil)
	}
}

func (t *Transport) hasReached(host string) bool {
	_, ok := t.reached.Load(host)
	return ok
}

// Do is RoundTrip under the name that decorators use.
func (t *Transport) Do(req *http.Request) (*http.Response, error) { return t.RoundTrip(req) }

// Fresh makes the next requests use new connections. Requests under way go on. A
// service that answers 503 asks for it: another connection may reach another server.
func (t *Transport) Fresh() {
	old := t.pool.Load()
	if t.pool.CompareAndSwap(old, old.Clone()) {
		// Connections still in use are closed, too, as soon as they fall idle.
		old.CloseIdleConnections()
	}
}

// Close drops idle connections. It may be called several times.
func (t *Transport) Close() { t.pool.Load().CloseIdleConnections() }
