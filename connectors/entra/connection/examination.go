package connection

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/entra/check"
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Work is what a program would do with a connection, for a check.
type Work struct {
	// Needs are the permissions that it takes. A trial may set [check.Need.Works].
	Needs []check.Need
	// Settled is what is known of the work without the tenant.
	Settled []sdk.Finding
	// Trials ask the tenant for parts of the work, side by side, in a check of [sdk.Full]. An error
	// means that a trial could not be made, as in package check.
	Trials []func(ctx context.Context, conn *dial.Conn) (sdk.Finding, error)
	// Granted judges what the token grants, if it tells. It may be nil.
	Granted func(claims *signin.Claims) []sdk.Finding
	// Deltas says that the work takes delta queries, which tenants for customers do not have.
	Deltas bool
}

// Check examines a connection, and the work that is meant for it, as far as req.Extent says.
// What is asked side by side is told in a fixed order.
func (o *Opener) Check(ctx context.Context, req sdk.CheckRequest, work Work) (sdk.CheckReport, error) {
	e := &examination{Opener: o, Work: work, req: req, config: dial.ConfigOf(req.Connection)}
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
	*Opener
	Work
	req    sdk.CheckRequest
	config dial.Config
	report sdk.CheckReport
}

func (e *examination) found(findings ...sdk.Finding) {
	e.report.Findings = append(e.report.Findings, findings...)
}

func (e *examination) full() bool { return e.req.Extent == sdk.Full }

// A check does not wait as an export does: what takes longer is a finding.
const (
	patience = 15 * time.Second // for one request with its repetitions
	longest  = 40 * time.Second // for one finding, with waits that other requests were asked for
)

// limited makes a failed finding of one that takes too long.
func limited(ctx context.Context, subject string, find func(context.Context) (sdk.Finding, error)) (sdk.Finding, error) {
	inner, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	found, err := find(inner)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return check.Failure(subject, fault.Errorf(fault.Throttled, "There was no answer within %v: the service is slow, or holds requests back", longest).
			WithHint("Try again later; an export waits longer")), nil
	}
	return found, err
}

// offline looks at what stands in the settings. It returns nothing to go on with if they are wrong.
func (e *examination) offline() *dial.Conn {
	application := e.config.Application
	invalid := application.Validate()
	var credential []sdk.Finding
	if len(invalid) == 0 {
		credential = check.Certificate(application, e.Clock.Now())
	}
	var conn *dial.Conn
	switch {
	case len(invalid) > 0:
	case len(credential) > 0 && credential[0].Ends.IsZero():
		// There is no certificate to go on with, which that finding tells.
	default:
		conn, invalid = e.open(e.req.Connection, patience, nil)
	}
	for _, problem := range invalid {
		e.found(check.Failure(check.Settings, problem))
	}
	if len(invalid) == 0 {
		e.found(sdk.Finding{State: sdk.OK, Subject: check.Settings, Message: "The settings are complete"})
	}
	e.found(credential...)
	e.found(e.Settled...)
	e.report.Permissions = check.Permissions(e.Needs, nil)
	if endpoints, err := cloud.Resolve(e.config.Cloud); err == nil {
		e.report.ConsentURL = check.ConsentURL(endpoints, application, e.req.Connection.Settings[setting.ResponseURI])
	}
	return conn
}

// online asks the tenant.
func (e *examination) online(ctx context.Context, conn *dial.Conn) error {
	application := e.config.Application
	var reach []sdk.Finding
	var signedIn sdk.Finding
	var claims *signin.Claims
	group, groupCtx := errgroup.WithContext(ctx)
	if e.full() {
		group.Go(func() (err error) {
			reach, err = check.Reach(groupCtx, conn, application)
			return err
		})
	}
	group.Go(func() (err error) {
		signedIn, err = limited(groupCtx, "sign-in", func(ctx context.Context) (found sdk.Finding, err error) {
			found, claims, err = check.SignIn(ctx, conn, application)
			return found, err
		})
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
	if err := e.signedIn(ctx, conn); err != nil {
		return err
	}
	if claims != nil && e.Granted != nil {
		e.found(e.Granted(claims)...)
	}
	e.report.Permissions = check.Permissions(e.Needs, claims)
	return nil
}

// signedIn examines what a token is needed for.
func (e *examination) signedIn(ctx context.Context, conn *dial.Conn) error {
	var credentials []sdk.Finding
	var tenant sdk.Finding
	tried := make([]sdk.Finding, len(e.Trials))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		late, err := limited(ctx, "credentials", func(ctx context.Context) (_ sdk.Finding, err error) {
			credentials, err = check.Credentials(ctx, conn, e.config.Application, e.Clock.Now())
			return sdk.Finding{}, err
		})
		if late.State != "" {
			late.State = sdk.Warned // an export does without it
			credentials = []sdk.Finding{late}
		}
		return err
	})
	if e.full() {
		group.Go(func() (err error) {
			tenant, err = limited(ctx, "tenant", func(ctx context.Context) (sdk.Finding, error) { return check.Tenant(ctx, conn, e.Deltas) })
			return err
		})
		for i, try := range e.Trials {
			group.Go(func() (err error) {
				tried[i], err = limited(ctx, "the work", func(ctx context.Context) (sdk.Finding, error) { return try(ctx, conn) })
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	e.found(credentials...)
	if e.full() {
		e.found(tenant)
		e.found(tried...)
	}
	return nil
}
