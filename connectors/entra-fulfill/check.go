package main

import (
	"context"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/change/permit"
	"github.com/usher-iga/usher/connectors/entra/check"
	"github.com/usher-iga/usher/connectors/entra/connection"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Check is part of [sdk.Connector]. Nobody can tell which orders will come, so it names the
// permissions of all of them, each as an optional one.
func (c connector) Check(ctx context.Context, req sdk.CheckRequest) (sdk.CheckReport, error) {
	work := connection.Work{Granted: granted}
	for _, n := range permit.All() {
		work.Needs = append(work.Needs, check.Need{Permission: n.Permission, For: n.For, Optional: true})
	}
	return c.Opener.Check(ctx, req, work)
}

// granted tells which orders the token has no permission for. It fails if that is all of them.
func granted(claims *signin.Claims) []sdk.Finding {
	const subject = "orders"
	var missing []string
	all := permit.All()
	for _, n := range all {
		if n.Permission.GrantedBy(claims.Roles) == "" {
			purpose, _, _ := strings.Cut(n.For, ";")
			missing = append(missing, purpose)
		}
	}
	switch len(missing) {
	case 0:
		return []sdk.Finding{{State: sdk.OK, Subject: subject, Message: "The permissions for all orders are granted"}}
	case len(all):
		return []sdk.Finding{{
			State: sdk.Failed, Subject: subject, Message: "None of the permissions that orders need is granted",
			Hint: "Grant the application those that your orders need, and give admin consent",
		}}
	}
	return []sdk.Finding{{
		State: sdk.Warned, Subject: subject, Message: "Permissions are missing for these orders: " + strings.Join(missing, ", "),
		Hint: "Grant the application those that your orders need, and give admin consent; leave it if such orders will not come",
	}}
}
