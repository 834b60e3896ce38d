package tenant

import (
	"slices"
	"strconv"
)

// The class of a group follows from its index, so that links can be computed
// without the group's properties.

func isUnified(index uint32) bool { return index%4 == 3 }
func isDynamic(index uint32) bool { return index%10 == 6 }

// isUnified says whether a group is a Microsoft 365 group. The groups that a
// request has made say so themselves.
func (v View) isUnified(group Ref) bool {
	o := v.State(group, false)
	if !o.isBlank() {
		return isUnified(group.Index)
	}
	position, _ := v.schemas[Group].Lookup("groupTypes")
	return slices.Contains(jsonTexts(o.AppendValue(nil, &v.schemas[Group].Properties[position])), "Unified")
}

func groupProperties() []Property {
	unified := func(o *Object) bool { return isUnified(o.Index) }
	dynamic := func(o *Object) bool { return isDynamic(o.Index) }
	mailed := func(o *Object) bool { return isUnified(o.Index) || o.Index%20 == 8 }
	synced := func(o *Object) bool { return !isUnified(o.Index) && o.lasting%7 < 2 }
	return []Property{
		{Name: "deletedDateTime", Default: true, value: rarely(50, 50, null)},
		{Name: "classification", Default: true, value: choice(``, `null`, `"Confidential"`, `"Public, free"`)},
		{Name: "createdDateTime", Default: true, steady: true, value: date},
		{Name: "description", Default: true, value: rarely(10, 20, text(departments))},
		{Name: "displayName", Default: true, value: trapped(groupName)},
		{Name: "expirationDateTime", Default: true, value: choice(``, `null`, `"2027-01-01T00:00:00Z"`)},
		{Name: "groupTypes", Default: true, steady: true, value: groupTypes},
		{Name: "isAssignableToRole", Default: true, steady: true, value: roleAssignable},
		{Name: "mail", Default: true, steady: true, lead: groupNumber, value: onlyIf(mailed, groupMail)},
		{Name: "mailEnabled", Default: true, steady: true, value: condition(mailed)},
		{Name: "mailNickname", Default: true, steady: true, lead: groupNumber, value: quoted(appendNickname)},
		{Name: "membershipRule", Default: true, steady: true, value: onlyIf(dynamic, fixed(`"(user.department -eq \"Sales\") -and (user.city -ne null)"`))},
		{Name: "membershipRuleProcessingState", Default: true, value: onlyIf(dynamic, choice(`"On"`, `"Paused"`))},
		{Name: "onPremisesDomainName", Default: true, value: onlyIf(synced, fixed(`"corp.contoso.example"`))},
		{Name: "onPremisesLastSyncDateTime", Default: true, value: onlyIf(synced, date)},
		{Name: "onPremisesNetBiosName", Default: true, value: onlyIf(synced, fixed(`"CORP"`))},
		{Name: "onPremisesProvisioningErrors", Default: true, value: choice(syncErrors...)},
		{Name: "onPremisesSamAccountName", Default: true, steady: true, value: onlyIf(synced, quoted(appendNickname))},
		{Name: "onPremisesSecurityIdentifier", Default: true, steady: true, value: onlyIf(synced, sid("S-1-5-21"))},
		{Name: "onPremisesSyncEnabled", Default: true, steady: true, value: onlyIf(synced, fixed(`true`))},
		{Name: "preferredDataLocation", Default: true, value: choice(``, `null`, `"EUR"`)},
		{Name: "preferredLanguage", Default: true, value: choice(``, `null`, `"en-US"`, `"de-CH"`)},
		{Name: "proxyAddresses", Default: true, lead: groupNumber, value: onlyIfElse(mailed, groupProxyAddresses, `[]`)},
		{Name: "renewedDateTime", Default: true, value: date},
		{Name: "resourceBehaviorOptions", Default: true, value: choice(`[]`, `["WelcomeEmailDisabled","HideGroupInOutlook"]`)},
		{Name: "resourceProvisioningOptions", Default: true, value: onlyIfElse(unified, choice(`["Team"]`, `[]`), `[]`)},
		{Name: "securityEnabled", Default: true, steady: true, value: condition(func(o *Object) bool { return !isUnified(o.Index) })},
		{Name: "securityIdentifier", Default: true, steady: true, given: true, value: sid("S-1-12-1")},
		{Name: "serviceProvisioningErrors", Default: true, value: choice(serviceErrors...)},
		{Name: "theme", Default: true, value: choice(``, `null`, `"Teal"`, `"Purple"`)},
		{Name: "uniqueName", Default: true, steady: true, lead: groupNumber, value: rarely(60, 20, quoted(appendNickname))},
		{Name: "visibility", Default: true, value: choice(`"Public"`, `"Private"`, `"HiddenMembership"`, `null`, ``)},

		{Name: "assignedLabels", value: choice(`[]`, `[{"displayName":"Secret, internal","labelId":"45cd0c48-c540-4358-ad79-a3658cdc5b88"}]`)},
		{Name: "assignedLicenses", value: choice(licences...)},
		{Name: "licenseProcessingState", value: choice(``, `null`, `{"state":"ProcessingComplete"}`)},
		{Name: "isManagementRestricted", value: choice(``, `null`, `true`, `false`)},
		{Name: "organizationId", steady: true, given: true, value: tenantID},
		{Name: "infoCatalogs", value: choice(`[]`, `["a","b, c"]`)},
		{Name: "onPremisesExtensionAttributes", value: rarely(30, 30, extensionAttributes)},

		{Name: "accessType", Place: Elsewhere, value: choice(`null`, `"private"`)},
		{Name: "allowExternalSenders", Place: Elsewhere, value: boolean(50)},
		{Name: "autoSubscribeNewMembers", Place: Elsewhere, value: boolean(50)},
		{Name: "hasMembersWithLicenseErrors", Place: Elsewhere, value: null},
		{Name: "hideFromAddressLists", Place: Elsewhere, value: boolean(10)},
		{Name: "hideFromOutlookClients", Place: Elsewhere, value: boolean(10)},
		{Name: "isArchived", Place: Elsewhere, value: boolean(10)},
		{Name: "isFavorite", Place: Elsewhere, value: boolean(10)},
		{Name: "isSubscribedByMail", Place: Elsewhere, value: boolean(50)},
		{Name: "unseenConversationsCount", Place: Elsewhere, value: integer(100)},
		{Name: "unseenCount", Place: Elsewhere, value: integer(100)},
		{Name: "unseenMessagesCount", Place: Elsewhere, value: integer(100)},
		{Name: "welcomeMessageEnabled", Place: Elsewhere, value: boolean(50)},
	}
}

