package main

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/entra/change/permit"
	"github.com/usher-iga/usher/connectors/entra/check"
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Check is part of [sdk.Connector]. The permissions are those of all that orders can do.
func (c *connector) Check(ctx context.Context, req sdk.CheckRequest) (sdk.CheckReport, error) {
	config := c.config(req.Connection, nil)
	application := config.Application
	report := sdk.CheckReport{Permissions: check.Permissions(needs(), nil)}
	if endpoints, err := cloud.Resolve(config.Cloud); err == nil {
		report.ConsentURL = check.ConsentURL(endpoints, application, req.Connection.Settings[setting.ResponseURI])
	}
	conn, problems := c.dial(config)
	for _, problem := range problems {
		report.Findings = append(report.Findings, check.Failure(check.Settings, problem))
	}
	if conn == nil {
		return report, nil
	}
	defer conn.Close()
	report.Findings = append(report.Findings, sdk.Finding{State: sdk.OK, Subject: check.Settings, Message: "The settings are complete"})
	report.Findings = append(report.Findings, check.Certificate(application, c.clock.Now())...)
	if req.Extent == sdk.Offline {
		return report, nil
	}
	return report, c.online(ctx, conn, application, req.Extent == sdk.Full, &report)
}

func needs() (all []check.Need) {
	for _, n := range permit.All() {
		all = append(all, check.Need{Permission: n.Permission, For: n.For})
	}
	return all
}

// online asks the tenant.
func (c *connector) online(ctx context.Context, conn *dial.Conn, a signin.Application, full bool, report *sdk.CheckReport) error {
	if full {
		reach, err := check.Reach(ctx, conn, a)
		if err != nil {
			return err
		}
		report.Findings = append(report.Findings, reach...)
	}
	signedIn, claims, err := check.SignIn(ctx, conn, a)
	if err != nil {
		return err
	}
	report.Findings = append(report.Findings, signedIn)
	if signedIn.State == sdk.Failed {
		return nil
	}
	report.Permissions = check.Permissions(needs(), claims)
	var credentials []sdk.Finding
	var tenant sdk.Finding
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		credentials, err = check.Credentials(ctx, conn, a, c.clock.Now())
		return err
	})
	if full {
		group.Go(func() (err error) {
			tenant, err = check.Tenant(ctx, conn)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	report.Findings = append(report.Findings, credentials...)
	if full {
		report.Findings = append(report.Findings, tenant)
	}
	return nil
}
