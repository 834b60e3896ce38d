package tenant

import (
	"slices"
	"strconv"
	"strings"
)

// propertiesOf makes the properties of a kind. Each call makes new ones.
func propertiesOf(k Kind) []Property {
	var properties []Property
	switch k {
	case User:
		return userProperties()
	case Group:
		return groupProperties()
	case DirectoryRole:
		properties = roleProperties()
	case ServicePrincipal:
		properties = servicePrincipalProperties()
	case Application:
		properties = applicationProperties()
	case Device:
		properties = deviceProperties()
	case OrgContact:
		properties = contactProperties()
	case AdministrativeUnit:
		properties = unitProperties()
	case PermissionGrant:
		properties = grantProperties()
	case Organization:
		properties = organizationProperties()
	case AppRoleAssignment:
		properties = assignmentProperties()
	case Sku:
		properties = skuProperties()
	}
	for i := range properties {
		properties[i].Default = properties[i].Place == Directory
	}
	return properties
}

func roleProperties() []Property {
	field := func(get func(RoleTemplate) string) valueFunc {
		return func(dst []byte, o *Object, _ uint64) []byte {
			return appendQuoted(dst, get(roleTemplates[int(o.Index)%len(roleTemplates)]))
		}
	}
	return []Property{
		{Name: "deletedDateTime", value: rarely(50, 50, null)},
		{Name: "description", steady: true, value: field(func(t RoleTemplate) string { return t.Description })},
		{Name: "displayName", steady: true, value: field(func(t RoleTemplate) string { return t.Name })},
		{Name: "roleTemplateId", steady: true, value: field(func(t RoleTemplate) string { return t.ID })},
	}
}

// RoleTemplates returns Entra's built-in roles.
func RoleTemplates() []RoleTemplate { return slices.Clone(roleTemplates) }

// FindRoleTemplate returns the built-in role that has an id.
func FindRoleTemplate(id string) (RoleTemplate, bool) {
	for _, t := range roleTemplates {
		if strings.EqualFold(t.ID, id) {
			return t, true
		}
	}
	return RoleTemplate{}, false
}

// FindRole returns the directory role that was made of a template.
func (v View) FindRole(templateID string) (Ref, bool) {
	for place := range uint32(v.Slots(DirectoryRole)) {
		r := v.Slot(DirectoryRole, place)
		for _, id := range jsonTexts(v.Value(r, "roleTemplateId")) {
			if strings.EqualFold(id, templateID) && v.Life(r) == Living {
				return r, true
			}
		}
	}
	return Ref{}, false
}

// appName is the name that an application and its service principal share.
func appName(dst []byte, o *Object, _ uint64) []byte {
	dst = append(dst, '"')
	dst = append(dst, companies[below(mix(uint64(o.Index), 5), uint32(len(companies)))]...)
	dst = append(dst, " App "...)
	dst = strconv.AppendUint(dst, uint64(o.Index), 10)
	return append(dst, '"')
}

// appID is an application's own id, which its service principal has too: that of the same
// index, unless a request has made the application.
func appID(dst []byte, o *Object, _ uint64) []byte {
	n := uint64(o.Index)
	if o.isBlank() {
		n |= 1 << 32
	}
	dst = append(dst, '"')
	dst = o.world.appendNumbered(dst, spaceAppID, n)
	return append(dst, '"')
}

