package server

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // x5t is SHA-1 by definition
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

func TestSignInRefusals(t *testing.T) {
	sb := start(t, Options{})
	tests := []struct {
		name, tenant string
		change       []string
		status       int
		kind, begins string
	}{
		{"wrong secret", "", []string{"client_secret", "no"}, 401, "invalid_client", "AADSTS7000215: Invalid client secret provided."},
		{"expired secret", "", []string{"client_secret", sb.Ready().ExpiredSecret}, 401, "invalid_client", "AADSTS7000222: The provided client secret keys for app"},
		{"no secret", "", []string{"client_secret", ""}, 401, "invalid_client", "AADSTS7000216:"},
		{"other application", "", []string{"client_id", "x"}, 400, "unauthorized_client", "AADSTS700016: Application with identifier 'x' was not found"},
		{"other tenant", "11111111-1111-1111-1111-111111111111", nil, 400, "invalid_request", "AADSTS90002: Tenant '11111111-"},
		{"malformed tenant", "x", nil, 400, "invalid_request", "AADSTS900023:"},
		{"scope without .default", "", []string{"scope", "https://graph.microsoft.com/User.Read"}, 400, "invalid_scope", "AADSTS1002012:"},
		{"other resource", "", []string{"scope", "https://vault.example/.default"}, 400, "invalid_resource", "AADSTS500011:"},
		{"other grant", "", []string{"grant_type", "password"}, 400, "unsupported_grant_type", "AADSTS70003:"},
		{"no grant", "", []string{"grant_type", ""}, 400, "invalid_request", "AADSTS900144:"},
		{"no assertion", "", []string{"client_assertion", "x"}, 400, "invalid_request", "AADSTS50027:"},
	}
	for _, tt := range tests {
		tenantID := tt.tenant
		if tenantID == "" {
			tenantID = sb.Ready().TenantID
		}
		a := sb.post("/"+tenantID+"/oauth2/v2.0/token", sb.form(tt.change...))
		text, _ := a.json["error_description"].(string)
		if a.status != tt.status || a.json["error"] != tt.kind || !strings.HasPrefix(text, tt.begins) {
			t.Errorf("%s: %d %s", tt.name, a.status, a.body)
		}
		for _, key := range []string{"error_codes", "trace_id", "correlation_id", "timestamp", "error_uri"} {
			if a.json[key] == nil {
				t.Errorf("%s: no %s", tt.name, key)
			}
		}
	}
}

func TestAccessTokens(t *testing.T) {
	sb := start(t, Options{TokenLife: 10 * time.Minute, Roles: []string{"Group.Read.All"}})
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(sb.token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Aud, Tid, AppID string
		Roles           []string
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	ready := sb.Ready()
	if claims.Aud != ready.URL || claims.Tid != ready.TenantID || claims.AppID != ready.ClientID || len(claims.Roles) != 1 {
		t.Errorf("claims %s", payload)
	}
	if a := sb.get("/v1.0/users"); a.status != http.StatusForbidden || a.code() != "Authorization_RequestDenied" ||
		a.message() != "Insufficient privileges to complete the operation." {
		t.Errorf("without the permission: %d %s", a.status, a.body)
	}
	tampered := sb.token[:len(sb.token)-8] + "AAAAAAAA"
	for name, authorization := range map[string]string{"none": "", "other scheme": "Basic x", "no token": "Bearer ", "nonsense": "Bearer x", "tampered": "Bearer " + tampered} {
		a := sb.get("/v1.0/groups", "Authorization", authorization)
		if a.status != http.StatusUnauthorized || a.code() != "InvalidAuthenticationToken" || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := sb.get("/v1.0/groups"); a.status != http.StatusOK {
		t.Errorf("a good token: %d %s", a.status, a.body)
	}
	sb.clock.advance(11 * time.Minute)
	if a := sb.get("/v1.0/groups"); a.status != http.StatusUnauthorized || a.message() != "Lifetime validation failed, the token is expired." {
		t.Errorf("an expired token: %d %s", a.status, a.body)
	}
	public := sb.post("/"+ready.TenantID+"/oauth2/v2.0/token", sb.form("scope", "https://graph.microsoft.com/.default"))
	sb.token, _ = public.json["access_token"].(string)
	if a := sb.get("/v1.0/groups"); a.status != http.StatusOK {
		t.Errorf("a token for the public name: %d %s", a.status, a.body)
	}
}

// azureOptions let the Azure SDK sign in to the sandbox.
func (sb *sandbox) azureOptions() azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: sb.Ready().Authority},
		Transport: sb.client,
		Retry:     policy.RetryOptions{MaxRetries: -1},
	}
}

