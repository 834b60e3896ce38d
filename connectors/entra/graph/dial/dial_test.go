package dial_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	tenant = "11111111-1111-1111-1111-111111111111"
	client = "22222222-2222-2222-2222-222222222222"
	secret = "s3cr3t~value"
)

// noWait is a clock whose pauses take no time.
type noWait struct{}

func (noWait) Now() time.Time                                   { return clock.System.Now() }
func (noWait) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// startTenant runs authority and Graph of a tenant on one host; users answers for Graph.
func startTenant(t *testing.T, users http.HandlerFunc) (dial.Config, *httptest.Server) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+tenant+"/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		root := "https://" + r.Host + "/" + tenant
		fmt.Fprintf(w, `{"issuer":"%s/v2.0","authorization_endpoint":"%[1]s/oauth2/v2.0/authorize","token_endpoint":"%[1]s/oauth2/v2.0/token"}`, root)
	})
	mux.HandleFunc("POST /"+tenant+"/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("client_secret") != secret {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client","error_codes":[7000215],"error_description":"AADSTS7000215: Invalid client secret provided."}`)
			return
		}
		fmt.Fprint(w, `{"token_type":"Bearer","expires_in":3599,"access_token":"precious"}`)
	})
	mux.HandleFunc("/v1.0/users", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer precious" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("request-id", "theirs")
		w.Header().Set("client-request-id", r.Header.Get("client-request-id"))
		users(w, r)
	})
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return dial.Config{
		Application: signin.Application{TenantID: tenant, ClientID: client, ClientSecret: secret},
		Cloud:       cloud.Settings{AuthorityPath: server.URL + "/{0}", BaseURL: server.URL + "/v1.0/"},
		RootsPEM:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		Clock:       noWait{},
	}, server
}

func connect(t *testing.T, d *dial.Dialer, c dial.Config) *dial.Conn {
	t.Helper()
	conn, err := d.Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func TestTheWholeStack(t *testing.T) {
	const pages = 12
	var mu sync.Mutex
	tries := map[string]int{}
	config, _ := startTenant(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		tries[r.URL.RawQuery]++
		again := tries[r.URL.RawQuery] > 1
		mu.Unlock()
		if r.Header.Get("x-ms-throttle-priority") != "low" {
			t.Error("no priority")
		}
		var n int
		_, _ = fmt.Sscanf(r.URL.RawQuery, "$skiptoken=secret%d", &n)
		w.Header().Set("x-ms-resource-unit", "2")
		switch {
		case !again && n%4 == 1:
			w.Header().Set("Retry-After", "0.01")
			w.WriteHeader(http.StatusTooManyRequests)
		case !again && n%4 == 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		case !again && n%4 == 3:
			fmt.Fprint(w, `{"value":[`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case n < pages-1:
			fmt.Fprintf(w, `{"@odata.nextLink":"https://%s/v1.0/users?$skiptoken=secret%d","value":[%d]}`, r.Host, n+1, n)
		default:
			fmt.Fprintf(w, `{"value":[%d]}`, n)
		}
	})
	var logged bytes.Buffer
	config.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: &logged})
	var dialer dial.Dialer
	conn := connect(t, &dialer, config)
	got := 0
	err := conn.Pages(t.Context(), "users", func(p graph.Page) error {
		if want := fmt.Sprintf(`"value":[%d]}`, got); !strings.HasSuffix(string(p.Body), want) {
			t.Errorf("page %d is %s", p.Number, p.Body)
		}
		got++
		return nil
	})
	if err != nil || got != pages {
		t.Fatalf("%d pages, %v", got, err)
	}
	for _, leak := range []string{secret, "precious", "skiptoken=secret"} {
		if strings.Contains(logged.String(), leak) {
			t.Errorf("the log has %q", leak)
		}
	}
	other := connect(t, &dialer, config) // shares the quota
	if s := other.Stats(); s.ResourceUnits != 2*(pages+9) || s.Requests != pages+9 {
		t.Errorf("%+v", s)
	}
	another := config
	another.Application.ClientID = tenant
	if other.Writes() != conn.Writes() || connect(t, &dialer, another).Writes() == conn.Writes() {
		t.Error("the quota of writes is not that of one application in one tenant")
	}
}

func TestErrorsReachTheCaller(t *testing.T) {
	config, server := startTenant(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}`)
	})
	var dialer dial.Dialer
	conn := connect(t, &dialer, config)
	if _, err := conn.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := conn.Get(t.Context(), "users")
	if f := fault.Of(err); f == nil || f.Code != fault.Forbidden || f.RequestID != "theirs" || f.ClientRequestID == "" {
		t.Errorf("got %v", err)
	}

	wrong := config
	wrong.Application.ClientSecret = "wrong~secret"
	_, err = connect(t, &dialer, wrong).Get(t.Context(), "users")
	if f := fault.Of(err); f == nil || f.Code != fault.Unauthorized || f.SystemCode != "AADSTS7000215" || strings.Contains(err.Error(), "wrong~secret") {
		t.Errorf("got %v", err)
	}

	untrusting := config
	untrusting.RootsPEM = nil
	_, err = connect(t, &dialer, untrusting).SignIn(t.Context())
	if f := fault.Of(err); f == nil || f.Code != fault.Unavailable || f.Setting != "TrustedCertificates" || f.ClientRequestID == "" {
		t.Errorf("got %v", err)
	}

	server.Close()
	_, err = connect(t, &dialer, config).SignIn(t.Context())
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), strings.TrimPrefix(server.URL, "https://")) || !strings.Contains(err.Error(), "gave up after 4 tries") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := conn.Get(ctx, "users"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The sign-in has a budget of its own, which the one of the request does not multiply.
func TestSignInThatIsDownIsGivenUpOnce(t *testing.T) {
	tries := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tries++
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	var dialer dial.Dialer
	conn := connect(t, &dialer, dial.Config{
		Application: signin.Application{TenantID: tenant, ClientID: client, ClientSecret: secret},
		Cloud:       cloud.Settings{AuthorityPath: server.URL}, Clock: noWait{},
		RootsPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
	})
	if _, err := conn.Get(t.Context(), "users"); !fault.Is(err, fault.Unavailable) || tries != 20 {
		t.Errorf("%d tries, %v", tries, err)
	}
}

func TestDialChecksSettings(t *testing.T) {
	good := dial.Config{Application: signin.Application{TenantID: tenant, ClientID: client, ClientSecret: secret}}
	for setting, change := range map[string]func(*dial.Config){
		"Cloud":               func(c *dial.Config) { c.Cloud.Cloud = "x" },
		"Proxy":               func(c *dial.Config) { c.Proxy = "x" },
		"TrustedCertificates": func(c *dial.Config) { c.RootsPEM = []byte("x") },
		"TenantId":            func(c *dial.Config) { c.Application.TenantID = "" },
	} {
		c := good
		change(&c)
		_, err := new(dial.Dialer).Dial(c)
		if f := fault.Of(err); f == nil || f.Code != fault.Invalid || f.Setting != setting {
			t.Errorf("%s: %v", setting, err)
		}
	}
}
