package graphapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/quota"
	"github.com/usher-iga/usher/connectors/sandbox/replica"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// service is an API with a clock, a replica and quotas, as a server has it.
type service struct {
	t       *testing.T
	world   *tenant.World
	api     *API
	handler http.Handler
	nanos   atomic.Int64
	lag     replica.Lag
	who     Principal
	missing map[string]bool
}

func newService(t *testing.T, change func(*tenant.Config)) *service {
	t.Helper()
	config := tenant.DefaultConfig()
	if change != nil {
		change(&config)
	}
	w, err := tenant.New(config)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, world: w, missing: map[string]bool{}}
	s.nanos.Store(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixNano())
	s.who = Principal{AppID: "app", Roles: append(DefaultRoles(), WriteRoles()...), DirectoryRoles: DefaultDirectoryRoles()}
	copied := replica.New(s.now, func() replica.Lag { return s.lag })
	hooks := openHooks()
	hooks.Authorize = func(string, string) (Principal, error) { return s.who, nil }
	hooks.Missing = func(role string) bool { return s.missing[role] }
	hooks.Visible, hooks.Committed = copied.Visible, copied.Committed
	hooks.ChargeWrite = quota.ForWrites(w.TenantID(), quota.Writes, s.now).Charge
	hooks.Now = s.now
	s.api = New(w, hooks, Options{NoGzip: true})
	s.handler = s.api.Traffic(Identified(w.Seed(), s.api))
	return s
}

func (s *service) now() time.Time          { return time.Unix(0, s.nanos.Load()).UTC() }
func (s *service) advance(d time.Duration) { s.nanos.Add(int64(d)) }

// id is the id of an object of the seed.
func (s *service) id(k tenant.Kind, index uint32) string {
	return s.world.ID(tenant.Ref{Kind: k, Index: index})
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (r reply) id() string { id, _ := r.json["id"].(string); return id }

func (r reply) error() (code, message string) {
	e, _ := r.json["error"].(map[string]any)
	code, _ = e["code"].(string)
	message, _ = e["message"].(string)
	return code, message
}

func (r reply) values() []map[string]any {
	list, _ := r.json["value"].([]any)
	values := make([]map[string]any, len(list))
	for i := range list {
		values[i], _ = list[i].(map[string]any)
	}
	return values
}

// send sends a request; path is below /v1.0.
func (s *service) send(method, path, body string, header ...string) reply {
	s.t.Helper()
	r := httptest.NewRequest(method, "https://localhost/v1.0"+strings.ReplaceAll(path, " ", "%20"), strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer x")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	answer := reply{status: w.Code, header: w.Header(), body: w.Body.String()}
	if w.Body.Len() > 0 && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(w.Body.Bytes(), &answer.json); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return answer
}

// must sends a request that must end in a status.
func (s *service) must(status int, method, path, body string, header ...string) reply {
	s.t.Helper()
	r := s.send(method, path, body, header...)
	if r.status != status {
		s.t.Fatalf("%s %s %s: %d %s", method, path, body, r.status, r.body)
	}
	return r
}

// step is a request and the refusal, or the success, that it must meet.
type step struct {
	method, path, body string
	status             int
	code, message      string // of an error; message is a part of it
}

func (s *service) run(steps []step) {
	s.t.Helper()
	for _, want := range steps {
		got := s.send(want.method, want.path, want.body)
		code, message := got.error()
		if got.status != want.status || code != want.code || !strings.Contains(message, want.message) {
			s.t.Errorf("%s %s %s: %d %s", want.method, want.path, want.body, got.status, got.body)
		}
		if got.status > 399 {
			s.checkError(want, got)
		}
	}
}

// checkError checks what every error must carry.
func (s *service) checkError(of step, got reply) {
	s.t.Helper()
	e, _ := got.json["error"].(map[string]any)
	inner, _ := e["innerError"].(map[string]any)
	if inner["request-id"] == "" || inner["request-id"] != got.header.Get("request-id") || inner["date"] == nil || e["message"] == "" {
		s.t.Errorf("%s %s: the error is not complete: %s", of.method, of.path, got.body)
	}
}

const adele = `{"accountEnabled":true,"displayName":"Adele Vance","mailNickname":"AdeleV","userPrincipalName":"AdeleV@contoso.example",` +
	`"passwordProfile":{"forceChangePasswordNextSignIn":true,"password":"xWwvJ]6NMw+bWH-d"}}`

// newUser makes a user and returns the id.
func (s *service) newUser(login string) string {
	s.t.Helper()
	return s.must(201, "POST", "/users", strings.ReplaceAll(adele, "AdeleV", login)).id()
}

// newGroup makes a security group and returns the id.
func (s *service) newGroup(nickname string) string {
	s.t.Helper()
	return s.must(201, "POST", "/groups", `{"displayName":"`+nickname+`","mailEnabled":false,"mailNickname":"`+nickname+`","securityEnabled":true}`).id()
}

// ref is a body that refers to an object.
func ref(id string) string {
	return `{"@odata.id":"https://graph.microsoft.com/v1.0/directoryObjects/` + id + `"}`
}
