package signin_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

type doerFunc func(*http.Request) (*http.Response, error)

func (f doerFunc) Do(req *http.Request) (*http.Response, error) { return f(req) }

const (
	tenant = "11111111-1111-1111-1111-111111111111"
	client = "22222222-2222-2222-2222-222222222222"
	secret = "s3cr3t~value"
)

var (
	endpoints = cloud.Endpoints{
		Authority: "https://login.example", Scope: "https://graph.example/.default", ScopeSetting: "MicrosoftGraphPathApi",
		BaseURL: "https://graph.example/v1.0/",
	}
	bySecret = signin.Application{TenantID: tenant, ClientID: client, ClientSecret: secret}
)

// authority is a sign-in service without a network.
type authority struct {
	issued  int                                // tokens "token1", "token2" and so on
	forms   []url.Values                       // of token requests
	refuse  func() (status int, answer string) // nil to issue
	fail    error
	expires int // seconds
}

func (a *authority) Do(req *http.Request) (*http.Response, error) {
	if a.fail != nil {
		return nil, a.fail
	}
	const base = "/" + tenant
	status := http.StatusOK
	var answer string
	switch {
	case req.URL.Host != "login.example":
		return nil, fmt.Errorf("asked %s", req.URL.Host)
	case req.URL.Path == base+"/v2.0/.well-known/openid-configuration":
		answer = fmt.Sprintf(`{"issuer":"https://login.example%s/v2.0","authorization_endpoint":"https://login.example%[1]s/oauth2/v2.0/authorize","token_endpoint":"https://login.example%[1]s/oauth2/v2.0/token"}`, base)
	case req.URL.Path == base+"/oauth2/v2.0/token":
		body, _ := io.ReadAll(req.Body)
		form, _ := url.ParseQuery(string(body))
		a.forms = append(a.forms, form)
		if a.refuse != nil {
			status, answer = a.refuse()
			break
		}
		a.issued++
		answer = fmt.Sprintf(`{"token_type":"Bearer","expires_in":%d,"access_token":"token%d"}`, a.expires, a.issued)
	default:
		return nil, fmt.Errorf("asked %s", req.URL)
	}
	return &http.Response{StatusCode: status, Request: req, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// manual is a clock that the test sets.
type manual struct{ now time.Time }

func (m *manual) Now() time.Time                                 { return m.now }
func (*manual) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func newSource(t *testing.T, a *authority, clock *manual) *signin.Source {
	t.Helper()
	if a.expires == 0 {
		a.expires = 3599
	}
	return sourceOf(t, bySecret, signin.Options{Authority: a, Clock: clock})
}

func sourceOf(t *testing.T, a signin.Application, o signin.Options) *signin.Source {
	t.Helper()
	o.Endpoints = endpoints
	s, err := signin.NewSource(a, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTokenIsKeptAndRenewed(t *testing.T) {
	a, clock := &authority{}, &manual{time.Now()}
	s := newSource(t, a, clock)
	want := func(want string) {
		t.Helper()
		if got, err := s.Token(t.Context()); got != want || err != nil {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	}
	want("token1")
	clock.now = clock.now.Add(54 * time.Minute)
	want("token1")
	form := a.forms[0]
	if form.Get("client_secret") != secret || form.Get("client_id") != client || !strings.HasPrefix(form.Get("scope"), "https://graph.example/.default") {
		t.Errorf("form %v", form)
	}
	// Near its end it is still used if there is no other, and the authority is left alone for a while.
	clock.now = clock.now.Add(2 * time.Minute)
	a.fail = errors.New("down")
	want("token1")
	a.fail = nil
	want("token1")
	clock.now = clock.now.Add(31 * time.Second)
	want("token2")
	clock.now = clock.now.Add(2 * time.Hour)
	a.fail = errors.New("down")
	if _, err := s.Token(t.Context()); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "login.example") {
		t.Errorf("got %v", err)
	}
}

// While one request gets the next token early and the authority is slow, others use the present one.
func TestEarlyRenewalStopsNobody(t *testing.T) {
	slow, asked, answer := false, make(chan struct{}), make(chan struct{})
	a, clock := &authority{expires: 3599}, &manual{time.Now()}
	s := sourceOf(t, bySecret, signin.Options{Clock: clock, Authority: doerFunc(func(req *http.Request) (*http.Response, error) {
		if slow && strings.HasSuffix(req.URL.Path, "/token") {
			close(asked)
			<-answer
		}
		return a.Do(req)
	})})
	token := func(ctx context.Context) string {
		t.Helper()
		got, err := s.Token(ctx)
		if err != nil {
			t.Error(err)
		}
		return got
	}
	token(t.Context())
	clock.now = clock.now.Add(56 * time.Minute)
	slow, a.expires = true, 7200 // from the true time on
	first := make(chan string)
	go func() { first <- token(t.Context()) }()
	<-asked
	if got := token(t.Context()); got != "token1" {
		t.Errorf("another request got %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Replace(ctx, "token1", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("who cannot use the present token does not wait: %v", err)
	}
	slow = false
	close(answer)
	if got := <-first; got != "token2" {
		t.Errorf("the first one got %q", got)
	}
	if got := token(t.Context()); got != "token2" {
		t.Errorf("then came %q", got)
	}
}

func TestRefusedTokenIsReplacedOnce(t *testing.T) {
	a := &authority{}
	s := newSource(t, a, &manual{time.Now()})
	challenge := base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true}}}`))
	var sent []string
	accepted := "Bearer token2"
	d := s.Doer(doerFunc(func(req *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(req.Body)
		sent = append(sent, req.Header.Get("Authorization")+" "+string(body))
		resp := &http.Response{StatusCode: 200, Request: req, Header: http.Header{}, Body: http.NoBody}
		if req.Header.Get("Authorization") != accepted {
			resp.StatusCode = 401
			resp.Header.Set("WWW-Authenticate", `Bearer realm="", error="insufficient_claims", claims="`+challenge+`"`)
		}
		return resp, nil
	}))
	do := func() int {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://graph.example/v1.0/x", strings.NewReader("body"))
		resp, err := d.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if req.Header.Get("Authorization") != "" {
			t.Error("the caller's request has the token")
		}
		return resp.StatusCode
	}
	if status := do(); status != 200 || strings.Join(sent, ", ") != "Bearer token1 body, Bearer token2 body" {
		t.Errorf("%d, %q", status, sent)
	}
	if claims := a.forms[1].Get("claims"); !strings.Contains(claims, "nbf") {
		t.Errorf("claims %q", claims)
	}
	accepted, sent = "", nil
	if status := do(); status != 401 || len(sent) != 2 || a.issued != 3 {
		t.Errorf("%d, %q, %d tokens", status, sent, a.issued)
	}
}

func TestWaitingForATokenStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := &authority{refuse: func() (int, string) { cancel(); return 400, `{"error":"x"}` }}
	if _, err := newSource(t, a, &manual{time.Now()}).Token(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
