package check

import (
	"context"
	"fmt"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
)

// SignIn signs in and looks at the token. The claims are nil if the sign-in failed, or if
// the token does not tell them.
func SignIn(ctx context.Context, conn *dial.Conn, a signin.Application) (sdk.Finding, *signin.Claims, error) {
	claims, err := conn.SignIn(ctx)
	if err != nil {
		found, err := Finding(signIn, sdk.Failed, err)
		return found, nil, err
	}
	switch {
	case claims != nil && !strings.Contains(a.TenantID, ".") && !strings.EqualFold(claims.TenantID, a.TenantID):
		return sdk.Finding{
			State: sdk.Failed, Subject: signIn, Setting: setting.TenantID,
			Message: fmt.Sprintf("The token is for the tenant %s, not for %s", claims.TenantID, a.TenantID),
			Hint:    "Check TenantId; a managed identity belongs to the tenant of its subscription",
		}, claims, nil
	case a.ManagedIdentity && claims != nil:
		return ok(signIn, "The managed identity %s can sign in", claims.ClientID), claims, nil
	case a.ManagedIdentity:
		return ok(signIn, "The managed identity can sign in"), nil, nil
	}
	return ok(signIn, "The application can sign in"), claims, nil
}
