package signin

import (
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk/aadsts"
)

// reasons are those in which a sign-in to Graph differs from others: the cloud, the consent and the service.
func reasons(e cloud.Endpoints) map[int]aadsts.Reason {
	const giveConsent = "Have an admin of the tenant give consent: usher consent prints the link"
	noService := aadsts.Reason{
		Message: "the tenant knows no service of the scope " + e.Scope, Setting: e.ScopeSetting,
		Hint: "Check that " + e.ScopeSetting + " is right and belongs to the cloud of the tenant",
	}
	noScope := aadsts.Reason{
		Message: e.Scope + " is not a scope for an application", Setting: e.ScopeSetting,
		Hint: "Check " + e.ScopeSetting + ": the scope is the host of Microsoft Graph with /.default behind it",
	}
	return map[int]aadsts.Reason{
		90002: {
			Message: "the tenant does not exist in this cloud", Setting: setting.TenantID,
			Hint: "Check TenantId, and that Cloud or MicrosoftAuthorityPath name the cloud of the tenant",
		},
		900382: {
			Message: "the tenant is in another cloud", Setting: setting.Cloud,
			Hint: "Set Cloud to that of the tenant: Global, USGov, USGovDoD or China",
		},
		7000229: {
			Message: "the application has no service principal in this tenant", Setting: setting.ApplicationID,
			Hint: giveConsent,
		},
		65001:   {Message: "nobody has given consent to the application in this tenant", Hint: giveConsent, Setting: setting.ApplicationID},
		500011:  noService,
		50001:   noService,
		1002012: noScope,
		70011:   noScope,
		500014: {
			Message: "Microsoft Graph is disabled in this tenant", Setting: setting.TenantID,
			Hint: "Have an admin of the tenant enable its service principal under Enterprise applications",
		},
		650052: {
			Message: "the tenant has no subscription for the service of the scope " + e.Scope, Setting: e.ScopeSetting,
			Hint: "Check " + e.ScopeSetting,
		},
	}
}
