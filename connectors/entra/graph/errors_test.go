package graph_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// answering makes a client of which each request gets one answer.
func answering(status int, body string, header http.Header) *graph.Client {
	client, _ := graph.New("https://graph.example/v1.0/", doerFunc(func(req *http.Request) (*http.Response, error) {
		if header == nil {
			header = http.Header{}
		}
		return &http.Response{StatusCode: status, Request: req, ContentLength: -1, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
	}))
	return client
}

func TestErrorsOfGraph(t *testing.T) {
	const insufficient = `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation.","innerError":{"date":"2026-01-01T00:00:00","request-id":"r1","client-request-id":"c1"}}}`
	for _, tc := range []struct {
		name    string
		status  int
		path    string
		body    string
		header  http.Header
		want    fault.Code
		message string
		hint    string // part of it
	}{
		{"denied", 403, "users/delta?$select=id", insufficient, nil, fault.Forbidden,
			"Graph answered 403 to GET /v1.0/users/delta: Insufficient privileges to complete the operation (code Authorization_RequestDenied, request-id r1, client-request-id c1)", "the permission of Microsoft Graph that this needs"},
		{"no licence", 403, "users", `{"error":{"code":"Authentication_RequestFromNonPremiumTenantOrB2CTenant","message":"x"}}`, nil, fault.Forbidden, "", "P1 or P2"},
		{"bad request", 400, "users?$select=x", `{"error":{"code":"Request_BadRequest","message":"Could not find\r\n a property named 'x'."}}`,
			http.Header{"Request-Id": {"h1"}, "Client-Request-Id": {"h2"}}, fault.Refused,
			"Graph answered 400 to GET /v1.0/users: Could not find a property named 'x' (code Request_BadRequest, request-id h1, client-request-id h2)", "attributes"},
		{"other spelling, deep", 404, "users/1", `{"error":{"innererror":{"innererror":{"code":"Deep","request-id":"r2"},"message":"inner"}}}`, nil, fault.NotFound,
			"Graph answered 404 to GET /v1.0/users/1: inner (code Deep, request-id r2)", ""},
		{"token", 401, "users", `{"error":{"code":"InvalidAuthenticationToken","message":"x"}}`, nil, fault.Unauthorized, "", "cloud"},
		{"throttled", 429, "users", `{"error":{"code":"TooManyRequests","message":"Please retry again later."}}`, nil, fault.Throttled, "", "quota"},
		{"no such method", 405, "users", `{"error":{"code":"Request_BadRequest","message":"x"}}`, nil, fault.Refused, "", "attributes"},
		{"long query", 414, "users", "", nil, fault.Refused, "", "proxy"},
		{"not offered", 501, "users", `{"error":{"code":"NotImplemented","message":"x"}}`, nil, fault.Refused, "", "attributes"},
		{"busy", 503, "users", `{"error":{"code":"serviceNotAvailable","message":""}}`, nil, fault.Unavailable, "", "again later"},
		{"a proxy's page", 403, "users", "<html>blocked</html>", nil, fault.Forbidden, "Graph answered 403 to GET /v1.0/users", "proxy"},
		{"redirect", 302, "users", "", nil, fault.Unavailable, "", "proxy"},
		{"rubbish", 500, "users", `{"error":{"code":7,"message":[{"`, nil, fault.Unavailable, "Graph answered 500 to GET /v1.0/users", "proxy"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := answering(tc.status, tc.body, tc.header).Get(t.Context(), tc.path)
			f := fault.Of(err)
			if f == nil || f.Code != tc.want {
				t.Fatalf("got %v, want %s", err, tc.want)
			}
			if tc.message != "" && f.Error() != tc.message {
				t.Errorf("got  %s\nwant %s", f, tc.message)
			}
			if lacks := graph.LacksPermission(err); lacks != (tc.name == "denied") {
				t.Errorf("lacks a permission: %t", lacks)
			}
			if !strings.Contains(f.Hint, tc.hint) {
				t.Errorf("hint %q does not have %q", f.Hint, tc.hint)
			}
		})
	}
}

