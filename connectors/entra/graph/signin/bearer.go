package signin

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// Doer returns a Doer that sends by next with a token. If Graph answers 401,
// a new token is got and the request is sent again, once; so a body must have GetBody.
// Errors are next's and those of [Source.Token], which are final: what may help
// was tried on the way to the token.
func (s *Source) Doer(next graph.Doer) graph.Doer { return &bearer{source: s, next: next} }

type bearer struct {
	source *Source
	next   graph.Doer
}

func (b *bearer) Do(req *http.Request) (*http.Response, error) {
	token, err := b.source.Token(req.Context())
	if err != nil {
		return nil, transport.Final(err)
	}
	resp, err := b.send(req, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	repeat := req.Clone(req.Context())
	if req.Body != nil && req.Body != http.NoBody {
		if req.GetBody == nil {
			return resp, nil
		}
		if repeat.Body, err = req.GetBody(); err != nil {
			return resp, nil //nolint:nilerr // the refusal says more
		}
	}
	resp.Body.Close()
	token, err = b.source.Replace(req.Context(), token, challenge(resp.Header))
	if err != nil {
		return nil, transport.Final(err)
	}
	return b.send(repeat, token)
}

func (b *bearer) send(req *http.Request, token string) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	return b.next.Do(req)
}

// challenge returns what a refusal of Graph wants the next token to have: a claims
// challenge (https://learn.microsoft.com/entra/identity-platform/claims-challenge), or "".
func challenge(header http.Header) string {
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
