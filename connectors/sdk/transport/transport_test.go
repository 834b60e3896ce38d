package transport

import (
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// start runs a TLS server; change may adjust it before.
func start(t *testing.T, handler http.HandlerFunc, change func(*httptest.Server)) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if change != nil {
		change(server)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func rootsOf(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func newTransport(t *testing.T, o Options) *Transport {
	t.Helper()
	transport, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.Close)
	return transport
}

// get returns the body of an answer.
func get(t *testing.T, transport *Transport, target string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestPrivateAuthorityAndUserAgent(t *testing.T) {
	server := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		fmt.Fprint(z, r.UserAgent())
		z.Close()
	}, nil)
	body, err := get(t, newTransport(t, Options{RootsPEM: rootsOf(server), UserAgent: "usher/1"}), server.URL)
	if err != nil || body != "usher/1" {
		t.Errorf("%q, %v", body, err)
	}
	_, err = get(t, newTransport(t, Options{}), server.URL)
	if f := fault.Of(err); f == nil || f.Code != fault.Unavailable || f.Setting != "TrustedCertificates" || !IsFinal(err) {
		t.Errorf("got %v", err)
	}
}

func TestCertificateErrors(t *testing.T) {
	past := time.Now().Add(-time.Hour)
	for _, tc := range []struct {
		name, message string
		template      x509.Certificate
	}{
		{"expired", "has expired", x509.Certificate{NotBefore: past.Add(-time.Hour), NotAfter: past, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}},
		{"another host", "for another host", x509.Certificate{NotBefore: past, NotAfter: past.Add(24 * time.Hour), DNSNames: []string{"other.example"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			tc.template.SerialNumber, tc.template.Subject = big.NewInt(1), pkix.Name{CommonName: "test"}
			tc.template.IsCA, tc.template.BasicConstraintsValid = true, true
			der, err := x509.CreateCertificate(rand.Reader, &tc.template, &tc.template, &key.PublicKey, key)
			if err != nil {
				t.Fatal(err)
			}
			server := start(t, nil, func(s *httptest.Server) {
				s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
			})
			roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
			_, err = get(t, newTransport(t, Options{RootsPEM: roots}), server.URL)
			if !fault.Is(err, fault.Unavailable) || !IsFinal(err) || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNetworkErrors(t *testing.T) {
	plain := httptest.NewServer(nil)
	defer plain.Close()
	old := start(t, nil, func(s *httptest.Server) { s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11} }) //nolint:gosec // it must be refused
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	listener.Close()
	for _, tc := range []struct {
		name, target, message string
		final                 bool
	}{
		{"not TLS", strings.Replace(plain.URL, "http:", "https:", 1), "no TLS connection", true},
		{"old TLS", old.URL, "no TLS connection", true},
		{"refused", "https://" + closed, "refuses the connection", false},
	} {
		_, err := get(t, newTransport(t, Options{RootsPEM: rootsOf(old)}), tc.target)
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), tc.message) || IsFinal(err) != tc.final || fault.Of(err).Hint == "" {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	transport := newTransport(t, Options{})
	target := &url.URL{Scheme: "https", Host: "graph.example"}
	for text, err := range map[string]error{
		"the host name graph.example cannot be resolved": &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "graph.example", IsNotFound: true}},
		"graph.example does not answer in time":          &net.OpError{Op: "dial", Err: timeout{}},
		"the connection to graph.example failed":         io.ErrUnexpectedEOF,
	} {
		if got := transport.explain(target, err); !strings.HasPrefix(got.Error(), text) || IsFinal(got) || !errors.Is(got, err) {
			t.Errorf("got %v, want %s", got, text)
		}
	}
}

// Once a host has answered, a server behind it that is set up wrongly is no reason to give up.
func TestFinalOnlyUntilTheHostHasAnswered(t *testing.T) {
	var broken atomic.Bool
	server := start(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") }, func(s *httptest.Server) {
		s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			if broken.Load() {
				return nil, errors.New("no certificate")
			}
			return nil, nil
		}}
	})
	transport := newTransport(t, Options{RootsPEM: rootsOf(server)})
	for _, reached := range []bool{false, true} {
		broken.Store(true)
		transport.Fresh()
		if _, err := get(t, transport, server.URL); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "no TLS connection") || IsFinal(err) == reached {
			t.Errorf("reached before: %t, final: %t, %v", reached, IsFinal(err), err)
		}
		broken.Store(false)
		if _, err := get(t, transport, server.URL); err != nil {
			t.Error(err)
		}
	}
}

// A try that hangs at every step ends before the agent takes the connector for dead.
func TestTimeLimitsFitTheAgents(t *testing.T) {
	const connect, idleTimeout = time.Minute, 5 * time.Minute // net/http's for CONNECT, the agent's default
	if longest := dialTimeout + connect + handshakeTimeout + headerTimeout + stallTimeout; longest >= idleTimeout {
		t.Errorf("a try may be silent for %v", longest)
	}
}

