package graph

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// An Answer is what Graph said to a [Request].
type Answer struct {
	Status          int // 0: no answer came, and nobody knows whether the request was carried out
	Header          http.Header
	Body            []byte // of a success; valid JSON, or empty
	RequestID       string
	ClientRequestID string
	Code            string // of a refusal: Graph's code
	Message         string // of a refusal: Graph's own words
	Sent            time.Time

	failure *fault.Error
}

// OK reports whether the request was carried out.
func (a Answer) OK() bool { return a.Status/100 == 2 }

// Unknown reports whether nobody knows if the request was carried out. What Graph does not offer
// or has no room for was not.
func (a Answer) Unknown() bool {
	switch a.Status {
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusInsufficientStorage:
		return false
	}
	return a.Status == 0 || a.Status >= http.StatusInternalServerError
}

// Failure makes an error of an answer that is no success, with Graph's code and ids. It is
// the caller's.
func (a Answer) Failure() *fault.Error {
	if a.failure == nil {
		return fault.Errorf(fault.Unavailable, "no answer came from Graph").WithHint("Run again")
	}
	told := *a.failure
	return &told
}

// Lost is the Answer to a request to which none came, for the reason of err.
func Lost(err error) Answer {
	a := Answer{failure: fault.Of(err)}
	if a.failure != nil {
		a.ClientRequestID = a.failure.ClientRequestID
	}
	return a
}

// Send sends one request and returns the answer, whatever its status. Only reads are
// repeated, and what was answered 429.
//
// Errors are [*fault.Error] where no answer came, such as [fault.Unavailable], or that of
// ctx; then nobody knows whether a write was carried out.
func (c *Client) Send(ctx context.Context, r Request) (Answer, error) {
	req, err := c.request(ctx, r)
	if err != nil {
		return Answer{}, err
	}
	var answer Answer
	err = c.doer.Exchange(req, func(resp *http.Response) error {
		var err error
		answer, err = c.answer(req.URL, resp)
		return err
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return Answer{}, ctx.Err()
	case err != nil:
		return Answer{}, err
	}
	return answer, nil
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	target, err := c.resolve(r.path)
	if err != nil {
		return nil, err
	}
	req := (&http.Request{
		Method: r.method,
		URL:    target,
		Host:   target.Host,
		Header: http.Header{"Accept": {"application/json"}},
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	for name, value := range r.headers {
		req.Header.Set(name, value)
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.ContentLength = int64(len(r.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.body)), nil }
		req.Body, _ = req.GetBody()
	}
	return req, nil
}

// answer reads a whole answer. An answer that broke off, or a success that is no JSON, is
// none: it is an error of [IsBroken].
func (c *Client) answer(target *url.URL, resp *http.Response) (Answer, error) {
	body, err := c.readAll(nil, resp, func([]byte) error { return nil })
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if a.OK() {
		if len(body) > 0 && !jsontext.Value(body).IsValid() {
			return Answer{}, notJSON(resp, body)
		}
		a.Body = body
		ids := withIDs(resp, &fault.Error{})
		a.RequestID, a.ClientRequestID = ids.RequestID, ids.ClientRequestID
		return a, nil
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	a.failure = fault.Of(refusal(target, resp))
	a.Code, a.RequestID, a.ClientRequestID = a.failure.SystemCode, a.failure.RequestID, a.failure.ClientRequestID
	a.Message = parseError(body).message
	return a, nil
}
