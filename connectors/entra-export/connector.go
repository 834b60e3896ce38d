package main

import (
	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra/connection"
	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// connector is the [sdk.Exporter] of Entra ID. It keeps nothing between calls but
// how much of a tenant's quota is used, which calls share.
type connector struct{ *connection.Opener }

func newConnector(version string, logger hclog.Logger) connector {
	return connector{&connection.Opener{Program: "entra-export", Version: version, Logger: logger, Clock: clock.System}}
}

// Describe is part of [sdk.Connector].
func (c connector) Describe() sdk.Description {
	d := sdk.Description{
		Name: c.Program, Version: c.Version, Title: "Microsoft Entra ID export",
		Settings: setting.All(),
	}
	for _, e := range directory.Entities() {
		d.Entities = append(d.Entities, sdk.Entity{Name: e.Name, Navigations: e.Navigations})
	}
	return d
}
