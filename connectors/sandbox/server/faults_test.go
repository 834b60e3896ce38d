package server

import (
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/faults"
	"github.com/usher-iga/usher/connectors/sandbox/graphapi"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

const somePath = "/v1.0/groups/delta?$select=displayName"

func TestRefusingFaults(t *testing.T) {
	sb := start(t, Options{})
	for _, tt := range []struct {
		fault, rest      string
		status           int
		code, retryAfter string
	}{
		{faults.Throttle, ``, 429, "TooManyRequests", "0.02"},
		{faults.Throttle, `,"retryAfter":"3"`, 429, "TooManyRequests", "3"},
		{faults.Throttle, `,"retryAfter":"none"`, 429, "TooManyRequests", ""},
		{faults.Throttle, `,"retryAfter":"date"`, 429, "TooManyRequests", "Sun, 22 Nov 2026 12:00:01 GMT"},
		{faults.Unavailable, `,"retryAfter":"none"`, 503, "serviceNotAvailable", ""},
		{faults.GatewayTimeout, ``, 504, "UnknownError", "0.02"},
	} {
		sb.once(tt.fault, tt.rest)
		a := sb.get(somePath)
		if a.status != tt.status || a.code() != tt.code || a.header.Get("Retry-After") != tt.retryAfter || a.header.Get("request-id") == "" {
			t.Errorf("%s%s: %d %v %s", tt.fault, tt.rest, a.status, a.header, a.body)
		}
		if a := sb.get(somePath); a.status != http.StatusOK {
			t.Errorf("after %s: %d", tt.fault, a.status)
		}
	}
}

func TestLostAnswers(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			sb := start(t, Options{})
			client := sb.newClient(protocol == "HTTP/2.0")
			defer client.CloseIdleConnections()
			whole, err := sb.try(client, http.MethodGet, somePath, nil)
			if err != nil || whole.proto != protocol {
				t.Fatalf("%s, %v", whole.proto, err)
			}
			for _, fault := range []string{faults.Truncate, faults.TruncateChunked} {
				// Compressed and plain bodies are cut in different places.
				for _, encoding := range []string{"gzip", "identity"} {
					sb.once(fault, "")
					a, err := sb.try(client, http.MethodGet, somePath, nil, "Accept-Encoding", encoding)
					if err == nil || a.status != http.StatusOK {
						t.Errorf("%s, %s: %d, %v", fault, encoding, a.status, err)
					}
				}
			}
			// Two resets: some clients repeat a GET once by themselves.
			sb.once(faults.Reset, `,"times":2`)
			if a, err := sb.try(client, http.MethodPost, somePath, []byte("{}")); err == nil {
				t.Errorf("reset: %d", a.status)
			}
		})
	}
}

func TestStickyFaultStaysWithTheConnection(t *testing.T) {
	sb := start(t, Options{})
	sb.once(faults.StickyUnavailable, `,"path":"/groups"`)
	for range 3 {
		if a := sb.get(somePath); a.status != http.StatusServiceUnavailable {
			t.Errorf("over the same connection: %d", a.status)
		}
	}
	fresh := sb.newClient(false)
	defer fresh.CloseIdleConnections()
	if a, err := sb.try(fresh, http.MethodGet, somePath, nil); err != nil || a.status != http.StatusOK {
		t.Errorf("over a fresh connection: %d, %v", a.status, err)
	}
}

func TestSlowAndHanging(t *testing.T) {
	sb := start(t, Options{Faults: faults.Settings{SlowBody: faults.Duration(8 * time.Millisecond)}})
	sb.once(faults.Slow, "")
	if a := sb.get(somePath); a.status != http.StatusOK || len(a.values()) == 0 {
		t.Errorf("slow: %d", a.status)
	}
	sb.once(faults.Hang, "")
	client := sb.newClient(false)
	client.Timeout = 5 * time.Millisecond
	if a, err := sb.try(client, http.MethodGet, somePath, nil); err == nil {
		t.Errorf("hanging: %d", a.status)
	}
}

