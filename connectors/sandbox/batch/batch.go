// Package batch takes JSON batches of requests apart and puts the answers
// together (Microsoft Graph, "Combine multiple HTTP requests using JSON
// batching").
package batch

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Most is how many requests a batch can hold.
const Most = 20

// Error is the refusal of a whole batch, a 400.
type Error struct{ Code, Message string }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(format string, arguments ...any) *Error {
	return &Error{Code: "BadRequest", Message: fmt.Sprintf(format, arguments...)}
}

// request is one of the requests in a batch.
type request struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

// response is one of the answers.
type response struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    any               `json:"body,omitempty"`
}

// Begin tells that a request of a batch begins, and returns the request to serve
// and what to call when it has ended. Requests that do not depend on each other
// all begin before the first of them is served.
type Begin func(*http.Request) (*http.Request, func())

// Answer serves the requests of a batch by next, as parts of the request r, and
// returns the body of the answer. Its error is an *Error.
func Answer(r *http.Request, body []byte, next http.Handler, begin Begin) ([]byte, error) {
	requests, err := parse(body)
	if err != nil {
		return nil, err
	}
	b := batch{outer: r, next: next, begin: begin, answers: map[string]response{}}
	if len(requests[len(requests)-1].DependsOn) == 0 {
		b.serve(requests)
	} else { // in both ways to depend, one after the other
		for i := range requests {
			b.serve(requests[i : i+1])
		}
	}
	answers := make([]response, 0, len(requests))
	for i := range requests {
		// In another order than the requests, as the order means nothing.
		answers = append(answers, b.answers[key(requests[len(requests)-1-i].ID)])
	}
	text, err := json.Marshal(map[string]any{"responses": answers})
	if err != nil {
		return nil, refuse("The answers cannot be put together: %v", err)
	}
	return text, nil
}

// key is an id for comparison: ids differ not by the case of letters alone.
func key(id string) string { return strings.ToLower(id) }

func parse(body []byte) ([]request, error) {
	var all struct {
		Requests []request `json:"requests"`
	}
	if err := json.Unmarshal(body, &all); err != nil || len(all.Requests) == 0 {
		return nil, refuse("Invalid batch payload format.")
	}
	if n := len(all.Requests); n > Most {
		return nil, &Error{Code: "MaximumValueExceeded", Message: fmt.Sprintf("Number of batch request steps exceeds the maximum value of %d.", Most)}
	}
	seen := map[string]bool{}
	for _, r := range all.Requests {
		if err := r.check(seen); err != nil {
			return nil, err
		}
		seen[key(r.ID)] = true
	}
	return all.Requests, checkOrder(all.Requests)
}

// check checks one request; seen are the ids before it.
func (r *request) check(seen map[string]bool) error {
	switch {
	case r.ID == "":
		return refuse("Batch request step is missing the property 'id'.")
	case seen[key(r.ID)]:
		return refuse("Duplicate batch request id: %s.", r.ID)
	case r.Method == "" || r.URL == "":
		return refuse("Batch request step %s is missing the property 'method' or 'url'.", r.ID)
	case strings.Contains(r.URL, "://") || strings.Contains(strings.ToLower(r.URL), "$batch"):
		return refuse("Batch request step %s has an invalid url.", r.ID)
	}
	if u, err := url.Parse(r.URL); err != nil || u.Host != "" {
		return refuse("Batch request step %s has an invalid url.", r.ID)
	}
	switch strings.ToUpper(r.Method) {
	case http.MethodPost, http.MethodPatch, http.MethodPut:
		if len(r.Body) == 0 || !hasHeader(r.Headers, "Content-Type") {
			return refuse("Write request id : %s does not contain Content-Type header or body.", r.ID)
		}
	}
	for _, id := range r.DependsOn {
		if !seen[key(id)] {
			return refuse("Batch request step %s depends on %s, which is no step before it.", r.ID, id)
		}
	}
	return nil
}

func hasHeader(headers map[string]string, name string) bool {
	for have := range headers {
		if strings.EqualFold(have, name) {
			return true
		}
	}
	return false
}

// checkOrder lets only those dependencies pass that the service knows: none, each
// request on the one before it, or all on the same one (known issues, JSON
// batching).
func checkOrder(requests []request) error {
	none, chain, star := true, true, true
	for i, r := range requests {
		none = none && len(r.DependsOn) == 0
		if i == 0 {
			continue
		}
		chain = chain && len(r.DependsOn) == 1 && key(r.DependsOn[0]) == key(requests[i-1].ID)
		star = star && len(r.DependsOn) == 1 && key(r.DependsOn[0]) == key(requests[0].ID)
	}
	if none || chain || star {
		return nil
	}
	return refuse("The dependencies of a batch must be none, serial, or all on the same request.")
}

type batch struct {
	outer   *http.Request
	next    http.Handler
	begin   Begin
	answers map[string]response
}

// serve serves requests that run at the same time, in their order, so
// that a batch has the same effect each time.
func (b *batch) serve(stage []request) {
	begun := make([]*http.Request, len(stage))
	for i, r := range stage {
		if b.failed(r) {
			b.answers[key(r.ID)] = response{ID: r.ID, Status: http.StatusFailedDependency, Body: map[string]any{"error": map[string]string{
				"code": "FailedDependency", "message": "Request was not executed because a request that it depends on has failed."}}}
			continue
		}
		inner, end := b.begin(b.inner(r))
		defer end()
		begun[i] = inner
	}
	for i, r := range stage {
		if begun[i] == nil {
			continue
		}
		var answer recorder
		b.next.ServeHTTP(&answer, begun[i])
		b.answers[key(r.ID)] = answer.response(r.ID)
	}
}

func (b *batch) failed(r request) bool {
	for _, id := range r.DependsOn {
		if status := b.answers[key(id)].Status; status < 200 || status > 299 {
			return true
		}
	}
	return false
}

// inner makes a request of the service out of one of a batch.
func (b *batch) inner(r request) *http.Request {
	inner := b.outer.Clone(b.outer.Context())
	version, _, _ := strings.Cut(strings.TrimPrefix(b.outer.URL.Path, "/"), "/")
	if u, err := url.Parse("/" + version + "/" + strings.TrimPrefix(r.URL, "/")); err == nil { // check saw to that
		inner.URL = u
	}
	inner.Method = strings.ToUpper(r.Method)
	inner.Header = http.Header{}
	for _, name := range []string{"Authorization", "Client-Request-Id"} {
		if value := b.outer.Header.Get(name); value != "" {
			inner.Header.Set(name, value)
		}
	}
	for name, value := range r.Headers {
		inner.Header.Set(name, value)
	}
	inner.Header.Del("Accept-Encoding")
	inner.ContentLength = int64(len(r.Body))
	inner.Body = body{bytes.NewReader(r.Body)}
	return inner
}

// body is a request's body, which needs no closing.
type body struct{ *bytes.Reader }

func (body) Close() error { return nil }

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

func (r *recorder) WriteHeader(status int) { r.status = status }

func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

func (r *recorder) response(id string) response {
	answer := response{ID: id, Status: cmp.Or(r.status, http.StatusOK), Headers: map[string]string{}}
	for name, values := range r.Header() {
		if name != "Content-Length" {
			answer.Headers[name] = strings.Join(values, ", ")
		}
	}
	switch {
	case r.body.Len() == 0:
	case strings.HasPrefix(r.Header().Get("Content-Type"), "application/json"):
		answer.Body = json.RawMessage(r.body.Bytes())
	default:
		answer.Body = base64.StdEncoding.EncodeToString(r.body.Bytes())
	}
	return answer
}