func TestDeadTokens(t *testing.T) {
	body := func(code string) string { return fmt.Sprintf(`{"error":{"code":%q,"message":"m"}}`, code) }
	const delta, skip = "users/delta?$deltatoken=x", "users?$top=9&%24SkipToken=x"
	for _, tc := range []struct {
		status int
		path   string
		body   string
		want   fault.Code
	}{
		{410, delta, "", fault.Expired},
		{410, skip, body("anything"), fault.Expired},
		{410, "users/delta", "", fault.NotFound},
		{400, delta, body("syncStateNotFound"), fault.Expired},
		{400, delta, body("SyncStateNotFound"), fault.Expired},
		{404, delta, body("resyncRequired"), fault.Expired},
		{400, delta, body("Request_UnsupportedQuery"), fault.Expired},
		{400, skip, body("Directory_ExpiredPageToken"), fault.Expired},
		{400, skip, body("DirectoryPageTokenNotFoundException"), fault.Expired},
		{400, skip, `{"error":{"code":"BadRequest","innerError":{"code":"syncStateNotFound"}}}`, fault.Expired},
		{400, delta, body("Request_BadRequest"), fault.Refused},
		{500, delta, body("syncStateNotFound"), fault.Unavailable},
		{400, "users/delta?$select=x", body("Request_UnsupportedQuery"), fault.Refused},
		{400, "users/delta?$deltatoken=latest", body("Request_UnsupportedQuery"), fault.Refused},
	} {
		_, _, err := collect(answering(tc.status, tc.body, nil), tc.path)
		if fault.CodeOf(err) != tc.want {
			t.Errorf("%d %s %s: got %v, want %s", tc.status, tc.path, tc.body, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "oken=") {
			t.Errorf("the token is in the message: %v", err)
		}
	}
}

func TestNotJSON(t *testing.T) {
	for _, tc := range []struct{ body, contentType, message string }{
		{"<!DOCTYPE html><html>", "", "a web page"},
		{"  \n<html>", "", "a web page"},
		{"sign in", "text/html; charset=utf-8", "a web page"},
		{"hello", "text/plain", "not JSON"},
		{`{"a":tru}`, "", "not JSON"},
	} {
		client := answering(200, tc.body, http.Header{"Content-Type": {tc.contentType}, "Request-Id": {"r"}})
		_, err := client.Get(t.Context(), "users")
		if f := fault.Of(err); f == nil || f.Code != fault.Unavailable || !strings.Contains(f.Message, tc.message) || f.RequestID != "r" {
			t.Errorf("Get %q: %v", tc.body, err)
		}
		if strings.HasPrefix(tc.body, "{") {
			continue // Pages leaves the inside to the reader of the objects
		}
		if _, _, err := collect(client, "users"); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), tc.message) {
			t.Errorf("Pages %q: %v", tc.body, err)
		}
	}
}

// The web page of a proxy may be gone on another try, but it is not asked for as often
// as a page that broke off.
func TestNonsenseIsAskedForAgain(t *testing.T) {
	for _, nonsense := range []string{"<html>", `{"value":[]}}`} {
		var tries, good int // the try that Graph itself answers; 0 for none
		client := serve(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
			if tries++; tries == good {
				fmt.Fprint(w, `{"value":[]}`)
				return
			}
			fmt.Fprint(w, nonsense)
		})
		for name, ask := range map[string]func() error{
			"Get":   func() error { _, err := client.Get(t.Context(), "users"); return err },
			"Pages": func() error { _, _, err := collect(client, "users"); return err },
		} {
			tries, good = 0, 3
			if err := ask(); err != nil || tries != 3 {
				t.Errorf("%s %s: %d tries, %v", name, nonsense, tries, err)
			}
			tries, good = 0, 0
			f := fault.Of(ask())
			if tries != 6 || f == nil || f.Code != fault.Unavailable || !strings.Contains(f.Hint, "proxy") || !strings.Contains(f.Message, "(gave up after 6 tries in") {
				t.Errorf("%s %s: %d tries, %v", name, nonsense, tries, f)
			}
		}
	}
}

func TestGet(t *testing.T) {
	if body, err := answering(204, "", nil).Get(t.Context(), "/x"); err != nil || len(body) != 0 {
		t.Errorf("204: %q, %v", body, err)
	}
	body, err := answering(200, `{"a":1}`, nil).Get(t.Context(), "/x?of=https://elsewhere.example/")
	if err != nil || string(body) != `{"a":1}` {
		t.Errorf("%q, %v", body, err)
	}
}
