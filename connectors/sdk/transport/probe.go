package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// A Probe is what one request over a new connection has shown about the way to a host.
type Probe struct {
	Proxy      string        // host:port of the proxy on the way; empty for none
	Addresses  []string      // IP addresses of the host, or of the proxy, which alone resolves the host
	TLSVersion string        // such as "TLS 1.3"
	Issuer     string        // of the host's certificate
	Expires    time.Time     // when the host's certificate ends
	Status     int           // of the answer; any will do
	Date       time.Time     // the host's, to the second; zero if the answer had none
	Skew       time.Duration // by how much our clock is ahead of Date; 0 if they agree within a second
}

// Probe asks for the root of the https address target and tells what stands on the
// way. Errors are those of [Transport.RoundTrip], which name the step that failed; what was
// found before is in the Probe all the same. The clock c is compared with the host's.
func (t *Transport) Probe(ctx context.Context, target string, c clock.Clock) (Probe, error) {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return Probe{}, fault.Errorf(fault.Invalid, "%q is not an https address", target).WithHint("Give an address such as https://graph.microsoft.com")
	}
	u = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}

	var p Probe
	if t.proxy.used(u) {
		p.Proxy = t.proxy.url.Host
	}
	seen := &dialed{}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, seen.trace()), http.MethodHead, u.String(), http.NoBody)
	if err != nil {
		return p, err
	}
	if t.userAgent != "" {
		req.Header.Set("User-Agent", t.userAgent)
	}
	// A pool of its own: a connection that stands already would show nothing.
	pool := t.pool.Load().Clone()
	defer pool.CloseIdleConnections()
	before := c.Now()
	resp, err := pool.RoundTrip(req)
	after := c.Now()
	p.Addresses = seen.list()
	if err != nil {
		if err := ctx.Err(); err != nil {
			return p, err
		}
		return p, t.explain(u, err)
	}
	resp.Body.Close()
	t.noteReached(u.Host)
	p.Status = resp.StatusCode
	p.describe(resp.TLS)
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		p.Date, p.Skew = date, skew(before, after, date)
	}
	return p, nil
}

func (p *Probe) describe(s *tls.ConnectionState) {
	if s == nil || len(s.PeerCertificates) == 0 {
		return
	}
	leaf := s.PeerCertificates[0]
	p.TLSVersion, p.Issuer, p.Expires = tls.VersionName(s.Version), leaf.Issuer.String(), leaf.NotAfter
}

// skew compares a date, which was cut to the second and made at some time between
// before and after, with our own. Zero means that they may well agree.
func skew(before, after, date time.Time) time.Duration {
	switch {
	case before.After(date.Add(time.Second)):
		return before.Sub(date.Add(time.Second)).Round(time.Second)
	case after.Before(date):
		return after.Sub(date).Round(time.Second)
	default:
		return 0
	}
}

// dialed notes the addresses that a name resolves to, or that were tried without
// resolving. Its trace is called from several goroutines.
type dialed struct {
	mu              sync.Mutex
	resolved, tried []string
}

func (d *dialed) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSDone: func(info httptrace.DNSDoneInfo) {
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, a := range info.Addrs {
				d.resolved = append(d.resolved, a.String())
			}
		},
		ConnectStart: func(_, address string) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if host, _, err := net.SplitHostPort(address); err == nil {
				d.tried = append(d.tried, host)
			}
		},
	}
}

func (d *dialed) list() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.resolved) > 0 {
		return slices.Clone(d.resolved)
	}
	return slices.Clone(d.tried)
}
