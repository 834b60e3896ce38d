package server

import (
	"crypto/tls"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sandbox/ca"
)

func TestCyberArkAsksForACertificate(t *testing.T) {
	folder := t.TempDir()
	right, other := filepath.Join(folder, "ccp.pem"), filepath.Join(folder, "other.pem")
	sb := start(t, Options{CyberArkFile: right})
	if _, err := ca.ClientCertificate(other, sb.clock.now()); err != nil {
		t.Fatal(err)
	}
	sb.control(http.MethodPut, "/cyberark/accounts/Graph", `{"safe":"Usher","content":"geheim","userName":"app","address":"graph.example"}`)
	address := sb.Ready().CCP + "?AppID=Usher&Safe=Usher&Folder=Root&Object=Graph"
	for _, tt := range []struct {
		settings, file string
		status         int
		want           string
	}{
		{`{}`, right, 200, `"Content":"geheim"`},
		{`{}`, other, 403, "is unauthorized"},
		{`{}`, "", 403, "APPAP133E"},
		{`{"certificate":"optional"}`, "", 200, `"UserName":"app"`},
		{`{"certificate":"optional"}`, other, 403, "APPAP306E"},
		{`{"certificate":"ignored"}`, other, 200, `"Address":"graph.example"`},
	} {
		sb.control(http.MethodPut, "/cyberark", tt.settings)
		client := sb.newClient(true)
		if tt.file != "" {
			shown, err := tls.LoadX509KeyPair(tt.file, tt.file)
			if err != nil {
				t.Fatal(err)
			}
			client.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{shown}
		}
		a, err := sb.try(client, http.MethodGet, address, nil)
		if err != nil || a.status != tt.status || !strings.Contains(string(a.body), tt.want) {
			t.Errorf("%s with %q: %d %s, %v", tt.settings, filepath.Base(tt.file), a.status, a.body, err)
		}
		client.CloseIdleConnections()
	}
}

func TestCyberArk(t *testing.T) {
	sb := start(t, Options{})
	sb.control(http.MethodPut, "/cyberark/accounts/Graph", `{"safe":"Usher","content":"geheim","properties":{"PolicyID":"Entra"}}`)
	sb.control(http.MethodPut, "/cyberark/accounts/Twice", `{"safe":"Usher","content":"1"}`)
	sb.control(http.MethodPut, "/cyberark/accounts/Twice", `{"safe":"Other","content":"2"}`)
	sb.control(http.MethodPut, "/cyberark", `{"appId":"Usher"}`)
	for _, tt := range []struct {
		query  string
		status int
		want   string
	}{
		{"AppID=Usher&Object=Graph", 200, `"PasswordChangeInProcess":"False"`},
		{"AppID=Usher&Query=Safe%3DUsher%3BObject%3Dgraph", 200, `"PolicyID":"Entra"`},
		{"appid=usher&object=graph&reason=test&FailRequestOnPasswordChange=false", 200, `"Content":"geheim"`},
		{"AppID=Usher&Safe=Usher&Object=Twice", 200, `"Content":"1"`},
		{"AppID=Usher&Object=Twice", 400, "APPAP228E"},
		{"AppID=Usher&Object=Absent", 404, "APPAP004E"},
		{"AppID=Other&Object=Graph", 403, "APPAP008E"},
		{"Object=Graph", 400, "AIMWS031E"},
		{"AppID=Usher", 400, "AIMWS030E"},
		{"AppID=Usher&Color=blue", 400, "AIMWS030E"},
		{"AppID=Usher&Query=blue", 400, "AIMWS030E"},
	} {
		if a := sb.get("/aimwebservice/api/accounts?" + tt.query); a.status != tt.status || !strings.Contains(string(a.body), tt.want) {
			t.Errorf("%s: %d %s", tt.query, a.status, a.body)
		}
	}
	sb.control(http.MethodPut, "/cyberark/accounts/Graph", `{"safe":"Usher","content":"geheim","passwordChangeInProcess":2}`)
	for i, want := range []string{"APPAP282E", `"PasswordChangeInProcess":"True"`, `"PasswordChangeInProcess":"False"`} {
		query := "?AppID=Usher&Object=Graph"
		if i == 0 {
			query += "&FailRequestOnPasswordChange=true"
		}
		if a := sb.get(sb.Ready().CCP + query); !strings.Contains(string(a.body), want) {
			t.Errorf("answer %d to a change: %s", i, a.body)
		}
	}
	for fault, status := range map[string]int{
		"APPAP004E": 404, "APPAP306E": 403, "APPAP008E": 403, "AIMWS030E": 400, "AIMWS031E": 400, "APPAP228E": 400, "APPAP007E": 400, "APPAP282E": 500,
	} {
		sb.control(http.MethodPut, "/cyberark", `{"fault":"`+fault+`","times":1}`)
		if a := sb.get(sb.Ready().CCP + "?AppID=Usher&Object=Graph"); a.status != status || a.json["ErrorCode"] != fault {
			t.Errorf("%s: %d %s", fault, a.status, a.body)
		}
	}
	if a := sb.get(sb.Ready().CCP + "?AppID=Usher&Object=Graph"); a.status != http.StatusOK {
		t.Errorf("after the faults: %d", a.status)
	}
	sb.control(http.MethodPut, "/cyberark", `{"fault":"unavailable"}`)
	if a := sb.get(sb.Ready().CCP); a.status != http.StatusServiceUnavailable {
		t.Errorf("unavailable: %d", a.status)
	}
	sb.control(http.MethodPut, "/cyberark", `{"fault":"reset","times":1}`)
	client := sb.newClient(false)
	if a, err := sb.try(client, http.MethodGet, sb.Ready().CCP, nil); err == nil {
		t.Errorf("a reset gives %d", a.status)
	}
	client.CloseIdleConnections()
	sb.control(http.MethodDelete, "/cyberark/accounts/Graph", "")
	if a := sb.get(sb.Ready().CCP + "?AppID=Usher&Object=Graph"); a.status != http.StatusNotFound {
		t.Errorf("an account that was taken away: %d", a.status)
	}
	for _, bad := range []struct{ path, body string }{
		{"/cyberark", `{"fault":"x"}`}, {"/cyberark", `{"certificate":"x"}`}, {"/cyberark", `{"certificate":"required"}`}, {"/cyberark/accounts/x", `{}`},
	} {
		if a := sb.do(http.MethodPut, "/sandbox/control"+bad.path, []byte(bad.body)); a.status != http.StatusBadRequest {
			t.Errorf("%s %s: %d", bad.path, bad.body, a.status)
		}
	}
}
