// Package permit knows which permission of Microsoft Graph each write needs.
package permit

import (
	"slices"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/sdk"
)

// A Need is what something that orders can do needs.
type Need struct {
	Entity     string
	Operations []sdk.Operation
	Navigation string // for links of it; empty: for the object itself
	Attribute  string // for this attribute alone
	For        string // in an admin's words
	Permission directory.Permission
}

// Of returns what a change of a navigation needs, or, without one, of the object itself.
func Of(c schema.Change, navigation string) (directory.Permission, bool) {
	for _, n := range needs {
		if n.Entity != c.Entity.Name || n.Navigation != navigation {
			continue
		}
		if navigation != "" || n.Attribute == "" && slices.Contains(n.Operations, c.Operation) {
			return n.Permission, true
		}
	}
	return directory.Permission{}, false
}

// Hint says what to do when Graph refuses a change of a navigation or, without one, of the object
// itself for lack of a permission: what is missing, and what else Graph answers so. It is empty
// where no permission is known.
func Hint(c schema.Change, navigation string) string {
	p, ok := Of(c, navigation)
	if !ok {
		return ""
	}
	return p.Hint() + ". If it has that: " + otherwise(c, navigation)
}

// otherwise tells reasons of the same refusal that no such permission helps against.
func otherwise(c schema.Change, navigation string) string {
	const membership = "a group may be dynamic, whose members its rule decides, or role-assignable, which takes " +
		"RoleManagement.ReadWrite.Directory, too; devices and service principals as members take Device.ReadWrite.All and Application.ReadWrite.All"
	switch {
	case c.Entity.Name == "group" && navigation == "members", navigation == "memberOf":
		return membership
	case c.Entity.Name == "administrativeUnit":
		return "the unit may be dynamic, whose members its rule decides, or one with restricted management"
	case c.Entity.Name == "group":
		return "a role-assignable group takes RoleManagement.ReadWrite.Directory, too"
	}
	return "an administrator can only be changed by an application that also has an Entra role such as User Administrator"
}

// All lists the needs of everything that orders can do.
func All() []Need { return slices.Clone(needs) }

// needs is made once: each refusal looks things up in it, and nothing changes it.
var needs = makeNeeds()

