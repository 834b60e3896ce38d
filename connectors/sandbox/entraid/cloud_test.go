package entraid

import (
	"slices"
	"testing"
)

func TestCloudNamed(t *testing.T) {
	for name, want := range map[string]string{"": "Global", "usgov": "USGov", "USGovDoD": "USGovDoD", "CHINA": "China"} {
		if c, err := CloudNamed(name); err != nil || c.Name != want {
			t.Errorf("%q is %q, %v", name, c.Name, err)
		}
	}
	if _, err := CloudNamed("Mars"); err == nil {
		t.Error("there is a cloud on Mars")
	}
}

func TestHostsOfClouds(t *testing.T) {
	for host, want := range map[string]struct {
		login, vault, foreignToUSGov bool
	}{
		"LOGIN.microsoftonline.com:443":   {login: true, foreignToUSGov: true},
		"login.microsoftonline.us":        {login: true},
		"graph.microsoft.us":              {},
		"dod-graph.microsoft.us":          {foreignToUSGov: true},
		"a.vault.azure.net":               {vault: true, foreignToUSGov: true},
		"A.Vault.usgovcloudapi.net:443":   {vault: true},
		"vault.azure.net":                 {},
		"127.0.0.1:8443":                  {},
		"[::1]:8443":                      {},
		"microsoftgraph.chinacloudapi.cn": {foreignToUSGov: true},
	} {
		usgov, err := CloudNamed("USGov")
		if err != nil {
			t.Fatal(err)
		}
		if _, vault := CloudOfVault(host); IsLogin(host) != want.login || vault != want.vault || usgov.isForeign(host) != want.foreignToUSGov {
			t.Errorf("%s: login %v, vault %v, foreign %v", host, IsLogin(host), vault, usgov.isForeign(host))
		}
	}
	hosts := Hosts()
	for _, want := range []string{"login.microsoftonline.com", "graph.microsoft.us", "*.vault.azure.cn"} {
		if !slices.Contains(hosts, want) {
			t.Errorf("%s is missing in %v", want, hosts)
		}
	}
	if compact := slices.Compact(slices.Clone(hosts)); len(compact) != len(hosts) {
		t.Errorf("some come twice: %v", hosts)
	}
}