func groupName(dst []byte, o *Object, h uint64) []byte {
	dst = append(dst, '"')
	dst = append(dst, groupWords[below(h, uint32(len(groupWords)))]...)
	dst = append(dst, ' ')
	dst = append(dst, groupWords[below(mix(h, 1), uint32(len(groupWords)))]...)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, uint64(o.Index), 10)
	return append(dst, '"')
}

func groupTypes(dst []byte, o *Object, _ uint64) []byte {
	switch unified, dynamic := isUnified(o.Index), isDynamic(o.Index); {
	case unified && dynamic:
		return append(dst, `["Unified","DynamicMembership"]`...)
	case unified:
		return append(dst, `["Unified"]`...)
	case dynamic:
		return append(dst, `["DynamicMembership"]`...)
	}
	return append(dst, `[]`...)
}

// roleAssignable is true for the groups that directory roles have as members,
// and null for some others.
func roleAssignable(dst []byte, o *Object, h uint64) []byte {
	switch {
	case isRoleGroup(o.Index):
		return append(dst, `true`...)
	case h%2 == 0:
		return append(dst, `null`...)
	}
	return append(dst, `false`...)
}

func isRoleGroup(index uint32) bool { return index%50 == 12 }

func appendNickname(dst []byte, o *Object) []byte {
	dst = append(dst, "group"...)
	return strconv.AppendUint(dst, uint64(o.Index), 10)
}

func appendGroupMail(dst []byte, o *Object) []byte {
	dst = appendNickname(dst, o)
	dst = append(dst, '@')
	return append(dst, o.world.config.Domain...)
}

func groupMail(dst []byte, o *Object, _ uint64) []byte {
	return append(appendGroupMail(append(dst, '"'), o), '"')
}

func groupProxyAddresses(dst []byte, o *Object, _ uint64) []byte {
	dst = append(dst, `["SMTP:`...)
	dst = appendGroupMail(dst, o)
	return append(dst, `","smtp:old@litware.example"]`...)
}

// condition is true for the objects that fulfil it and false for the others.
func condition(holds func(*Object) bool) valueFunc {
	return func(dst []byte, o *Object, _ uint64) []byte { return strconv.AppendBool(dst, holds(o)) }
}

// onlyIfElse takes a JSON value for the objects that do not fulfil a condition.
func onlyIfElse(holds func(*Object) bool, value valueFunc, otherwise string) valueFunc {
	return func(dst []byte, o *Object, h uint64) []byte {
		if !holds(o) {
			return append(dst, otherwise...)
		}
		return value(dst, o, h)
	}
}

func tenantID(dst []byte, o *Object, _ uint64) []byte {
	return appendQuoted(dst, o.world.config.TenantID)
}
