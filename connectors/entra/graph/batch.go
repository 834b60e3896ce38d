package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// MaxBatch is how many requests one batch may have
// (https://learn.microsoft.com/graph/json-batching#batch-size-limitations).
const MaxBatch = 20

// batchRequest and batchAnswer are parts of a batch on the wire.
type batchRequest struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

type batchAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// Batch sends up to [MaxBatch] requests as one and returns their answers in the same
// sequence. An answer that is not among those that came has the status 0. Graph carries
// the requests out in any sequence, and each on its own.
//
// An error says that no answer came to any of them: see [Client.Send]. A batch that
// Graph refuses as a whole is [fault.Refused], and nothing of it was carried out.
func (c *Client) Batch(ctx context.Context, requests []Request) ([]Answer, error) {
	body, err := encodeBatch(requests)
	if err != nil {
		return nil, err
	}
	outer, err := c.Send(ctx, Post("$batch", body))
	switch {
	case err != nil:
		return nil, err
	case !outer.OK():
		return nil, outer.Failure()
	}
	var inner struct{ Responses []batchAnswer }
	if err := json.Unmarshal(outer.Body, &inner); err != nil {
		return nil, fault.Errorf(fault.Unavailable, "the answer to a batch cannot be read: %w", err).
			WithHint("Check that nothing between here and Graph changes answers")
	}
	answers := make([]Answer, len(requests))
	for i := range answers {
		answers[i].RequestID, answers[i].ClientRequestID = outer.RequestID, outer.ClientRequestID
	}
	for _, a := range inner.Responses {
		n, err := strconv.Atoi(a.ID)
		if err != nil || n < 1 || n > len(requests) || answers[n-1].Status != 0 {
			continue // not one of ours
		}
		if answers[n-1], err = c.inner(requests[n-1], a, outer); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

func encodeBatch(requests []Request) (json.RawMessage, error) {
	wire := struct {
		Requests []batchRequest `json:"requests"`
	}{make([]batchRequest, len(requests))}
	for i, r := range requests {
		if err := r.check(); err != nil {
			return nil, err
		}
		if r.body == nil && r.method == http.MethodPost {
			r.body = json.RawMessage("{}") // within a batch, an action without parameters needs a body, too
		}
		wire.Requests[i] = batchRequest{
			ID: strconv.Itoa(i + 1), Method: r.method, URL: "/" + r.path, Headers: r.headers, Body: r.body,
		}
		if r.body != nil {
			wire.Requests[i].Headers = r.With("Content-Type", "application/json").headers
		}
	}
	body, err := json.Marshal(wire)
	if err != nil {
		return nil, fault.Errorf(fault.Internal, "a batch cannot be written as JSON: %w", err)
	}
	return body, nil
}

// inner reads the answer to one request of a batch as if it had come alone.
func (c *Client) inner(r Request, a batchAnswer, outer Answer) (Answer, error) {
	target, err := c.resolve(r.path)
	if err != nil {
		return Answer{}, err
	}
	header := http.Header{}
	for name, value := range a.Headers {
		header.Set(name, value)
	}
	for _, id := range []struct{ name, outer string }{{"request-id", outer.RequestID}, {"client-request-id", outer.ClientRequestID}} {
		if header.Get(id.name) == "" {
			header.Set(id.name, id.outer)
		}
	}
	body := a.Body
	if string(body) == "null" {
		body = nil
	}
	return c.answer(target, &http.Response{
		StatusCode: a.Status, Header: header, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
		Request: &http.Request{Method: r.method, URL: target, Header: http.Header{}},
	})
}
