package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// at is a clock that stands still.
type at time.Time

func (a at) Now() time.Time                                 { return time.Time(a) }
func (at) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func TestProbe(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var asked string
	server := start(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.RequestURI + " " + r.UserAgent()
		w.Header().Set("Date", now.Format(http.TimeFormat))
		w.WriteHeader(http.StatusNotFound)
	}, nil)
	address, _ := startProxy(t, strings.TrimPrefix(server.URL, "https://"))
	for _, tc := range []struct {
		name, proxy, target string
		clock               time.Time
		want                Probe
	}{
		{"direct, in time", "", server.URL + "/v1.0/users?x=y", now.Add(900 * time.Millisecond), Probe{Addresses: []string{"127.0.0.1"}}},
		{"by proxy, an hour ahead", "http://usher:p%40ss@" + address, "https://example.com", now.Add(time.Hour), Probe{Proxy: address, Addresses: []string{"127.0.0.1"}, Skew: time.Hour - time.Second}},
		{"a minute behind", "", server.URL, now.Add(-time.Minute), Probe{Addresses: []string{"127.0.0.1"}, Skew: -time.Minute}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			transport := newTransport(t, Options{RootsPEM: rootsOf(server), Proxy: tc.proxy, UserAgent: "usher/1"})
			got, err := transport.Probe(t.Context(), tc.target, at(tc.clock))
			if err != nil {
				t.Fatal(err)
			}
			if got.Proxy != tc.want.Proxy || got.Skew != tc.want.Skew || !slices.Equal(got.Addresses, tc.want.Addresses) {
				t.Errorf("got %+v", got)
			}
			if got.TLSVersion != "TLS 1.3" || !got.Expires.Equal(server.Certificate().NotAfter) || got.Issuer != server.Certificate().Issuer.String() ||
				got.Status != http.StatusNotFound || !got.Date.Equal(now) {
				t.Errorf("got %+v", got)
			}
			if asked != "HEAD / usher/1" {
				t.Errorf("asked %s", asked)
			}
		})
	}
}

func TestProbeFails(t *testing.T) {
	server := start(t, nil, nil)
	address, _ := startProxy(t, "127.0.0.1:1")
	for _, tc := range []struct{ proxy, target, message, setting string }{
		{"", server.URL, "comes from an authority that is not trusted", "TrustedCertificates"},
		{"", "https://127.0.0.1:1", "refuses the connection", ""},
		{"http://usher:sesame@" + address, "https://example.com", "wants a user name and password", "Proxy"},
		{"http://127.0.0.1:1", "https://example.com", "example.com through the proxy 127.0.0.1:1 refuses", ""},
	} {
		_, err := newTransport(t, Options{Proxy: tc.proxy}).Probe(t.Context(), tc.target, clock.System)
		if f := fault.Of(err); f == nil || f.Code != fault.Unavailable || f.Setting != tc.setting || f.Hint == "" || !strings.Contains(f.Message, tc.message) {
			t.Errorf("got %v", err)
		}
	}
	for _, target := range []string{"http://example.com", "example.com", "https://", "https://a b"} {
		if _, err := newTransport(t, Options{}).Probe(t.Context(), target, clock.System); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", target, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newTransport(t, Options{}).Probe(ctx, server.URL, clock.System); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestClientCertificate(t *testing.T) {
	own := start(t, nil, nil) // for its certificate, which will do for a client
	certificate := own.TLS.Certificates[0]
	for version, name := range map[uint16]string{tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"} {
		t.Run(name, func(t *testing.T) {
			var refuse bool
			server := start(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Shown", r.TLS.PeerCertificates[0].Subject.String())
			}, func(s *httptest.Server) {
				s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: version, VerifyConnection: func(tls.ConnectionState) error {
					if refuse {
						return errors.New("unknown")
					}
					return nil
				}}
			})
			ask := func(c *tls.Certificate) error {
				_, err := get(t, newTransport(t, Options{RootsPEM: rootsOf(server), ClientCertificate: c}), server.URL)
				return err
			}
			if err := ask(&certificate); err != nil {
				t.Error(err)
			}
			// Before TLS 1.3 there was no alert of its own for this.
			if err := ask(nil); version == tls.VersionTLS13 && (!fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "asks for a client certificate")) {
				t.Errorf("got %v", err)
			}
			refuse = true
			if err := ask(&certificate); !fault.Is(err, fault.Unavailable) || !IsFinal(err) || !strings.Contains(err.Error(), "does not accept the client certificate") {
				t.Errorf("got %v", err)
			}
		})
	}
}
