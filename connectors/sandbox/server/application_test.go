package server

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/ca"
)

func TestSecretsAreRotated(t *testing.T) {
	sb := start(t, Options{})
	made := sb.ask(http.MethodPost, "/application/secrets", `{"displayName":"new","endDateTime":"2026-11-23T12:00:00Z"}`)
	value, _ := made["secretText"].(string)
	if got := refusal(sb.tokenRequest("client_secret", value)); got != "" {
		t.Errorf("the new secret: AADSTS%s", got)
	}
	if got := refusal(sb.tokenRequest()); got != "" {
		t.Errorf("the secret beside it: AADSTS%s", got)
	}
	sb.control(http.MethodDelete, "/application/secrets/"+sb.Ready().SecretID, "")
	if got := refusal(sb.tokenRequest()); got != "7000215" {
		t.Errorf("the secret that was taken away: AADSTS%s", got)
	}
	if a := sb.get("/v1.0/users?$top=1"); a.status != http.StatusOK {
		t.Errorf("a token from before: %d %s", a.status, a.body)
	}
	sb.clock.advance(25 * time.Hour)
	if got := refusal(sb.tokenRequest("client_secret", value)); got != "7000222" {
		t.Errorf("the secret past its end: AADSTS%s", got)
	}
	if a := sb.do(http.MethodDelete, "/sandbox/control/application/secrets/x", nil); a.status != http.StatusBadRequest {
		t.Errorf("a secret that is not there: %d", a.status)
	}
}

func TestCertificatesAreRotated(t *testing.T) {
	folder := t.TempDir()
	oldFile, newFile := filepath.Join(folder, "old.pem"), filepath.Join(folder, "new.pem")
	sb := start(t, Options{CertificateFile: oldFile})
	if _, err := ca.ClientCertificate(newFile, sb.clock.now()); err != nil {
		t.Fatal(err)
	}
	try := func(file string) string {
		return refusal(sb.tokenRequest("client_secret", "", "client_assertion", readSigner(t, file).usual(t, sb)))
	}
	if got := try(newFile); got != "700027" {
		t.Errorf("a certificate that is not registered: AADSTS%s", got)
	}
	made := sb.ask(http.MethodPost, "/application/certificates", fmt.Sprintf(`{"file":%q,"displayName":"new","endDateTime":"2026-11-23T12:00:00Z"}`, newFile))
	if got := try(newFile); got != "" {
		t.Errorf("the new certificate: AADSTS%s", got)
	}
	told, _ := sb.ask(http.MethodGet, "/application", "")["certificates"].([]any)
	if len(told) != 2 {
		t.Fatalf("certificates: %v", told)
	}
	old, _ := told[0].(map[string]any)
	sb.control(http.MethodDelete, fmt.Sprint("/application/certificates/", old["keyId"]), "")
	if got := try(oldFile); got != "700027" {
		t.Errorf("the certificate that was taken away: AADSTS%s", got)
	}
	if made["thumbprint"] == old["thumbprint"] {
		t.Errorf("two certificates with the thumbprint %v", made["thumbprint"])
	}
	sb.clock.advance(25 * time.Hour)
	a := sb.tokenRequest("client_secret", "", "client_assertion", readSigner(t, newFile).usual(t, sb))
	if text := fmt.Sprint(a.json["error_description"]); !strings.Contains(text, "AADSTS700027") || !strings.Contains(text, "The key used is expired.") {
		t.Errorf("the certificate past its end: %s", text)
	}
}

func TestApplicationChanges(t *testing.T) {
	sb := start(t, Options{})
	before := sb.token
	for _, tt := range []struct{ change, want string }{
		{`{"disabled":true}`, "7000112"},
		{`{"disabled":false,"installed":false}`, "700016"},
		{`{"installed":true,"secrets":[{"value":"abc"}]}`, "7000215"},
		{`{"secrets":[{"value":"` + sb.Ready().ClientSecret + `","startDateTime":"2026-11-23T12:00:00Z"}]}`, "7000215"},
		{`{"secrets":[{"value":"` + sb.Ready().ClientSecret + `"}],"roles":[]}`, ""},
	} {
		sb.control(http.MethodPut, "/application", tt.change)
		if got := refusal(sb.tokenRequest()); got != tt.want {
			t.Errorf("%s: AADSTS%s, want %s", tt.change, got, tt.want)
		}
	}
	// Consent was withdrawn: the token from before is good to its end.
	if a := sb.get("/v1.0/users?$top=1"); a.status != http.StatusOK {
		t.Errorf("with the token from before: %d", a.status)
	}
	sb.token = sb.signIn()
	if a := sb.get("/v1.0/users?$top=1"); a.status != http.StatusForbidden {
		t.Errorf("with a token of today: %d", a.status)
	}
	sb.token = before
	if a := sb.do(http.MethodPut, "/sandbox/control/application", []byte(`{"certificates":[{"pem":"x"}]}`)); a.status != http.StatusBadRequest {
		t.Errorf("a certificate that is none: %d", a.status)
	}
}

