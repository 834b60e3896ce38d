package graphapi

import (
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/edit"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// permissions lists the application permissions of which one is enough for a
// request (Microsoft Graph permissions reference).
func permissions(t target) []string {
	all := []string{"Directory.Read.All", "Directory.ReadWrite.All"}
	if t.anyKind {
		return all
	}
	if t.set != "" {
		return setPermissions(t)
	}
	switch t.kind {
	case tenant.Sku:
		return append(all, "LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All", "Organization.Read.All")
	case tenant.User:
		if t.relation == "licensedetails" {
			all = append(all, "LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All")
		}
		return append(all, "User.Read.All", "User.ReadWrite.All")
	case tenant.Group:
		all = append(all, "Group.Read.All", "Group.ReadWrite.All", "GroupMember.Read.All", "GroupMember.ReadWrite.All")
		if t.relation == "" {
			return append(all, "Group.ReadBasic.All")
		}
		return append(all, "GroupMember.ReadBasic.All")
	case tenant.DirectoryRole:
		return append(all, "RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", "RoleManagement.Read.All")
	case tenant.ServicePrincipal, tenant.Application:
		return append(all, "Application.Read.All", "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy")
	case tenant.Device:
		return append(all, "Device.Read.All", "Device.ReadWrite.All")
	case tenant.OrgContact:
		return append(all, "OrgContact.Read.All")
	case tenant.AdministrativeUnit:
		return append(all, "AdministrativeUnit.Read.All", "AdministrativeUnit.ReadWrite.All")
	case tenant.PermissionGrant:
		return append(all, "DelegatedPermissionGrant.Read.All", "DelegatedPermissionGrant.ReadWrite.All")
	case tenant.Organization:
		return append(all, "Organization.Read.All", "User.Read.All")
	}
	return all
}

// setPermissions are those for the sets that are no collections of a kind.
func setPermissions(t target) []string {
	switch t.set {
	case roleAssignments, roleDefinitions:
		return []string{"RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", "RoleManagement.Read.All", "Directory.Read.All"}
	case attributeSets, securityAttributes:
		return []string{"CustomSecAttributeDefinition.Read.All", "CustomSecAttributeDefinition.ReadWrite.All"}
	}
	all := []string{"Directory.Read.All", "Directory.ReadWrite.All"}
	if t.cast == tenant.User || t.id != "" {
		all = append(all, "User.Read.All", "User.ReadWrite.All", "User.DeleteRestore.All")
	}
	if t.cast == tenant.Group || t.id != "" {
		all = append(all, "Group.Read.All", "Group.ReadWrite.All")
	}
	if t.cast == tenant.ServicePrincipal || t.cast == tenant.Application || t.id != "" {
		all = append(all, "Application.Read.All", "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy")
	}
	if t.cast == tenant.AdministrativeUnit || t.id != "" {
		all = append(all, "AdministrativeUnit.Read.All", "AdministrativeUnit.ReadWrite.All")
	}
	return all
}

// WriteRoles are the permissions that everything needs which can be written, the
// least of them.
func WriteRoles() []string {
	return []string{
		"User.ReadWrite.All", "User.EnableDisableAccount.All", "User.DeleteRestore.All", "User.RevokeSessions.All", "User.Invite.All",
		"User-PasswordProfile.ReadWrite.All", "User-Phone.ReadWrite.All", "User-Mail.ReadWrite.All", "User.ManageIdentities.All",
		"User-LifeCycleInfo.ReadWrite.All", "Group.Create", "Group.ReadWrite.All", "GroupMember.ReadWrite.All",
		"LicenseAssignment.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "RoleManagement.ReadWrite.Directory",
		"AdministrativeUnit.ReadWrite.All", "CustomSecAttributeAssignment.ReadWrite.All", "CustomSecAttributeDefinition.Read.All",
		"Application.ReadWrite.All", "Device.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All",
	}
}

// DefaultDirectoryRoles are the template ids of the Entra roles that the service
// principal of the sandbox's application holds: User Administrator, without which
// it could reset nobody's password.
func DefaultDirectoryRoles() []string { return []string{edit.UserAdministrator} }

// DefaultRoles are the permissions that the sandbox's application has.
func DefaultRoles() []string {
	return []string{
		"User.Read.All", "Group.Read.All", "GroupMember.Read.All", "Directory.Read.All", "Application.Read.All",
		"Device.Read.All", "OrgContact.Read.All", "AdministrativeUnit.Read.All", "RoleManagement.Read.Directory",
		"Organization.Read.All", "AuditLog.Read.All", "CustomSecAttributeAssignment.Read.All",
	}
}

// resourceUnits is what a request costs (Microsoft Graph throttling limits,
// identity and access).
func resourceUnits(t target, rawQuery string) int {
	units := 1
	switch {
	case t.delta, t.set != "":
	case t.kind == tenant.Sku:
		units = 3
	case strings.HasPrefix(t.relation, "approle"), t.relation == "memberof", t.relation == "transitivememberof",
		t.relation == "licensedetails":
		units = 2
	case t.relation == "transitivemembers":
		units = 5
	case t.kind == tenant.Group && t.relation == "members":
		units = 3
	case t.kind == tenant.User && t.relation == "", t.kind == tenant.Application && t.relation == "",
		t.kind == tenant.PermissionGrant:
		units = 2
	}
	query := strings.ReplaceAll(rawQuery, "%24", "$")
	if strings.Contains(query, "$select=") {
		units--
	}
	if strings.Contains(query, "$expand=") {
		units++
	}
	if _, top, ok := strings.Cut(query, "$top="); ok {
		if digits, _, _ := strings.Cut(top, "&"); len(digits) == 1 || len(digits) == 2 && digits[0] < '2' {
			units--
		}
	}
	return max(1, units)
}
