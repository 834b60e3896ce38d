package check

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Tenant reads which tenant it is, and, if deltas are needed, whether it can have them. Not
// being allowed to is no fault: nothing else needs the permission. Source:
// https://learn.microsoft.com/graph/api/resources/organization.
func Tenant(ctx context.Context, conn *dial.Conn, deltas bool) (sdk.Finding, error) {
	body, err := conn.Get(ctx, "organization?$select=id,displayName,verifiedDomains,tenantType")
	switch {
	case graph.LacksPermission(err):
		found := ok(tenant, "Its name and type cannot be read: the application may not")
		found.Hint = "Grant the application Organization.Read.All to see them"
		return found, nil
	case err != nil:
		return Finding(tenant, sdk.Failed, err)
	}
	return readTenant(body, deltas), nil
}

func readTenant(body []byte, deltas bool) sdk.Finding {
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
			State: sdk.Failed, Subject: tenant, Message: "Graph's answer about the tenant does not name one",
			Hint: "Check MicrosoftGraphPathApi", Setting: setting.BaseURL,
		}
	}
	t := answer.Value[0]
	domain := "no domain"
	for _, d := range t.VerifiedDomains {
		if d.IsDefault {
			domain = d.Name
		}
	}
	name := fmt.Sprintf("%s (%s)", t.DisplayName, strings.Join([]string{domain, t.ID, kindOf(t.TenantType)}, ", "))
	// Source: https://learn.microsoft.com/graph/delta-query-overview#supported-resources.
	if deltas && (t.TenantType == "AAD B2C" || t.TenantType == "CIAM") {
		return sdk.Finding{
			State: sdk.Failed, Subject: tenant, Message: fmt.Sprintf("The tenant %s is for customers: Graph has no delta queries there", name),
			Hint: "Choose a workforce tenant", Setting: setting.TenantID,
		}
	}
	return ok(tenant, "The tenant is %s", name)
}

// kindOf names a type of tenants as the portal does.
func kindOf(tenantType string) string {
	switch tenantType {
	case "AAD":
		return "workforce"
	case "CIAM":
		return "external"
	}
	return tenantType
}
