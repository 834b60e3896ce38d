package decode

import (
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Mappings say what the names in an order of the reference product stand for. They are the
// elements AzureADResourceTypeMapping and EntityTypeMapping of its configuration.
type Mappings struct {
	ResourceTypes []ResourceType
	// EntityTypes may be empty: then the properties of orders have the names that the target
	// system gives them, but objectid, which is id.
	EntityTypes []EntityType
}

// ResourceType is one AzureADResourceTypeMapping: how the resources of a type are made. The
// names are those of its attributes.
type ResourceType struct {
	Identifier string
	Connection string // of the orders; empty: the one that they are given to
	// DefaultObjectClass are collections of Graph, such as "users", separated by line breaks.
	DefaultObjectClass   string
	PasswordResetSetting string // obligatory for users, unless they are invited
	// InvitationMode is None, which is the default, or MicrosoftInvitation.
	InvitationMode                  string
	InvitationRedirectURL           string // obligatory for an invitation
	InvitationCustomizedMessageBody string
	InvitationMessageLanguage       string // default English
	Properties                      []ResourceProperty
}

// ResourceProperty says what a property of the entity type is for.
type ResourceProperty struct {
	Property              string // its identifier
	IsDNProperty          bool   // it names the object
	IsDisplayNameProperty bool   // it is the guest's name in an invitation
	IsMailProperty        bool   // it is the guest's address
	// DataSourceBacklinkColumnName is the navigation that is written on the side of the other object,
	// such as "member" for the groups of a user.
	DataSourceBacklinkColumnName string
}

// EntityType is one EntityTypeMapping: which attribute of the target system a property is.
type EntityType struct {
	Identifier string
	Properties []EntityProperty
}

// EntityProperty maps one property.
type EntityProperty struct {
	Identifier       string
	ConnectionColumn string
	Format           string // MultivaluedText: the lines of a text are the values of a list
}

const (
	noInvitation        = "None"
	microsoftInvitation = "MicrosoftInvitation"
)

// Check tells what is wrong with the mapping of a resource type; nil if nothing is. The error is
// fault.Invalid.
func (t *ResourceType) Check() error {
	wrong := func(hint, format string, args ...any) error {
		return fault.Errorf(fault.Invalid, "the mapping of the resource type "+t.Identifier+": "+format, args...).WithHint("%s", hint)
	}
	switch classes := t.classes(); {
	case t.Identifier == "":
		return fault.Errorf(fault.Invalid, "the mapping of a resource type has no Identifier").WithHint("Give it the Identifier of the resource type")
	case len(classes) == 0:
		return wrong(`Give a collection of Graph, such as "users"`, "DefaultObjectClass is missing")
	case !t.invites() && t.InvitationMode != "" && !strings.EqualFold(t.InvitationMode, noInvitation):
		return wrong("Write None or MicrosoftInvitation", "the InvitationMode %s is not known", quoted(t.InvitationMode))
	case t.invites() && t.InvitationRedirectURL == "":
		return wrong("Give the address of the page that guests see when they have accepted", "InvitationRedirectUrl is missing")
	case !t.invites() && entityOf(classes[0]) == "user" && t.PasswordResetSetting == "":
		return wrong("Name a set of PasswordResetSettings", "PasswordResetSetting is missing")
	}
	for _, p := range t.Properties {
		if p.DataSourceBacklinkColumnName != "" && otherSide(p.DataSourceBacklinkColumnName) == "" {
			return wrong("Usher writes the members of groups so", "the links %s of %s cannot be written from the other side",
				quoted(p.DataSourceBacklinkColumnName), p.Property)
		}
	}
	return nil
}

// invites reports whether new resources are guests that get an invitation.
func (t *ResourceType) invites() bool {
	return strings.EqualFold(t.InvitationMode, microsoftInvitation)
}

func (t *ResourceType) classes() []string { return strings.Fields(t.DefaultObjectClass) }

// property returns the first property for which is holds.
func (t *ResourceType) property(is func(ResourceProperty) bool) (ResourceProperty, bool) {
	for _, p := range t.Properties {
		if is(p) {
			return p, true
		}
	}
	return ResourceProperty{}, false
}

// key is the identifier of the property that names the object.
func (t *ResourceType) key() string {
	if p, ok := t.property(func(p ResourceProperty) bool { return p.IsDNProperty }); ok {
		return p.Property
	}
	return "objectid"
}

// otherSide is the navigation that leads back, "" if none can be written.
func otherSide(navigation string) string {
	switch strings.ToLower(navigation) {
	case "member", "members":
		return "memberOf"
	default:
		return ""
	}
}

// entityOf is the name of what a collection of Graph holds; a name of an entity stays.
func entityOf(class string) string {
	switch {
	case strings.EqualFold(class, "contacts"):
		return "orgContact"
	case strings.EqualFold(class, "oauth2PermissionGrants"):
		return "oAuth2PermissionGrant"
	default:
		return strings.TrimSuffix(class, "s")
	}
}

// entityType returns the mapping of an entity type. The second result is false if there is none
// where there are others.
func (m *Mappings) entityType(identifier string) (*EntityType, bool) {
	for i := range m.EntityTypes {
		if strings.EqualFold(m.EntityTypes[i].Identifier, identifier) {
			return &m.EntityTypes[i], true
		}
	}
	return nil, len(m.EntityTypes) == 0
}

func (m *Mappings) resourceType(identifier string) *ResourceType {
	for i := range m.ResourceTypes {
		if strings.EqualFold(m.ResourceTypes[i].Identifier, identifier) {
			return &m.ResourceTypes[i]
		}
	}
	return nil
}

// column returns how a property is mapped. A nil EntityType maps each to itself.
func (t *EntityType) column(identifier string) (EntityProperty, bool) {
	if t == nil {
		if strings.EqualFold(identifier, "objectid") {
			return EntityProperty{Identifier: identifier, ConnectionColumn: "id"}, true
		}
		return EntityProperty{Identifier: identifier, ConnectionColumn: identifier}, true
	}
	for _, p := range t.Properties {
		if strings.EqualFold(p.Identifier, identifier) {
			return p, true
		}
	}
	return EntityProperty{}, false
}

// identifiers are the properties that are mapped.
func (t *EntityType) identifiers() (all []string) {
	for _, p := range t.Properties {
		all = append(all, p.Identifier)
	}
	return all
}
