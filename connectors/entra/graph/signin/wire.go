package signin

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// maxAnswer bounds what is read of one answer of the authority.
const maxAnswer = 1 << 20

// wire carries the requests of one sign-in, and remembers how the last one
// failed: azidentity tells that in a text only, which is not for an admin.
type wire struct {
	doer    graph.Doer
	err     error          // of sending
	refused *http.Response // an answer that is no success
	body    []byte         // of refused
}

// Do implements azcore's policy.Transporter.
func (w *wire) Do(req *http.Request) (*http.Response, error) {
	w.err, w.refused = nil, nil
	if req.Body != nil && req.GetBody == nil {
		content, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
		req.Body, _ = req.GetBody()
	}
	resp, err := w.doer.Do(req)
	if err != nil {
		w.err = err
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		w.refused = resp
		w.body, _ = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // what came is all that can be told
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(w.body))
	}
	return resp, nil
}

// explain says why no token came.
func (w *wire) explain(ctx context.Context, e cloud.Endpoints, err error) error {
	host := hostOf(e)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case w.err != nil && fault.Of(w.err) != nil:
		return w.err
	case w.err != nil:
		return fault.Errorf(fault.Unavailable, "the sign-in service %s cannot be reached: %w", host, w.err).
			WithHint("Check MicrosoftAuthorityPath, the network and the Proxy setting")
	case w.refused != nil:
		return refusal(e, w.refused, w.body)
	}
	return fault.Errorf(fault.Unavailable, "the sign-in service %s gave no token: %w", host, err).
		WithHint("Check that MicrosoftAuthorityPath is the address of a Microsoft Entra sign-in service")
}

// hostOf names the sign-in service in messages.
func hostOf(e cloud.Endpoints) string { return strings.TrimPrefix(e.Authority, "https://") }

// claims returns what a refusal of Graph wants the next token to have: a claims
// challenge (https://learn.microsoft.com/entra/identity-platform/claims-challenge), or "".
func claims(header http.Header) string {
	for _, challenge := range header.Values("WWW-Authenticate") {
		_, rest, ok := strings.Cut(challenge, `claims="`)
		if !ok {
			continue
		}
		value, _, _ := strings.Cut(rest, `"`)
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if text, err := encoding.DecodeString(value); err == nil {
				return string(text)
			}
		}
	}
	return ""
}
