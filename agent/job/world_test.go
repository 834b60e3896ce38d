package job

import (
	"testing"

	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Another spelling is not another tenant.
func TestWorld(t *testing.T) {
	of := func(tenant, cloud, address string) [32]byte {
		values := map[string]string{tenantKey: tenant, cloudKey: cloud, addressKey: address}
		c := &settings.Connection{ID: "Contoso", Connector: "entra-export"}
		return world(c, sdk.ExportRequest{Connection: sdk.Connection{Settings: values}}).Hash
	}
	global := of("6f0e1a2b", "Global", "")
	for _, tc := range []struct {
		tenant, cloud, address string
		same                   bool
	}{
		{"6F0E1A2B", "", "", true},
		{"6f0e1a2b", "global", "https://graph.microsoft.com/v1.0/", true},
		{"6f0e1a2b", "Global", "HTTPS://Graph.Microsoft.com:443/V1.0", true},
		{"6f0e1a2b", "China", "https://graph.microsoft.com/v1.0", true}, // the address counts
		{"6f0e1a2b", "Global", "https://graph.microsoft.com/beta/", false},
		{"6f0e1a2b", "Global", "https://graph.example.com/v1.0/", false},
		{"6f0e1a2b", "USGov", "", false},
		{"6f0e1a2b", "Mars", "", false},
		{"6f0e1a2c", "Global", "", false},
	} {
		if same := of(tc.tenant, tc.cloud, tc.address) == global; same != tc.same {
			t.Errorf("%+v: the same: %t", tc, same)
		}
	}
	if of("x", "USGov", "") != of("x", "", "https://graph.microsoft.us/v1.0") {
		t.Error("the address of a cloud is not that of the cloud")
	}
}
