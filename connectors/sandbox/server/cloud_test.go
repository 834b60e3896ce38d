package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// cloudClient reaches the sandbox by whatever name a request has.
func (sb *sandbox) cloudClient() *http.Client {
	address := strings.TrimPrefix(sb.Ready().URL, "https://")
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: sb.Roots(), Time: sb.clock.now},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, address)
		},
	}}
	sb.t.Cleanup(client.CloseIdleConnections)
	return client
}

func TestClouds(t *testing.T) {
	for _, tt := range []struct{ name, login, graph, vault, otherLogin, otherCode, otherGraph string }{
		{"Global", "login.microsoftonline.com", "graph.microsoft.com", "vault.azure.net", "login.chinacloudapi.cn", "90002", "graph.microsoft.us"},
		{"USGov", "login.microsoftonline.us", "graph.microsoft.us", "vault.usgovcloudapi.net", "login.microsoftonline.com", "900382", "dod-graph.microsoft.us"},
		{"USGovDoD", "login.microsoftonline.us", "dod-graph.microsoft.us", "vault.usgovcloudapi.net", "login.microsoftonline.com", "900382", "graph.microsoft.us"},
		{"China", "login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn", "vault.azure.cn", "login.microsoftonline.com", "90002", "graph.microsoft.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sb := startAt(t, time.Now(), Options{Cloud: tt.name})
			sb.client = sb.cloudClient()
			ready := sb.Ready()
			if ready.CloudAuthority != "https://"+tt.login || ready.CloudGraph != "https://"+tt.graph || !strings.HasSuffix(ready.CloudVault, "."+tt.vault) {
				t.Errorf("ready: %+v", ready)
			}
			tokenAt := func(login, resource string) answer {
				return sb.post("https://"+login+"/"+ready.TenantID+"/oauth2/v2.0/token", sb.form("scope", resource+"/.default"))
			}
			sb.token, _ = tokenAt(tt.login, "https://"+tt.graph).json["access_token"].(string)
			if a := sb.get("https://" + tt.graph + "/v1.0/users?$top=1"); a.status != http.StatusOK {
				t.Errorf("with the cloud's token: %d %s", a.status, a.body)
			}
			if a := sb.get("https://" + tt.otherGraph + "/v1.0/users?$top=1"); a.status != http.StatusUnauthorized {
				t.Errorf("with the token in another cloud: %d %s", a.status, a.body)
			}
			if got := refusal(tokenAt(tt.otherLogin, "https://"+tt.graph)); got != tt.otherCode {
				t.Errorf("sign-in at %s: AADSTS%s, want %s", tt.otherLogin, got, tt.otherCode)
			}
			if got := refusal(tokenAt(tt.login, "https://"+tt.otherGraph)); got != "500011" {
				t.Errorf("a scope of another cloud: AADSTS%s", got)
			}
			sb.ask(http.MethodPut, "/vault/secrets/a", `{"value":"x"}`)
			sb.token, _ = tokenAt(tt.login, "https://"+tt.vault).json["access_token"].(string)
			if a := sb.get(ready.CloudVault + "/secrets/a?api-version=7.4"); a.status != http.StatusOK {
				t.Errorf("the cloud's vault: %d %s", a.status, a.body)
			}
			challenge := sb.get(ready.CloudVault+"/secrets/a?api-version=7.4", "Authorization", "").header.Get("WWW-Authenticate")
			if want := `Bearer authorization="https://` + tt.login + "/" + ready.TenantID + `", resource="https://` + tt.vault + `"`; challenge != want {
				t.Errorf("the challenge is %s", challenge)
			}
		})
	}
	if _, err := New(t.Context(), Options{Cloud: "Mars", Tenant: tenant.DefaultConfig()}); err == nil || !strings.Contains(err.Error(), "Global, USGov, USGovDoD, China") {
		t.Errorf("another cloud gives %v", err)
	}
}

func TestAzureSDKSignsInToClouds(t *testing.T) {
	for name, configuration := range map[string]cloud.Configuration{
		"Global": cloud.AzurePublic, "USGov": cloud.AzureGovernment, "China": cloud.AzureChina,
	} {
		sb := startAt(t, time.Now(), Options{Cloud: name})
		ready := sb.Ready()
		// With instance discovery, as against the real service.
		credential, err := azidentity.NewClientSecretCredential(ready.TenantID, ready.ClientID, ready.ClientSecret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: azcore.ClientOptions{Cloud: configuration, Transport: sb.cloudClient()}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{ready.CloudGraph + "/.default"}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInstanceDiscovery(t *testing.T) {
	sb := start(t, Options{})
	for endpoint, want := range map[string]int{
		"https://login.microsoftonline.us/x/oauth2/v2.0/authorize": http.StatusOK,
		sb.Ready().Authority + "/x/oauth2/v2.0/authorize":          http.StatusOK,
		"https://login.example/x/oauth2/v2.0/authorize":            http.StatusBadRequest,
	} {
		a := sb.get("/common/discovery/instance?api-version=1.1&authorization_endpoint=" + url.QueryEscape(endpoint))
		if a.status != want {
			t.Errorf("%s: %d %s", endpoint, a.status, a.body)
		}
	}
}

func TestMissingDeltaQueries(t *testing.T) {
	for _, tt := range []struct {
		options Options
		path    string
		status  int
	}{
		{Options{Cloud: "China"}, "/v1.0/administrativeUnits/delta", http.StatusBadRequest},
		{Options{Cloud: "China"}, "/v1.0/directory/administrativeUnits/delta", http.StatusBadRequest},
		{Options{Cloud: "China"}, "/v1.0/users/delta", http.StatusOK},
		{Options{Cloud: "USGov"}, "/v1.0/administrativeUnits/delta", http.StatusOK},
		{Options{TenantType: "CIAM"}, "/v1.0/users/delta", http.StatusBadRequest},
		{Options{TenantType: "AAD B2C"}, "/v1.0/groups/delta", http.StatusBadRequest},
		{Options{TenantType: "CIAM"}, "/v1.0/users", http.StatusOK},
	} {
		sb := start(t, tt.options)
		if a := sb.get(tt.path); a.status != tt.status {
			t.Errorf("%s %q %s: %d %s", tt.options.Cloud, tt.options.TenantType, tt.path, a.status, a.body)
		}
		want := sb.Ready().TenantType
		if got := sb.get("/v1.0/organization?$select=tenantType").values()[0]["tenantType"]; got != want {
			t.Errorf("the tenant's type is %v, want %s", got, want)
		}
	}
}
