package aadsts

import "strings"

const (
	checkTrust = "Compare the federated credential of the app registration with the claims iss, sub and aud of the token in {credential}, letter by letter"
	tryLater   = "Run again later"
)

// special knows codes that mean different things, by what was signed in with and by the text.
func (s SignIn) special(n int, description string) (Reason, bool) {
	federated := s.Kind == FederatedToken
	switch n {
	case 700024:
		if federated {
			return Reason{
				Message: "the federated token is not yet valid, or has expired", Setting: "{credential}",
				Hint: "Check that what writes {credential} still does, and the clock of this machine",
			}, true
		}
	case 50012, 50013, 700027:
		switch {
		case federated:
			return Reason{
				Message: "the federated token is not signed by its issuer", Setting: "{credential}",
				Hint: "Check that the issuer publishes its present keys where Microsoft Entra can read them, and that the token is its own",
			}, true
		case strings.Contains(description, "expired"):
			return Reason{
				Message: "the certificate has expired", Setting: "{credential}",
				Hint: "Make a new certificate, upload it (without its key) to the app registration and put it into {credential}",
			}, true
		}
	}
	return Reason{}, false
}

// reasons are those of each sign-in by an application. Source:
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
func reasons() map[int]Reason {
	notRegistered := Reason{
		Message: "the certificate is not registered with the application", Setting: "{credential}",
		Hint: "Upload the certificate (without its key) to the app registration, or check {credential}",
	}
	noCredential := Reason{Message: "what the application showed is no {kind} to it", Hint: "Check {credential}", Setting: "{credential}"}
	noApplication := Reason{
		Message: "the application does not exist in this tenant", Setting: "{application}",
		Hint: "Check {application} and {tenant}, and that an admin of the tenant has given consent",
	}
	malformedTenant := Reason{
		Message: "{tenant} is not a tenant's GUID or domain name", Setting: "{tenant}",
		Hint: "Copy the Tenant ID from the overview page of Microsoft Entra",
	}
	return map[int]Reason{
		// the credential
		7000215: {
			Message: "the client secret is wrong", Setting: "{credential}",
			Hint: "Put the secret's value into {credential}, not its ID; the value is shown only once, so make a new secret if it is lost",
		},
		7000222: {
			Message: "the client secret has expired", Setting: "{credential}",
			Hint: "Make a new client secret in the app registration and put its value into {credential}",
		},
		7000216: noCredential,
		7000218: noCredential,
		700025: {
			Message: "the application is registered as a public client, which has no secrets", Setting: "{application}",
			Hint: "Turn off public client flows on the page Authentication of the app registration",
		},
		700027: notRegistered,
		50012:  notRegistered,
		50013:  notRegistered,
		700024: {
			Message: "the signature is outside of its time",
			Hint:    "Check the clock of this machine: more than 5 minutes are too many",
		},
		700023: {
			Message: "the signature is for another sign-in service", Setting: "{authority}",
			Hint: "Check that {authority} names the sign-in service itself",
		},

		// workload identity federation
		70021:  {Message: "the application trusts no such token", Hint: checkTrust, Setting: "{credential}"},
		700211: {Message: "the application trusts no token of this issuer", Hint: checkTrust, Setting: "{credential}"},
		700212: {
			Message: "the application trusts no token for this audience", Setting: "{credential}",
			Hint: "The audience of the token and of the federated credential is api://AzureADTokenExchange, with an ending of their own in other clouds",
		},
		700213:  {Message: "the application trusts no token of this subject", Hint: checkTrust, Setting: "{credential}"},
		7002138: {Message: "the application trusts a subject that differs in upper and lower case", Hint: checkTrust, Setting: "{credential}"},
		700222: {
			Message: "a token of Microsoft Entra itself cannot be used for federation", Setting: "{credential}",
			Hint: "Give a token of another issuer",
		},

		// the application
		700016: noApplication,
		70001:  noApplication,
		7000229: {
			Message: "the application has no service principal in this tenant", Setting: "{application}",
			Hint: "Check {tenant}, or have an admin of the tenant give consent",
		},
		7000112: {
			Message: "the application is disabled", Setting: "{application}",
			Hint: "Have an admin of the tenant enable it under Enterprise applications",
		},
		50034: {
			Message: "the directory does not know the account", Setting: "{application}",
			Hint: "Check {tenant} and {application}",
		},
		53003: {
			Message: "a Conditional Access policy blocks the application", Setting: "{application}",
			Hint: "Have an admin of the tenant look at the sign-in logs of service principals, and let the policy allow this machine's address or leave the application out",
		},

		// the tenant
		90002: {
			Message: "the tenant does not exist in this cloud", Setting: "{tenant}",
			Hint: "Check {tenant}, and that {authority} names the cloud of the tenant",
		},
		900023: malformedTenant,
		900021: malformedTenant,
		900382: {
			Message: "the tenant is in another cloud", Setting: "{authority}",
			Hint: "Check that {authority} names the cloud of the tenant",
		},
		5000225: {
			Message: "the tenant is blocked because nobody used it", Setting: "{tenant}",
			Hint: "Have an admin of the tenant sign in and restore it",
		},

		// the service
		90033: {Message: "it has a fault that passes", Hint: tryLater, Passing: true},
		50196: {Message: "too many sign-ins came in a short time", Hint: tryLater, Passing: true},
	}
}
