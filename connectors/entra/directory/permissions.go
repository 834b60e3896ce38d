package directory

import "slices"

// A Permission is an application permission of Microsoft Graph.
type Permission struct {
	Name string
	ID   string // of the app role that Microsoft Graph has for it

	// Instead names wider permissions that grant the same, narrower ones first.
	Instead []string
}

// GrantedBy returns the first of roles that grants p, or "".
func (p Permission) GrantedBy(roles []string) string {
	for _, name := range append([]string{p.Name}, p.Instead...) {
		if slices.Contains(roles, name) {
			return name
		}
	}
	return ""
}

// Hint says how to have p granted.
func (p Permission) Hint() string {
	return "Grant the application " + p.Name + " (an application permission of Microsoft Graph) and give admin consent"
}

// GraphID is the application id of Microsoft Graph, whose app roles the permissions
// are. It is the same in every tenant and cloud.
const GraphID = "00000003-0000-0000-c000-000000000000"

// MemberReadHidden is needed by no entity: without it Graph leaves out the members of groups
// and administrative units whose membership is hidden.
func MemberReadHidden() Permission {
	return Permission{Name: "Member.Read.Hidden", ID: "658aa5d8-239f-45c4-aa12-864f4fc7e490"}
}

// ApplicationReadAll reads when the credentials of the application itself end.
func ApplicationReadAll() Permission { return readApplications() }

// The permissions, with the ids of https://learn.microsoft.com/graph/permissions-reference
// and what suffices by the "Permissions" table of each delta function below
// https://learn.microsoft.com/graph/api/overview.

func readUsers() Permission {
	return Permission{"User.Read.All", "df021288-bdef-4463-88db-98f22de89214", orDirectory("User.ReadWrite.All")}
}

func readGroups() Permission {
	return Permission{
		"GroupMember.Read.All", "98830695-27a2-44f7-8c18-0c3ebc9698f6",
		orDirectory("Group.Read.All", "GroupMember.ReadWrite.All", "Group.ReadWrite.All"),
	}
}

func readRoles() Permission {
	return Permission{"RoleManagement.Read.Directory", "483bed4a-2ad3-4361-a73b-c83ccdbdc53c", orDirectory("RoleManagement.ReadWrite.Directory")}
}

// readApplications is that of service principals, too. Microsoft counts
// Application.ReadWrite.OwnedBy as the lesser one, but that can write.
func readApplications() Permission {
	return Permission{
		"Application.Read.All", "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
		orDirectory("Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"),
	}
}

func readDevices() Permission {
	return Permission{"Device.Read.All", "7438b122-aefc-4978-80ed-43db9fcc7715", orDirectory("Device.ReadWrite.All")}
}

func readContacts() Permission {
	return Permission{"OrgContact.Read.All", "e1a88a34-94c4-4418-be12-c87b00e26bea", orDirectory()}
}

func readUnits() Permission {
	return Permission{"AdministrativeUnit.Read.All", "134fd756-38ce-4afd-ba33-e9623dbe66c2", orDirectory("AdministrativeUnit.ReadWrite.All")}
}

func readDirectory() Permission {
	return Permission{"Directory.Read.All", "7ab1d382-f21e-4acd-a863-ba3e13f7da61", []string{"Directory.ReadWrite.All"}}
}

// orDirectory adds the permissions that read the whole directory.
func orDirectory(narrower ...string) []string {
	return append(narrower, "Directory.Read.All", "Directory.ReadWrite.All")
}
