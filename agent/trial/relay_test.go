package trial_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/usher-iga/usher/agent/trial"
)

// relay is an HTTP proxy that asks for a password and leads every name to the
// sandbox: so the real names of a cloud can be used on a machine without a network.
type relay struct {
	server   *httptest.Server
	password string

	mu    sync.Mutex
	hosts []string // asked for, each once
}

func newRelay(t *testing.T, to trial.Tenant) *relay {
	t.Helper()
	target, err := url.Parse(to.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{password: "op3n sesame-c4nary"}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("usher:"+r.password))
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Proxy-Authorization") != want {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		r.note(req.Host)
		tunnel(w, req, target.Host)
	}))
	t.Cleanup(r.server.Close)
	return r
}

func (r *relay) note(host string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.hosts, host) {
		r.hosts = append(r.hosts, host)
	}
}

// asked tells whether a host was asked for.
func (r *relay) asked(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.hosts, host+":443")
}

// settings is the value of the key Proxy.
func (r *relay) settings() map[string]any {
	return map[string]any{"Address": r.server.URL, "Username": "usher", "Password": r.password}
}
