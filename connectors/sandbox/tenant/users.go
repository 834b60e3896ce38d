package tenant

import "strconv"

// ExtensionApp is the appId, without dashes, in the names of the directory
// extensions of users.
const ExtensionApp = "b7d8e648520f41d3b9c0fdeb91768a0a"

func userProperties() []Property {
	synced := func(o *Object) bool { return !o.isGuest() && !o.isAgent() && o.lasting%5 < 2 }
	return []Property{
		{Name: "deletedDateTime", value: never},
		{Name: "accountEnabled", value: rarely(1, 0, boolean(88))},
		{Name: "businessPhones", Default: true, value: list(2, numbered("+1 425 555 0", 1000, ", ext. 5"))},
		{Name: "displayName", Default: true, value: trapped(userDisplayName)},
		{Name: "givenName", Default: true, value: rarely(6, 4, trapped(userGivenName))},
		{Name: "jobTitle", Default: true, value: rarely(10, 10, text(jobTitles))},
		{Name: "mail", Default: true, steady: true, lead: userNumber, value: rarely(8, 5, userMail)},
		{Name: "mobilePhone", Default: true, value: rarely(20, 20, numbered("+41 79 555 0", 1000, ""))},
		{Name: "officeLocation", Default: true, value: rarely(10, 10, trapped(numbered("Building ", 40, "/2.15")))},
		{Name: "preferredLanguage", Default: true, value: rarely(10, 10, choice(`"en-US"`, `"de-CH"`, `"ar-EG"`, `"ja-JP"`))},
		{Name: "surname", Default: true, value: rarely(6, 4, trapped(userSurname))},
		{Name: "userPrincipalName", Default: true, steady: true, lead: userNumber, value: userPrincipalName},

		{Name: "ageGroup", value: choice(``, `null`, `"adult"`, `"notAdult"`, `"minor"`)},
		{Name: "assignedLicenses", value: choice(licences...)},
		{Name: "assignedPlans", value: choice(`[]`,
			`[{"assignedDateTime":"2024-03-01T09:00:00Z","capabilityStatus":"Enabled","service":"exchange","servicePlanId":"9aaf7827-d63c-4b61-89c3-182f06f82e5c"}]`)},
		{Name: "authorizationInfo", value: choice(`{"certificateUserIds":[]}`, `null`,
			`{"certificateUserIds":["X509:<PN>bob@contoso.example","X509:<I>DC=example,DC=contoso<S>CN=\"Bob, Jr.\""]}`)},
		{Name: "city", value: rarely(15, 10, text(cities))},
		{Name: "companyName", value: rarely(15, 10, text(companies))},
		{Name: "consentProvidedForMinor", value: choice(``, `null`, `"granted"`, `"denied"`, `"notRequired"`)},
		{Name: "country", value: rarely(15, 10, text(countries))},
		{Name: "createdDateTime", steady: true, value: date},
		{Name: "creationType", steady: true, value: onlyIf((*Object).isGuest, choice(`"Invitation"`))},
		{Name: "customSecurityAttributes", Place: Secret, value: choice(``,
			`{"Engineering":{"@odata.type":"#microsoft.graph.customSecurityAttributeValue","Project@odata.type":"#Collection(String)","Project":["Baker","Cascade"],"CostCenter":"1001"}}`)},
		{Name: "department", value: rarely(10, 10, text(departments))},
		{Name: "employeeHireDate", value: rarely(30, 10, date)},
		{Name: "employeeId", lead: employeeNumber, value: rarely(15, 5, employeeID)},
		{Name: "employeeLeaveDateTime", value: rarely(80, 10, date)},
		{Name: "employeeOrgData", value: choice(``, `null`, `{"costCenter":"0815","division":"North, East"}`,
			`{"costCenter":null,"division":"\u65e5\u672c"}`, `{"costCenter":"=1+1","division":null}`)},
		{Name: "employeeType", value: choice(``, `null`, `"Employee"`, `"Contractor"`, `"Consultant"`, `"Vendor"`)},
		{Name: "externalUserState", steady: true, value: onlyIf((*Object).isGuest, choice(`"Accepted"`, `"PendingAcceptance"`))},
		{Name: "externalUserStateChangeDateTime", steady: true, value: onlyIf((*Object).isGuest, date)},
		{Name: "faxNumber", value: rarely(60, 20, numbered("+1 425 555 9", 1000, ""))},
		{Name: "identities", steady: true, value: userIdentities},
		{Name: "identityParentId", steady: true, value: onlyIf((*Object).isAgent, agentParent)},
		{Name: "imAddresses", value: list(1, userMail)},
		{Name: "isManagementRestricted", value: choice(``, `null`, `true`, `false`)},
		{Name: "isResourceAccount", value: choice(``, `null`, `true`, `false`)},
		{Name: "lastPasswordChangeDateTime", value: rarely(5, 0, date)},
		{Name: "legalAgeGroupClassification", value: choice(``, `null`, `"adult"`, `"minorWithParentalConsent"`)},
		{Name: "licenseAssignmentStates", value: choice(`[]`,
			`[{"assignedByGroup":null,"disabledPlans":[],"error":"None","lastUpdatedDateTime":"2025-01-02T03:04:05Z","skuId":"6fd2c87f-b296-42f0-b197-1e91e994b900","state":"Active"}]`)},
		{Name: "mailNickname", steady: true, lead: userNumber, value: quoted(appendLogin)},
		{Name: "onPremisesDistinguishedName", value: onlyIf(synced, distinguishedName)},
		{Name: "onPremisesDomainName", value: onlyIf(synced, fixed(`"corp.contoso.example"`))},
		{Name: "onPremisesExtensionAttributes", value: rarely(5, 0, extensionAttributes)},
		{Name: "onPremisesImmutableId", steady: true, lead: immutableNumber, value: onlyIf(synced, guid(spaceImmutable))},
		{Name: "onPremisesLastSyncDateTime", value: onlyIf(synced, date)},
		{Name: "onPremisesProvisioningErrors", value: choice(syncErrors...)},
		{Name: "onPremisesSamAccountName", steady: true, value: onlyIf(synced, quoted(appendLogin))},
		{Name: "onPremisesSecurityIdentifier", steady: true, value: onlyIf(synced, sid("S-1-5-21"))},
		{Name: "onPremisesSyncEnabled", steady: true, value: onlyIf(synced, fixed(`true`))},
		{Name: "onPremisesUserPrincipalName", steady: true, value: onlyIf(synced, userPrincipalName)},
		{Name: "otherMails", value: list(2, numbered("private", 9000, "@litware.example"))},
		{Name: "passwordPolicies", value: choice(``, `null`, `"DisablePasswordExpiration"`, `"DisablePasswordExpiration, DisableStrongPassword"`)},
		{Name: "passwordProfile", value: null},
		{Name: "postalCode", value: rarely(20, 10, numbered("0", 9999, ""))},
		{Name: "preferredDataLocation", value: choice(``, `null`, `"EUR"`, `"CHE"`)},
		{Name: "provisionedPlans", value: choice(`[]`, `[{"capabilityStatus":"Enabled","provisioningStatus":"Success","service":"exchange"}]`)},
		{Name: "proxyAddresses", lead: userNumber, value: proxyAddresses},
		{Name: "securityIdentifier", steady: true, given: true, value: sid("S-1-12-1")},
		{Name: "serviceProvisioningErrors", value: choice(serviceErrors...)},
		{Name: "showInAddressList", value: choice(``, `null`, `true`, `false`)},
		{Name: "signInSessionsValidFromDateTime", value: rarely(3, 0, date)},
		{Name: "state", value: rarely(20, 20, choice(`"WA"`, `"ZH"`, `"São Paulo"`, `""`))},
		{Name: "streetAddress", value: rarely(20, 10, trapped(numbered("Bahnhofstrasse ", 300, "\\r\\n3. Stock")))},
		{Name: "usageLocation", value: choice(`"US"`, `"CH"`, `"BR"`, `"JP"`, ``, `null`)},
		{Name: "userType", steady: true, value: userType},

		{Name: "extension_" + ExtensionApp + "_costCenter", value: rarely(40, 10, text(departments))},
		{Name: "extension_" + ExtensionApp + "_level", value: rarely(40, 10, integer(2_000_000_000))},
		{Name: "extension_" + ExtensionApp + "_permanent", value: rarely(40, 10, boolean(70))},
		{Name: "extension_" + ExtensionApp + "_validUntil", value: rarely(40, 10, date)},
		{Name: "extension_" + ExtensionApp + "_skills", value: rarely(40, 10, list(3, text(jobTitles)))},

		{Name: "aboutMe", Place: SharePoint, value: rarely(30, 30, text(departments))},
		{Name: "birthday", Place: SharePoint, value: date},
		{Name: "hireDate", Place: SharePoint, value: date},
		{Name: "interests", Place: SharePoint, value: list(3, text(jobTitles))},
		{Name: "mySite", Place: SharePoint, value: choice(`null`, `"https://contoso-my.sharepoint.example/person.aspx"`)},
		{Name: "pastProjects", Place: SharePoint, value: list(3, text(groupWords))},
		{Name: "preferredName", Place: SharePoint, value: rarely(10, 50, userGivenName)},
		{Name: "responsibilities", Place: SharePoint, value: list(3, text(jobTitles))},
		{Name: "schools", Place: SharePoint, value: list(3, text(cities))},
		{Name: "skills", Place: SharePoint, value: list(3, text(jobTitles))},
		{Name: "deviceEnrollmentLimit", Place: Elsewhere, value: integer(20)},
		{Name: "mailboxSettings", Place: SharePoint, value: fixed(`{"timeZone":"UTC","userPurpose":"user"}`)},
		{Name: "print", Place: SharePoint, value: fixed(`{}`)},
		{Name: "cloudLicensing", Place: SharePoint, value: fixed(`{}`)},
		{Name: "signInActivity", Place: Elsewhere, value: rarely(0, 20, signInActivity)},
	}
}

