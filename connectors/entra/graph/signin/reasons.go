package signin

import (
	"strings"

	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/setting"
)

// A reason is what one AADSTS code means to an admin. In its texts {credential} is the
// setting that is signed in with, {noun} what that is, {scope} the scope and {scope setting}
// the setting that it comes from.
type reason struct {
	message, hint, setting string

	passing bool // it may be gone on the next try
}

const (
	checkTenant  = "Check TenantId, and that Cloud or MicrosoftAuthorityPath name the cloud of the tenant"
	giveConsent  = "Have an admin of the tenant give consent: usher consent prints the link"
	checkTrust   = "Compare the federated credential of the app registration with the claims iss, sub and aud of the token in FederatedTokenFile, letter by letter"
	newSecret    = "Make a new client secret in the app registration and put its value into ApplicationKey"
	uploadPublic = "Upload the certificate (without its key) to the app registration, or check {credential}"
	checkScope   = "Check {scope setting}: the scope is the host of Microsoft Graph with /.default behind it"
	tryLater     = "Run again later"
)

// reasonOf looks a code up.
func reasonOf(code int, description string, e cloud.Endpoints, w way) (reason, bool) {
	r, ok := special(code, description, w)
	if !ok {
		if r, ok = reasons()[code]; !ok {
			return reason{}, false
		}
	}
	fill := strings.NewReplacer(
		"{credential}", w.setting, "{noun}", w.noun, "{scope}", e.Scope, "{scope setting}", e.ScopeSetting,
	)
	r.message, r.hint, r.setting = fill.Replace(r.message), fill.Replace(r.hint), fill.Replace(r.setting)
	return r, true
}

// special knows codes that mean different things, by what was signed in with and by the text.
func special(code int, description string, w way) (reason, bool) {
	federated := w.setting == setting.FederatedTokenFile
	switch code {
	case 700024:
		if federated {
			return reason{
				message: "the federated token is not yet valid, or has expired", setting: setting.FederatedTokenFile,
				hint: "Check that what writes FederatedTokenFile still does, and the clock of this machine",
			}, true
		}
	case 50012, 50013, 700027:
		switch {
		case federated:
			return reason{
				message: "the federated token is not signed by its issuer", setting: setting.FederatedTokenFile,
				hint: "Check that the issuer publishes its present keys where Microsoft Entra can read them, and that the token is its own",
			}, true
		case strings.Contains(description, "expired"):
			return reason{
				message: "the certificate has expired", setting: "{credential}",
				hint: "Make a new certificate, upload it (without its key) to the app registration and put it into {credential}",
			}, true
		}
	}
	return reason{}, false
}

// reasons are those of sign-ins by an application. Source:
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
func reasons() map[int]reason {
	notRegistered := reason{message: "the certificate is not registered with the application", hint: uploadPublic, setting: "{credential}"}
	noApplication := reason{
		message: "the application does not exist in this tenant", setting: setting.ApplicationID,
		hint: "Check ApplicationId and TenantId, and that an admin of the tenant has given consent",
	}
	noTenant := reason{message: "the tenant does not exist in this cloud", hint: checkTenant, setting: setting.TenantID}
	malformedTenant := reason{
		message: "TenantId is not a tenant's GUID or domain name", setting: setting.TenantID,
		hint: "Copy the Tenant ID from the overview page of Microsoft Entra",
	}
	noService := reason{
		message: "the tenant knows no service of the scope {scope}", setting: "{scope setting}",
		hint: "Check that {scope setting} is right and belongs to the cloud of the tenant",
	}
	noScope := reason{message: "{scope} is not a scope for an application", hint: checkScope, setting: "{scope setting}"}
	return map[int]reason{
		// the credential
		7000215: {
			message: "the client secret is wrong", setting: setting.ApplicationKey,
			hint: "Put the secret's value into ApplicationKey, not its ID; the value is shown only once, so make a new secret if it is lost",
		},
		7000222: {message: "the client secret has expired", hint: newSecret, setting: setting.ApplicationKey},
		7000216: {message: "what the application showed is no {noun} to it", hint: "Check {credential}", setting: "{credential}"},
		7000218: {message: "what the application showed is no {noun} to it", hint: "Check {credential}", setting: "{credential}"},
		700025: {
			message: "the application is registered as a public client, which has no secrets", setting: setting.ApplicationID,
			hint: "Turn off public client flows on the page Authentication of the app registration",
		},
		700027: notRegistered,
		50012:  notRegistered,
		50013:  notRegistered,
		700024: {
			message: "the signature is outside of its time",
			hint:    "Check the clock of this machine: more than 5 minutes are too many",
		},
		700023: {
			message: "the signature is for another sign-in service", setting: setting.AuthorityPath,
			hint: "Check that MicrosoftAuthorityPath names the sign-in service itself",
		},

		// workload identity federation
		70021:  {message: "the application trusts no such token", hint: checkTrust, setting: setting.FederatedTokenFile},
		700211: {message: "the application trusts no token of this issuer", hint: checkTrust, setting: setting.FederatedTokenFile},
		700212: {
			message: "the application trusts no token for this audience", setting: setting.FederatedTokenFile,
			hint: "The audience of the token and of the federated credential is api://AzureADTokenExchange, with an ending of their own in other clouds",
		},
		700213:  {message: "the application trusts no token of this subject", hint: checkTrust, setting: setting.FederatedTokenFile},
		7002138: {message: "the application trusts a subject that differs in upper and lower case", hint: checkTrust, setting: setting.FederatedTokenFile},
		700222: {
			message: "a token of Microsoft Entra itself cannot be used for federation", setting: setting.FederatedTokenFile,
			hint: "Give a token of another issuer",
		},

		// the application
		700016: noApplication,
		70001:  noApplication,
		7000229: {
			message: "the application has no service principal in this tenant", setting: setting.ApplicationID,
			hint: giveConsent,
		},
		7000112: {
			message: "the application is disabled", setting: setting.ApplicationID,
			hint: "Have an admin of the tenant enable it under Enterprise applications",
		},
		50034: {
			message: "the directory does not know the account", setting: setting.ApplicationID,
			hint: "Check TenantId and ApplicationId",
		},
		65001: {message: "nobody has given consent to the application in this tenant", hint: giveConsent, setting: setting.ApplicationID},
		53003: {
			message: "a Conditional Access policy blocks the application", setting: setting.ApplicationID,
			hint: "Have an admin of the tenant look at the sign-in logs of service principals, and let the policy allow this machine's address or leave the application out",
		},

		// the tenant
		90002:  noTenant,
		900023: malformedTenant,
		900021: malformedTenant,
		900382: {
			message: "the tenant is in another cloud", setting: setting.Cloud,
			hint: "Set Cloud to that of the tenant: Global, USGov, USGovDoD or China",
		},
		5000225: {
			message: "the tenant is blocked because nobody used it", setting: setting.TenantID,
			hint: "Have an admin of the tenant sign in and restore it",
		},

		// the service
		500011:  noService,
		50001:   noService,
		1002012: noScope,
		70011:   noScope,
		500014: {
			message: "Microsoft Graph is disabled in this tenant", setting: setting.TenantID,
			hint: "Have an admin of the tenant enable its service principal under Enterprise applications",
		},
		650052: {
			message: "the tenant has no subscription for the service of the scope {scope}", setting: "{scope setting}",
			hint: "Check {scope setting}",
		},
		90033: {message: "it has a fault that passes", hint: tryLater, passing: true},
		50196: {message: "too many sign-ins came in a short time", hint: tryLater, passing: true},
	}
}
