package signin

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/sdk/aadsts"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// maxAnswer bounds what is read of one answer of the authority.
const maxAnswer = 1 << 20

// wire carries the requests of one sign-in, and remembers how the last one
// failed: azidentity tells that in a text only, which is not for an admin.
type wire struct {
	doer    graph.Doer
	host    string         // asked last
	err     error          // of sending
	refused *http.Response // an answer that is no success
	body    []byte         // of refused
}

// Do implements azcore's policy.Transporter.
func (w *wire) Do(req *http.Request) (*http.Response, error) {
	w.host, w.err, w.refused = req.URL.Host, nil, nil
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
func (w *wire) explain(ctx context.Context, e cloud.Endpoints, c credential, err error) error {
	host := hostOf(e)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case c.ManagedIdentity:
		return w.explainMachine(e, c, err)
	case w.err != nil && fault.Of(w.err) != nil:
		return w.err
	case w.err != nil:
		return fault.Errorf(fault.Unavailable, "the sign-in service %s cannot be reached: %w", host, w.err).
			WithHint("Check MicrosoftAuthorityPath, the network and the Proxy setting")
	case w.refused != nil:
		return refusal(e, c.way, w.refused.StatusCode, aadsts.Parse(w.body))
	}
	return fault.Errorf(fault.Unavailable, "the sign-in service %s gave no token: %w", host, err).
		WithHint("Check that MicrosoftAuthorityPath is the address of a Microsoft Entra sign-in service")
}

// hostOf names the sign-in service in messages.
func hostOf(e cloud.Endpoints) string { return strings.TrimPrefix(e.Authority, "https://") }