func servicePrincipalProperties() []Property {
	return []Property{
		{Name: "deletedDateTime", value: rarely(50, 50, null)},
		{Name: "accountEnabled", value: boolean(90)},
		{Name: "addIns", value: fixed(`[]`)},
		{Name: "alternativeNames", value: choice(`[]`, `["isExplicit=True","/subscriptions/1/resourcegroups/a, b"]`)},
		{Name: "appDescription", value: rarely(20, 40, text(departments))},
		{Name: "appDisplayName", value: rarely(5, 5, appName)},
		{Name: "appId", steady: true, lead: appNumber, value: appID},
		{Name: "applicationTemplateId", value: choice(``, `null`, `"8adf8e6e-67b2-4cf2-a259-e3dc5476c621"`)},
		{Name: "appOwnerOrganizationId", steady: true, given: true, value: tenantID},
		{Name: "appRoleAssignmentRequired", value: boolean(20)},
		{Name: "appRoles", value: choice(`[]`, `[{"allowedMemberTypes":["User","Application"],"description":"Reads, \"all\"","displayName":"Reader","id":"1c8d8a51-4f5a-4f1c-9d52-7d3c0b6b1a01","isEnabled":true,"origin":"Application","value":"Data.Read"}]`)},
		{Name: "createdByAppId", value: choice(``, `null`, `"00000003-0000-0000-c000-000000000000"`)},
		{Name: "customSecurityAttributes", Place: Secret, value: never},
		{Name: "description", value: rarely(30, 30, text(departments))},
		{Name: "disabledByMicrosoftStatus", value: choice(``, `null`, `"NotDisabled"`)},
		{Name: "displayName", value: trapped(appName)},
		{Name: "homepage", value: rarely(20, 30, numbered("https://app", 900, ".contoso.example/?a=1&b=%20"))},
		{Name: "info", value: choice(`null`, `{"logoUrl":null,"marketingUrl":"https://contoso.example/a,b","privacyStatementUrl":null,"supportUrl":null,"termsOfServiceUrl":null}`)},
		{Name: "isDisabled", value: choice(``, `null`, `false`)},
		{Name: "keyCredentials", value: choice(`[]`, `[{"customKeyIdentifier":null,"displayName":"CN=app","endDateTime":"2027-01-01T00:00:00Z","key":null,"keyId":"f0b0b335-1d71-4883-8f98-567911bfdca6","startDateTime":"2025-01-01T00:00:00Z","type":"AsymmetricX509Cert","usage":"Verify"}]`)},
		{Name: "loginUrl", value: choice(``, `null`, `"https://login.contoso.example"`)},
		{Name: "logoutUrl", value: choice(``, `null`, `"https://logout.contoso.example"`)},
		{Name: "notes", value: rarely(40, 20, text(departments))},
		{Name: "notificationEmailAddresses", value: choice(`[]`, `["a@contoso.example","b@contoso.example"]`)},
		{Name: "oauth2PermissionScopes", value: choice(`[]`, `[{"adminConsentDescription":"Allows\r\nthings","adminConsentDisplayName":"Access","id":"2c8d8a51-4f5a-4f1c-9d52-7d3c0b6b1a02","isEnabled":true,"type":"User","userConsentDescription":null,"userConsentDisplayName":null,"value":"user_impersonation"}]`)},
		{Name: "passwordCredentials", value: choice(`[]`, `[{"customKeyIdentifier":null,"displayName":"secret","endDateTime":"2027-01-01T00:00:00Z","hint":"abc","keyId":"e0b0b335-1d71-4883-8f98-567911bfdca6","secretText":null,"startDateTime":"2025-01-01T00:00:00Z"}]`)},
		{Name: "preferredSingleSignOnMode", value: choice(``, `null`, `"saml"`)},
		{Name: "preferredTokenSigningKeyThumbprint", value: choice(``, `null`, `"5C2B0A7D1E9F4C3B8A6D7E5F4C3B2A1908F7E6D5"`)},
		{Name: "replyUrls", value: list(2, numbered("https://app", 900, ".contoso.example/reply"))},
		{Name: "resourceSpecificApplicationPermissions", value: fixed(`[]`)},
		{Name: "samlSingleSignOnSettings", value: choice(``, `null`, `{"relayState":"a=b"}`)},
		{Name: "servicePrincipalNames", steady: true, value: principalNames},
		{Name: "servicePrincipalType", steady: true, value: choice(`"Application"`, `"Application"`, `"ManagedIdentity"`, `"Legacy"`)},
		{Name: "signInAudience", value: choice(`"AzureADMyOrg"`, `"AzureADMultipleOrgs"`, `null`)},
		{Name: "tags", value: choice(`[]`, `["WindowsAzureActiveDirectoryIntegratedApp"]`, `["a, b","c\nd"]`)},
		{Name: "tokenEncryptionKeyId", value: choice(``, `null`, `"f0b0b335-1d71-4883-8f98-567911bfdca6"`)},
		{Name: "verifiedPublisher", value: choice(`{"addedDateTime":null,"displayName":null,"verifiedPublisherId":null}`, ``)},
	}
}

