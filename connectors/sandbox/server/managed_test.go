package server

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher-iga/usher/connectors/sandbox/managed"
)

// useManaged signs in to a resource by the machine's identity, all of whose
// addresses lead to the sandbox. The SDK keeps tokens for the whole process.
func (sb *sandbox) useManaged(id azidentity.ManagedIDKind, resource string) error {
	sb.t.Helper()
	address := strings.TrimPrefix(sb.Ready().IMDS, "http://")
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}}}
	defer client.CloseIdleConnections()
	credential, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
		ID: id, ClientOptions: azcore.ClientOptions{Transport: client, Retry: policy.RetryOptions{MaxRetries: -1}},
	})
	if err != nil {
		return err
	}
	token, err := credential.GetToken(sb.t.Context(), policy.TokenRequestOptions{Scopes: []string{resource + "/.default"}})
	if err != nil {
		return err
	}
	if token.ExpiresOn.Before(time.Now()) {
		sb.t.Errorf("the token expires %v", token.ExpiresOn)
	}
	if resource != sb.Ready().CloudGraph {
		return nil
	}
	sb.token = token.Token
	if a := sb.get("/v1.0/users?$top=1"); a.status != http.StatusOK {
		sb.t.Errorf("with the token of the managed identity: %d %s", a.status, a.body)
	}
	return nil
}

func TestAzureSDKSignsInByManagedIdentity(t *testing.T) {
	sb := startAt(t, time.Now(), Options{ListenManaged: "127.0.0.1:0"})
	ready := sb.Ready()
	for name, id := range map[string]azidentity.ManagedIDKind{"system": nil, "user": azidentity.ClientID(ready.ManagedClientID)} {
		if err := sb.useManaged(id, ready.CloudGraph); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := sb.useManaged(azidentity.ClientID("11111111-1111-1111-1111-111111111111"), ready.CloudGraph); err == nil || !strings.Contains(err.Error(), "Identity not found") {
		t.Errorf("an identity that is not there: %v", err)
	}
	t.Setenv("IDENTITY_ENDPOINT", ready.IMDS+managed.AppServicePath)
	t.Setenv("IDENTITY_HEADER", ready.IdentityHeader)
	if err := sb.useManaged(nil, "https://vault.azure.net"); err != nil {
		t.Errorf("App Service: %v", err)
	}
	t.Setenv("IDENTITY_HEADER", "wrong")
	if err := sb.useManaged(nil, "https://vault.azure.net/"); err == nil {
		t.Error("App Service takes a wrong header")
	}
}

func TestManagedIdentity(t *testing.T) {
	sb := start(t, Options{ListenManaged: "127.0.0.1:0", ArcFolder: t.TempDir()})
	imds := sb.Ready().IMDS
	query := "?api-version=2018-02-01&resource=" + url.QueryEscape("https://vault.azure.net")
	for _, tt := range []struct {
		name, address string
		header        []string
		status        int
		want          string
	}{
		{"good", managed.IMDSPath + query, []string{"Metadata", "true"}, 200, `"expires_in":"3600"`},
		{"times are texts", managed.IMDSPath + query, []string{"Metadata", "true"}, 200, `"expires_on":"17`},
		{"no header", managed.IMDSPath + query, nil, 400, "Required metadata header not specified"},
		{"by a proxy", managed.IMDSPath + query, []string{"Metadata", "true", "X-Forwarded-For", "::1"}, 400, "proxy"},
		{"no version", managed.IMDSPath + "?resource=x", []string{"Metadata", "true"}, 400, "'api-version' is missing"},
		{"no resource", managed.IMDSPath + "?api-version=2018-02-01", []string{"Metadata", "true"}, 400, "'resource' is missing"},
		{"other resource", managed.IMDSPath + "?api-version=2018-02-01&resource=x", []string{"Metadata", "true"}, 400, "AADSTS500011"},
		{"other path", "/metadata/instance", []string{"Metadata", "true"}, 404, ""},
		{"App Service without its header", managed.AppServicePath + query, nil, 401, "X-IDENTITY-HEADER"},
	} {
		if a := sb.get(imds+tt.address, tt.header...); a.status != tt.status || !strings.Contains(string(a.body), tt.want) {
			t.Errorf("%s: %d %s", tt.name, a.status, a.body)
		}
	}
	sb.control(http.MethodPut, "/sign-in", `{"throttled":1,"retryAfter":"3"}`)
	if a := sb.get(imds+managed.IMDSPath+query, "Metadata", "true"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "3" {
		t.Errorf("throttled: %d %v", a.status, a.header)
	}
	arc := imds + managed.ArcPath + query
	challenged := sb.get(arc, "Metadata", "true")
	file, ok := strings.CutPrefix(challenged.header.Get("WWW-Authenticate"), "Basic realm=")
	key, err := os.ReadFile(file)
	if challenged.status != http.StatusUnauthorized || !ok || err != nil {
		t.Fatalf("Arc: %d %v, %v", challenged.status, challenged.header, err)
	}
	if a := sb.get(arc, "Metadata", "true", "Authorization", "Basic "+string(key)); a.json["access_token"] == nil {
		t.Errorf("Arc with the key: %d %s", a.status, a.body)
	}
	if a := sb.get(arc, "Metadata", "true", "Authorization", "Basic "+string(key)); a.status != http.StatusUnauthorized {
		t.Errorf("Arc with the key again: %d %s", a.status, a.body)
	}
}
