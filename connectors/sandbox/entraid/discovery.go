package entraid

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/usher-iga/usher/connectors/sandbox/reply"
)

// instance answers instance discovery: whether an authority is a real one, and
// by which names it goes. Each cloud's sign-in knows all clouds.
func (a *Authority) instance(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if endpoint, err := url.Parse(r.URL.Query().Get("authorization_endpoint")); err == nil && endpoint.Host != "" {
		host = endpoint.Host
	}
	own := !IsLogin(host)
	if own && host != r.Host && "https://"+host != a.address {
		reply.JSON(w, http.StatusBadRequest, map[string]any{
			"error": "invalid_instance", "error_description": "AADSTS50049: Unknown or invalid instance.", "error_codes": []int{50049},
		})
		return
	}
	var metadata []any
	add := func(hosts []string) {
		metadata = append(metadata, map[string]any{"preferred_network": hosts[0], "preferred_cache": hosts[0], "aliases": hosts})
	}
	if own {
		add([]string{host})
	}
	for i, c := range clouds {
		if !slices.ContainsFunc(clouds[:i], func(before Cloud) bool { return before.Login[0] == c.Login[0] }) {
			add(c.Login)
		}
	}
	reply.JSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": "https://" + host + "/" + a.Registration().TenantID + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata":                  metadata,
	})
}

// configuration answers with the OpenID Connect document of a tenant. The
// sign-ins of Global and of the US clouds know each other's tenants and tell
// which cloud they are in.
func (a *Authority) configuration(w http.ResponseWriter, r *http.Request, tenant string) {
	app := a.Registration()
	no := a.checkTenant(&app, tenant, r.Host)
	if no != nil && no.Code != codeCrossCloud && tenant != "common" && tenant != "organizations" {
		a.refuse(w, r, no)
		return
	}
	instance, graph := a.cloud.instance, a.cloud.Graph
	if !IsLogin(r.Host) {
		instance, graph = r.Host, r.Host
	}
	base := "https://" + r.Host + "/" + tenant
	document := map[string]any{
		"issuer":                                "https://" + r.Host + "/" + app.TenantID + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"end_session_endpoint":                  base + "/oauth2/v2.0/logout",
		"userinfo_endpoint":                     "https://" + graph + "/oidc/userinfo",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"tenant_region_scope":                   a.cloud.region,
		"cloud_instance_name":                   instance,
		"msgraph_host":                          graph,
	}
	if a.cloud.subRegion != "" {
		document["tenant_region_sub_scope"] = a.cloud.subRegion
	}
	reply.JSON(w, http.StatusOK, document)
}