func principalNames(dst []byte, o *Object, _ uint64) []byte {
	dst = append(dst, `["`...)
	dst = o.world.appendNumbered(dst, spaceAppID, uint64(o.Index))
	dst = append(dst, `","api://app`...)
	dst = strconv.AppendUint(dst, uint64(o.Index), 10)
	return append(dst, `"]`...)
}

func applicationProperties() []Property {
	return []Property{
		{Name: "deletedDateTime", value: rarely(50, 50, null)},
		{Name: "addIns", value: choice(`[]`, `[{"id":"3c8d8a51-4f5a-4f1c-9d52-7d3c0b6b1a03","properties":[{"key":"k","value":"v, w"}],"type":"FileHandler"}]`)},
		{Name: "api", value: choice(`null`, `{"acceptMappedClaims":null,"knownClientApplications":[],"oauth2PermissionScopes":[],"preAuthorizedApplications":[],"requestedAccessTokenVersion":2}`)},
		{Name: "appId", steady: true, given: true, lead: appNumber, value: appID},
		{Name: "applicationTemplateId", value: choice(``, `null`, `"8adf8e6e-67b2-4cf2-a259-e3dc5476c621"`)},
		{Name: "appRoles", value: fixed(`[]`)},
		{Name: "authenticationBehaviors", value: choice(``, `null`, `{"blockAzureADGraphAccess":true,"removeUnverifiedEmailClaim":null,"requireClientServicePrincipal":false}`)},
		{Name: "certification", value: choice(``, `null`, `{"certificationDetailsUrl":null,"certificationExpirationDateTime":"2027-01-01T00:00:00Z","isCertifiedByMicrosoft":false,"isPublisherAttested":true,"lastCertificationDateTime":null}`)},
		{Name: "createdByAppId", value: choice(``, `null`, `"00000003-0000-0000-c000-000000000000"`)},
		{Name: "createdDateTime", steady: true, value: date},
		{Name: "defaultRedirectUri", value: choice(``, `null`, `"https://contoso.example/reply"`)},
		{Name: "description", value: rarely(20, 40, text(departments))},
		{Name: "disabledByMicrosoftStatus", value: choice(``, `null`, `"DisabledDueToViolationOfServicesAgreement"`)},
		{Name: "displayName", value: trapped(appName)},
		{Name: "groupMembershipClaims", value: choice(``, `null`, `"SecurityGroup"`)},
		{Name: "identifierUris", value: list(2, numbered("api://", 900, "/a,b"))},
		{Name: "info", value: choice(`null`, `{"logoUrl":null,"marketingUrl":null,"privacyStatementUrl":null,"supportUrl":"https://contoso.example","termsOfServiceUrl":null}`)},
		{Name: "isDeviceOnlyAuthSupported", value: choice(``, `null`, `true`)},
		{Name: "isDisabled", value: choice(``, `null`, `false`)},
		{Name: "isFallbackPublicClient", value: choice(``, `null`, `false`)},
		{Name: "keyCredentials", value: fixed(`[]`)},
		{Name: "logo", Place: Elsewhere, value: never},
		{Name: "managerApplications", value: fixed(`[]`)},
		{Name: "nativeAuthenticationApisEnabled", value: choice(``, `null`, `"all"`)},
		{Name: "notes", value: rarely(40, 20, text(departments))},
		{Name: "oauth2RequirePostResponse", value: boolean(10)},
		{Name: "optionalClaims", value: choice(`null`, `{"accessToken":[],"idToken":[{"additionalProperties":[],"essential":false,"name":"auth_time","source":null}],"saml2Token":[]}`)},
		{Name: "parentalControlSettings", value: fixed(`{"countriesBlockedForMinors":[],"legalAgeGroupRule":"Allow"}`)},
		{Name: "passwordCredentials", value: choice(`[]`, `[{"customKeyIdentifier":null,"displayName":null,"endDateTime":"2026-12-31T00:00:00Z","hint":"Q~a","keyId":"e1b0b335-1d71-4883-8f98-567911bfdca6","secretText":null,"startDateTime":"2025-01-01T00:00:00Z"}]`)},
		{Name: "publicClient", value: choice(`{"redirectUris":[]}`, `null`)},
		{Name: "publisherDomain", value: rarely(10, 10, fixed(`"contoso.example"`))},
		{Name: "requestSignatureVerification", value: choice(``, `null`, `{"allowedWeakAlgorithms":"rsaSha1","isSignedRequestRequired":false}`)},
		{Name: "requiredResourceAccess", value: choice(`[]`, `[{"resourceAccess":[{"id":"df021288-bdef-4463-88db-98f22de89214","type":"Role"}],"resourceAppId":"00000003-0000-0000-c000-000000000000"}]`)},
		{Name: "samlMetadataUrl", value: choice(``, `null`, `"https://contoso.example/saml?a=1&b=2"`)},
		{Name: "serviceManagementReference", value: choice(``, `null`, `"CMDB-1"`)},
		{Name: "servicePrincipalLockConfiguration", value: choice(``, `null`, `{"allProperties":true,"credentialsWithUsageSign":true,"credentialsWithUsageVerify":true,"isEnabled":true,"tokenEncryptionKeyId":true}`)},
		{Name: "signInAudience", value: choice(`"AzureADMyOrg"`, `"AzureADMultipleOrgs"`)},
		{Name: "spa", value: choice(`{"redirectUris":["https://contoso.example/spa"]}`, `null`)},
		{Name: "tags", value: choice(`[]`, `["HideApp"]`)},
		{Name: "tokenEncryptionKeyId", value: choice(``, `null`, `"f0b0b335-1d71-4883-8f98-567911bfdca6"`)},
		{Name: "uniqueName", steady: true, value: onlyIf(func(o *Object) bool { return o.Index%4 == 1 }, numbered("app-", 1_000_000_000, ""))},
		{Name: "verifiedPublisher", value: choice(`null`, `{"addedDateTime":null,"displayName":null,"verifiedPublisherId":null}`)},
		{Name: "web", value: choice(`null`, `{"homePageUrl":null,"implicitGrantSettings":{"enableAccessTokenIssuance":false,"enableIdTokenIssuance":true},"logoutUrl":null,"redirectUriSettings":[],"redirectUris":["https://contoso.example/"]}`)},
	}
}

