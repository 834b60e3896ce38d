package directory

import "regexp"

// A refusal says why a delta query does not deliver something, and the way out.
type refusal struct{ reason, hint string }

// refused returns why the delta query of an entity does not deliver a property or
// a navigation that Graph knows.
func refused(entity, name string) (refusal, bool) {
	if r, ok := refusals()[entity][name]; ok {
		return r, true
	}
	if name == "extensions" || schemaExtension().MatchString(name) {
		return refusal{
			"open and schema extensions are not in delta queries",
			"Keep the value in a directory extension, extension_<application id>_<name>, or leave it out",
		}, true
	}
	return refusal{}, false
}

// schemaExtension matches names such as "extkvbmkofy_course".
func schemaExtension() *regexp.Regexp { return regexp.MustCompile(`^ext[a-z0-9]{8}_\w+$`) }

// directoryExtension matches names such as "extension_fe2174665583431c953114ff7268b7b3_costCenter".
func directoryExtension() *regexp.Regexp {
	return regexp.MustCompile(`^extension_[0-9a-fA-F]{32}_\w+$`)
}

const leaveOut = "Leave it out"

// refusals lists what is known to be refused, by entity and name. The properties of
// users that are stored elsewhere are those of
// https://learn.microsoft.com/graph/api/resources/users#properties-stored-outside-the-main-data-store;
// what only a GET of a single group returns is told in
// https://learn.microsoft.com/graph/api/resources/group#properties.
func refusals() map[string]map[string]refusal {
	elsewhere := refusal{"it is stored outside of the directory, and delta queries refuse it", leaveOut}
	single := refusal{"Graph gives it only for a single group, not in a list", leaveOut}
	mailbox := refusal{"it belongs to the mailbox of the signed-in user", leaveOut}
	membership := refusal{"it is not in delta queries", "Export the members of group, directoryRole and administrativeUnit instead"}
	nested := refusal{"nested members are not in delta queries", "Export members: they hold the nested groups, and the groups their own members"}
	assignments := refusal{"assignments of app roles are not in delta queries", leaveOut}
	security := refusal{"custom security attributes are not in delta queries", leaveOut}
	return map[string]map[string]refusal{
		"user": {
			"aboutMe":                  elsewhere,
			"appRoleAssignments":       assignments,
			"birthday":                 elsewhere,
			"cloudLicensing":           elsewhere,
			"customSecurityAttributes": security,
			"deviceEnrollmentLimit":    elsewhere,
			"directReports":            {"it is not in delta queries", "Export manager: it is the same link seen from the other end"},
			"hireDate":                 {elsewhere.reason, "Use employeeHireDate"},
			"interests":                elsewhere,
			"licenseAssignmentStates":  {"its changes are not tracked by delta queries", "Use assignedLicenses"},
			"licenseDetails":           {"it is not in delta queries", "Use assignedLicenses or assignedPlans"},
			"mailboxSettings":          elsewhere,
			"memberOf":                 membership,
			"mySite":                   elsewhere,
			"oauth2PermissionGrants":   {"it is not in delta queries", "Export oAuth2PermissionGrant: its principalId is the user"},
			"ownedObjects":             {"it is not in delta queries", "Export the owners of group instead"},
			"passwordProfile":          {"it is a secret", leaveOut},
			"pastProjects":             elsewhere,
			"photo":                    elsewhere,
			"preferredName":            elsewhere,
			"print":                    elsewhere,
			"responsibilities":         elsewhere,
			"schools":                  elsewhere,
			"signInActivity":           {elsewhere.reason, "Leave it out; Graph gives it only where users are listed with AuditLog.Read.All"},
			"skills":                   elsewhere,
			"sponsors":                 {"it is not in delta queries", leaveOut},
			"transitiveMemberOf":       membership,
		},
		"group": {
			"accessType":                  mailbox,
			"allowExternalSenders":        single,
			"appRoleAssignments":          assignments,
			"autoSubscribeNewMembers":     single,
			"hasMembersWithLicenseErrors": {"Graph takes it in filters only and never returns it", "Use licenseProcessingState"},
			"hideFromAddressLists":        single,
			"hideFromOutlookClients":      single,
			"isArchived":                  {"it belongs to the team, not to the group", leaveOut},
			"isFavorite":                  mailbox,
			"isSubscribedByMail":          single,
			"memberOf":                    membership,
			"membershipRuleProcessingStatus": {
				"Graph gives it only for a single group, not in a list", "Use membershipRuleProcessingState",
			},
			"transitiveMemberOf":       membership,
			"transitiveMembers":        nested,
			"unseenConversationsCount": mailbox,
			"unseenCount":              mailbox,
			"unseenMessagesCount":      mailbox,
			"welcomeMessageEnabled":    single,
		},
		"servicePrincipal": {
			"appRoleAssignedTo":        assignments,
			"customSecurityAttributes": security,
			"appRoleAssignments":       assignments,
			"memberOf":                 membership,
			"owners":                   {"it is not in delta queries", leaveOut},
			"transitiveMemberOf":       membership,
		},
		"application": {
			"logo":   {"it is a picture", "Use info/logoUrl"},
			"owners": {"it is not in delta queries", leaveOut},
		},
		"device": {
			"memberOf":           membership,
			"registeredOwners":   {"it is not in delta queries", leaveOut},
			"registeredUsers":    {"it is not in delta queries", leaveOut},
			"transitiveMemberOf": membership,
		},
		"orgContact": {
			"directReports":      {"it is not in delta queries", leaveOut},
			"manager":            {"it is not in delta queries", leaveOut},
			"memberOf":           membership,
			"transitiveMemberOf": membership,
		},
	}
}
