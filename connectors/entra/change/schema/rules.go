package schema

import "maps"

// What can be written of each property. Sources: the tables "Properties" of the pages below
// https://learn.microsoft.com/graph/api/resources/, and the pages "Create" and "Update" of each.

// rules makes a table in which the properties of fixed cannot be written.
func rules(fixed []string, others map[string]rule) map[string]rule {
	all := map[string]rule{"id": {when: never}, "deletedDateTime": {when: never}, "createdDateTime": {when: never}}
	for _, name := range fixed {
		all[name] = rule{when: never}
	}
	maps.Copy(all, others)
	return all
}

func userRules() map[string]rule {
	delegated := rule{when: never, instead: "Graph lets only signed-in people change it, not an application"}
	synced := rule{when: never, instead: "It comes from the on-premises directory; change it there"}
	table := rules([]string{
		"ageGroup", "assignedPlans", "creationType", "deviceEnrollmentLimit", "externalUserState", "externalUserStateChangeDateTime",
		"identityParentId", "imAddresses", "isManagementRestricted", "lastPasswordChangeDateTime", "legalAgeGroupClassification",
		"licenseAssignmentStates", "print", "provisionedPlans", "securityIdentifier", "serviceProvisioningErrors", "signInActivity",
		"onPremisesProvisioningErrors", "onPremisesSyncEnabled",
	}, map[string]rule{
		"ageGroup":                        {},
		"accountEnabled":                  {kept: true},
		"displayName":                     {kept: true},
		"mailNickname":                    {kept: true},
		"userPrincipalName":               {kept: true},
		"mail":                            {kept: true},
		"usageLocation":                   {kept: true},
		"employeeId":                      {longest: 16},
		"customSecurityAttributes":        {apart: "customSecurityAttributes"},
		"employeeLeaveDateTime":           {apart: "employeeLeaveDateTime"},
		"assignedLicenses":                {when: never, instead: "Give it as links of the navigation assignedLicenses"},
		"mailboxSettings":                 {when: never, instead: "It belongs to the mailbox; leave it out"},
		"proxyAddresses":                  {when: never, instead: "Change mail or otherMails; Exchange derives it"},
		"signInSessionsValidFromDateTime": {when: never, instead: "Use the operation revokeSessions"},
	})
	for _, name := range []string{
		"aboutMe", "birthday", "hireDate", "interests", "mySite", "pastProjects", "preferredName", "responsibilities", "schools", "skills",
	} {
		table[name] = delegated
	}
	for _, name := range []string{
		"onPremisesDistinguishedName", "onPremisesDomainName", "onPremisesLastSyncDateTime", "onPremisesSamAccountName",
		"onPremisesSecurityIdentifier", "onPremisesUserPrincipalName",
	} {
		table[name] = synced
	}
	return table
}

func groupRules() map[string]rule {
	mailbox := rule{when: never, instead: "It belongs to the mailbox of a signed-in user; leave it out"}
	exchange := rule{when: onUpdate, apart: "exchange"}
	return rules([]string{
		"assignedLabels", "expirationDateTime", "hasMembersWithLicenseErrors", "infoCatalogs", "isArchived", "isManagementRestricted",
		"licenseProcessingState", "onPremisesDomainName", "onPremisesExtensionAttributes", "onPremisesLastSyncDateTime", "onPremisesNetBiosName",
		"onPremisesProvisioningErrors", "onPremisesSamAccountName", "onPremisesSecurityIdentifier", "onPremisesSyncEnabled", "organizationId",
		"proxyAddresses", "renewedDateTime", "securityIdentifier", "serviceProvisioningErrors", "welcomeMessageEnabled",
	}, map[string]rule{
		"displayName":                 {kept: true},
		"mailNickname":                {kept: true},
		"mailEnabled":                 {kept: true},
		"securityEnabled":             {kept: true},
		"mail":                        {when: never, instead: "Give mailNickname; Exchange derives the address"},
		"assignedLicenses":            {when: never, instead: "Give it as links of the navigation assignedLicenses"},
		"isAssignableToRole":          {when: onCreate},
		"uniqueName":                  {when: onCreate},
		"resourceBehaviorOptions":     {when: onCreate},
		"resourceProvisioningOptions": {when: onCreate},
		"allowExternalSenders":        exchange,
		"autoSubscribeNewMembers":     exchange,
		"hideFromAddressLists":        exchange,
		"hideFromOutlookClients":      exchange,
		"accessType":                  mailbox,
		"isFavorite":                  mailbox,
		"isSubscribedByMail":          mailbox,
		"unseenConversationsCount":    mailbox,
		"unseenCount":                 mailbox,
		"unseenMessagesCount":         mailbox,
	})
}

func directoryRoleRules() map[string]rule {
	return rules([]string{"description", "displayName"}, map[string]rule{"roleTemplateId": {when: onCreate}})
}

func administrativeUnitRules() map[string]rule {
	return rules(nil, map[string]rule{
		"displayName":                  {kept: true},
		"isMemberManagementRestricted": {when: onCreate},
		"visibility":                   {when: onCreate},
	})
}

func servicePrincipalRules() map[string]rule {
	secret := rule{when: never, instead: "It holds credentials, which are not provisioned"}
	return rules([]string{
		"appDescription", "appDisplayName", "appOwnerOrganizationId", "applicationTemplateId", "createdByAppId", "disabledByMicrosoftStatus",
		"isDisabled", "resourceSpecificApplicationPermissions", "servicePrincipalType", "signInAudience", "verifiedPublisher",
	}, map[string]rule{
		"appId":                    {when: onCreate},
		"customSecurityAttributes": {apart: "customSecurityAttributes"},
		"keyCredentials":           secret,
		"passwordCredentials":      secret,
	})
}

func applicationRules() map[string]rule {
	secret := rule{when: never, instead: "It holds credentials, which are not provisioned"}
	return rules([]string{
		"appId", "applicationTemplateId", "certification", "createdByAppId", "disabledByMicrosoftStatus", "logo", "publisherDomain",
		"samlMetadataUrl", "verifiedPublisher",
	}, map[string]rule{
		"displayName":         {kept: true},
		"uniqueName":          {when: onCreate},
		"keyCredentials":      secret,
		"passwordCredentials": secret,
	})
}

func deviceRules() map[string]rule {
	return rules([]string{
		"approximateLastSignInDateTime", "complianceExpirationDateTime", "deviceCategory", "deviceId", "deviceMetadata", "deviceOwnership",
		"deviceVersion", "enrollmentProfileName", "enrollmentType", "isManagementRestricted", "isRooted", "managementType", "manufacturer",
		"mdmAppId", "model", "onPremisesLastSyncDateTime", "onPremisesSecurityIdentifier", "onPremisesSyncEnabled", "physicalIds",
		"profileType", "registrationDateTime", "systemLabels", "trustType", "alternativeSecurityIds", "isCompliant", "isManaged",
	}, map[string]rule{"accountEnabled": {kept: true}})
}

func grantRules() map[string]rule {
	return rules(nil, map[string]rule{
		"clientId": {when: onCreate}, "consentType": {when: onCreate}, "principalId": {when: onCreate}, "resourceId": {when: onCreate},
	})
}