type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// startProxy runs a proxy that wants usher:p@ss and connects everything to target.
func startProxy(t *testing.T, target string) (address string, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var hosts []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		hosts = append(hosts, r.Method+" "+r.Host)
		mu.Unlock()
		if user, password, ok := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth(); !ok || user != "usher" || password != "p@ss" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if strings.HasPrefix(r.Host, "forbidden") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		up, err := net.Dial("tcp", target)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer up.Close()
		w.WriteHeader(http.StatusOK)
		down, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer down.Close()
		go func() { _, _ = io.Copy(up, buffered) }()
		_, _ = io.Copy(down, up)
	}))
	t.Cleanup(proxy.Close)
	return strings.TrimPrefix(proxy.URL, "http://"), func() []string { mu.Lock(); defer mu.Unlock(); return hosts }
}

func TestProxy(t *testing.T) {
	server := start(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") }, nil)
	address, asked := startProxy(t, strings.TrimPrefix(server.URL, "https://"))
	roots := rootsOf(server) // its certificate is for example.com and 127.0.0.1

	transport := newTransport(t, Options{Proxy: "http://usher:p%40ss@" + address, RootsPEM: roots, NoProxy: []string{"direct.example", "10.0.0.0/8"}})
	if body, err := get(t, transport, "https://example.com/x"); err != nil || body != "here" {
		t.Fatalf("%q, %v", body, err)
	}
	if got := asked(); len(got) != 1 || got[0] != "CONNECT example.com:443" {
		t.Errorf("the proxy was asked %q", got)
	}
	for host, want := range map[string]bool{"example.com": true, "direct.example": false, "a.direct.example": false, "10.1.2.3": false, "localhost": false} {
		if got := transport.proxy.used(&url.URL{Scheme: "https", Host: host}); got != want {
			t.Errorf("proxy for %s: %v", host, got)
		}
	}
	for _, tc := range []struct {
		proxy, target, message string
		final                  bool
	}{
		{"http://usher:sesame@" + address, "https://example.com", "wants a user name and password", true},
		{"http://" + address, "https://example.com", "wants a user name and password", true},
		{"http://usher:p%40ss@" + address, "https://forbidden.example", "does not connect to forbidden.example", false},
	} {
		_, err := get(t, newTransport(t, Options{Proxy: tc.proxy, RootsPEM: roots}), tc.target)
		if f := fault.Of(err); f == nil || f.Setting != "Proxy" || !strings.Contains(f.Message, tc.message) || IsFinal(err) != tc.final {
			t.Errorf("got %v", err)
		}
		if strings.Contains(fmt.Sprintf("%v %+v", err, fault.Of(err)), "sesame") {
			t.Errorf("the password is in the error: %v", err)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, proxy := range []string{"proxy.example:8080", "socks5://h", "http://", "http://u:sesame@h:port", "http://u:sesame%zz@h"} {
		_, err := New(Options{Proxy: proxy})
		if f := fault.Of(err); f == nil || f.Code != fault.Invalid || f.Setting != "Proxy" || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", proxy, err)
		}
	}
	_, err := New(Options{RootsPEM: []byte("no certificate")})
	if f := fault.Of(err); f == nil || f.Code != fault.Invalid || f.Setting != "TrustedCertificates" {
		t.Errorf("got %v", err)
	}
}

func TestFreshUsesANewConnection(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		server := start(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto, " ", r.RemoteAddr) },
			func(s *httptest.Server) { s.EnableHTTP2 = http2 })
		transport := newTransport(t, Options{RootsPEM: rootsOf(server), HTTP2: http2})
		first, _ := get(t, transport, server.URL)
		second, _ := get(t, transport, server.URL)
		transport.Fresh()
		third, err := get(t, transport, server.URL)
		if err != nil || first != second || third == second || strings.HasPrefix(first, "HTTP/2") != http2 {
			t.Errorf("%s, %s, %s, %v", first, second, third, err)
		}
	}
}

func TestStalledBodyIsCutOff(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		release := make(chan struct{})
		server := start(t, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "beginning")
			w.(http.Flusher).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}, func(s *httptest.Server) { s.EnableHTTP2 = http2 })
		body, err := get(t, newTransport(t, Options{RootsPEM: rootsOf(server), HTTP2: http2, StallTimeout: 5 * time.Millisecond}), server.URL)
		if !errors.Is(err, errStalled) || body != "beginning" {
			t.Errorf("%q, %v", body, err)
		}
		close(release)
	}
}

func TestContextEndsARequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	defer close(ended)
	server := start(t, func(http.ResponseWriter, *http.Request) { cancel(); <-ended }, nil)
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if _, err := newTransport(t, Options{RootsPEM: rootsOf(server)}).Do(req); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
