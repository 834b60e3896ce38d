// Package tenant is the world that the sandbox serves: a directory of users,
// groups and other objects, made up from a seed.
//
// Nothing is stored for an object. Its id is an enciphered (kind, index), its
// properties are computed from the seed and the index whenever somebody asks,
// so that a tenant of a million users costs no more memory than one of ten.
package tenant

// Kind is one sort of directory object.
type Kind uint8

// The kinds that the sandbox holds.
const (
	User Kind = iota + 1
	Group
	DirectoryRole
	ServicePrincipal
	Application
	Device
	OrgContact
	AdministrativeUnit
	PermissionGrant
	Organization
	// What follows are no directory objects: no delta query tells them.
	AppRoleAssignment
	Sku
	kindEnd
)

// Kinds returns every kind of directory object, in a fixed order.
func Kinds() []Kind {
	kinds := make([]Kind, 0, Organization)
	for k := User; k <= Organization; k++ {
		kinds = append(kinds, k)
	}
	return kinds
}

type kindNames struct{ entity, collection string }

var kindTable = [kindEnd]kindNames{
	User:               {"user", "users"},
	Group:              {"group", "groups"},
	DirectoryRole:      {"directoryRole", "directoryRoles"},
	ServicePrincipal:   {"servicePrincipal", "servicePrincipals"},
	Application:        {"application", "applications"},
	Device:             {"device", "devices"},
	OrgContact:         {"orgContact", "contacts"},
	AdministrativeUnit: {"administrativeUnit", "administrativeUnits"},
	PermissionGrant:    {"oAuth2PermissionGrant", "oauth2PermissionGrants"},
	Organization:       {"organization", "organization"},
	AppRoleAssignment:  {"appRoleAssignment", "appRoleAssignments"},
	Sku:                {"subscribedSku", "subscribedSkus"},
}

// Entity is the name of the kind's entity type without its namespace, such as
// "orgContact".
func (k Kind) Entity() string { return kindTable[k].entity }

// Collection is the name of the kind's entity set, such as "contacts".
func (k Kind) Collection() string { return kindTable[k].collection }

// String is the entity's name.
func (k Kind) String() string { return k.Entity() }

// Ref names one object by kind and index. Indexes count from zero; those from
// World.Count on belong to World.Ghosts objects that were deleted before the
// tenant was made, then to such as are created later.
type Ref struct {
	Kind  Kind
	Index uint32
}

// Property is one property that a kind can have.
type Property struct {
	// Name is the property's name as Graph spells it.
	Name string
	// Default says that a response without $select carries it.
	Default bool
	// Place is where the service keeps it, which decides what can return it.
	Place Place

	// steady properties are the same in an object's older states.
	steady bool
	// given properties come from the service itself, also for an object that a
	// request has made; fresh is the value of others there until they are set.
	given bool
	fresh string
	// lead makes objects be found by this property, see Holding.
	lead     leadFunc
	salt     uint64
	position int // in its schema
	value    valueFunc
}

// Place is where the service keeps a property.
type Place uint8

const (
	// Directory is the main store: list, get and delta return the property.
	Directory Place = iota
	// SharePoint holds profile texts: only a get of one user returns them.
	SharePoint
	// Elsewhere is outside the main store: list and get, but never delta.
	Elsewhere
	// Secret is the main store too, but only for applications that may read
	// custom security attributes; delta refuses it.
	Secret
)

// valueFunc appends a property's value as JSON. Leaving dst as it is means
// that the property was never set. h is a hash of the object and the property.
type valueFunc func(dst []byte, o *Object, h uint64) []byte
