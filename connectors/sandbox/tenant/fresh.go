package tenant

import (
	"strconv"
	"strings"
)

// freshValues are what properties of an object have that a request has made,
// until they are set; those that are not here were never set then.
var freshValues = map[Kind]map[string]string{
	User: {
		"assignedLicenses": `[]`, "assignedPlans": `[]`, "birthday": noDate, "businessPhones": `[]`, "deviceEnrollmentLimit": `5`,
		"hireDate": noDate, "imAddresses": `[]`, "interests": `[]`, "licenseAssignmentStates": `[]`,
		"onPremisesExtensionAttributes": noExtensionAttributes(), "onPremisesProvisioningErrors": `[]`, "otherMails": `[]`,
		"pastProjects": `[]`, "provisionedPlans": `[]`, "proxyAddresses": `[]`, "responsibilities": `[]`, "schools": `[]`,
		"serviceProvisioningErrors": `[]`, "skills": `[]`, "userType": `"Member"`,
	},
	Group: {
		"assignedLabels": `[]`, "assignedLicenses": `[]`, "groupTypes": `[]`, "infoCatalogs": `[]`, "onPremisesProvisioningErrors": `[]`,
		"proxyAddresses": `[]`, "resourceBehaviorOptions": `[]`, "resourceProvisioningOptions": `[]`, "serviceProvisioningErrors": `[]`,
	},
	ServicePrincipal: {
		"addIns": `[]`, "alternativeNames": `[]`, "appRoles": `[]`, "keyCredentials": `[]`, "notificationEmailAddresses": `[]`,
		"oauth2PermissionScopes": `[]`, "passwordCredentials": `[]`, "replyUrls": `[]`, "resourceSpecificApplicationPermissions": `[]`,
		"tags": `[]`,
	},
	Application: {
		"addIns": `[]`, "appRoles": `[]`, "identifierUris": `[]`, "keyCredentials": `[]`, "managerApplications": `[]`,
		"oauth2RequirePostResponse": `false`, "passwordCredentials": `[]`, "requiredResourceAccess": `[]`, "tags": `[]`, "signInAudience": `"AzureADandPersonalMicrosoftAccount"`,
		"api": `{"acceptMappedClaims":null,"knownClientApplications":[],"oauth2PermissionScopes":[],"preAuthorizedApplications":[],` +
			`"requestedAccessTokenVersion":2}`,
		"info":                    `{"logoUrl":null,"marketingUrl":null,"privacyStatementUrl":null,"supportUrl":null,"termsOfServiceUrl":null}`,
		"parentalControlSettings": `{"countriesBlockedForMinors":[],"legalAgeGroupRule":"Allow"}`,
		"publicClient":            `{"redirectUris":[]}`, "spa": `{"redirectUris":[]}`,
		"web": `{"homePageUrl":null,"implicitGrantSettings":{"enableAccessTokenIssuance":false,"enableIdTokenIssuance":false},` +
			`"logoutUrl":null,"redirectUris":[]}`,
	},
}

// noDate is the value of dates that cannot be null.
const noDate = `"0001-01-01T00:00:00Z"`

// noExtensionAttributes is an object of fifteen attributes without values.
func noExtensionAttributes() string {
	names := make([]string, 15)
	for i := range names {
		names[i] = `"extensionAttribute` + strconv.Itoa(i+1) + `":null`
	}
	return "{" + strings.Join(names, ",") + "}"
}
