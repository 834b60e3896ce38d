package server

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

func TestFederatedTokens(t *testing.T) {
	sb := start(t, Options{})
	for _, tt := range []struct{ request, want string }{
		{`{}`, ""},
		{`{"subject":"x"}`, "700213"},
		{`{"subject":"System:ServiceAccount:usher:agent"}`, "7002138"},
		{`{"audience":"x"}`, "700212"},
		{`{"issuer":"https://x.example"}`, "700211"},
		{`{"issuer":"` + sb.Ready().Authority + "/" + sb.Ready().TenantID + `/v2.0"}`, "700222"},
		{`{"forged":true}`, "700027"},
		{`{"life":"-1h"}`, "700024"},
	} {
		token, _ := sb.ask(http.MethodPost, "/federated-token", tt.request)["token"].(string)
		if got := refusal(sb.tokenRequest("client_secret", "", "client_assertion", token)); got != tt.want {
			t.Errorf("%s: AADSTS%s, want %s", tt.request, got, tt.want)
		}
	}
	token, _ := sb.ask(http.MethodPost, "/federated-token", `{}`)["token"].(string)
	sb.control(http.MethodPut, "/application", `{"federated":[]}`)
	if got := refusal(sb.tokenRequest("client_secret", "", "client_assertion", token)); got != "70021" {
		t.Errorf("without a federated credential: AADSTS%s", got)
	}
	sb.control(http.MethodPut, "/application", fmt.Sprintf(`{"federated":[{"name":"a","issuer":%q,"subject":"a","audience":"b"}]}`, sb.Ready().FederatedIssuer))
	token, _ = sb.ask(http.MethodPost, "/federated-token", `{"subject":"a","audience":"b"}`)["token"].(string)
	if got := refusal(sb.tokenRequest("client_secret", "", "client_assertion", token)); got != "" {
		t.Errorf("with another federated credential: AADSTS%s", got)
	}
	if a := sb.do(http.MethodPost, "/sandbox/control/federated-token", []byte(`{"file":"x"}`)); a.status != http.StatusBadRequest {
		t.Errorf("a file without a folder: %d", a.status)
	}
	if a := sb.get("/sandbox/issuer/.well-known/openid-configuration"); a.json["jwks_uri"] != sb.Ready().FederatedIssuer+"/keys" {
		t.Errorf("the issuer's document: %s", a.body)
	}
	if a := sb.get("/sandbox/issuer/keys"); a.json["keys"] == nil {
		t.Errorf("the issuer's keys: %s", a.body)
	}
}

func TestAzureSDKSignsInByFederation(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	sb := startAt(t, time.Now(), Options{FederatedFile: file})
	sign := func() *azidentity.WorkloadIdentityCredential {
		credential, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: sb.azureOptions(), DisableInstanceDiscovery: true,
			TenantID: sb.Ready().TenantID, ClientID: sb.Ready().ClientID, TokenFilePath: sb.Ready().FederatedFile,
		})
		if err != nil {
			t.Fatal(err)
		}
		return credential
	}
	sb.useCredential(sign())
	sb.ask(http.MethodPost, "/federated-token", fmt.Sprintf(`{"file":%q}`, file))
	sb.useCredential(sign())
	if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), ".") != 2 {
		t.Errorf("the file holds %q, %v", text, err)
	}
}
