package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/check"
	"github.com/usher-iga/usher/connectors/entra/connection"
	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Check is part of [sdk.Connector].
func (c connector) Check(ctx context.Context, req sdk.CheckRequest) (sdk.CheckReport, error) {
	return c.Opener.Check(ctx, req, work(req))
}

// work is what an export would do.
func work(req sdk.CheckRequest) connection.Work {
	w := connection.Work{Deltas: true}
	if len(req.Collections) == 0 {
		return w
	}
	var names []string
	for _, collection := range req.Collections {
		for _, entity := range directory.Entities() {
			if entity.Name == collection.Entity {
				names = append(names, entity.Name)
				w.Needs = append(w.Needs, check.Need{Permission: entity.Permission, For: "export of " + entity.Name})
			}
		}
	}
	if req.Extent == sdk.Full && asksForHidden(req.Collections) {
		w.Granted = hiddenMembers
	}
	p, problems := plan(req.Connection, req.Collections, req.Attributes)
	for _, problem := range problems {
		w.Settled = append(w.Settled, check.Failure("mapping", problem))
	}
	if len(problems) > 0 {
		return w
	}
	w.Settled = []sdk.Finding{{
		State: sdk.OK, Subject: "mapping",
		Message: fmt.Sprintf("All %d columns can be exported of %s", len(req.Attributes)+1, strings.Join(names, ", ")),
	}}
	managed := dial.ConfigOf(req.Connection).Application.ManagedIdentity
	for i, collection := range p.Collections {
		w.Trials = append(w.Trials, func(ctx context.Context, conn *dial.Conn) (sdk.Finding, error) {
			found, err := read(ctx, conn, collection, managed)
			w.Needs[i].Works = found.State == sdk.OK
			return found, err
		})
	}
	return w
}

// asksForHidden reports whether members are exported that may be hidden.
func asksForHidden(collections []sdk.Collection) bool {
	return slices.ContainsFunc(collections, func(c sdk.Collection) bool {
		return (c.Entity == "group" || c.Entity == "administrativeUnit") && slices.Contains(c.Navigations, "members")
	})
}

// hiddenMembers tells if such members stay hidden.
func hiddenMembers(claims *signin.Claims) []sdk.Finding {
	needed := directory.MemberReadHidden()
	if needed.GrantedBy(claims.Roles) != "" {
		return nil
	}
	return []sdk.Finding{{
		State: sdk.OK, Subject: "hidden members",
		Message: "Members of groups and administrative units that hide them are left out",
		Hint:    "Grant the application " + needed.Name + " if they are to be exported",
	}}
}
