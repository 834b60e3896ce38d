package directory

// members returns the members of the complex types that attributes have, by type.
// A type that is not here is simple: a path cannot go into it.
func members() map[string][]Property {
	return map[string][]Property{
		"addIn": {
			{Name: "id", Type: "Guid"},
			{Name: "properties", Type: "keyValue", List: true},
			{Name: "type", Type: "String"},
		},
		"alternativeSecurityId": {
			{Name: "identityProvider", Type: "String"},
			{Name: "key", Type: "Binary"},
			{Name: "type", Type: "Int32"},
		},
		"apiApplication": {
			{Name: "acceptMappedClaims", Type: "Boolean"},
			{Name: "knownClientApplications", Type: "Guid", List: true},
			{Name: "oauth2PermissionScopes", Type: "permissionScope", List: true},
			{Name: "preAuthorizedApplications", Type: "preAuthorizedApplication", List: true},
			{Name: "requestedAccessTokenVersion", Type: "Int32"},
		},
		"appRole": {
			{Name: "allowedMemberTypes", Type: "String", List: true},
			{Name: "description", Type: "String"},
			{Name: "displayName", Type: "String"},
			{Name: "id", Type: "Guid"},
			{Name: "isEnabled", Type: "Boolean"},
			{Name: "origin", Type: "String"},
			{Name: "value", Type: "String"},
		},
		"assignedLabel": {
			{Name: "displayName", Type: "String"},
			{Name: "labelId", Type: "String"},
		},
		"assignedLicense": {
			{Name: "disabledPlans", Type: "Guid", List: true},
			{Name: "skuId", Type: "Guid"},
		},
		"assignedPlan": {
			{Name: "assignedDateTime", Type: "DateTimeOffset"},
			{Name: "capabilityStatus", Type: "String"},
			{Name: "service", Type: "String"},
			{Name: "servicePlanId", Type: "Guid"},
		},
		"authenticationBehaviors": {
			{Name: "blockAzureADGraphAccess", Type: "Boolean"},
			{Name: "removeUnverifiedEmailClaim", Type: "Boolean"},
			{Name: "requireClientServicePrincipal", Type: "Boolean"},
		},
		"authorizationInfo": {
			{Name: "certificateUserIds", Type: "String", List: true},
		},
		"certification": {
			{Name: "certificationDetailsUrl", Type: "String"},
			{Name: "certificationExpirationDateTime", Type: "DateTimeOffset"},
			{Name: "isCertifiedByMicrosoft", Type: "Boolean"},
			{Name: "isPublisherAttested", Type: "Boolean"},
			{Name: "lastCertificationDateTime", Type: "DateTimeOffset"},
		},
		"employeeOrgData": {
			{Name: "costCenter", Type: "String"},
			{Name: "division", Type: "String"},
		},
		"implicitGrantSettings": {
			{Name: "enableAccessTokenIssuance", Type: "Boolean"},
			{Name: "enableIdTokenIssuance", Type: "Boolean"},
		},
		"informationalUrl": {
			{Name: "logoUrl", Type: "String"},
			{Name: "marketingUrl", Type: "String"},
			{Name: "privacyStatementUrl", Type: "String"},
			{Name: "supportUrl", Type: "String"},
			{Name: "termsOfServiceUrl", Type: "String"},
		},
		"keyCredential": {
			{Name: "customKeyIdentifier", Type: "Binary"},
			{Name: "displayName", Type: "String"},
			{Name: "endDateTime", Type: "DateTimeOffset"},
			{Name: "key", Type: "Binary"},
			{Name: "keyId", Type: "Guid"},
			{Name: "startDateTime", Type: "DateTimeOffset"},
			{Name: "type", Type: "String"},
			{Name: "usage", Type: "String"},
		},
		"keyValue": {
			{Name: "key", Type: "String"},
			{Name: "value", Type: "String"},
		},
		"licenseProcessingState": {
			{Name: "state", Type: "String"},
		},
		"objectIdentity": {
			{Name: "issuer", Type: "String"},
			{Name: "issuerAssignedId", Type: "String"},
			{Name: "signInType", Type: "String"},
		},
		"onPremisesExtensionAttributes": {
			{Name: "extensionAttribute1", Type: "String"},
			{Name: "extensionAttribute2", Type: "String"},
			{Name: "extensionAttribute3", Type: "String"},
			{Name: "extensionAttribute4", Type: "String"},
			{Name: "extensionAttribute5", Type: "String"},
			{Name: "extensionAttribute6", Type: "String"},
			{Name: "extensionAttribute7", Type: "String"},
			{Name: "extensionAttribute8", Type: "String"},
			{Name: "extensionAttribute9", Type: "String"},
			{Name: "extensionAttribute10", Type: "String"},
			{Name: "extensionAttribute11", Type: "String"},
			{Name: "extensionAttribute12", Type: "String"},
			{Name: "extensionAttribute13", Type: "String"},
			{Name: "extensionAttribute14", Type: "String"},
			{Name: "extensionAttribute15", Type: "String"},
		},
		"onPremisesProvisioningError": {
			{Name: "category", Type: "String"},
			{Name: "occurredDateTime", Type: "DateTimeOffset"},
			{Name: "propertyCausingError", Type: "String"},
			{Name: "value", Type: "String"},
		},
		"optionalClaim": {
			{Name: "additionalProperties", Type: "String", List: true},
			{Name: "essential", Type: "Boolean"},
			{Name: "name", Type: "String"},
			{Name: "source", Type: "String"},
		},
		"optionalClaims": {
			{Name: "accessToken", Type: "optionalClaim", List: true},
			{Name: "idToken", Type: "optionalClaim", List: true},
			{Name: "saml2Token", Type: "optionalClaim", List: true},
		},
		"parentalControlSettings": {
			{Name: "countriesBlockedForMinors", Type: "String", List: true},
			{Name: "legalAgeGroupRule", Type: "String"},
		},
		"passwordCredential": {
			{Name: "customKeyIdentifier", Type: "Binary"},
			{Name: "displayName", Type: "String"},
			{Name: "endDateTime", Type: "DateTimeOffset"},
			{Name: "hint", Type: "String"},
			{Name: "keyId", Type: "Guid"},
			{Name: "secretText", Type: "String"},
			{Name: "startDateTime", Type: "DateTimeOffset"},
		},
		"permissionScope": {
			{Name: "adminConsentDescription", Type: "String"},
			{Name: "adminConsentDisplayName", Type: "String"},
			{Name: "id", Type: "Guid"},
			{Name: "isEnabled", Type: "Boolean"},
			{Name: "origin", Type: "String"},
			{Name: "type", Type: "String"},
			{Name: "userConsentDescription", Type: "String"},
			{Name: "userConsentDisplayName", Type: "String"},
			{Name: "value", Type: "String"},
		},
		"phone": {
			{Name: "language", Type: "String"},
			{Name: "number", Type: "String"},
			{Name: "region", Type: "String"},
			{Name: "type", Type: "phoneType"},
		},
		"physicalOfficeAddress": {
			{Name: "city", Type: "String"},
			{Name: "countryOrRegion", Type: "String"},
			{Name: "officeLocation", Type: "String"},
			{Name: "postalCode", Type: "String"},
			{Name: "state", Type: "String"},
			{Name: "street", Type: "String"},
		},
		"preAuthorizedApplication": {
			{Name: "appId", Type: "String"},
			{Name: "delegatedPermissionIds", Type: "String", List: true},
		},
		"provisionedPlan": {
			{Name: "capabilityStatus", Type: "String"},
			{Name: "provisioningStatus", Type: "String"},
			{Name: "service", Type: "String"},
		},
		"publicClientApplication": {
			{Name: "redirectUris", Type: "String", List: true},
		},
		"redirectUriSettings": {
			{Name: "index", Type: "Int32"},
			{Name: "uri", Type: "String"},
		},
		"requestSignatureVerification": {
			{Name: "allowedWeakAlgorithms", Type: "weakAlgorithms"},
			{Name: "isSignedRequestRequired", Type: "Boolean"},
		},
		"requiredResourceAccess": {
			{Name: "resourceAccess", Type: "resourceAccess", List: true},
			{Name: "resourceAppId", Type: "String"},
		},
		"resourceAccess": {
			{Name: "id", Type: "Guid"},
			{Name: "type", Type: "String"},
		},
		"resourceSpecificPermission": {
			{Name: "description", Type: "String"},
			{Name: "displayName", Type: "String"},
			{Name: "id", Type: "Guid"},
			{Name: "isEnabled", Type: "Boolean"},
			{Name: "value", Type: "String"},
		},
		"samlSingleSignOnSettings": {
			{Name: "relayState", Type: "String"},
		},
		"servicePrincipalLockConfiguration": {
			{Name: "allProperties", Type: "Boolean"},
			{Name: "credentialsWithUsageSign", Type: "Boolean"},
			{Name: "credentialsWithUsageVerify", Type: "Boolean"},
			{Name: "isEnabled", Type: "Boolean"},
			{Name: "tokenEncryptionKeyId", Type: "Boolean"},
		},
		"serviceProvisioningError": {
			{Name: "createdDateTime", Type: "DateTimeOffset"},
			{Name: "isResolved", Type: "Boolean"},
			{Name: "serviceInstance", Type: "String"},
		},
		"spaApplication": {
			{Name: "redirectUris", Type: "String", List: true},
		},
		"verifiedPublisher": {
			{Name: "addedDateTime", Type: "DateTimeOffset"},
			{Name: "displayName", Type: "String"},
			{Name: "verifiedPublisherId", Type: "String"},
		},
		"webApplication": {
			{Name: "homePageUrl", Type: "String"},
			{Name: "implicitGrantSettings", Type: "implicitGrantSettings"},
			{Name: "logoutUrl", Type: "String"},
			{Name: "redirectUriSettings", Type: "redirectUriSettings", List: true},
			{Name: "redirectUris", Type: "String", List: true},
		},
	}
}