func (o *Object) given() name {
	return givenNames[below(mix(o.passing, 11), uint32(len(givenNames)))]
}

func (o *Object) family() name {
	return surnames[below(mix(o.passing, 12), uint32(len(surnames)))]
}

func userDisplayName(dst []byte, o *Object, _ uint64) []byte {
	dst = append(dst, '"')
	dst = append(dst, o.given().shown...)
	dst = append(dst, ' ')
	dst = append(dst, o.family().shown...)
	if o.isGuest() {
		dst = append(dst, " (guest)"...)
	}
	return append(dst, '"')
}

func userGivenName(dst []byte, o *Object, _ uint64) []byte { return appendQuoted(dst, o.given().shown) }
func userSurname(dst []byte, o *Object, _ uint64) []byte   { return appendQuoted(dst, o.family().shown) }

func userType(dst []byte, o *Object, h uint64) []byte {
	switch {
	case o.isGuest():
		return append(dst, `"Guest"`...)
	case h%50 == 0:
		return append(dst, `null`...) // accounts from before the property existed
	}
	return append(dst, `"Member"`...)
}

func employeeID(dst []byte, o *Object, _ uint64) []byte {
	dst = append(dst, `"00`...)
	dst = strconv.AppendUint(dst, uint64(o.Index)+1, 10)
	return append(dst, '"')
}

