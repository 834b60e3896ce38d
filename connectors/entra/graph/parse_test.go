package graph

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func FuzzParseError(f *testing.F) {
	f.Add([]byte(`{"error":{"code":"a","message":"b.","innerError":{"date":"d","request-id":"r","client-request-id":"c","innererror":{"code":"x"}},"details":[{"code":1}]}}`))
	f.Add([]byte(`{"error":{"code":{"message":[`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		detail := parseError(body)
		if strings.ContainsAny(detail.message, "\r\n") || strings.HasSuffix(detail.message, ".") {
			t.Errorf("message %q", detail.message)
		}
		for _, code := range detail.codes {
			if code == "" {
				t.Error("empty code")
			}
		}
	})
}

func TestTooLargeAnswer(t *testing.T) {
	c := &Client{root: &url.URL{Scheme: "https", Host: "h", Path: "/"}, maxBody: 1 << 20}
	c.doer = once{roundTrip(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Request: req, ContentLength: -1, Body: io.NopCloser(&endless{})}, nil
	})}
	if err := c.Pages(t.Context(), "users", nil); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("got %v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) Do(req *http.Request) (*http.Response, error) { return f(req) }

// endless is a page without an end.
type endless struct{ begun bool }

func (e *endless) Read(p []byte) (int, error) {
	if !e.begun {
		e.begun = true
		return copy(p, `{"a":"`), nil
	}
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}