func (sb *sandbox) useCredential(credential azcore.TokenCredential) {
	sb.t.Helper()
	token, err := credential.GetToken(sb.t.Context(), policy.TokenRequestOptions{Scopes: []string{sb.Ready().URL + "/.default"}})
	if err != nil {
		sb.t.Error(err)
		return
	}
	sb.token = token.Token
	if a := sb.get("/v1.0/users?$top=1"); a.status != http.StatusOK {
		sb.t.Errorf("with the token of the SDK: %d %s", a.status, a.body)
	}
}

func TestAzureSDKSignsIn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "client.pem")
	sb := startAt(t, time.Now(), Options{CertificateFile: file}) // the SDK has a clock of its own
	ready := sb.Ready()
	t.Run("secret", func(t *testing.T) {
		credential, err := azidentity.NewClientSecretCredential(ready.TenantID, ready.ClientID, ready.ClientSecret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: sb.azureOptions(), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		sb.useCredential(credential)
	})
	t.Run("wrong secret", func(t *testing.T) {
		credential, err := azidentity.NewClientSecretCredential(ready.TenantID, ready.ClientID, "wrong",
			&azidentity.ClientSecretCredentialOptions{ClientOptions: sb.azureOptions(), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{ready.URL + "/.default"}})
		if err == nil || !strings.Contains(err.Error(), "AADSTS7000215") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("certificate", func(t *testing.T) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		certificates, key, err := azidentity.ParseCertificates(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		credential, err := azidentity.NewClientCertificateCredential(ready.TenantID, ready.ClientID, certificates, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: sb.azureOptions(), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		sb.useCredential(credential)
	})
}

func TestDiscovery(t *testing.T) {
	sb := start(t, Options{})
	ready := sb.Ready()
	config := sb.get("/" + ready.TenantID + "/v2.0/.well-known/openid-configuration")
	if want := ready.Authority + "/" + ready.TenantID + "/oauth2/v2.0/token"; config.json["token_endpoint"] != want {
		t.Errorf("token_endpoint %v, want %s", config.json["token_endpoint"], want)
	}
	instance := sb.get("/common/discovery/instance?api-version=1.1&authorization_endpoint=x")
	if instance.json["tenant_discovery_endpoint"] == nil || instance.json["metadata"] == nil {
		t.Errorf("instance discovery: %s", instance.body)
	}
	if keys := sb.get("/" + ready.TenantID + "/discovery/v2.0/keys"); keys.json["keys"] == nil {
		t.Errorf("keys: %s", keys.body)
	}
	if a := sb.get("/11111111-1111-1111-1111-111111111111/v2.0/.well-known/openid-configuration"); a.status != http.StatusBadRequest {
		t.Errorf("another tenant's configuration: %d", a.status)
	}
}

// signer makes client assertions.
type signer struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

func readSigner(t *testing.T, file string) signer {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	block, _ = pem.Decode(rest)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return signer{certificate, key.(*rsa.PrivateKey)}
}

func (s signer) assertion(t *testing.T, header, claims map[string]any) string {
	t.Helper()
	var parts []string
	for _, part := range []map[string]any{header, claims} {
		b, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(b))
	}
	text := strings.Join(parts, ".")
	digest := sha256.Sum256([]byte(text))
	var signature []byte
	var err error
	if header["alg"] == "PS256" {
		signature, err = rsa.SignPSS(rand.Reader, s.key, crypto.SHA256, digest[:], nil)
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, digest[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// usual is the assertion that a client would make now.
func (s signer) usual(t *testing.T, sb *sandbox) string {
	t.Helper()
	ready, now, thumbprint := sb.Ready(), sb.clock.now(), sha256.Sum256(s.certificate.Raw)
	return s.assertion(t, map[string]any{"alg": "PS256", "x5t#S256": base64.RawURLEncoding.EncodeToString(thumbprint[:])}, map[string]any{
		"aud": ready.Authority + "/" + ready.TenantID + "/oauth2/v2.0/token", "iss": ready.ClientID, "sub": ready.ClientID,
		"nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	})
}

func TestClientAssertions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "client.pem")
	sb := start(t, Options{CertificateFile: file})
	s := readSigner(t, file)
	ready := sb.Ready()
	short, long := sha1.Sum(s.certificate.Raw), sha256.Sum256(s.certificate.Raw)
	claims := func(change ...any) map[string]any {
		c := map[string]any{
			"aud": ready.Authority + "/" + ready.TenantID + "/oauth2/v2.0/token", "iss": ready.ClientID, "sub": ready.ClientID,
			"jti": "1", "nbf": sb.clock.now().Unix(), "exp": sb.clock.now().Add(5 * time.Minute).Unix(),
		}
		for i := 0; i < len(change); i += 2 {
			c[change[i].(string)] = change[i+1]
		}
		return c
	}
	good := map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(long[:])}
	tests := []struct {
		name   string
		header map[string]any
		claims map[string]any
		want   string
	}{
		{"PS256, x5t#S256 for URLs", good, claims(), ""},
		{"PS256, x5t#S256 standard", map[string]any{"alg": "PS256", "x5t#S256": base64.StdEncoding.EncodeToString(long[:])}, claims(), ""},
		{"RS256, x5t for URLs", map[string]any{"alg": "RS256", "x5t": base64.RawURLEncoding.EncodeToString(short[:])}, claims(), ""},
		{"RS256, x5t standard", map[string]any{"alg": "RS256", "x5t": base64.StdEncoding.EncodeToString(short[:])}, claims(), ""},
		{"other key", map[string]any{"alg": "RS256", "x5t": "abcd"}, claims(), "AADSTS700027: Client assertion contains an invalid signature. [Reason - The key was not found"},
		{"no key", map[string]any{"alg": "RS256"}, claims(), "AADSTS700027:"},
		{"other algorithm", map[string]any{"alg": "HS256", "x5t": base64.RawURLEncoding.EncodeToString(short[:])}, claims(), "AADSTS700027:"},
		{"other application", good, claims("iss", "x"), "AADSTS700021:"},
		{"other audience", good, claims("aud", "https://x"), "AADSTS700023:"},
		{"too late", good, claims("exp", sb.clock.now().Add(-time.Hour).Unix()), "AADSTS700024:"},
		{"too early", good, claims("nbf", sb.clock.now().Add(time.Hour).Unix()), "AADSTS700024:"},
	}
	for _, tt := range tests {
		a := sb.post("/"+ready.TenantID+"/oauth2/v2.0/token", url.Values{
			"client_id": {ready.ClientID}, "grant_type": {"client_credentials"}, "scope": {ready.URL + "/.default"},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"client_assertion":      {s.assertion(t, tt.header, tt.claims)},
		})
		text, _ := a.json["error_description"].(string)
		if tt.want == "" && a.json["access_token"] == nil || !strings.HasPrefix(text, tt.want) {
			t.Errorf("%s: %d %s", tt.name, a.status, a.body)
		}
	}
}
