package trial_test

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/trial"
)

// Workload identity federation: the token file of an outside issuer signs in (C4).
func TestWorkloadIdentity(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	sandbox, installation := start(t, "--users", "50", "--federated-token", token)
	want := sums(mustExport(t, installation))
	installation.Change = func(c map[string]any) {
		without(c, "ApplicationKey")
		c["FederatedTokenFile"] = token
	}
	write(t, installation)
	if got := sums(mustExport(t, installation)); !maps.Equal(got, want) {
		t.Errorf("exported %v, want %v", got, want)
	}
	for name, tc := range map[string]struct {
		token map[string]any
		want  string
	}{
		"other subject": {map[string]any{"subject": "somebody"}, "AADSTS700213"},
		"over":          {map[string]any{"life": "-1h"}, "AADSTS700024"},
	} {
		tc.token["file"] = token
		control(t, sandbox, "POST", "/federated-token", tc.token)
		result := usher(t, installation, "export", trial.Connection, "--json")
		if message, hint, code := failure(t, result); result.Code != 1 || code != "unauthorized" || hint == "" || !strings.Contains(result.Stdout, tc.want) {
			t.Errorf("%s: exit code %d, %s: %s. %s", name, result.Code, code, message, hint)
		}
	}
}

// The names and scopes of each cloud, over a proxy that asks for a password (E10).
func TestClouds(t *testing.T) {
	t.Parallel()
	for cloud, hosts := range map[string][2]string{
		"Global":   {"login.microsoftonline.com", "graph.microsoft.com"},
		"USGov":    {"login.microsoftonline.us", "graph.microsoft.us"},
		"USGovDoD": {"login.microsoftonline.us", "dod-graph.microsoft.us"},
		"China":    {"login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"},
	} {
		t.Run(cloud, func(t *testing.T) {
			t.Parallel()
			_, installation := start(t, "--users", "50", "--cloud", cloud)
			relay := newRelay(t, installation.Tenant)
			chosen := cloud
			installation.Change = func(c map[string]any) {
				without(c, "MicrosoftAuthorityPath", "MicrosoftGraphPathApi")
				c["Cloud"] = chosen
			}
			installation.ChangeRoot = func(r map[string]any) { r["Proxy"] = relay.settings() }
			write(t, installation)
			mustExport(t, installation)
			for _, host := range hosts {
				if !relay.asked(host) {
					t.Errorf("nobody asked the proxy for %s, but for %v", host, relay.hosts)
				}
			}
			if chosen = "China"; cloud == "China" {
				chosen = "Global"
			}
			write(t, installation)
			result := usher(t, installation, "export", trial.Connection, "--complete", "--json")
			if message, hint, code := failure(t, result); result.Code != 1 || code != "unauthorized" || !strings.Contains(message+hint, "Cloud") {
				t.Errorf("the wrong cloud: exit code %d, %s: %s. %s", result.Code, code, message, hint)
			}
		})
	}
}

// A secret that is replaced while an export runs is resolved anew, and the run goes
// on: it comes from the vault, then from the file (C5).
func TestRotationWithinARun(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"vault", "file"} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			// Tokens live for a second, so that the connector signs in again and again.
			sandbox, installation := start(t, "--users", "400", "--token-life", "1s")
			tenant := installation.Tenant
			var first struct{ KeyID, SecretText string }
			fetch(t, sandbox, "POST", "/application/secrets", map[string]any{}, &first)
			name := "/vault/secrets/Connections--Contoso--ApplicationKey"
			if source == "vault" {
				control(t, sandbox, "PUT", name, map[string]any{"value": first.SecretText})
				installation.ChangeRoot = func(r map[string]any) {
					r["AzureKeyVault"] = map[string]any{
						"Vault": tenant.Vault, "TenantId": tenant.TenantID, "ApplicationId": tenant.ClientID,
						"ApplicationKey": tenant.ClientSecret, "MicrosoftAuthorityPath": tenant.Authority,
					}
				}
			}
			secret := first.SecretText
			installation.Change = func(c map[string]any) {
				c["ApplicationKey"] = secret
				if source == "vault" {
					without(c, "ApplicationKey")
				}
			}
			write(t, installation)
			control(t, sandbox, "PUT", "/faults", map[string]any{"latency": "300ms"})
			done := make(chan trial.Result, 1)
			go func() {
				result, _ := installation.Run(t.Context(), "export", trial.Connection, "--json", "--log-level", "info")
				done <- result
			}()
			awaitRequests(t, sandbox, "delta", 4)
			var second struct{ SecretText string }
			fetch(t, sandbox, "POST", "/application/secrets", map[string]any{}, &second)
			if source == "vault" {
				control(t, sandbox, "PUT", name, map[string]any{"value": second.SecretText})
			} else {
				secret = second.SecretText
				write(t, installation)
			}
			control(t, sandbox, "DELETE", "/application/secrets/"+first.KeyID, nil)
			result := <-done
			if result.Code != 0 {
				t.Fatalf("exit code %d\n%s%s", result.Code, result.Stdout, result.Stderr)
			}
			if !strings.Contains(result.Stderr, "read anew") {
				t.Errorf("the credentials were not resolved anew: nothing is tested\n%s", result.Stderr)
			}
			published(t, installation)
		})
	}
}

// awaitRequests waits until the sandbox has answered so many requests, of those whose path contains
// a text, since its counters were last emptied.
func awaitRequests(t *testing.T, s *trial.Sandbox, of string, want int) {
	t.Helper()
	for {
		var counters struct{ Requests map[string]map[string]int }
		fetch(t, s, "GET", "/counters", nil, &counters)
		had := 0
		for route, byStatus := range counters.Requests {
			if strings.Contains(route, of) {
				for _, n := range byStatus {
					had += n
				}
			}
		}
		if had >= want {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Consent that is withdrawn while an export runs ends it, with the permission's name;
// what was published stays.
func TestConsentWithdrawn(t *testing.T) {
	t.Parallel()
	sandbox, installation := start(t, "--users", "400", "--token-life", "1s")
	before := sums(mustExport(t, installation))
	control(t, sandbox, "DELETE", "/counters", nil)
	control(t, sandbox, "PUT", "/faults", map[string]any{"latency": "300ms"})
	done := make(chan trial.Result, 1)
	go func() {
		result, _ := installation.Run(t.Context(), "export", trial.Connection, "--json")
		done <- result
	}()
	awaitRequests(t, sandbox, "delta", 4)
	control(t, sandbox, "PUT", "/application", map[string]any{"roles": []string{}})
	result := <-done
	if message, hint, code := failure(t, result); result.Code != 1 || code != "forbidden" || !strings.Contains(message+hint, ".Read.") {
		t.Errorf("exit code %d, %s: %s. %s", result.Code, code, message, hint)
	}
	if got := sums(published(t, installation)); !maps.Equal(got, before) {
		t.Error("the published files have changed")
	}
}
