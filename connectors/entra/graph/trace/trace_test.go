package trace_test

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra/graph/trace"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

type doerFunc func(*http.Request) (*http.Response, error)

func (f doerFunc) Do(req *http.Request) (*http.Response, error) { return f(req) }

func TestEachAttemptHasAnID(t *testing.T) {
	var log bytes.Buffer
	var ids []string
	fail := false
	d := trace.New(doerFunc(func(req *http.Request) (*http.Response, error) {
		ids = append(ids, req.Header.Get("client-request-id"))
		if req.Header.Get("return-client-request-id") != "true" {
			t.Error("the id is not asked for")
		}
		if fail {
			return nil, fault.Errorf(fault.Unavailable, "down")
		}
		return &http.Response{StatusCode: 200, Header: http.Header{"Request-Id": {"theirs"}}, Body: http.NoBody}, nil
	}), trace.Options{Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: &log})})

	req, _ := http.NewRequest(http.MethodGet, "https://h/v1.0/users/delta?$select=id&$deltatoken=precious", nil)
	req.Header.Set("Authorization", "Bearer precious")
	for range 2 {
		if _, err := d.Do(req); err != nil {
			t.Fatal(err)
		}
	}
	fail = true
	_, err := d.Do(req)
	if fault.Of(err).ClientRequestID != ids[2] {
		t.Errorf("got %v, want id %s", err, ids[2])
	}
	guid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if !guid.MatchString(ids[0]) || ids[0] == ids[1] {
		t.Errorf("ids %q", ids)
	}
	for _, part := range []string{"/v1.0/users/delta?$select=id&$deltatoken=...", "status=200", "request_id=theirs", "client_request_id=" + ids[0], "request failed"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %q:\n%s", part, &log)
		}
	}
	if strings.Contains(log.String(), "precious") {
		t.Errorf("the log has a token:\n%s", &log)
	}
}

func TestNoRandomBytes(t *testing.T) {
	d := trace.New(nil, trace.Options{Rand: strings.NewReader("short")})
	if _, err := d.Do(&http.Request{}); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v", err)
	}
}

func TestPath(t *testing.T) {
	for in, want := range map[string]string{
		"https://h/a":                               "/a",
		"https://h/a%2Fb?x=1":                       "/a%2Fb?x=1",
		"https://h/a?%24skipToken=s&$top=5":         "/a?%24skipToken=...&$top=5",
		"https://h/a?$deltatoken=s%26%3D&x=token=1": "/a?$deltatoken=...&x=token=1",
	} {
		u, _ := url.Parse(in)
		if got := trace.Path(u); got != want {
			t.Errorf("%s: got %s", in, got)
		}
	}
}
