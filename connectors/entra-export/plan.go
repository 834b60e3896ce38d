package main

import (
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

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
