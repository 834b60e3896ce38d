package main

import (
	"slices"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// config says how to reach the tenant of a connection.
func (c *connector) config(connection sdk.Connection, onWait func(time.Duration, string)) dial.Config {
	config := dial.ConfigOf(connection)
	config.UserAgent = "usher-entra-export/" + c.version
	config.Logger, config.Clock, config.OnWait = c.logger, c.clock, onWait
	return config
}

// dial makes a client of a connection; it sends nothing yet. The caller closes it.
// What is wrong with the settings comes beside: then there is no client.
func (c *connector) dial(config dial.Config) (*dial.Conn, directory.Problems) {
	if problems := config.Application.Validate(); len(problems) > 0 {
		return nil, problems
	}
	conn, err := c.dialer.Dial(config)
	if err == nil {
		return conn, nil
	}
	problem := fault.Of(err)
	if problem == nil {
		problem = fault.Errorf(fault.Internal, "%w", err)
	}
	return nil, directory.Problems{problem}
}

// plan looks up what is asked for, in the connection's cloud.
func plan(conn sdk.Connection, collections []sdk.Collection, attributes []sdk.Attribute) (*directory.Plan, directory.Problems) {
	p, problems := directory.NewPlan(collections, attributes)
	if p == nil {
		return nil, problems
	}
	for _, c := range p.Collections {
		cloud := conn.Settings[setting.Cloud]
		if slices.ContainsFunc(c.Entity.UntrackedIn, func(name string) bool { return strings.EqualFold(name, cloud) }) {
			problems = append(problems, fault.Errorf(fault.Invalid, "%s cannot be exported: the cloud %s has no delta query for it", c.Entity.Name, cloud).
				WithHint("Leave it out"))
		}
	}
	return p, problems
}