// makeNeeds lists the needs. The permissions are the least ones of
// the pages below https://learn.microsoft.com/graph/api/overview, by
// https://learn.microsoft.com/graph/permissions-reference.
func makeNeeds() []Need {
	users := directory.Permission{Name: "User.ReadWrite.All", ID: "741f803b-c850-494e-b5df-cde7c675a1ca", Instead: []string{"Directory.ReadWrite.All"}}
	usersOnly := directory.Permission{Name: "User.ReadWrite.All", ID: users.ID}
	groups := directory.Permission{Name: "Group.ReadWrite.All", ID: "62a82d76-70ea-41e2-9197-370581804d09", Instead: []string{"Directory.ReadWrite.All"}}
	groupsOnly := directory.Permission{Name: "Group.ReadWrite.All", ID: groups.ID}
	createGroups := directory.Permission{
		Name: "Group.Create", ID: "bf7b1a76-6e77-406b-b258-bf5c7720e98f", Instead: []string{"Group.ReadWrite.All", "Directory.ReadWrite.All"},
	}
	members := directory.Permission{
		Name: "GroupMember.ReadWrite.All", ID: "dbaae8cf-10b5-4b86-a4a1-f871c94c6695", Instead: []string{"Group.ReadWrite.All", "Directory.ReadWrite.All"},
	}
	deleteUsers := directory.Permission{Name: "User.DeleteRestore.All", ID: "eccc023d-eccf-4e7b-9683-8813ab36cecc", Instead: []string{"User.ReadWrite.All"}}
	enableUsers := directory.Permission{
		Name: "User.EnableDisableAccount.All", ID: "3011c876-62b7-4ada-afa2-506cbbecc68c", Instead: []string{"User.ReadWrite.All", "Directory.ReadWrite.All"},
	}
	revoke := directory.Permission{
		Name: "User.RevokeSessions.All", ID: "77f3a031-c388-4f99-b373-dc68676a979e", Instead: []string{"User.ReadWrite.All", "Directory.ReadWrite.All"},
	}
	passwords := directory.Permission{Name: "User-PasswordProfile.ReadWrite.All", ID: "cc117bb9-00cf-4eb8-b580-ea2a878fe8f7", Instead: []string{"User.ReadWrite.All", "Directory.ReadWrite.All"}}
	invite := directory.Permission{
		Name: "User.Invite.All", ID: "09850681-111b-4a89-9bed-3f2cae46d706", Instead: []string{"User.ReadWrite.All", "Directory.ReadWrite.All"},
	}
	licences := directory.Permission{
		Name: "LicenseAssignment.ReadWrite.All", ID: "5facf0c1-8979-4e95-abcf-ff3d079771c0", Instead: []string{"User.ReadWrite.All", "Directory.ReadWrite.All"},
	}
	appRoles := directory.Permission{Name: "AppRoleAssignment.ReadWrite.All", ID: "06b708a9-e830-4db3-a914-8e69da51d44f"}
	roles := directory.Permission{Name: "RoleManagement.ReadWrite.Directory", ID: "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8"}
	security := directory.Permission{Name: "CustomSecAttributeAssignment.ReadWrite.All", ID: "de89b5e4-5b8f-48eb-8925-29c2b33bd8bd"}
	identities := directory.Permission{Name: "User.ManageIdentities.All", ID: "c529cfca-c91b-489c-af2b-d92990b66ce6"}
	units := directory.Permission{Name: "AdministrativeUnit.ReadWrite.All", ID: "5eb59dd3-1da2-4329-8733-9dabdc435916", Instead: []string{"Directory.ReadWrite.All"}}
	applications := directory.Permission{Name: "Application.ReadWrite.All", ID: "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9", Instead: []string{"Directory.ReadWrite.All"}}
	devices := directory.Permission{Name: "Device.ReadWrite.All", ID: "1138cb37-bd11-4084-a2b7-9f71582aeddb", Instead: []string{"Directory.ReadWrite.All"}}
	grants := directory.Permission{Name: "DelegatedPermissionGrant.ReadWrite.All", ID: "8e8e4742-1d95-4f68-9d56-6ee75648c72a", Instead: []string{"Directory.ReadWrite.All"}}

	object := []sdk.Operation{sdk.Create, sdk.Update, sdk.Delete, sdk.Restore, sdk.Enable, sdk.Disable}
	return []Need{
		{Entity: "user", Operations: []sdk.Operation{sdk.Create, sdk.Update}, For: "create and update users", Permission: users},
		{Entity: "user", Operations: []sdk.Operation{sdk.Delete, sdk.Restore}, For: "delete and restore users", Permission: deleteUsers},
		{Entity: "user", Operations: []sdk.Operation{sdk.Enable, sdk.Disable}, For: "enable and disable users", Permission: enableUsers},
		{Entity: "user", Operations: []sdk.Operation{sdk.RevokeSessions}, For: "revoke sign-in sessions", Permission: revoke},
		{Entity: "user", Operations: []sdk.Operation{sdk.SetPassword}, For: "set passwords; the application also needs the Entra role User Administrator", Permission: passwords},
		{Entity: "user", Operations: []sdk.Operation{sdk.Invite}, For: "invite guests", Permission: invite},
		{Entity: "user", Attribute: "identities", For: "write identities of users", Permission: identities},
		{Entity: "user", Attribute: "customSecurityAttributes", For: "write custom security attributes", Permission: security},
		{Entity: "user", Navigation: "manager", For: "set managers", Permission: usersOnly},
		{Entity: "user", Navigation: "memberOf", For: "members of groups", Permission: members},
		{Entity: "user", Navigation: "assignedLicenses", For: "licences of users", Permission: licences},
		{Entity: "user", Navigation: "appRoleAssignments", For: "app roles of users", Permission: appRoles},

		{Entity: "group", Operations: []sdk.Operation{sdk.Create}, For: "create groups", Permission: createGroups},
		{Entity: "group", Operations: []sdk.Operation{sdk.Update}, For: "update groups", Permission: groups},
		{Entity: "group", Operations: []sdk.Operation{sdk.Delete, sdk.Restore}, For: "delete and restore groups", Permission: groupsOnly},
		{Entity: "group", Navigation: "members", For: "members of groups", Permission: members},
		{Entity: "group", Navigation: "memberOf", For: "groups in groups", Permission: members},
		{Entity: "group", Navigation: "owners", For: "owners of groups", Permission: groups},
		{Entity: "group", Navigation: "assignedLicenses", For: "licences of groups", Permission: licences},
		{Entity: "group", Navigation: "appRoleAssignments", For: "app roles of groups", Permission: appRoles},

		{Entity: "directoryRole", Operations: object, For: "activate directory roles", Permission: roles},
		{Entity: "directoryRole", Navigation: "members", For: "members of directory roles", Permission: roles},
		{Entity: "administrativeUnit", Operations: object, For: "write administrative units", Permission: units},
		{Entity: "administrativeUnit", Navigation: "members", For: "members of administrative units", Permission: units},
		{Entity: "servicePrincipal", Operations: object, For: "write service principals", Permission: applications},
		{Entity: "servicePrincipal", Navigation: "memberOf", For: "service principals in groups", Permission: members},
		{Entity: "servicePrincipal", Navigation: "owners", For: "owners of service principals", Permission: applications},
		{Entity: "servicePrincipal", Navigation: "appRoleAssignments", For: "app roles of service principals", Permission: appRoles},
		{Entity: "application", Operations: object, For: "write applications", Permission: applications},
		{Entity: "application", Navigation: "owners", For: "owners of applications", Permission: applications},
		{Entity: "device", Operations: object, For: "write devices", Permission: devices},
		{Entity: "device", Navigation: "memberOf", For: "devices in groups", Permission: members},
		{Entity: "oAuth2PermissionGrant", Operations: object, For: "write permission grants", Permission: grants},
	}
}
