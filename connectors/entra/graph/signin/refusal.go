package signin

import (
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk/aadsts"
)

// refusal makes an error of an answer of the authority that holds no token.
func refusal(e cloud.Endpoints, w way, status int, a aadsts.Answer) error {
	return aadsts.SignIn{
		What: "the sign-in", Host: hostOf(e), Kind: w.kind, Reasons: reasons(e),
		Names: aadsts.Names{
			Tenant: setting.TenantID, Application: setting.ApplicationID, Authority: setting.AuthorityPath, Credential: w.setting,
		},
	}.Refused(status, a)
}
