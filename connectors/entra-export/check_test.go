package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
)

// whole are the findings of a good connection, or their beginnings.
var whole = []string{
	"ok settings : The settings are complete",
	"ok mapping : All 3 columns can be exported of user, group",
	"ok reach HOST : Reached at 127.0.0.1 by TLS 1.3; its certificate, by O=Acme Co, ends on 2084-01-29",
	"ok clock : This machine's clock agrees with that of HOST",
	"ok sign-in : The application can sign in",
	`ok client secret ApplicationKey: The client secret "Agent" ends on 2099-01-01`,
	`ok tenant : The tenant is Contoso (contoso.com, 11111111-2222-3333-4444-555555555555, workforce)`,
	"ok read user : 2 objects on the first page",
	"ok read group : 0 objects on the first page",
	"ok hidden members : Members of groups and administrative units that hide them are left out | Grant the application Member.Read.Hidden",
}

// but returns whole with the finding of a subject replaced.
func but(subject, replacement string) []string {
	var all []string
	for _, line := range whole {
		if strings.HasPrefix(line, "ok "+subject+" ") {
			line = replacement
		}
		all = append(all, line)
	}
	return all
}

func TestCheck(t *testing.T) {
	tn := newTenant(t)
	tn.rounds["users/delta"] = []string{`{"id":"1"},{"id":"2"}`, `{"id":"3"}`}
	tn.rounds["groups/delta"] = []string{""}
	const app = `{"displayName":"Usher","passwordCredentials":[{"keyId":"k1","displayName":"Agent","hint":"rig","endDateTime":"2099-01-01T00:00:00Z"}],"keyCredentials":[]}`
	badFile := filepath.Join(t.TempDir(), "certificate.pem")
	if err := os.WriteFile(badFile, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	denied := func(path string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/v1.0/"+path {
				return false
			}
			refuse(w, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
			return true
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*sdk.CheckRequest)
		tenant func()
		fault  func(http.ResponseWriter, *http.Request) bool
		want   []string // "state subject setting: message | hint", or the start of it
		grants string   // name, grant, who grants it and for what
		leave  bool     // no consent page
	}{
		{name: "good", want: whole, grants: "User.Read.All granted () export of user; GroupMember.Read.All granted (Group.Read.All) export of group"},
		{name: "credentials", change: func(r *sdk.CheckRequest) { r.Extent = sdk.Credentials }, want: []string{whole[0], whole[1], whole[4], whole[5]},
			grants: "User.Read.All granted () export of user; GroupMember.Read.All granted (Group.Read.All) export of group"},
		{name: "offline", change: func(r *sdk.CheckRequest) { r.Extent = sdk.Offline }, want: whole[:2],
			grants: "User.Read.All  () export of user; GroupMember.Read.All  () export of group"},
		{name: "nothing asked for", change: func(r *sdk.CheckRequest) { r.Extent, r.Collections = sdk.Offline, nil }, want: whole[:1]},
		{name: "empty", change: func(r *sdk.CheckRequest) { r.Connection = sdk.Connection{} }, leave: true, want: []string{
			"failed settings TenantId: TenantId is missing",
			"failed settings ApplicationId: ApplicationId is missing",
			"failed settings ApplicationKey: nothing says how to sign in",
			whole[1],
		}},
		{name: "two credentials", change: func(r *sdk.CheckRequest) { r.Connection.Settings[setting.CertificateFile] = badFile }, leave: true, want: []string{
			"failed settings ApplicationCertificateFile: both ApplicationKey and ApplicationCertificateFile are set", whole[1],
		}},
		{name: "certificate", change: func(r *sdk.CheckRequest) {
			r.Connection.Settings[setting.CertificateFile] = badFile
			delete(r.Connection.Secrets, setting.ApplicationKey)
		}, want: []string{whole[0], "failed certificate ApplicationCertificateFile:", whole[1]}},
		{name: "token", change: func(r *sdk.CheckRequest) {
			r.Connection.Settings[setting.FederatedTokenFile] = badFile
			delete(r.Connection.Secrets, setting.ApplicationKey)
		}, want: []string{"failed settings FederatedTokenFile:", whole[1]}},
		{name: "tenant", change: func(r *sdk.CheckRequest) { r.Connection.Settings[setting.TenantID] = "nonsense" }, leave: true, want: []string{
			"failed settings TenantId:", whole[1],
		}},
		{name: "cloud", change: func(r *sdk.CheckRequest) { r.Connection.Settings[setting.Cloud] = "Mars" }, leave: true, want: []string{
			"failed settings Cloud:", whole[1],
		}},
		{name: "authority", change: func(r *sdk.CheckRequest) { r.Connection.Settings[setting.AuthorityPath] = "http://plain" }, leave: true, want: []string{
			"failed settings MicrosoftAuthorityPath:", whole[1],
		}},
		{name: "base URL without a version", change: func(r *sdk.CheckRequest) {
			r.Extent, r.Connection.Settings[setting.BaseURL] = sdk.Offline, "https://graph.microsoft.com/"
		}, leave: true, want: []string{
			`failed settings MicrosoftGraphPathApi: MicrosoftGraphPathApi "https://graph.microsoft.com/" does not end in v1.0 or beta, ` +
				"the version of Microsoft Graph | Give https://graph.microsoft.com/v1.0/",
			whole[1],
		}},
		{name: "mapping", change: func(r *sdk.CheckRequest) {
			r.Extent = sdk.Offline
			r.Attributes = append(r.Attributes, sdk.Attribute{Path: "skills"}, sdk.Attribute{Path: "dispalyName"})
		}, want: []string{
			whole[0],
			`failed mapping skills: the attribute "skills" of user cannot be exported`,
			`failed mapping dispalyName: none of the exported entities has the attribute "dispalyName"`,
		}, grants: "User.Read.All  () export of user; GroupMember.Read.All  () export of group"},
		{name: "wrong secret", change: func(r *sdk.CheckRequest) { r.Connection.Secrets[setting.ApplicationKey] = "wrong~secret" },
			want: joined(whole[:4], "failed sign-in ApplicationKey:")},
		{name: "unknown authority", change: func(r *sdk.CheckRequest) { r.Connection.Network.TrustedCertificates = nil }, want: []string{
			whole[0], whole[1], "failed reach HOST TrustedCertificates: the certificate of HOST comes from an authority that is not trusted",
			"failed sign-in TrustedCertificates: the certificate of HOST",
		}},
		{name: "permission missing", tenant: func() { tn.roles = []string{"User.Read.All"} }, fault: denied("groups/delta"),
			want:   but("read group", "failed read group : Graph refuses it without the permission GroupMember.Read.All"),
			grants: "User.Read.All granted () export of user; GroupMember.Read.All missing () export of group"},
		{name: "a directory role reads", tenant: func() { tn.roles = []string{} }, want: whole,
			grants: "User.Read.All granted (another right of the application) export of user; GroupMember.Read.All granted (another right of the application) export of group"},
		{name: "opaque token", tenant: func() { tn.roles = nil }, fault: denied("groups/delta"),
			want:   but("read group", "failed read group : Graph refuses it without the permission")[:9],
			grants: "User.Read.All granted (another right of the application) export of user; GroupMember.Read.All  () export of group"},
		{name: "hidden members", tenant: func() { tn.roles = append(tn.roles, "Member.Read.Hidden") }, want: whole[:9]},
		{name: "shared permission", change: func(r *sdk.CheckRequest) {
			r.Extent = sdk.Offline
			r.Collections = []sdk.Collection{{Entity: "servicePrincipal"}, {Entity: "application"}}
		}, want: []string{whole[0], "failed mapping mail:"},
			grants: "Application.Read.All  () export of servicePrincipal, export of application"},

		{name: "registration refused", tenant: func() { tn.app = "" },
			want: but("client secret", "ok client secret : It cannot be told when the client secret ends: the application may not read its own registration | Grant the application Application.Read.All")},
		{name: "registered elsewhere", fault: func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, "/v1.0/applications") {
				return false
			}
			refuse(w, http.StatusNotFound, "Request_ResourceNotFound", "Resource does not exist.")
			return true
		}, want: but("client secret", "ok client secret : It cannot be told when the client secret ends: the application is registered in another tenant | Look there")},
		{name: "unknown secret", tenant: func() {
			tn.app = `{"passwordCredentials":[{"keyId":"k1","hint":"abc","endDateTime":"2099-01-01T00:00:00Z"}]}`
		},
			want: joined(but("client secret", "ok client secret : It cannot be told when the client secret ends: no secret of the registration begins like it")[:6],
				"ok other credentials : The client secret k1, which is not used here, ends on 2099-01-01", whole[6:]...)},

		{name: "organization refused", fault: denied("organization"), want: but("tenant", "ok tenant : Its name and type cannot be read: the application may not | Grant the application Organization.Read.All")},
		{name: "organization missing", fault: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/v1.0/organization" {
				return false
			}
			refuse(w, http.StatusNotFound, "UnknownError", "Not found.")
			return true
		}, want: but("tenant", "failed tenant : Graph answered 404")},
		{name: "organization empty", fault: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/v1.0/organization" {
				return false
			}
			fmt.Fprint(w, `{"value":[]}`)
			return true
		}, want: but("tenant", "failed tenant MicrosoftGraphPathApi: Graph's answer about the tenant does not name one")},
		{name: "B2C", tenant: func() { tn.kind = "AAD B2C" },
			want: but("tenant", `failed tenant TenantId: The tenant Contoso (contoso.com, 11111111-2222-3333-4444-555555555555, AAD B2C) is for customers`)},
		{name: "no page", fault: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/v1.0/users/delta" {
				return false
			}
			fmt.Fprint(w, `{"value":{}}`)
			return true
		}, want: but("read user", "failed read user : the first page of user cannot be read")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tn.kind, tn.roles, tn.app, tn.fault = "AAD", []string{"User.Read.All", "Group.Read.All"}, app, nil
			if tc.tenant != nil {
				tc.tenant()
			}
			if tc.fault != nil {
				tn.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool { return tc.fault(w, r) }
			}
			req := sdk.CheckRequest{
				Extent:     sdk.Full,
				Connection: tn.connection(), Collections: []sdk.Collection{{Entity: "user"}, {Entity: "group", Navigations: []string{"members"}}},
				Attributes: []sdk.Attribute{{Path: "displayName"}, {Path: "mail"}},
			}
			if tc.change != nil {
				tc.change(&req)
			}
			report, err := tn.connector().Check(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			compareFindings(t, tn, report.Findings, tc.want)
			var grants []string
			for _, p := range report.Permissions {
				grants = append(grants, fmt.Sprintf("%s %s (%s) %s", p.Name, p.Grant, p.GrantedBy, p.Purpose))
				if p.ID == "" || len(p.Instead) == 0 {
					t.Errorf("%+v", p)
				}
			}
			if got := strings.Join(grants, "; "); tc.grants != "" && got != tc.grants {
				t.Errorf("permissions: got %s, want %s", got, tc.grants)
			}
			consent := tn.URL + "/" + testTenant + "/adminconsent?client_id=" + testClient
			if tc.leave {
				consent = ""
			}
			if report.ConsentURL != consent {
				t.Errorf("consent at %s", report.ConsentURL)
			}
		})
	}
}

