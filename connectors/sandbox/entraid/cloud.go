package entraid

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// Cloud is one of Microsoft's clouds: the names by which its services are
// reached, and what its tokens are for (Microsoft Graph, national cloud
// deployments; Azure Key Vault, DNS suffixes for sovereign clouds).
type Cloud struct {
	Name string
	// Login are the hosts of the sign-in, the preferred one first.
	Login []string
	// Graph is the host of Microsoft Graph.
	Graph string
	// Vault is what the names of key vaults end in, without the first dot. It
	// is the host of their resource too.
	Vault string

	// instance and region are what the discovery document says of a tenant.
	instance, region, subRegion string
	// realm is shared by clouds whose sign-ins know each other's tenants.
	realm string
}

// clouds are the clouds whose names the documentation tells.
var clouds = []Cloud{
	{
		Name: "Global", Login: []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"},
		Graph: "graph.microsoft.com", Vault: "vault.azure.net",
		instance: "microsoftonline.com", region: "EU", realm: "Microsoft",
	},
	{
		Name: "USGov", Login: []string{"login.microsoftonline.us", "login.usgovcloudapi.net"},
		Graph: "graph.microsoft.us", Vault: "vault.usgovcloudapi.net",
		instance: "microsoftonline.us", region: "USGov", subRegion: "DODCON", realm: "Microsoft",
	},
	{
		Name: "USGovDoD", Login: []string{"login.microsoftonline.us", "login.usgovcloudapi.net"},
		Graph: "dod-graph.microsoft.us", Vault: "vault.usgovcloudapi.net",
		instance: "microsoftonline.us", region: "USGov", subRegion: "DOD", realm: "Microsoft",
	},
	{
		Name: "China", Login: []string{"login.chinacloudapi.cn", "login.partner.microsoftonline.cn"},
		Graph: "microsoftgraph.chinacloudapi.cn", Vault: "vault.azure.cn",
		instance: "partner.microsoftonline.cn", region: "China", realm: "21Vianet",
	},
}

// CloudNamed finds a cloud by its name; the empty name is Global.
func CloudNamed(name string) (Cloud, error) {
	names := []string{}
	for _, c := range clouds {
		if name == "" || strings.EqualFold(name, c.Name) {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return Cloud{}, fmt.Errorf("there is no cloud %q; there are %s", name, strings.Join(names, ", "))
}

// Hosts are the names, some with a wildcard, that a server needs to stand for
// all clouds.
func Hosts() []string {
	var hosts []string
	for _, c := range clouds {
		hosts = append(append(hosts, c.Login...), c.Graph, "*."+c.Vault)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// VaultURL is the address of the vault of this name.
func (c *Cloud) VaultURL(name string) string { return "https://" + name + "." + c.Vault }

// VaultResource is what a token for key vaults is asked for.
func (c *Cloud) VaultResource() string { return "https://" + c.Vault }

// has says whether a host is one of the cloud's.
func (c *Cloud) has(host string) bool {
	return slices.Contains(c.Login, host) || host == c.Graph || strings.HasSuffix(host, "."+c.Vault)
}

// IsLogin says whether a request's host is the sign-in of some cloud.
func IsLogin(host string) bool {
	name := hostname(host)
	return slices.ContainsFunc(clouds, func(c Cloud) bool { return slices.Contains(c.Login, name) })
}

// CloudOfVault finds the cloud that a vault's host belongs to.
func CloudOfVault(host string) (Cloud, bool) {
	name := hostname(host)
	i := slices.IndexFunc(clouds, func(c Cloud) bool { return strings.HasSuffix(name, "."+c.Vault) })
	if i < 0 {
		return Cloud{}, false
	}
	return clouds[i], true
}

// isForeign says whether a host belongs to clouds, none of which is this one.
// The sandbox's own address belongs to none.
func (c *Cloud) isForeign(host string) bool {
	name := hostname(host)
	return !c.has(name) && slices.ContainsFunc(clouds, func(other Cloud) bool { return other.has(name) })
}

// isKnownAt says whether the sign-in at a host of another cloud knows this
// cloud's tenants, if only to refuse them.
func (c *Cloud) isKnownAt(host string) bool {
	name := hostname(host)
	return slices.ContainsFunc(clouds, func(other Cloud) bool { return other.realm == c.realm && other.has(name) })
}

// hostname is a host as a request names it, in lower case and without a port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(host)
}