func deviceProperties() []Property {
	return []Property{
		{Name: "deletedDateTime", value: rarely(50, 50, null)},
		{Name: "accountEnabled", value: boolean(90)},
		{Name: "alternativeSecurityIds", value: choice(`[]`, `[{"identityProvider":null,"key":"Y3YxN2E1MWFlYw==","type":2}]`)},
		{Name: "approximateLastSignInDateTime", value: rarely(10, 10, date)},
		{Name: "complianceExpirationDateTime", value: choice(``, `null`, `"2026-12-31T23:59:59Z"`)},
		{Name: "deviceCategory", value: choice(``, `null`, `"Kiosk"`)},
		{Name: "deviceId", steady: true, value: guid(spaceDeviceID)},
		{Name: "deviceMetadata", value: choice(``, `null`, `"{\"a\":1}"`)},
		{Name: "deviceOwnership", value: choice(``, `null`, `"Company"`, `"Personal"`)},
		{Name: "deviceVersion", value: choice(`2`, `null`, ``)},
		{Name: "displayName", value: trapped(numbered("DESKTOP-", 100000, ""))},
		{Name: "enrollmentProfileName", value: choice(``, `null`, `"Corporate, \u201cdefault\u201d"`)},
		{Name: "enrollmentType", value: choice(``, `null`, `"AzureDomainJoined"`)},
		{Name: "isCompliant", value: choice(``, `null`, `true`, `false`)},
		{Name: "isManaged", value: choice(``, `null`, `true`, `false`)},
		{Name: "isManagementRestricted", value: choice(``, `null`, `false`)},
		{Name: "isRooted", value: choice(``, `null`, `false`)},
		{Name: "managementType", value: choice(``, `null`, `"MDM"`)},
		{Name: "manufacturer", value: rarely(20, 10, text(companies))},
		{Name: "mdmAppId", value: choice(``, `null`, `"0000000a-0000-0000-c000-000000000000"`)},
		{Name: "model", value: rarely(20, 10, text(groupWords))},
		{Name: "onPremisesLastSyncDateTime", value: rarely(40, 30, date)},
		{Name: "onPremisesSecurityIdentifier", value: rarely(40, 30, sid("S-1-5-21"))},
		{Name: "onPremisesSyncEnabled", value: choice(``, `null`, `true`)},
		{Name: "operatingSystem", value: choice(`"Windows"`, `"Linux"`, `"iOS"`, `"Android"`)},
		{Name: "operatingSystemVersion", value: numbered("10.0.2", 9000, "")},
		{Name: "physicalIds", value: list(2, numbered("[USER-GID]:", 100000, ":1"))},
		{Name: "profileType", value: choice(`"RegisteredDevice"`, `null`, ``)},
		{Name: "registrationDateTime", value: rarely(10, 10, date)},
		{Name: "systemLabels", value: choice(`[]`, `["AzureResource","M365Managed"]`)},
		{Name: "trustType", value: choice(`"AzureAd"`, `"Workplace"`, `"ServerAd"`, `null`)},
	}
}

