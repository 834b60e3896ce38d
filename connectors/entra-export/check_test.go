package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk"
)

func TestCheck(t *testing.T) {
	tn := newTenant(t)
	badFile := filepath.Join(t.TempDir(), "certificate.pem")
	if err := os.WriteFile(badFile, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		change func(*sdk.CheckRequest)
		kind   string // of the tenant
		fault  func(http.ResponseWriter)
		want   []string // "state subject setting: message | hint", or the start of it
	}{
		{name: "good", want: []string{
			"ok settings : The settings are complete",
			"ok mapping : 2 attributes can be exported of user, group | " +
				"The application needs the permissions Group.Read.All, User.Read.All, or Directory.Read.All in place of them",
			"ok sign-in : The application can sign in",
			`ok tenant : The tenant is "Contoso" (contoso.com, 11111111-2222-3333-4444-555555555555)`,
		}},
		{name: "offline", change: func(r *sdk.CheckRequest) { r.Extent = sdk.Offline }, want: []string{"ok settings :", "ok mapping :"}},
		{name: "nothing asked for", change: func(r *sdk.CheckRequest) { r.Extent, r.Collections = sdk.Offline, nil }, want: []string{"ok settings :"}},
		{name: "empty", change: func(r *sdk.CheckRequest) { r.Connection = sdk.Connection{} }, want: []string{
			"failed settings TenantId: TenantId is missing",
			"failed settings ApplicationId: ApplicationId is missing",
			"failed settings ApplicationKey: neither ApplicationKey nor ApplicationCertificateFile is set",
			"ok mapping :",
		}},
		{name: "two credentials", change: func(r *sdk.CheckRequest) { r.Connection.Settings[certificateFile] = badFile }, want: []string{
			"failed settings ApplicationCertificateFile: both ApplicationKey and ApplicationCertificateFile are set", "ok mapping :",
		}},
		{name: "password of no certificate", change: func(r *sdk.CheckRequest) { r.Connection.Secrets[certificatePassword] = "x" }, want: []string{
			"failed settings ApplicationCertificatePassword: ApplicationCertificatePassword is set, but ApplicationCertificateFile is not", "ok mapping :",
		}},
		{name: "certificate", change: func(r *sdk.CheckRequest) {
			r.Connection.Settings[certificateFile] = badFile
			delete(r.Connection.Secrets, applicationKey)
		}, want: []string{"failed settings ", "ok mapping :"}},
		{name: "tenant", change: func(r *sdk.CheckRequest) { r.Connection.Settings[tenantID] = "nonsense" }, want: []string{
			"failed settings TenantId:", "ok mapping :",
		}},
		{name: "cloud", change: func(r *sdk.CheckRequest) { r.Connection.Settings[cloudName] = "Mars" }, want: []string{
			"failed settings Cloud:", "ok mapping :",
		}},
		{name: "authority", change: func(r *sdk.CheckRequest) { r.Connection.Settings[authorityPath] = "http://plain" }, want: []string{
			"failed settings MicrosoftAuthorityPath:", "ok mapping :",
		}},
		{name: "base URL", change: func(r *sdk.CheckRequest) { r.Connection.Settings[baseURL] = "graph.microsoft.com" }, want: []string{
			"failed settings MicrosoftGraphPathApi:", "ok mapping :",
		}},
		{name: "base URL without a version", change: func(r *sdk.CheckRequest) {
			r.Extent, r.Connection.Settings[baseURL] = sdk.Offline, "https://graph.microsoft.com/"
		}, want: []string{
			`failed settings MicrosoftGraphPathApi: MicrosoftGraphPathApi "https://graph.microsoft.com/" does not end in v1.0 or beta, ` +
				"the version of Microsoft Graph | Give https://graph.microsoft.com/v1.0/",
			"ok mapping :",
		}},
		{name: "mapping", change: func(r *sdk.CheckRequest) {
			r.Extent = sdk.Offline
			r.Attributes = append(r.Attributes, sdk.Attribute{Path: "skills"}, sdk.Attribute{Path: "dispalyName"})
		}, want: []string{
			"ok settings :",
			`failed mapping skills: the attribute "skills" of user cannot be exported`,
			`failed mapping dispalyName: none of the exported entities has the attribute "dispalyName"`,
		}},
		{name: "wrong secret", change: func(r *sdk.CheckRequest) { r.Connection.Secrets[applicationKey] = "wrong~secret" }, want: []string{
			"ok settings :", "ok mapping :", "failed sign-in ApplicationKey:",
		}},
		{name: "organization refused", fault: func(w http.ResponseWriter) {
			refuse(w, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		}, want: []string{"ok settings :", "ok mapping :", "ok sign-in :", "warning tenant : Graph answered 403"}},
		{name: "organization missing", fault: func(w http.ResponseWriter) {
			refuse(w, http.StatusNotFound, "UnknownError", "Not found.")
		}, want: []string{"ok settings :", "ok mapping :", "ok sign-in :", "failed tenant : Graph answered 404"}},
		{name: "organization empty", fault: func(w http.ResponseWriter) { fmt.Fprint(w, `{"value":[]}`) }, want: []string{
			"ok settings :", "ok mapping :", "ok sign-in :", "failed tenant MicrosoftGraphPathApi: Graph's answer about the tenant does not name one",
		}},
		{name: "B2C", kind: "AAD B2C", want: []string{
			"ok settings :", "ok mapping :", "ok sign-in :", `failed tenant TenantId: The tenant "Contoso" (contoso.com, 11111111-2222-3333-4444-555555555555) is for customers`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tn.kind, tn.fault = tc.kind, nil
			if tc.fault != nil {
				tn.fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
					tc.fault(w)
					return true
				}
			}
			req := sdk.CheckRequest{
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
			for i, f := range report.Findings {
				got := fmt.Sprintf("%s %s %s: %s | %s", f.State, f.Subject, f.Setting, f.Message, f.Hint)
				if i >= len(tc.want) || !strings.HasPrefix(got, tc.want[i]) {
					t.Errorf("finding %d is %q", i, got)
				}
				if f.State != sdk.OK && f.Hint == "" {
					t.Errorf("%s: no hint", got)
				}
				if strings.Contains(got, "wrong~secret") {
					t.Error("the secret shows")
				}
			}
			if len(report.Findings) < len(tc.want) {
				t.Errorf("%d findings, want %d", len(report.Findings), len(tc.want))
			}
		})
	}
}
