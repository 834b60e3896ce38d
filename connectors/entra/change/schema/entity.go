// Package schema knows what orders may say: which entities, attributes and links can be
// written, in which operation and by which type. It sends nothing.
package schema

import (
	"slices"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Entity is what orders can do with one kind of object.
type Entity struct {
	directory.Entity
	Operations []sdk.Operation
	Required   []string // to create one
	Keys       []string // attributes that name one object, for sdk.ObjectKey
	Links      []Navigation

	rules map[string]rule // by property
}

// Kind is how links of a navigation are written.
type Kind int

// The kinds of navigations.
const (
	References Kind = iota // POST and DELETE of /$ref
	Members                // of a group: many in one request
	MemberOf               // the members of a group, seen from the member
	Single                 // PUT and DELETE of /$ref
	Licences               // assignLicense
	AppRoles               // app role assignments
)

// Navigation is one of an entity whose links can be changed.
type Navigation struct {
	Name   string
	Kind   Kind
	Target string // the entity that a natural key of a target is of, if the key does not tell
}

// Navigation returns the navigation of that name.
func (e Entity) Navigation(name string) (Navigation, bool) {
	if i := slices.IndexFunc(e.Links, func(n Navigation) bool { return n.Name == name }); i >= 0 {
		return e.Links[i], true
	}
	return Navigation{}, false
}

// Can reports whether orders can do that with the entity.
func (e Entity) Can(o sdk.Operation) bool { return slices.Contains(e.Operations, o) }

// rule is what holds for a property. The zero rule: it can be written at any time.
type rule struct {
	when    when
	instead string // of a property that cannot be written: what to do
	apart   string // goes into a request of its own, with the others of this name
	kept    bool   // cannot be cleared
	longest int    // characters; 0: not known
}

type when int

const (
	always when = iota
	never
	onCreate
	onUpdate
)

// Find returns the entity of that name, if orders can do anything with it.
func Find(name string) (Entity, bool) {
	if i := slices.IndexFunc(entities, func(e Entity) bool { return e.Name == name }); i >= 0 {
		return entities[i], true
	}
	return Entity{}, false
}

// Entities returns every entity that orders can write, users first.
func Entities() []Entity { return slices.Clone(entities) }

// entities is made once: each order looks things up in it, and nothing changes it.
var entities = makeEntities()

// makeEntities lists what each entity can do, by its pages below
// https://learn.microsoft.com/graph/api/overview.
func makeEntities() []Entity {
	return []Entity{
		entity(Entity{
			Operations: []sdk.Operation{
				sdk.Create, sdk.Update, sdk.Delete, sdk.Restore, sdk.Enable, sdk.Disable, sdk.Invite, sdk.RevokeSessions, sdk.SetPassword,
			},
			Required: []string{"accountEnabled", "displayName", "mailNickname", "userPrincipalName", Password},
			Keys:     []string{"userPrincipalName", "mailNickname", "employeeId", "mail", "onPremisesImmutableId", "displayName"},
			Links: []Navigation{
				{"memberOf", MemberOf, "group"},
				{"manager", Single, "user"},
				{"assignedLicenses", Licences, ""},
				{"appRoleAssignments", AppRoles, "servicePrincipal"},
			},
			rules: userRules(),
		}, "user"),
		entity(Entity{
			Operations: []sdk.Operation{sdk.Create, sdk.Update, sdk.Delete, sdk.Restore},
			Required:   []string{"displayName", "mailEnabled", "mailNickname", "securityEnabled"},
			Keys:       []string{"uniqueName", "mailNickname", "mail", "displayName"},
			Links: []Navigation{
				{"members", Members, "user"},
				{"owners", References, "user"},
				{"memberOf", MemberOf, "group"},
				{"assignedLicenses", Licences, ""},
				{"appRoleAssignments", AppRoles, "servicePrincipal"},
			},
			rules: groupRules(),
		}, "group"),
		entity(Entity{
			Operations: []sdk.Operation{sdk.Create, sdk.Update}, // create: activate from its template
			Required:   []string{"roleTemplateId"},
			Keys:       []string{"roleTemplateId", "displayName"},
			Links:      []Navigation{{"members", References, "user"}},
			rules:      directoryRoleRules(),
		}, "directoryRole"),
		entity(Entity{
			Operations: []sdk.Operation{sdk.Create, sdk.Update, sdk.Delete, sdk.Restore},
			Required:   []string{"displayName"},
			Keys:       []string{"displayName"},
			Links:      []Navigation{{"members", References, "user"}},
			rules:      administrativeUnitRules(),
		}, "administrativeUnit"),
		entity(Entity{
			Operations: []sdk.Operation{sdk.Create, sdk.Update, sdk.Delete, sdk.Restore, sdk.Enable, sdk.Disable},
			Required:   []string{"appId"},
			Keys:       []string{"appId", "displayName"},
			Links: []Navigation{
				{"memberOf", MemberOf, "group"},
				{"owners", References, "user"},
				{"appRoleAssignments", AppRoles, "servicePrincipal"},
			},
			rules: servicePrincipalRules(),
		}, "servicePrincipal"),
		entity(Entity{
			Operations: []sdk.Operation{sdk.Create, sdk.Update, sdk.Delete, sdk.Restore},
			Required:   []string{"displayName"},
			Keys:       []string{"appId", "uniqueName", "displayName"},
			Links:      []Navigation{{"owners", References, "user"}},
			rules:      applicationRules(),
		}, "application"),
		entity(Entity{
			Operations: []sdk.Operation{sdk.Update, sdk.Delete, sdk.Enable, sdk.Disable},
			Keys:       []string{"deviceId", "displayName"},
			Links:      []Navigation{{"memberOf", MemberOf, "group"}},
			rules:      deviceRules(),
		}, "device"),
		entity(Entity{
			Operations: []sdk.Operation{sdk.Create, sdk.Update, sdk.Delete},
			Required:   []string{"clientId", "consentType", "resourceId", "scope"},
			rules:      grantRules(),
		}, "oAuth2PermissionGrant"),
	}
}

// entity adds what the directory knows of it.
func entity(e Entity, name string) Entity {
	e.Entity, _ = directory.Find(name) // a test finds each
	return e
}
