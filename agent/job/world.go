package job

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"

	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk"
)

// The settings of a connector that say which tenant it exports, and from where.
const (
	tenantKey  = "TenantId"
	addressKey = "MicrosoftGraphPathApi"
	cloudKey   = "Cloud"
)

// addressOf gives the root of Microsoft Graph in a cloud; empty for an unknown one.
// Source: https://learn.microsoft.com/graph/deployments.
func addressOf(cloud string) string {
	switch strings.ToLower(cloud) {
	case "", "global":
		return "https://graph.microsoft.com/v1.0"
	case "usgov":
		return "https://graph.microsoft.us/v1.0"
	case "usgovdod":
		return "https://dod-graph.microsoft.us/v1.0"
	case "china":
		return "https://microsoftgraph.chinacloudapi.cn/v1.0"
	}
	return ""
}

// world tells what the connection exports: connector, tenant and address, however they
// are spelled.
func world(c *settings.Connection, request sdk.ExportRequest) store.World {
	values := request.Connection.Settings
	tenant, cloud := strings.ToLower(values[tenantKey]), values[cloudKey]
	address := cmp.Or(values[addressKey], addressOf(cloud), strings.ToLower(cloud))
	hash := sha256.New()
	for _, part := range []string{c.Connector, tenant, normal(address)} {
		fmt.Fprintf(hash, "%d:%s", len(part), part) // a hash never fails
	}
	return store.World{Hash: [32]byte(hash.Sum(nil)), Text: fmt.Sprintf("tenant %s at %s", tenant, address)}
}

// normal is the one spelling of an address: in lower case, without a port that goes
// without saying, and without a slash at the end.
func normal(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return strings.TrimRight(address, "/")
	}
	host := strings.TrimSuffix(u.Host, ":443")
	return strings.ToLower(u.Scheme + "://" + host + strings.TrimRight(u.Path, "/"))
}
