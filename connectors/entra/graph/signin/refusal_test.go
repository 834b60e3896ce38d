package signin_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// refusing answers each sign-in with an AADSTS code.
func refusing(code, status int, name, text string) func() (int, string) {
	return func() (int, string) {
		body, _ := json.Marshal(map[string]any{
			"error": name, "error_codes": []int{code}, "trace_id": "trace", "correlation_id": "correlation",
			"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: trace Correlation ID: correlation Timestamp: now", code, text),
		})
		return status, string(body)
	}
}

func TestRefusals(t *testing.T) {
	file := newCertificateFile(t)
	byCertificate := signin.Application{TenantID: tenant, ClientID: client, CertificateFile: file}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a.b.c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	byToken := signin.Application{TenantID: tenant, ClientID: client, FederatedTokenFile: token}
	for _, tc := range []struct {
		code          int
		by            signin.Application
		name          string
		status        int
		text          string
		message, hint string // parts of them
		setting       string
	}{
		{7000215, bySecret, "invalid_client", 401, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value.", "client secret is wrong", "not its ID", setting.ApplicationKey},
		{7000222, bySecret, "invalid_client", 401, "The provided client secret keys for app 'x' are expired.", "has expired", "new client secret", setting.ApplicationKey},
		{7000216, bySecret, "invalid_client", 401, "'client_assertion', 'client_secret' or 'request' is required.", "no client secret to it", "Check ApplicationKey", setting.ApplicationKey},
		{7000218, byCertificate, "invalid_client", 401, "The request body must contain client_assertion or client_secret.", "no certificate to it", "Check ApplicationCertificateFile", setting.CertificateFile},
		{700025, bySecret, "invalid_client", 401, "Client is public.", "public client", "public client flows", setting.ApplicationID},
		{700016, bySecret, "unauthorized_client", 400, "Application with identifier 'x' was not found in the directory 'y'.", "application does not exist", "ApplicationId", setting.ApplicationID},
		{70001, bySecret, "unauthorized_client", 400, "Application not found.", "application does not exist", "ApplicationId", setting.ApplicationID},
		{7000229, bySecret, "unauthorized_client", 400, "The client application is missing service principal in the tenant.", "no service principal", "usher consent", setting.ApplicationID},
		{7000112, bySecret, "unauthorized_client", 400, "Application is disabled.", "disabled", "enable", setting.ApplicationID},
		{50034, bySecret, "invalid_grant", 400, "The user account does not exist.", "does not know the account", "TenantId", setting.ApplicationID},
		{65001, bySecret, "invalid_grant", 400, "The user or administrator has not consented.", "consent", "usher consent", setting.ApplicationID},
		{53003, bySecret, "access_denied", 400, "Access has been blocked by Conditional Access policies.", "Conditional Access", "sign-in logs", setting.ApplicationID},

		{700027, byCertificate, "invalid_client", 401, "Client assertion contains an invalid signature. [Reason - The key was not found.]", "not registered", "Upload the certificate", setting.CertificateFile},
		{700027, byCertificate, "invalid_client", 401, "Client assertion contains an invalid signature. [Reason - The key used is expired., ...]", "certificate has expired", "into ApplicationCertificateFile", setting.CertificateFile},
		{50012, byCertificate, "invalid_client", 401, "Client assertion contains an invalid signature.", "not registered", "Upload", setting.CertificateFile},
		{700024, byCertificate, "invalid_client", 401, "Client assertion is not within its valid time range.", "time", "clock", ""},
		{700023, byCertificate, "invalid_client", 401, "Client assertion audience claim does not match Realm issuer.", "another sign-in service", "MicrosoftAuthorityPath", setting.AuthorityPath},

		{70021, byToken, "invalid_request", 400, "No matching federated identity record found for presented assertion.", "trusts no such token", "iss, sub and aud", setting.FederatedTokenFile},
		{700211, byToken, "invalid_request", 400, "No matching federated identity record found for presented assertion issuer 'x'.", "issuer", "letter by letter", setting.FederatedTokenFile},
		{700212, byToken, "invalid_request", 400, "No matching federated identity record found for presented assertion audience 'x'.", "audience", "api://AzureADTokenExchange", setting.FederatedTokenFile},
		{700213, byToken, "invalid_request", 400, "No matching federated identity record found for presented assertion subject 'x'.", "subject", "letter by letter", setting.FederatedTokenFile},
		{7002138, byToken, "invalid_request", 400, "The subject differs in case.", "upper and lower case", "letter by letter", setting.FederatedTokenFile},
		{700222, byToken, "invalid_request", 400, "AAD-issued tokens may not be used.", "Microsoft Entra itself", "another issuer", setting.FederatedTokenFile},
		{700024, byToken, "invalid_client", 401, "Client assertion is not within its valid time range.", "has expired", "what writes FederatedTokenFile", setting.FederatedTokenFile},
		{700027, byToken, "invalid_client", 401, "Client assertion contains an invalid signature.", "not signed by its issuer", "publishes its present keys", setting.FederatedTokenFile},

		{90002, bySecret, "invalid_request", 400, "Tenant 'x' not found.", "tenant does not exist", "cloud", setting.TenantID},
		{900023, bySecret, "invalid_request", 400, "Specified tenant identifier is neither a valid DNS name.", "TenantId", "Copy", setting.TenantID},
		{900021, bySecret, "invalid_request", 400, "Requested tenant identifier is not valid.", "TenantId", "Copy", setting.TenantID},
		{900382, bySecret, "invalid_request", 400, "Confidential Client is not supported in Cross Cloud request.", "another cloud", "Set Cloud", setting.Cloud},
		{5000225, bySecret, "invalid_request", 400, "This tenant has been blocked due to inactivity.", "blocked", "sign in and restore", setting.TenantID},

		{500011, bySecret, "invalid_resource", 400, "The resource principal was not found.", "https://graph.example/.default", "Check that MicrosoftGraphPathApi", setting.BaseURL},
		{50001, bySecret, "invalid_resource", 400, "The resource is disabled or does not exist.", "https://graph.example/.default", "Check that MicrosoftGraphPathApi", setting.BaseURL},
		{1002012, bySecret, "invalid_scope", 400, "The provided value for scope is not valid.", "https://graph.example/.default is not a scope", "Check MicrosoftGraphPathApi", setting.BaseURL},
		{70011, bySecret, "invalid_scope", 400, "The provided value for scope is not valid.", "https://graph.example/.default is not a scope", "Check MicrosoftGraphPathApi", setting.BaseURL},
		{500014, bySecret, "invalid_resource", 400, "The service principal for the resource is disabled.", "Graph is disabled", "enable", setting.TenantID},
		{650052, bySecret, "invalid_client", 400, "The app needs access to a service.", "no subscription", "Check MicrosoftGraphPathApi", setting.BaseURL},

		{123, bySecret, "odd_error", 400, "Something new happened.", "login.example refused the sign-in: Something new happened", "Look the code up", ""},
	} {
		t.Run(fmt.Sprintf("%d %s", tc.code, tc.message), func(t *testing.T) {
			a := &authority{refuse: refusing(tc.code, tc.status, tc.name, tc.text)}
			_, err := sourceOf(t, tc.by, signin.Options{Authority: a, Clock: &manual{time.Now()}}).Token(t.Context())
			f := fault.Of(err)
			if f == nil || f.Code != fault.Unauthorized || f.SystemCode != fmt.Sprintf("AADSTS%d", tc.code) ||
				f.RequestID != "trace" || f.ClientRequestID != "correlation" || f.Setting != tc.setting ||
				!strings.Contains(f.Message, tc.message) || !strings.Contains(f.Hint, tc.hint) {
				t.Errorf("got %+v", f)
			}
			if strings.ContainsAny(err.Error()+f.Hint, "{}") || strings.Contains(err.Error()+f.Hint, secret) {
				t.Errorf("got %s, %s", err, f.Hint)
			}
		})
	}
}

func TestFaultsOfTheAuthorityThatPass(t *testing.T) {
	for _, code := range []int{90033, 50196} {
		a := &authority{refuse: refusing(code, 400, "temporarily_unavailable", "A transient error has occurred.")}
		_, err := newSource(t, a, &manual{time.Now()}).Token(t.Context())
		if f := fault.Of(err); f == nil || f.Code != fault.Unavailable || f.SystemCode != fmt.Sprintf("AADSTS%d", code) || f.Hint == "" {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestOddAnswersOfTheAuthority(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
		want   fault.Code
		system string
	}{
		{502, "<html>bad gateway</html>", fault.Unavailable, ""},
		{200, "<html>sign in here</html>", fault.Unavailable, ""},
		{400, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`, fault.Unauthorized, "AADSTS7000215"},
		{429, `{"error":"temporarily_unavailable","error_description":"slow"}`, fault.Throttled, "temporarily_unavailable"},
	} {
		a := &authority{refuse: func() (int, string) { return tc.status, tc.body }}
		_, err := newSource(t, a, &manual{time.Now()}).Token(t.Context())
		if f := fault.Of(err); f == nil || f.Code != tc.want || f.SystemCode != tc.system {
			t.Errorf("%d %s: %v", tc.status, tc.body, err)
		}
	}
}
