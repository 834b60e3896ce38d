package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"software.sslmate.com/src/go-pkcs12"
)

// secretsClient is the Azure SDK's client of a vault.
func (sb *sandbox) secretsClient(vault string, options azcore.ClientOptions) *azsecrets.Client {
	sb.t.Helper()
	ready := sb.Ready()
	credential, err := azidentity.NewClientSecretCredential(ready.TenantID, ready.ClientID, ready.ClientSecret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
	if err != nil {
		sb.t.Fatal(err)
	}
	client, err := azsecrets.NewClient(vault, credential, &azsecrets.ClientOptions{
		ClientOptions: options, DisableChallengeResourceVerification: !strings.Contains(vault, "vault"),
	})
	if err != nil {
		sb.t.Fatal(err)
	}
	return client
}

func TestAzureSDKReadsSecrets(t *testing.T) {
	sb := startAt(t, time.Now(), Options{})
	first, _ := sb.ask(http.MethodPut, "/vault/secrets/Connections--Contoso--ApplicationKey", `{"value":"one"}`)["version"].(string)
	sb.ask(http.MethodPut, "/vault/secrets/connections--contoso--APPLICATIONKEY", `{"value":"two","contentType":"text/plain"}`)
	for _, vault := range []string{sb.Ready().Vault, sb.Ready().CloudVault} {
		options := sb.azureOptions()
		if vault == sb.Ready().CloudVault {
			options.Transport = sb.cloudClient()
		}
		client := sb.secretsClient(vault, options)
		got, err := client.GetSecret(t.Context(), "Connections--Contoso--ApplicationKey", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if *got.Value != "two" || *got.ContentType != "text/plain" || !*got.Attributes.Enabled || got.ID.Version() == first {
			t.Errorf("%s: got %q, %q, %v", vault, *got.Value, *got.ContentType, got.ID)
		}
		if got, err := client.GetSecret(t.Context(), "CONNECTIONS--contoso--applicationkey", first, nil); err != nil || *got.Value != "one" {
			t.Errorf("%s: the first version is %v, %v", vault, got.Value, err)
		}
		_, err = client.GetSecret(t.Context(), "absent", "", nil)
		assertAzureError(t, err, http.StatusNotFound, "SecretNotFound")
	}
	requested, _ := sb.ask(http.MethodGet, "/vault/secrets", "")["requested"].(map[string]any)
	if requested["absent"] != 2.0 || requested["connections--contoso--applicationkey"] != 4.0 {
		t.Errorf("requested: %v", requested)
	}
}

func TestAzureSDKMeetsTroubleOfVault(t *testing.T) {
	sb := startAt(t, time.Now(), Options{})
	sb.ask(http.MethodPut, "/vault/secrets/disabled", `{"value":"x","enabled":false}`)
	sb.ask(http.MethodPut, "/vault/secrets/good", `{"value":"x"}`)
	client := sb.secretsClient(sb.Ready().Vault, sb.azureOptions())
	for _, tt := range []struct {
		name, trouble string
		status        int
		code, message string
	}{
		{"good", `{"denied":"rbac"}`, http.StatusForbidden, "Forbidden", "ForbiddenByRbac"},
		{"good", `{"denied":"policy"}`, http.StatusForbidden, "Forbidden", "ForbiddenByPolicy"},
		{"good", `{"denied":"firewall"}`, http.StatusForbidden, "Forbidden", "ForbiddenByFirewall"},
		{"disabled", `{}`, http.StatusForbidden, "Forbidden", "SecretDisabled"},
		{"good", `{"throttled":-1}`, http.StatusTooManyRequests, "Throttled", "VaultRequestTypeLimitReached"},
		{"good", `{"down":"unavailable"}`, http.StatusServiceUnavailable, "ServiceUnavailable", ""},
	} {
		sb.control(http.MethodPut, "/vault", tt.trouble)
		_, err := client.GetSecret(t.Context(), tt.name, "", nil)
		assertAzureError(t, err, tt.status, tt.code)
		if !strings.Contains(err.Error(), tt.message) {
			t.Errorf("%s: the error does not tell %s: %v", tt.trouble, tt.message, err)
		}
	}
	sb.control(http.MethodPut, "/vault", `{"down":"reset"}`)
	var failure *azcore.ResponseError
	if _, err := client.GetSecret(t.Context(), "good", "", nil); err == nil || errors.As(err, &failure) {
		t.Errorf("a reset gives %v", err)
	}
	// One refusal with a wait, which the SDK keeps to.
	sb.control(http.MethodPut, "/vault", `{"throttled":1,"retryAfter":"0"}`)
	options := sb.azureOptions()
	options.Retry.MaxRetries, options.Retry.RetryDelay, options.Retry.MaxRetryDelay = 1, time.Millisecond, time.Millisecond
	if _, err := sb.secretsClient(sb.Ready().Vault, options).GetSecret(t.Context(), "good", "", nil); err != nil {
		t.Errorf("after one refusal: %v", err)
	}
	sb.control(http.MethodDelete, "/vault", "")
	sb.control(http.MethodDelete, "/vault/secrets/good", "")
	_, err := client.GetSecret(t.Context(), "good", "", nil)
	assertAzureError(t, err, http.StatusNotFound, "SecretNotFound")
}

func TestVaultRefusals(t *testing.T) {
	sb := start(t, Options{})
	graphToken := sb.token
	sb.token, _ = sb.tokenRequest("scope", "https://vault.azure.net/.default").json["access_token"].(string)
	if a := sb.get("/v1.0/users?$top=1"); a.status != http.StatusUnauthorized || a.message() != "Access token validation failure. Invalid audience." {
		t.Errorf("a vault's token at Graph: %d %s", a.status, a.body)
	}
	for _, tt := range []struct {
		path          string
		header        []string
		status        int
		code, message string
	}{
		{"/secrets/a?api-version=7.4", []string{"Authorization", ""}, 401, "Unauthorized", "AKV10000: "},
		{"/secrets/a?api-version=7.4", []string{"Authorization", "Bearer " + graphToken}, 401, "Unauthorized", "AKV10022: Invalid audience. Expected https://vault.azure.net"},
		{"/secrets/a?api-version=7.4", []string{"Authorization", "Bearer x"}, 401, "Unauthorized", "["},
		{"/secrets/a", nil, 400, "BadParameter", "api-version must be specified"},
		{"/secrets/a?api-version=x", nil, 400, "BadParameter", "The specified version (x)"},
		{"/secrets/a_b?api-version=7.4", nil, 400, "BadParameter", "The request URI contains an invalid name"},
		{"/secrets?api-version=7.4", nil, 404, "NotFound", ""},
		{"/secrets/a?api-version=2025-07-01", nil, 404, "SecretNotFound", "A secret with (name/id) a was not found"},
		{"/secrets/a/b?api-version=7.4", nil, 404, "SecretNotFound", "A secret with (name/id) a/b was not found"},
	} {
		a := sb.get(tt.path, tt.header...)
		if a.status != tt.status || a.code() != tt.code || !strings.HasPrefix(a.message(), tt.message) {
			t.Errorf("%s %q: %d %s", tt.path, tt.header, a.status, a.body)
		}
		want := `Bearer authorization="` + sb.Ready().Authority + "/" + sb.Ready().TenantID + `", resource="https://vault.azure.net"`
		if got := a.header.Get("WWW-Authenticate"); tt.status == http.StatusUnauthorized && got != want {
			t.Errorf("%q: the challenge is %s", tt.header, got)
		}
		if a.header.Get("x-ms-keyvault-region") == "" || a.header.Get("x-ms-request-id") == "" {
			t.Errorf("%s: headers %v", tt.path, a.header)
		}
	}
	sb.clock.advance(2 * time.Hour)
	if a := sb.get("/secrets/a?api-version=7.4"); a.status != http.StatusUnauthorized || !strings.HasPrefix(a.message(), "[TokenExpired]") {
		t.Errorf("an expired token: %d %s", a.status, a.body)
	}
	for _, bad := range []struct{ path, body string }{
		{"/vault/secrets/a_b", `{"value":"x"}`}, {"/vault/secrets/a", `{"secret":"x"}`}, {"/vault", `{"denied":"x"}`}, {"/vault", `{"down":"x"}`},
	} {
		if a := sb.do(http.MethodPut, "/sandbox/control"+bad.path, []byte(bad.body)); a.status != http.StatusBadRequest {
			t.Errorf("%s %s: %d", bad.path, bad.body, a.status)
		}
	}
}

func assertAzureError(t *testing.T, err error, status int, code string) {
	t.Helper()
	var failure *azcore.ResponseError
	if !errors.As(err, &failure) || failure.StatusCode != status || failure.ErrorCode != code {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}

// A certificate in a vault is a secret too: its value is the PFX.
func TestAzureSDKSignsInByCertificateOfVault(t *testing.T) {
	sb := startAt(t, time.Now(), Options{CertificateFile: filepath.Join(t.TempDir(), "client.pem")})
	s := readSigner(t, sb.Ready().CertificateFile)
	pfx, err := pkcs12.LegacyRC2.Encode(s.key, s.certificate, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(sb.Ready().CertificateFile)
	if err != nil {
		t.Fatal(err)
	}
	client := sb.secretsClient(sb.Ready().Vault, sb.azureOptions())
	for contentType, value := range map[string]string{
		"application/x-pkcs12": base64.StdEncoding.EncodeToString(pfx), "application/x-pem-file": string(pem),
	} {
		body, err := json.Marshal(map[string]string{"value": value, "contentType": contentType})
		if err != nil {
			t.Fatal(err)
		}
		sb.ask(http.MethodPut, "/vault/secrets/certificate", string(body))
		got, err := client.GetSecret(t.Context(), "certificate", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		content := []byte(*got.Value)
		if *got.ContentType == "application/x-pkcs12" {
			if content, err = base64.StdEncoding.DecodeString(*got.Value); err != nil {
				t.Fatal(err)
			}
		}
		certificates, key, err := azidentity.ParseCertificates(content, nil)
		if err != nil {
			t.Fatal(err)
		}
		credential, err := azidentity.NewClientCertificateCredential(sb.Ready().TenantID, sb.Ready().ClientID, certificates, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: sb.azureOptions(), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		sb.useCredential(credential)
	}
}