// quoted makes a valueFunc of a function that appends plain characters.
func quoted(appendText func([]byte, *Object) []byte) valueFunc {
	return func(dst []byte, o *Object, _ uint64) []byte {
		return append(appendText(append(dst, '"'), o), '"')
	}
}

// appendLogin appends the part of a user's name that is his own; it ends in
// his number, so that no two are alike and FindUser needs no table.
func appendLogin(dst []byte, o *Object) []byte {
	dst = append(dst, givenNames[below(mix(o.lasting, 11), uint32(len(givenNames)))].login...)
	dst = append(dst, '.')
	dst = append(dst, surnames[below(mix(o.lasting, 12), uint32(len(surnames)))].login...)
	dst = append(dst, '.')
	return strconv.AppendUint(dst, uint64(o.Index), 10)
}

func appendUPN(dst []byte, o *Object) []byte {
	dst = appendLogin(dst, o)
	if o.isGuest() {
		dst = append(dst, "_fabrikam.example#EXT#"...)
	}
	dst = append(dst, '@')
	return append(dst, o.world.config.Domain...)
}

func userPrincipalName(dst []byte, o *Object, _ uint64) []byte {
	return append(appendUPN(append(dst, '"'), o), '"')
}

func userMail(dst []byte, o *Object, _ uint64) []byte {
	dst = appendLogin(append(dst, '"'), o)
	if o.isGuest() {
		return append(dst, `@fabrikam.example"`...)
	}
	dst = append(dst, '@')
	dst = append(dst, o.world.config.Domain...)
	return append(dst, '"')
}

func userIdentities(dst []byte, o *Object, _ uint64) []byte {
	dst = append(dst, `[{"issuer":"`...)
	dst = append(dst, o.world.config.Domain...)
	dst = append(dst, `","issuerAssignedId":"`...)
	dst = appendUPN(dst, o)
	return append(dst, `","signInType":"userPrincipalName"}]`...)
}

// agentParent is the service principal that an agent's user belongs to.
func agentParent(dst []byte, o *Object, h uint64) []byte {
	apps := o.world.counts[ServicePrincipal]
	if apps == 0 {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = o.world.AppendID(dst, Ref{ServicePrincipal, below(h, uint32(apps))})
	return append(dst, '"')
}

func distinguishedName(dst []byte, o *Object, _ uint64) []byte {
	dst = append(dst, `"CN=`...)
	dst = append(dst, o.family().shown...)
	dst = append(dst, `\\, `...)
	dst = append(dst, o.given().shown...)
	return append(dst, `,OU=Users,DC=corp,DC=contoso,DC=example"`...)
}

func proxyAddresses(dst []byte, o *Object, h uint64) []byte {
	if h%6 == 0 {
		return append(dst, "[]"...)
	}
	dst = append(dst, `["SMTP:`...)
	dst = appendLogin(dst, o)
	dst = append(dst, '@')
	dst = append(dst, o.world.config.Domain...)
	dst = append(dst, '"')
	for i := range h % 4 {
		dst = append(dst, `,"smtp:alias`...)
		dst = strconv.AppendUint(dst, i, 10)
		dst = append(dst, '.')
		dst = appendLogin(dst, o)
		dst = append(dst, `@litware.example"`...)
	}
	return append(dst, ']')
}

func signInActivity(dst []byte, o *Object, h uint64) []byte {
	dst = append(dst, `{"lastSignInDateTime":`...)
	dst = date(dst, o, mix(h, 1))
	dst = append(dst, `,"lastNonInteractiveSignInDateTime":`...)
	dst = date(dst, o, mix(h, 2))
	return append(dst, `,"lastSignInRequestId":"","lastNonInteractiveSignInRequestId":null}`...)
}