func contactProperties() []Property {
	return []Property{
		{Name: "deletedDateTime", value: rarely(50, 50, null)},
		{Name: "addresses", value: choice(`[]`, `[{"city":"Z\u00fcrich","countryOrRegion":null,"officeLocation":"2, \"West\"","postalCode":"8001","state":null,"street":"A\r\nB"}]`)},
		{Name: "companyName", value: rarely(10, 10, text(companies))},
		{Name: "department", value: rarely(10, 10, text(departments))},
		{Name: "displayName", value: trapped(userDisplayName)},
		{Name: "givenName", value: rarely(5, 5, userGivenName)},
		{Name: "jobTitle", value: rarely(10, 10, text(jobTitles))},
		{Name: "mail", steady: true, value: rarely(5, 5, numbered("contact", 1_000_000_000, "@fabrikam.example"))},
		{Name: "mailNickname", steady: true, value: rarely(5, 5, quoted(appendLogin))},
		{Name: "onPremisesLastSyncDateTime", value: rarely(40, 30, date)},
		{Name: "onPremisesProvisioningErrors", value: choice(syncErrors...)},
		{Name: "onPremisesSyncEnabled", value: choice(``, `null`, `true`)},
		{Name: "phones", value: choice(`[]`, `[{"number":"+41 44 000 00 00","type":"business"},{"number":null,"type":"mobile"}]`)},
		{Name: "proxyAddresses", value: list(2, numbered("SMTP:contact", 1_000_000, "@fabrikam.example"))},
		{Name: "serviceProvisioningErrors", value: choice(serviceErrors...)},
		{Name: "surname", value: rarely(5, 5, userSurname)},
	}
}

