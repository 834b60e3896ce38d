package graph

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// maxErrorBody is as much of an error's body as is read; Graph's have some 500 bytes.
const maxErrorBody = 64 << 10

// refusal makes an error of an answer that is no success.
// Source: https://learn.microsoft.com/graph/errors.
func refusal(target *url.URL, resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	detail := parseError(body)
	if err != nil && len(detail.codes) == 0 {
		return brokenOff(resp, len(body), err)
	}
	status := resp.StatusCode
	f := fault.Errorf(codeOf(status), "Graph answered %d to %s", status, shown(resp))
	if detail.message != "" {
		f.Message += ": " + detail.message
	}
	if len(detail.codes) > 0 {
		f.SystemCode = detail.codes[0]
	}
	f.RequestID, f.ClientRequestID = detail.requestID, detail.clientRequestID
	_ = withIDs(resp, f)

	if code, ok := expiry(status, detail.codes); ok && carriesToken(target) {
		f.Code, f.SystemCode = fault.Expired, code
		f.Message += ": the page or delta token is no longer accepted"
		return f.WithHint("The list has to be read again from its beginning")
	}
	if len(detail.codes) == 0 && status != http.StatusTooManyRequests {
		return f.WithHint("The answer does not come from Graph itself: a proxy or a firewall may stand in between. Check Proxy and MicrosoftGraphPathApi")
	}
	return f.WithHint("%s", hint(status, f.SystemCode))
}

func codeOf(status int) fault.Code {
	switch status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return fault.Unauthorized
	case http.StatusForbidden:
		return fault.Forbidden
	case http.StatusNotFound, http.StatusGone:
		return fault.NotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return fault.Conflict
	case http.StatusTooManyRequests:
		return fault.Throttled
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusInsufficientStorage:
		return fault.Refused
	}
	if status/100 == 4 {
		return fault.Refused // not Invalid, which says that nothing was sent
	}
	return fault.Unavailable
}

// carriesToken reports whether a request goes on from an earlier answer. The
// token "latest" is none: it asks for a first one.
func carriesToken(u *url.URL) bool {
	for parameter := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		switch strings.ToLower(strings.Replace(name, "%24", "$", 1)) {
		case "$skiptoken", "$deltatoken":
			if value != "" && value != "latest" {
				return true
			}
		}
	}
	return false
}

// expiry reports whether an answer to a request with a token means that the
// token is dead, and by which code. The documented forms are 410 and
// syncStateNotFound or resyncRequired
// (https://learn.microsoft.com/graph/delta-query-overview#synchronization-reset);
// the service is also seen to answer 400 Request_UnsupportedQuery to old delta links.
func expiry(status int, codes []string) (code string, ok bool) {
	switch status {
	case http.StatusGone:
		if len(codes) > 0 {
			code = codes[0]
		}
		return code, true
	case http.StatusBadRequest, http.StatusNotFound:
		for _, code := range codes {
			if slices.ContainsFunc(expiryCodes, func(known string) bool { return strings.EqualFold(known, code) }) {
				return code, true
			}
		}
	}
	return "", false
}

var expiryCodes = []string{
	"syncStateNotFound",
	"resyncRequired",
	"Request_UnsupportedQuery",
	"Directory_ExpiredPageToken",
	"DirectoryPageTokenNotFoundException",
}

// notJSON makes an error of a success that holds no JSON; see [IsNonsense].
func notJSON(resp *http.Response, body []byte) error {
	what := "something that is not JSON"
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") || strings.HasPrefix(strings.TrimSpace(string(body[:min(len(body), 64)])), "<") {
		what = "a web page instead of JSON"
	}
	return withIDs(resp, fault.Errorf(fault.Unavailable, "the answer to %s is %w", shown(resp), broken{errors.New(what), true}).
		WithHint("A proxy or a firewall may stand in between. Check Proxy and MicrosoftGraphPathApi"))
}

// withIDs adds the ids of the request that the body of the answer did not tell.
func withIDs(resp *http.Response, f *fault.Error) *fault.Error {
	if f.RequestID == "" {
		f.RequestID = resp.Header.Get("request-id")
	}
	if f.ClientRequestID == "" {
		f.ClientRequestID = resp.Header.Get("client-request-id")
	}
	if f.ClientRequestID == "" && resp.Request != nil {
		f.ClientRequestID = resp.Request.Header.Get("client-request-id")
	}
	return f
}

// errorDetail is what Graph tells about a failed request.
type errorDetail struct {
	codes                      []string // from the outermost to the innermost
	message                    string   // of the outermost that has one, without a full stop
	requestID, clientRequestID string
}

// parseError reads {"error":{"code","message","innerError":{...}}}, where the
// inner error, also spelled innererror, has the same form again. What it does not
// understand it leaves out.
func parseError(body []byte) (detail errorDetail) {
	d := jsontext.NewDecoder(strings.NewReader(string(body)))
	members(d, func(name string) {
		if name == "error" {
			detail.read(d)
		}
	})
	return detail
}

func (e *errorDetail) read(d *jsontext.Decoder) {
	members(d, func(name string) {
		switch name {
		case "code":
			if code := text(d); code != "" {
				e.codes = append(e.codes, code)
			}
		case "message":
			if message := text(d); e.message == "" {
				e.message = strings.TrimRight(strings.Join(strings.Fields(message), " "), ".")
			}
		case "request-id":
			e.requestID = text(d)
		case "client-request-id":
			e.clientRequestID = text(d)
		case "innerError", "innererror":
			e.read(d)
		}
	})
}

// members calls fn with the name of each member of the object that comes next.
// Fn may read the member's value. Members stops where the text is no longer JSON.
func members(d *jsontext.Decoder, fn func(name string)) {
	if d.PeekKind() != '{' {
		return
	}
	_, err := d.ReadToken()
	depth := d.StackDepth()
	for err == nil && d.PeekKind() == '"' {
		var name jsontext.Token
		if name, err = d.ReadToken(); err != nil {
			return
		}
		before := d.InputOffset()
		if fn(name.String()); d.InputOffset() == before {
			err = d.SkipValue()
		}
		if d.StackDepth() != depth {
			return // broken off inside of the value
		}
	}
	if err == nil && d.PeekKind() == '}' {
		_, _ = d.ReadToken() // it is there
	}
}

// text reads a value if it is a string.
func text(d *jsontext.Decoder) string {
	if d.PeekKind() != '"' {
		return ""
	}
	token, err := d.ReadToken()
	if err != nil {
		return ""
	}
	return token.String()
}
