package main

import (
	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra-fulfill/action"
	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/connection"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// connector is the [sdk.Fulfiller] and [sdk.Actor] of Entra ID. It keeps nothing between
// calls but how much of a tenant's quota is used, which calls share.
type connector struct {
	*connection.Opener
	actions *action.Catalog
}

var (
	_ sdk.Fulfiller = connector{}
	_ sdk.Actor     = connector{}
)

func newConnector(version string, logger hclog.Logger) connector {
	return connector{
		&connection.Opener{Program: "entra-fulfill", Version: version, Priority: "normal", Logger: logger, Clock: clock.System},
		action.NewCatalog(),
	}
}

// Describe is part of [sdk.Connector].
func (c connector) Describe() sdk.Description {
	d := sdk.Description{
		Name: c.Program, Version: c.Version, Title: "Microsoft Entra ID provisioning",
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
