package cyberark_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/secret/cyberark"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// waits is a clock that notes how long it was asked to wait and goes on at once.
type waits struct {
	mu  sync.Mutex
	all []time.Duration
}

func (*waits) Now() time.Time { return time.Time{} }

func (w *waits) Sleep(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, d)
	return ctx.Err()
}

// A reply is what the fake provider answers.
type reply struct {
	status int
	body   string
}

const word = `p"ä ss,#`

func account(changing string) reply {
	body, _ := json.Marshal(map[string]string{"Content": word, "UserName": "app", "Address": "https://graph.example", "Safe": "Usher", "PasswordChangeInProcess": changing})
	return reply{http.StatusOK, string(body)}
}

// startCentral runs a provider that gives the replies one after the other, the last one for ever.
func startCentral(t *testing.T, k *waits, replies ...reply) (p cyberark.Provider, asked func() []*url.URL) {
	t.Helper()
	var mu sync.Mutex
	var urls []*url.URL
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		urls = append(urls, r.URL)
		next := replies[min(len(urls), len(replies))-1]
		if next.status == 0 {
			panic(http.ErrAbortHandler) // cuts the connection
		}
		w.WriteHeader(next.status)
		fmt.Fprint(w, next.body)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	way, err := transport.New(transport.Options{RootsPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(way.Close)
	p, err = cyberark.NewCentral(cyberark.Central{Server: server.URL, AppID: "My App", Safe: "Usher"}, way, k)
	if err != nil {
		t.Fatal(err)
	}
	return p, func() []*url.URL { mu.Lock(); defer mu.Unlock(); return urls }
}

func TestCentral(t *testing.T) {
	p, asked := startCentral(t, &waits{}, account("False"))
	a, err := p.Account(t.Context(), "Entra Account")
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[cyberark.Field]string{cyberark.Username: "app", cyberark.Content: word, cyberark.Address: "https://graph.example", "x": ""} {
		if got := a.Field(field).Reveal(); got != want {
			t.Errorf("%s is %q", field, got)
		}
	}
	if got := asked()[0]; got.Path != "/AIMWebService/api/Accounts" || got.RawQuery != "AppID=My%20App&Object=Entra%20Account&Safe=Usher" {
		t.Errorf("asked %s", got)
	}
	if strings.Contains(fmt.Sprintf("%+v %#v", a, a), word) {
		t.Error("an account prints its password")
	}
}

func TestPatience(t *testing.T) {
	const second = time.Second
	down := reply{status: http.StatusServiceUnavailable}
	cut := reply{}
	vaultDown := reply{http.StatusBadRequest, `{"ErrorCode":"APPAP007E","ErrorMsg":"APPAP007E Connection to the Vault has failed"}`}
	changing := reply{http.StatusInternalServerError, `{"ErrorCode":"APPAP282E","ErrorMsg":"APPAP282E Password is currently being changed by the CPM."}`}
	for _, tc := range []struct {
		name    string
		replies []reply
		waits   []time.Duration
		message string
	}{
		{"changing", []reply{account("True"), account("true"), account("False")}, []time.Duration{1500 * time.Millisecond, 1500 * time.Millisecond}, ""},
		{"changing, as an error", []reply{changing, account("")}, []time.Duration{1500 * time.Millisecond}, ""},
		{"changing for ever", []reply{account("True")}, slices.Repeat([]time.Duration{1500 * time.Millisecond}, 19), "has been changing the password of a for 30s"},
		{"down for a while", []reply{cut, down, vaultDown, account("False")}, []time.Duration{second, 2 * second, 4 * second}, ""},
		{"down", []reply{down}, []time.Duration{second, 2 * second, 4 * second}, "is down: it answers 503"},
		{"vault down", []reply{vaultDown}, []time.Duration{second, 2 * second, 4 * second}, "CyberArk's Central Credential Provider 127.0.0.1:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := &waits{}
			p, _ := startCentral(t, k, tc.replies...)
			_, err := p.Account(t.Context(), "a")
			if !slices.Equal(k.all, tc.waits) {
				t.Errorf("waited %v, want %v", k.all, tc.waits)
			}
			if tc.message == "" && err != nil || tc.message != "" && (!fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), tc.message) || fault.Of(err).Hint == "") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCentralRefuses(t *testing.T) {
	errorOf := func(status int, code, text string) reply {
		body, _ := json.Marshal(map[string]string{"ErrorCode": code, "ErrorMsg": text})
		return reply{status, string(body)}
	}
	for _, tc := range []struct {
		reply         reply
		code          fault.Code
		message, hint string
	}{
		{errorOf(404, "APPAP004E", "Password object matching query [Safe=Usher;Object=a] was not found"), fault.NotFound, "no account a in the safe Usher that the application My App may read", "name of the object"},
		{errorOf(403, "APPAP306E", "Authentication error for App ID [My App]. Reason: APPAP133E Failed to verify application authentication data: CertificateSN 1 is unauthorized."), fault.Unauthorized, "as the application My App: APPAP133E Failed to verify application authentication data: CertificateSN 1 is unauthorized", "under Applications"},
		{errorOf(403, "APPAP008E", "Problem occurred while trying to use user in the Vault. Reason: ITATS982E User App is suspended."), fault.Forbidden, "ITATS982E User App is suspended", "suspended"},
		{errorOf(400, "APPAP228E", "Too many password objects matching query"), fault.Invalid, "more than one account a", "Rename"},
		{errorOf(400, "AIMWS030E", "Invalid query format"), fault.Invalid, "cannot read the query", "unusual characters"},
		{errorOf(400, "AIMWS031E", "Invalid request. The AppID parameter is required."), fault.Invalid, "cannot read the query", "ApplicationId"},
		{errorOf(400, "APPAP999E", strings.Repeat("long\n", 1000)), fault.Refused, "does not give the account a: long long", "Look the code up"},
		{errorOf(400, "APPAP998E", ""), fault.Refused, "it gives no reason", "Look the code up"},
		{reply{403, "<html>"}, fault.Unauthorized, "does not let this machine in", "client certificate"},
		{reply{404, "<html>"}, fault.Invalid, "does not answer as CyberArk's Central Credential Provider", "AIMWebService"},
		{reply{200, `{"Content":1,"x":"` + word}, fault.Invalid, "does not answer as CyberArk's Central Credential Provider", "AIMWebService"},
		{reply{200, `{}`}, fault.Invalid, "does not answer as CyberArk's Central Credential Provider", "AIMWebService"},
	} {
		p, _ := startCentral(t, &waits{}, tc.reply)
		_, err := p.Account(t.Context(), "a")
		f := fault.Of(err)
		if f == nil || f.Code != tc.code || !strings.Contains(f.Message, tc.message) || !strings.Contains(f.Hint, tc.hint) {
			t.Errorf("%v: got %v, %+v", tc.reply, err, f)
			continue
		}
		if strings.Contains(err.Error(), word) || len(err.Error()) > 500 || strings.Contains(tc.reply.body, "ErrorCode") != (f.SystemCode != "") {
			t.Errorf("got %v", err)
		}
	}
}

func TestCentralUnreachable(t *testing.T) {
	way, err := transport.New(transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer server.Close()
	k := &waits{}
	p, err := cyberark.NewCentral(cyberark.Central{Server: server.URL, AppID: "a", Safe: "b"}, way, k)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Account(t.Context(), "a"); !fault.Is(err, fault.Unavailable) || fault.Of(err).Setting != "TrustedCertificates" || !strings.HasPrefix(err.Error(), "CyberArk at 127.0.0.1:") || len(k.all) != 0 {
		t.Errorf("%v after %v", err, k.all)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Account(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNamesThatCannotBeAskedFor(t *testing.T) {
	for _, tc := range []struct {
		c       cyberark.Central
		setting string
	}{
		{cyberark.Central{Server: "", AppID: "a", Safe: "b"}, "CyberArk:Server"},
		{cyberark.Central{Server: "http://h", AppID: "a", Safe: "b"}, "CyberArk:Server"},
		{cyberark.Central{Server: "https://u:p@h", AppID: "a", Safe: "b"}, "CyberArk:Server"},
		{cyberark.Central{Server: "h", AppID: "", Safe: "b"}, "CyberArk:ApplicationId"},
		{cyberark.Central{Server: "h", AppID: "a&b", Safe: "b"}, "CyberArk:ApplicationId"},
		{cyberark.Central{Server: "h/x/api/accounts", AppID: "a", Safe: "b;Object=c"}, "CyberArk:SafeName"},
	} {
		if _, err := cyberark.NewCentral(tc.c, nil, nil); !fault.Is(err, fault.Invalid) || fault.Of(err).Setting != tc.setting {
			t.Errorf("%+v: %v", tc.c, err)
		}
	}
	p, asked := startCentral(t, &waits{}, account(""))
	for _, object := range []string{"", "a;Safe=b", "a&b", "a\nb", "50%"} {
		if _, err := p.Account(t.Context(), object); !fault.Is(err, fault.Invalid) || len(asked()) != 0 {
			t.Errorf("%q: %v", object, err)
		}
	}
}

func TestFieldOf(t *testing.T) {
	for key, want := range map[string]cyberark.Field{
		"ApplicationId": cyberark.Username, "LOGIN": cyberark.Username, "applicationkey": cyberark.Content, "ClientSecret": cyberark.Content,
		"MicrosoftGraphPathApi": cyberark.Address, "ResponseUri": cyberark.Address,
	} {
		if got, ok := cyberark.FieldOf(key); !ok || got != want {
			t.Errorf("%s: %q, %t", key, got, ok)
		}
	}
	if _, ok := cyberark.FieldOf("TenantId"); ok {
		t.Error("TenantId comes from CyberArk")
	}
}

// fake is a Provider of func fields.
type fake struct {
	account func(object string) (cyberark.Account, error)
}

func (f fake) Account(_ context.Context, object string) (cyberark.Account, error) {
	return f.account(object)
}

func TestSource(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	var fail error
	s := cyberark.NewSource(fake{func(object string) (cyberark.Account, error) {
		mu.Lock()
		defer mu.Unlock()
		asked[object]++
		return cyberark.Account{Username: object}, fail
	}})
	get := func() []error {
		accounts, warnings, err := s.Get(t.Context(), []string{"a", "b", "a"})
		if err != nil || len(accounts) != 2 || accounts["a"].Username != "a" {
			t.Fatalf("%v, %v", accounts, err)
		}
		return warnings
	}
	get()
	get()
	if !maps.Equal(asked, map[string]int{"a": 1, "b": 1}) {
		t.Errorf("asked %v", asked)
	}
	s.Refresh()
	fail = fault.Errorf(fault.NotFound, "gone")
	if warnings := get(); len(warnings) != 1 || !fault.Is(warnings[0], fault.NotFound) {
		t.Errorf("got %v", warnings)
	}
	_, _, err := s.Get(t.Context(), []string{"c"})
	if one, ok := errors.AsType[*cyberark.AccountError](err); !ok || one.Object != "c" || !errors.Is(err, fail) || !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
	fail = fault.Errorf(fault.Unavailable, "down")
	_, _, err = s.Get(t.Context(), []string{"d"})
	if _, ok := errors.AsType[*cyberark.AccountError](err); ok || !errors.Is(err, fail) {
		t.Errorf("what is about CyberArk as a whole is told of an account: %v", err)
	}
}
