package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/entra/check"
	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Check is part of [sdk.Connector]. What is asked side by side is told in a fixed order.
func (c *connector) Check(ctx context.Context, req sdk.CheckRequest) (sdk.CheckReport, error) {
	e := &examination{connector: c, req: req, config: c.config(req.Connection, nil)}
	conn := e.offline()
	if conn == nil {
		return e.report, nil
	}
	defer conn.Close()
	if req.Extent == sdk.Offline {
		return e.report, nil
	}
	err := e.online(ctx, conn)
	return e.report, err
}

// An examination is one check under way.
type examination struct {
	*connector
	req    sdk.CheckRequest
	config dial.Config
	plan   *directory.Plan // nil if the mapping is wrong
	needs  []check.Need    // as the collections
	report sdk.CheckReport
}

func (e *examination) found(findings ...sdk.Finding) {
	e.report.Findings = append(e.report.Findings, findings...)
}

// offline looks at what stands in the settings. It returns nothing to go on with if they are wrong.
func (e *examination) offline() *dial.Conn {
	application := e.config.Application
	invalid := application.Validate()
	var credential []sdk.Finding
	if len(invalid) == 0 {
		credential = check.Certificate(application, e.clock.Now())
	}
	var conn *dial.Conn
	switch {
	case len(invalid) > 0:
	case len(credential) > 0 && credential[0].Ends.IsZero():
		// There is no certificate to go on with, which that finding tells.
	default:
		conn, invalid = e.dial(e.config)
	}
	for _, problem := range invalid {
		e.found(check.Failure(check.Settings, problem))
	}
	if len(invalid) == 0 {
		e.found(sdk.Finding{State: sdk.OK, Subject: check.Settings, Message: "The settings are complete"})
	}
	e.found(credential...)
	if len(e.req.Collections) > 0 {
		e.found(e.mapping()...)
	}
	e.report.Permissions = check.Permissions(e.needs, nil)
	if endpoints, err := cloud.Resolve(e.config.Cloud); err == nil {
		e.report.ConsentURL = check.ConsentURL(endpoints, application, e.req.Connection.Settings[setting.ResponseURI])
	}
	return conn
}

// mapping examines what an export would ask for.
func (e *examination) mapping() (findings []sdk.Finding) {
	p, problems := plan(e.req.Connection, e.req.Collections, e.req.Attributes)
	for _, problem := range problems {
		findings = append(findings, check.Failure("mapping", problem))
	}
	var names []string
	for _, collection := range e.req.Collections {
		for _, entity := range directory.Entities() {
			if entity.Name == collection.Entity {
				names = append(names, entity.Name)
				e.needs = append(e.needs, check.Need{Permission: entity.Permission, For: "export of " + entity.Name})
			}
		}
	}
	if len(problems) > 0 {
		return findings
	}
	e.plan = p
	return []sdk.Finding{{
		State: sdk.OK, Subject: "mapping",
		Message: fmt.Sprintf("%d attributes can be exported of %s", len(e.req.Attributes), strings.Join(names, ", ")),
	}}
}

// online asks the tenant.
func (e *examination) online(ctx context.Context, conn *dial.Conn) error {
	full := e.req.Extent == sdk.Full
	application := e.config.Application

	var reach []sdk.Finding
	var signedIn sdk.Finding
	var claims *signin.Claims
	group, groupCtx := errgroup.WithContext(ctx)
	if full {
		group.Go(func() (err error) {
			reach, err = check.Reach(groupCtx, conn, application)
			return err
		})
	}
	group.Go(func() (err error) {
		signedIn, claims, err = check.SignIn(groupCtx, conn, application)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	e.found(reach...)
	e.found(signedIn)
	if signedIn.State == sdk.Failed {
		return nil
	}
	if err := e.signedIn(ctx, conn, claims); err != nil {
		return err
	}
	e.report.Permissions = check.Permissions(e.needs, claims)
	return nil
}

// signedIn examines what a token is needed for.
func (e *examination) signedIn(ctx context.Context, conn *dial.Conn, claims *signin.Claims) error {
	var credentials, reads []sdk.Finding
	var tenant sdk.Finding
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		credentials, err = check.Credentials(ctx, conn, e.config.Application, e.clock.Now())
		return err
	})
	full := e.req.Extent == sdk.Full
	if full {
		group.Go(func() (err error) {
			tenant, err = check.Tenant(ctx, conn)
			return err
		})
	}
	if full && e.plan != nil {
		reads = make([]sdk.Finding, len(e.plan.Collections))
		for i, collection := range e.plan.Collections {
			group.Go(func() (err error) {
				reads[i], err = e.read(ctx, conn, collection)
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	e.found(credentials...)
	if full {
		e.found(tenant)
	}
	for i, read := range reads {
		e.found(read)
		e.needs[i].Works = read.State == sdk.OK
	}
	if full && claims != nil && e.asksForHidden() && directory.MemberReadHidden().GrantedBy(claims.Roles) == "" {
		e.found(sdk.Finding{
			State: sdk.OK, Subject: "hidden members",
			Message: "Members of groups and administrative units that hide them are left out",
			Hint:    "Grant the application " + directory.MemberReadHidden().Name + " if they are to be exported",
		})
	}
	return nil
}

// asksForHidden reports whether members are exported that may be hidden.
func (e *examination) asksForHidden() bool {
	return slices.ContainsFunc(e.req.Collections, func(c sdk.Collection) bool {
		return (c.Entity == "group" || c.Entity == "administrativeUnit") && slices.Contains(c.Navigations, "members")
	})
}