func TestExpiredTokens(t *testing.T) {
	sb := start(t, Options{})
	next := sb.get("/v1.0/users/delta").json["@odata.nextLink"].(string)
	list := sb.get("/v1.0/users").json["@odata.nextLink"].(string)
	round := sb.get("/v1.0/users/delta?$deltatoken=latest").json["@odata.deltaLink"].(string)
	restart := sb.Ready().URL + "/v1.0/users/delta?$deltatoken="
	for _, tt := range []struct {
		fault, form, link string
		status            int
		code, location    string
	}{
		{faults.ExpirePage, "", next, 400, "Directory_ExpiredPageToken", ""},
		{faults.ExpirePage, "", list, 400, "Directory_ExpiredPageToken", ""},
		{faults.ExpireDelta, "gone", round, 410, "SyncStateNotFound", restart},
		{faults.ExpireDelta, "resyncRequired", round, 410, "resyncRequired", restart},
		{faults.ExpireDelta, "syncStateNotFound", round, 400, "syncStateNotFound", ""},
		{faults.ExpireDelta, "deltaLink", round, 400, "Request_UnsupportedQuery", ""},
		{faults.ExpireDelta, "", round, 400, "Request_UnsupportedQuery", ""},
	} {
		sb.once(tt.fault, `,"path":"/users","form":"`+tt.form+`"`)
		a := sb.get(tt.link)
		if a.status != tt.status || a.code() != tt.code || a.header.Get("Location") != tt.location {
			t.Errorf("%s %s: %d %s %s", tt.fault, tt.form, a.status, a.header.Get("Location"), a.body)
		}
		if a := sb.get(tt.link); a.status != http.StatusOK {
			t.Errorf("after %s %s: %d", tt.fault, tt.form, a.status)
		}
	}
}

func TestMissingPermission(t *testing.T) {
	sb := start(t, Options{})
	sb.control(http.MethodPut, "/faults", `{"missingPermissions":["User.Read.All","Directory.Read.All"]}`)
	if a := sb.get("/v1.0/users"); a.status != http.StatusForbidden || a.code() != "Authorization_RequestDenied" {
		t.Errorf("users: %d %s", a.status, a.body)
	}
	if a := sb.get("/v1.0/groups"); a.status != http.StatusOK {
		t.Errorf("groups: %d %s", a.status, a.body)
	}
	sb.control(http.MethodDelete, "/faults", "")
	if a := sb.get("/v1.0/users"); a.status != http.StatusOK {
		t.Errorf("users afterwards: %d %s", a.status, a.body)
	}
}

// TestFaultRate reads a whole tenant through faults, as a patient client.
func TestFaultRate(t *testing.T) {
	config := tenant.DefaultConfig()
	sb := start(t, Options{Tenant: config, Faults: faults.Settings{Rates: faults.Spread(0.5)}})
	address, tries := "/v1.0/users/delta?$select=displayName,department", 0
	client := sb.newClient(false)
	var pages []answer
	for address != "" && tries < 1000 {
		tries++
		a, err := sb.try(client, http.MethodGet, address, nil)
		if err != nil || a.status != http.StatusOK {
			client.CloseIdleConnections()
			client = sb.newClient(false)
			continue
		}
		pages = append(pages, a)
		address, _ = a.json["@odata.nextLink"].(string)
	}
	client.CloseIdleConnections()
	sb.control(http.MethodDelete, "/faults", "")
	if !reflect.DeepEqual(merge(pages), merge(sb.round("/v1.0/users/delta?$select=displayName,department"))) {
		t.Error("faults changed what was read")
	}
	given := 0
	for _, n := range sb.counts().Faults {
		given += n
	}
	if given == 0 || tries < len(pages)+given {
		t.Errorf("%d tries, %d pages, %d faults", tries, len(pages), given)
	}
}