func unitProperties() []Property {
	return []Property{
		{Name: "deletedDateTime", value: rarely(50, 50, null)},
		{Name: "description", value: rarely(20, 20, text(departments))},
		{Name: "displayName", value: trapped(groupName)},
		{Name: "isMemberManagementRestricted", value: choice(``, `null`, `true`, `false`)},
		{Name: "membershipRule", value: choice(``, `null`, `"(user.country -eq \"Brasil\")"`)},
		{Name: "membershipRuleProcessingState", value: choice(``, `null`, `"On"`)},
		{Name: "membershipType", value: choice(``, `null`, `"Assigned"`, `"Dynamic"`)},
		{Name: "visibility", value: choice(``, `null`, `"HiddenMembership"`)},
	}
}

func grantProperties() []Property {
	party := func(pick func(client, resource, principal Ref) Ref) valueFunc {
		return func(dst []byte, o *Object, _ uint64) []byte {
			dst = append(dst, '"')
			dst = o.world.AppendID(dst, pick(o.world.grantParties(o.Index)))
			return append(dst, '"')
		}
	}
	personal := func(o *Object) bool { return !forEverybody(o.Index) && o.world.counts[User] > 0 }
	consent := onlyIfElse(personal, fixed(`"Principal"`), `"AllPrincipals"`)
	principal := party(func(_, _, principal Ref) Ref { return principal })
	return []Property{
		{Name: "clientId", steady: true, value: party(func(client, _, _ Ref) Ref { return client })},
		{Name: "consentType", steady: true, value: consent},
		{Name: "principalId", steady: true, value: onlyIfElse(personal, principal, `null`)},
		{Name: "resourceId", steady: true, value: party(func(_, resource, _ Ref) Ref { return resource })},
		{Name: "scope", value: choice(`"User.Read"`, `" User.Read  openid profile"`, `"Directory.AccessAsUser.All"`, `""`, `null`)},
	}
}

// assignmentProperties are those of app role assignments, all of which requests
// make.
func assignmentProperties() []Property {
	return []Property{
		{Name: "deletedDateTime", value: never},
		{Name: "appRoleId", value: never},
		{Name: "createdDateTime", value: never},
		{Name: "principalDisplayName", value: never},
		{Name: "principalId", lead: nobody, value: never},
		{Name: "principalType", value: never},
		{Name: "resourceDisplayName", value: never},
		{Name: "resourceId", lead: nobody, value: never},
	}
}

func organizationProperties() []Property {
	domains := func(dst []byte, o *Object, _ uint64) []byte {
		dst = append(dst, `[{"capabilities":"Email, OfficeCommunicationsOnline","isDefault":true,"isInitial":true,"name":"`...)
		dst = append(dst, o.world.config.Domain...)
		return append(dst, `","type":"Managed"}]`...)
	}
	return []Property{
		{Name: "deletedDateTime", value: null},
		{Name: "assignedPlans", value: fixed(`[]`)},
		{Name: "businessPhones", value: fixed(`[]`)},
		{Name: "city", value: fixed(`"Redmond"`)},
		{Name: "country", value: null},
		{Name: "countryLetterCode", value: fixed(`"US"`)},
		{Name: "createdDateTime", value: fixed(`"2016-01-21T21:17:31Z"`)},
		{Name: "displayName", value: fixed(`"Contoso, the \"simulated\" tenant"`)},
		{Name: "marketingNotificationEmails", value: fixed(`[]`)},
		{Name: "onPremisesLastSyncDateTime", value: null},
		{Name: "onPremisesSyncEnabled", value: null},
		{Name: "postalCode", value: fixed(`"98052"`)},
		{Name: "preferredLanguage", value: fixed(`"en"`)},
		{Name: "securityComplianceNotificationMails", value: fixed(`[]`)},
		{Name: "securityComplianceNotificationPhones", value: fixed(`[]`)},
		{Name: "state", value: fixed(`"WA"`)},
		{Name: "street", value: fixed(`"1 Way"`)},
		{Name: "technicalNotificationMails", value: fixed(`["admin@contoso.example"]`)},
		{Name: "tenantType", value: fixed(`"AAD"`)},
		{Name: "verifiedDomains", value: domains},
	}
}
