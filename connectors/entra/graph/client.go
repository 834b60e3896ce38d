// Package graph reads Microsoft Graph over HTTP: single answers, and
// collections page by page with the next page always under way.
//
// The packages below it are decorators of one interface, [Doer]: trace (request
// ids and log), signin (tokens), governor (the tenant's quota) and retry. The
// package dial puts them together.
package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// maxBody bounds one answer. Pages are some 100 KiB, seldom a few MiB; more than
// this is not a page, and reading on would only fill the memory.
const maxBody = 256 << 20

// A Doer sends one request. It follows [http.RoundTripper] in who closes (the
// caller closes the answer's body) and in that any status is an answer, not an
// error; but it may send the request several times. Safe for use by several
// goroutines.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// An Exchanger is a [Doer] that takes sending a request and reading its answer as
// one step, so that an answer that cannot be read is asked for again. Package
// retry has the one implementation.
type Exchanger interface {
	Doer

	// Exchange sends req and calls read with the answer, whatever its status; if
	// read's error is one of [IsBroken], it may send req and call read again. It
	// closes the body. It returns read's last error, or that of sending.
	Exchange(req *http.Request, read func(*http.Response) error) error
}

// A Client reads from one Graph root. It is safe for use by several goroutines,
// holds nothing that needs closing, and is made by [New].
type Client struct {
	root    *url.URL
	doer    Exchanger
	maxBody int
}

// New makes a client for a root such as https://graph.microsoft.com/v1.0/ (the
// last slash may be missing). Answers that break off or are no JSON are repeated if
// doer is an [Exchanger]. A root that is no http or https URL, or that has a query,
// is [fault.Invalid].
func New(root string, doer Doer) (*Client, error) {
	u, err := url.Parse(root)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.Errorf(fault.Invalid, "%q is not a base URL of Microsoft Graph", root).
			WithSetting("MicrosoftGraphPathApi").
			WithHint("Give a URL such as https://graph.microsoft.com/v1.0/")
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	exchanger, ok := doer.(Exchanger)
	if !ok {
		exchanger = once{doer}
	}
	return &Client{root: u, doer: exchanger, maxBody: maxBody}, nil
}

// Root returns the root URL, with a slash at its end.
func (c *Client) Root() string { return c.root.String() }

// Get sends one GET and returns the whole body, which is valid JSON, or empty if
// Graph answers 204. The path is relative to the root and encoded already
// ("organization?$select=id"), or a complete URL on the root's host.
//
// Errors are [*fault.Error] with Graph's code and ids, or that of ctx.
func (c *Client) Get(ctx context.Context, pathOrURL string) ([]byte, error) {
	target, err := c.resolve(pathOrURL)
	if err != nil {
		return nil, err
	}
	var body []byte
	err = c.exchange(ctx, target, func(resp *http.Response) error {
		var err error
		body, err = c.readAll(body[:0], resp, func([]byte) error { return nil })
		switch {
		case err != nil:
			return err
		case resp.StatusCode == http.StatusNoContent:
			return nil
		case jsontext.Value(body).IsValid():
			return nil
		}
		return notJSON(resp, body)
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

// resolve makes a URL of a path below the root or of a complete URL, whose bytes
// reach the server untouched. It refuses other hosts: the token goes to Graph alone.
func (c *Client) resolve(pathOrURL string) (*url.URL, error) {
	complete := pathOrURL
	if !isComplete(pathOrURL) {
		complete = c.root.String() + strings.TrimPrefix(pathOrURL, "/")
	}
	u, err := url.Parse(complete)
	// A space or a line break would end the request line.
	if err != nil || strings.ContainsFunc(complete, func(r rune) bool { return r <= ' ' || r >= 0x7f }) ||
		!strings.HasSuffix(complete, u.RequestURI()) {
		return nil, fault.Errorf(fault.Unavailable, "cannot follow a link that is not a well-formed URL")
	}
	if u.User != nil || !sameOrigin(u, c.root) {
		return nil, fault.Errorf(fault.Unavailable, "refused a link to %s://%s: it leaves %s://%s",
			u.Scheme, u.Host, c.root.Scheme, c.root.Host).
			WithHint("Tokens go to the configured Graph host only. Check MicrosoftGraphPathApi, and that no proxy rewrites answers")
	}
	return u, nil
}

func isComplete(pathOrURL string) bool {
	return strings.HasPrefix(pathOrURL, "https://") || strings.HasPrefix(pathOrURL, "http://")
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}

// exchange sends a GET and has a successful answer read; others become errors.
func (c *Client) exchange(ctx context.Context, target *url.URL, read func(*http.Response) error) error {
	req := (&http.Request{
		Method: http.MethodGet,
		URL:    target,
		Host:   target.Host,
		Header: http.Header{"Accept": {"application/json"}},
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	err := c.doer.Exchange(req, func(resp *http.Response) error {
		if resp.StatusCode/100 != 2 {
			return refusal(target, resp)
		}
		return read(resp)
	})
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// readAll appends the body to buf, and tells seen whenever more has come.
func (c *Client) readAll(buf []byte, resp *http.Response, seen func(buf []byte) error) ([]byte, error) {
	if n := resp.ContentLength; n >= int64(cap(buf)) && n < int64(c.maxBody) {
		buf = make([]byte, 0, n+1) // one more than the body, so that its end is seen without growing
	}
	for {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), max(32<<10, 2*cap(buf)))
			copy(grown, buf)
			buf = grown
		}
		n, err := resp.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) > c.maxBody {
			return buf, withIDs(resp, fault.Errorf(fault.Unavailable, "the answer to %s is larger than %d MiB", shown(resp), c.maxBody>>20))
		}
		if n > 0 {
			if err := seen(buf); err != nil {
				return buf, err
			}
		}
		switch err {
		case nil:
		case io.EOF:
			return buf, nil
		default:
			return buf, brokenOff(resp, len(buf), err)
		}
	}
}

// once is the Exchanger of a plain Doer: it never asks twice.
type once struct{ Doer }

func (o once) Exchange(req *http.Request, read func(*http.Response) error) error {
	resp, err := o.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return read(resp)
}

// broken marks an answer that ended too early, or that is not what Graph gives.
type broken struct {
	error
	nonsense bool
}

func (b broken) Unwrap() error { return b.error }

// IsBroken reports whether err says that an answer broke off while it was read, or
// made no sense, so that asking again may help.
func IsBroken(err error) bool {
	_, ok := errors.AsType[broken](err)
	return ok
}

// IsNonsense reports whether err says that a success was not JSON, such as the web
// page of a proxy. It is one of those of [IsBroken] that seldom pass.
func IsNonsense(err error) bool {
	b, ok := errors.AsType[broken](err)
	return ok && b.nonsense
}

func brokenOff(resp *http.Response, read int, cause error) error {
	return withIDs(resp, fault.Errorf(fault.Unavailable, "the answer to %s broke off after %d bytes: %w", shown(resp), read, broken{error: cause}).
		WithHint("The network or a proxy cut the connection; run again"))
}

// shown names a request in messages: the path without the query, which may hold tokens.
func shown(resp *http.Response) string {
	if resp.Request == nil {
		return "a request"
	}
	return fmt.Sprintf("%s %s", resp.Request.Method, resp.Request.URL.EscapedPath())
}