func TestControlRefuses(t *testing.T) {
	sb := start(t, Options{})
	for _, tt := range []struct{ method, path, body, want string }{
		{"PUT", "/faults", `{"rates":{"throttle":2}}`, "between 0 and 1"},
		{"PUT", "/faults", `{"rates":{"throttle":0.6,"reset":0.6}}`, "add up to"},
		{"PUT", "/faults", `{"rates":{"nothing":0.1}}`, `no random fault "nothing"`},
		{"PUT", "/faults", `{"nothing":1}`, `unknown field "nothing"`},
		{"PUT", "/faults", `{"retryAfter":["soon"]}`, `"soon"`},
		{"POST", "/faults/once", `{"fault":"nothing"}`, `no fault "nothing"`},
		{"POST", "/faults/once", `{"fault":"expireDelta","form":"nothing"}`, `no form "nothing"`},
		{"POST", "/faults/once", `{`, "no such JSON"},
	} {
		a := sb.do(tt.method, "/sandbox/control"+tt.path, []byte(tt.body))
		if a.status != http.StatusBadRequest || !strings.Contains(string(a.body), tt.want) {
			t.Errorf("%s %s: %d %s", tt.path, tt.body, a.status, a.body)
		}
	}
	if a := sb.get("/sandbox/control/snapshot/nothing"); a.status != http.StatusNotFound {
		t.Errorf("snapshot of nothing: %d", a.status)
	}
}

func TestCounters(t *testing.T) {
	sb := start(t, Options{})
	sb.control(http.MethodDelete, "/counters", "")
	id := sb.World().ID(tenant.Ref{Kind: tenant.User, Index: 5})
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			if _, err := sb.try(sb.client, http.MethodGet, "/v1.0/users/"+id, nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	sb.get("/v1.0/nothing")
	counts := sb.counts()
	want := map[string]map[string]int{"/v1.0/users/{id}": {"200": 5}, "/v1.0/nothing": {"400": 1}}
	if !reflect.DeepEqual(counts.Requests, want) || counts.Peak < 1 || counts.Peak > 5 {
		t.Errorf("got %+v", counts)
	}
}

func TestQuota(t *testing.T) {
	sb := start(t, Options{QuotaUnits: 10})
	var a answer
	for i := range 6 { // 2 units each
		a = sb.get("/v1.0/users")
		if a.header.Get("x-ms-resource-unit") != "2" {
			t.Errorf("request %d cost %s", i, a.header.Get("x-ms-resource-unit"))
		}
		if share := a.header.Get("x-ms-throttle-limit-percentage"); (share != "") != (i >= 4) {
			t.Errorf("request %d has the share %q", i, share)
		}
		if (a.status == http.StatusOK) != (i < 5) {
			t.Errorf("request %d: %d", i, a.status)
		}
	}
	ready := sb.Ready()
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil || a.code() != "TooManyRequests" ||
		a.header.Get("x-ms-throttle-scope") != "Tenant_Application/ReadWrite/"+ready.ClientID+"/"+ready.TenantID ||
		a.header.Get("x-ms-throttle-information") != "ResourceUnitLimitExceeded" {
		t.Errorf("%v %s", a.header, a.body)
	}
	sb.clock.advance(time.Duration(seconds) * time.Second)
	if a := sb.get("/v1.0/users?$select=id"); a.status != http.StatusOK || a.header.Get("x-ms-resource-unit") != "1" {
		t.Errorf("after the pause: %d %v", a.status, a.header)
	}
}

func TestCompression(t *testing.T) {
	sb := start(t, Options{})
	plain := sb.get(somePath, "Accept-Encoding", "identity")
	if n, err := strconv.Atoi(plain.header.Get("Content-Length")); err != nil || n != len(plain.body) {
		t.Errorf("Content-Length %s of %d", plain.header.Get("Content-Length"), len(plain.body))
	}
	raw, err := sb.try(sb.client, http.MethodGet, somePath, nil, "Accept-Encoding", "gzip")
	if err == nil || raw.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("not compressed: %v, %v", raw.header, err)
	}
	off := start(t, Options{Pages: graphapi.Options{NoGzip: true}})
	if a := off.get(somePath, "Accept-Encoding", "gzip"); a.header.Get("Content-Encoding") != "" {
		t.Error("compressed although it is switched off")
	}
}

func TestLatency(t *testing.T) {
	sb := start(t, Options{Faults: faults.Settings{Latency: faults.Duration(time.Hour)}})
	client := sb.newClient(false)
	client.Timeout = 5 * time.Millisecond
	_, err := sb.try(client, http.MethodGet, somePath, nil)
	var timeout interface{ Timeout() bool }
	if !errors.As(err, &timeout) || !timeout.Timeout() || errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}
