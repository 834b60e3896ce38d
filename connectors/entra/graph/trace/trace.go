// Package trace gives each attempt its own id, under which Microsoft support
// finds it, and tells the log about it.
package trace

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Options adjust [New]. All may be left out.
type Options struct {
	Logger hclog.Logger // nil for silence
	Clock  clock.Clock  // clock.System if nil
	Rand   io.Reader    // for the ids; crypto/rand if nil
}

// New returns a Doer that sends by next and adds a client-request-id. It belongs
// at the bottom, so that each attempt has an id of its own. Its errors are next's;
// a [*fault.Error] among them gets the id.
func New(next graph.Doer, o Options) graph.Doer {
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &doer{next: next, options: o}
}

type doer struct {
	next    graph.Doer
	options Options
}

func (d *doer) Do(req *http.Request) (*http.Response, error) {
	id, err := d.newID()
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Header.Set("client-request-id", id)
	req.Header.Set("return-client-request-id", "true")

	began := d.options.Clock.Now()
	resp, err := d.next.Do(req)
	if f := fault.Of(err); f != nil && f.ClientRequestID == "" {
		f.ClientRequestID = id
	}
	if d.options.Logger.IsDebug() {
		took := d.options.Clock.Now().Sub(began).Milliseconds()
		attributes := []any{"method", req.Method, "host", req.URL.Host, "path", Path(req.URL), "ms", took, "client_request_id", id}
		if err != nil {
			d.options.Logger.Debug("request failed", append(attributes, "error", err)...)
		} else {
			d.options.Logger.Debug("request", append(attributes, "status", resp.StatusCode, "request_id", resp.Header.Get("request-id"))...)
		}
	}
	return resp, err
}

// newID returns a random UUID (RFC 9562, version 4).
func (d *doer) newID() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(d.options.Rand, b[:]); err != nil {
		return "", fault.Errorf(fault.Internal, "no random bytes for a request id: %w", err)
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// Path returns path and query of u for a log. The values of page and delta tokens
// are left out: they are long, tell a reader nothing, and belong to the tenant.
func Path(u *url.URL) string {
	if u.RawQuery == "" {
		return u.EscapedPath()
	}
	parameters := strings.Split(u.RawQuery, "&")
	for i, p := range parameters {
		if name, _, _ := strings.Cut(p, "="); strings.HasSuffix(strings.ToLower(name), "token") {
			parameters[i] = name + "=..."
		}
	}
	return u.EscapedPath() + "?" + strings.Join(parameters, "&")
}
