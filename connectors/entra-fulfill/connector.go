package main

import (
	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra-fulfill/action"
	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// connector is the [sdk.Fulfiller] and [sdk.Actor] of Entra ID. It keeps nothing between
// calls but how much of a tenant's quota is used, which calls share.
type connector struct {
	version string
	logger  hclog.Logger // gets each request at debug level
	clock   clock.Clock
	dialer  dial.Dialer
	quotas  quotas
	actions *action.Catalog
}

var (
	_ sdk.Fulfiller = (*connector)(nil)
	_ sdk.Actor     = (*connector)(nil)
)

func newConnector(version string, logger hclog.Logger) *connector {
	return &connector{version: version, logger: logger, clock: clock.System, actions: action.NewCatalog()}
}

// Describe is part of [sdk.Connector].
func (c *connector) Describe() sdk.Description {
	d := sdk.Description{
		Name: "entra-fulfill", Version: c.version, Title: "Microsoft Entra ID provisioning",
		Settings: setting.All(),
	}
	for _, e := range schema.Entities() {
		var navigations []string
		for _, n := range e.Links {
			navigations = append(navigations, n.Name)
		}
		d.Entities = append(d.Entities, sdk.Entity{Name: e.Name, Navigations: navigations})
	}
	return d
}