func TestCheckOfTheClock(t *testing.T) {
	tn := newTenant(t)
	for _, tc := range []struct {
		ahead time.Duration
		state sdk.FindingState
		want  string // part of the message
	}{
		{0, sdk.OK, "agrees"},
		{-2 * time.Minute, sdk.Warned, "behind that of"},
		{time.Hour, sdk.Failed, "ahead of that of"},
	} {
		c := tn.connector()
		c.Clock = &hurry{now: time.Now().Add(tc.ahead)}
		report, err := c.Check(t.Context(), sdk.CheckRequest{Connection: tn.connection(), Extent: sdk.Full})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(report.Findings, func(f sdk.Finding) bool { return f.Subject == "clock" })
		if i < 0 || report.Findings[i].State != tc.state || !strings.Contains(report.Findings[i].Message, tc.want) || tc.ahead != 0 && report.Findings[i].Hint == "" {
			t.Errorf("%s: %+v", tc.ahead, report.Findings)
		}
	}
}

// compareFindings compares findings with the start of what is wanted of each; HOST is the tenant's.
func compareFindings(t *testing.T, tn *tenant, findings []sdk.Finding, want []string) {
	t.Helper()
	for i, f := range findings {
		got := fmt.Sprintf("%s %s %s: %s | %s", f.State, f.Subject, f.Setting, f.Message, f.Hint)
		got = strings.ReplaceAll(got, strings.TrimPrefix(tn.URL, "https://"), "HOST")
		if i >= len(want) || !strings.HasPrefix(got, want[i]) {
			t.Errorf("finding %d is %q", i, got)
		}
		if f.State != sdk.OK && f.Hint == "" {
			t.Errorf("%s: no hint", got)
		}
		if strings.Contains(got, "wrong~secret") || strings.Contains(got, testSecret) {
			t.Error("the secret shows")
		}
	}
	if len(findings) < len(want) {
		t.Errorf("%d findings, want %d", len(findings), len(want))
	}
}

func joined(first []string, next string, rest ...string) []string {
	return append(append(append([]string{}, first...), next), rest...)
}
