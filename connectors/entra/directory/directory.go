// Package directory is what Entra ID holds, as data: its kinds of objects, where
// Microsoft Graph keeps them, their properties and links, which permission reads
// them, and what a delta query delivers of them and what it does not. [NewPlan]
// turns what an export asks for into requests, or tells all that is wrong with it
// before anything is sent.
package directory

import "slices"

// Entity is one kind of directory object.
type Entity struct {
	Name        string     // as its type is called, such as "user"
	Path        string     // of its collection below the Graph root, such as "users"
	Permission  Permission // the least one that its delta query asks for, to read only
	Navigations []string   // the links that its delta query delivers
	Properties  []Property

	// Extensions tells that applications can add directory extensions to it
	// (https://learn.microsoft.com/graph/extensibility-overview#directory-microsoft-entra-id-extensions).
	Extensions bool

	// UntrackedIn names the clouds that have no delta query for it, as the metadata of their
	// Graph tells: Global, USGov, USGovDoD or China.
	UntrackedIn []string
}

// Property is a property of an entity, or a member of a complex type.
type Property struct {
	Name string
	Type string // "String", "Boolean", ..., or the name of a complex type or an enumeration
	List bool   // holds several
}

// Entities returns every entity that can be exported, users first. The result is
// the caller's.
func Entities() []Entity {
	return []Entity{
		{
			Name: "user", Path: "users", Permission: readUsers(),
			Navigations: []string{"manager"}, Properties: userProperties(), Extensions: true,
		},
		{
			Name: "group", Path: "groups", Permission: readGroups(),
			Navigations: []string{"members", "owners"}, Properties: groupProperties(), Extensions: true,
		},
		{
			Name: "directoryRole", Path: "directoryRoles", Permission: readRoles(),
			Navigations: []string{"members"}, Properties: directoryRoleProperties(),
		},
		{
			Name: "servicePrincipal", Path: "servicePrincipals", Permission: readApplications(),
			Properties: servicePrincipalProperties(),
		},
		{
			Name: "application", Path: "applications", Permission: readApplications(),
			Properties: applicationProperties(), Extensions: true,
		},
		{
			Name: "device", Path: "devices", Permission: readDevices(),
			Properties: deviceProperties(), Extensions: true,
		},
		{
			Name: "orgContact", Path: "contacts", Permission: readContacts(),
			Properties: orgContactProperties(),
		},
		{
			Name: "administrativeUnit", Path: "directory/administrativeUnits", Permission: readUnits(),
			Navigations: []string{"members"}, Properties: administrativeUnitProperties(), Extensions: true,
			UntrackedIn: []string{"China"},
		},
		{
			Name: "oAuth2PermissionGrant", Path: "oauth2PermissionGrants", Permission: readDirectory(),
			Properties: oAuth2PermissionGrantProperties(),
		},
	}
}

// property returns the property of that name.
func property(of []Property, name string) (Property, bool) {
	if i := slices.IndexFunc(of, func(p Property) bool { return p.Name == name }); i >= 0 {
		return of[i], true
	}
	return Property{}, false
}