func TestTroubleOfSignIn(t *testing.T) {
	sb := start(t, Options{})
	for _, code := range []string{"53003", "65001", "500011", "7000112", "700016", "7000222", "700027", "90033", "50196"} {
		sb.control(http.MethodPut, "/sign-in", `{"refuse":`+code+`,"times":1}`)
		if got := refusal(sb.tokenRequest()); got != code {
			t.Errorf("AADSTS%s, want %s", got, code)
		}
		if got := refusal(sb.tokenRequest()); got != "" {
			t.Errorf("once more AADSTS%s", got)
		}
	}
	sb.control(http.MethodPut, "/sign-in", `{"throttled":1,"retryAfter":"7"}`)
	if a := sb.tokenRequest(); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "7" {
		t.Errorf("throttled: %d %v", a.status, a.header)
	}
	if got := refusal(sb.tokenRequest()); got != "" {
		t.Errorf("after one refusal: AADSTS%s", got)
	}
	if a := sb.do(http.MethodPut, "/sandbox/control/sign-in", []byte(`{"refuse":1}`)); a.status != http.StatusBadRequest {
		t.Errorf("a code without words: %d", a.status)
	}
}

func TestClockIsWrong(t *testing.T) {
	sb := start(t, Options{CertificateFile: filepath.Join(t.TempDir(), "client.pem")})
	assertion := readSigner(t, sb.Ready().CertificateFile).usual(t, sb)
	sb.control(http.MethodPut, "/clock", `{"offset":"2h"}`)
	a := sb.get("/v1.0/users?$top=1")
	date, err := http.ParseTime(a.header.Get("Date"))
	if want := sb.clock.now().Add(2 * time.Hour); err != nil || !date.Equal(want) {
		t.Errorf("the Date is %v, %v; want %v", date, err, want)
	}
	if a.status != http.StatusUnauthorized {
		t.Errorf("a token of now, two hours later: %d", a.status)
	}
	if got := refusal(sb.tokenRequest("client_secret", "", "client_assertion", assertion)); got != "700024" {
		t.Errorf("an assertion of now: AADSTS%s", got)
	}
	sb.control(http.MethodPut, "/clock", `{"offset":"-1h"}`)
	if got := refusal(sb.tokenRequest()); got != "" {
		t.Errorf("a secret an hour earlier: AADSTS%s", got)
	}
	sb.control(http.MethodDelete, "/clock", "")
	if a := sb.get("/v1.0/users?$top=1"); a.status != http.StatusOK {
		t.Errorf("the clock is right again: %d", a.status)
	}
}

func TestGraphTellsCredentials(t *testing.T) {
	sb := start(t, Options{CertificateFile: filepath.Join(t.TempDir(), "client.pem")})
	ready := sb.Ready()
	made := sb.ask(http.MethodPost, "/application/secrets", `{"displayName":"second","endDateTime":"2026-12-01T00:00:00Z"}`)
	one := sb.get("/v1.0/applications(appId='" + ready.ClientID + "')?$select=passwordCredentials,keyCredentials").json
	passwords, _ := one["passwordCredentials"].([]any)
	keys, _ := one["keyCredentials"].([]any)
	if len(passwords) != 3 || len(keys) != 1 || one["displayName"] != nil {
		t.Fatalf("got %v", one)
	}
	last, _ := passwords[2].(map[string]any)
	secret, _ := made["secretText"].(string)
	if last["keyId"] != made["keyId"] || last["hint"] != secret[:3] || last["endDateTime"] != "2026-12-01T00:00:00Z" || last["secretText"] != nil {
		t.Errorf("the secret is %v", last)
	}
	if key, _ := keys[0].(map[string]any); key["type"] != "AsymmetricX509Cert" || key["endDateTime"] == nil || key["customKeyIdentifier"] == nil {
		t.Errorf("the certificate is %v", key)
	}
	listed := sb.get("/v1.0/applications?$filter=" + url.QueryEscape("appId eq '"+ready.ClientID+"'")).values()
	if len(listed) != 1 || listed[0]["appId"] != ready.ClientID {
		t.Errorf("by a filter: %v", listed)
	}
	assigned := sb.get("/v1.0/servicePrincipals(appId='" + ready.ClientID + "')/appRoleAssignments").values()
	roles, _ := sb.get("/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?$select=appRoles").json["appRoles"].([]any)
	names := map[any]any{}
	for _, role := range roles {
		role, _ := role.(map[string]any)
		names[role["id"]] = role["value"]
	}
	consented := map[any]bool{}
	for _, a := range assigned {
		consented[names[a["appRoleId"]]] = true
	}
	if !consented["User.Read.All"] || !consented["Application.Read.All"] || consented[nil] {
		t.Errorf("consented: %v", consented)
	}
	if a := sb.get("/v1.0/applications(appId='" + ready.ClientID + "')?$select=nothing"); a.status != http.StatusBadRequest {
		t.Errorf("a property that is not there: %d", a.status)
	}
	sb.control(http.MethodPut, "/faults", `{"missingPermissions":["Application.Read.All","Directory.Read.All"]}`)
	if a := sb.get("/v1.0/applications(appId='" + ready.ClientID + "')"); a.status != http.StatusForbidden {
		t.Errorf("without the permission: %d", a.status)
	}
}
