package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Check is part of [sdk.Connector].
func (c *connector) Check(ctx context.Context, req sdk.CheckRequest) (sdk.CheckReport, error) {
	var findings []sdk.Finding
	conn, problems := c.dial(req.Connection, nil)
	for _, problem := range problems {
		findings = append(findings, failed("settings", problem))
	}
	if conn != nil {
		defer conn.Close()
		findings = append(findings, sdk.Finding{State: sdk.OK, Subject: "settings", Message: "The settings are complete"})
	}
	if len(req.Collections) > 0 {
		findings = append(findings, checkMapping(req)...)
	}
	if conn == nil || req.Extent == sdk.Offline {
		return sdk.CheckReport{Findings: findings}, nil
	}
	online, err := checkTenant(ctx, conn)
	return sdk.CheckReport{Findings: append(findings, online...)}, err
}

func failed(subject string, problem *fault.Error) sdk.Finding {
	return sdk.Finding{State: sdk.Failed, Subject: subject, Message: problem.Error(), Hint: problem.Hint, Setting: problem.Setting}
}

// checkMapping examines what an export would ask for.
func checkMapping(req sdk.CheckRequest) []sdk.Finding {
	p, problems := plan(req.Connection, req.Collections, req.Attributes)
	var findings []sdk.Finding
	for _, problem := range problems {
		findings = append(findings, failed("mapping", problem))
	}
	if len(problems) == 0 {
		var names, permissions []string
		for _, collection := range p.Collections {
			names = append(names, collection.Entity.Name)
			permissions = append(permissions, collection.Entity.Permission)
		}
		slices.Sort(permissions)
		findings = append(findings, sdk.Finding{
			State: sdk.OK, Subject: "mapping",
			Message: fmt.Sprintf("%d attributes can be exported of %s", len(req.Attributes), strings.Join(names, ", ")),
			Hint: fmt.Sprintf("The application needs the permissions %s, or Directory.Read.All in place of them",
				strings.Join(slices.Compact(permissions), ", ")),
		})
	}
	return findings
}

// checkTenant signs in and looks at the tenant.
func checkTenant(ctx context.Context, conn *dial.Conn) ([]sdk.Finding, error) {
	if err := conn.SignIn(ctx); err != nil {
		return finding("sign-in", sdk.Failed, err)
	}
	findings := []sdk.Finding{{State: sdk.OK, Subject: "sign-in", Message: "The application can sign in"}}
	body, err := conn.Get(ctx, "organization?$select=id,displayName,verifiedDomains,tenantType")
	var more []sdk.Finding
	switch {
	case fault.Is(err, fault.Forbidden): // an export needs other permissions
		more, err = finding("tenant", sdk.Warned, err)
	case err != nil:
		more, err = finding("tenant", sdk.Failed, err)
	default:
		more = []sdk.Finding{readTenant(body)}
	}
	return append(findings, more...), err
}

// finding makes a finding of an error that tells an admin something, and passes on
// any other.
func finding(subject string, state sdk.FindingState, err error) ([]sdk.Finding, error) {
	problem := fault.Of(err)
	if problem == nil {
		return nil, err
	}
	found := failed(subject, problem)
	found.State = state
	return []sdk.Finding{found}, nil
}

// readTenant reads the answer about the organization.
// Source: https://learn.microsoft.com/graph/api/resources/organization.
func readTenant(body []byte) sdk.Finding {
	var answer struct {
		Value []struct {
			ID, DisplayName, TenantType string
			VerifiedDomains             []struct {
				Name      string
				IsDefault bool
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Value) != 1 {
		return sdk.Finding{
			State: sdk.Failed, Subject: "tenant", Message: "Graph's answer about the tenant does not name one",
			Hint: "Check MicrosoftGraphPathApi", Setting: baseURL,
		}
	}
	t := answer.Value[0]
	domain := "no domain"
	for _, d := range t.VerifiedDomains {
		if d.IsDefault {
			domain = d.Name
		}
	}
	name := fmt.Sprintf("%q (%s, %s)", t.DisplayName, domain, t.ID)
	// Source: https://learn.microsoft.com/graph/delta-query-overview#supported-resources.
	if t.TenantType == "AAD B2C" || t.TenantType == "CIAM" {
		return sdk.Finding{
			State: sdk.Failed, Subject: "tenant", Message: fmt.Sprintf("The tenant %s is for customers (%s): Graph has no delta queries there", name, t.TenantType),
			Hint: "Choose a workforce tenant", Setting: tenantID,
		}
	}
	return sdk.Finding{State: sdk.OK, Subject: "tenant", Message: "The tenant is " + name}
}
