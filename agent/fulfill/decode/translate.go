package decode

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk"
)

// translation makes orders of one that was received.
type translation struct {
	*document
	from     received
	resource *ResourceType
	entity   *EntityType

	order  order.Order
	given  string // the password, if the order gives it
	wanted bool   // a password is to be set
	more   []order.Order
}

func (t *translation) translate() error {
	if t.from.assignment == "" {
		t.problem(t.began, "", "See that the file is one of provisioning orders", "AssignedResourceTypeId is missing")
	}
	if t.from.workflow != "" {
		t.order.RequestedBy = "workflow " + t.from.workflow
	}
	if !t.findMappings() {
		return nil
	}
	t.order.Connection = t.resource.Connection
	t.order.Entity = t.entityName()
	switch strings.ToLower(t.from.changeType) {
	case "added":
		t.order.Operation = sdk.Create
		if t.resource.invites() && t.order.Entity == "user" {
			t.order.Operation = sdk.Invite
			t.invite()
		}
	case "modified":
		t.order.Operation = sdk.Update
	case "deleted":
		t.order.Operation = sdk.Delete
	default:
		t.problem(t.began, "ChangeType", "It is Added, Modified or Deleted", "the ChangeType %s is not known", quoted(t.from.changeType))
		return nil
	}
	if !t.order.Makes() {
		t.key()
	}
	if t.order.Operation == sdk.Delete {
		return nil // what the changes say of an object that goes makes no difference
	}
	for _, c := range t.from.changes {
		t.change(c)
	}
	return t.password()
}

// findMappings finds what the names in the order stand for.
func (t *translation) findMappings() bool {
	t.resource = t.mappings.resourceType(t.from.resourceType)
	if t.resource == nil {
		var known []string
		for _, r := range t.mappings.ResourceTypes {
			known = append(known, r.Identifier)
		}
		t.problem(t.began, "ResourceType", "Add an AzureADResourceTypeMapping with this Identifier", "the resource type %s has no mapping%s",
			quoted(t.from.resourceType), tree.DidYouMean(t.from.resourceType, known))
		return false
	}
	if err := t.resource.Check(); err != nil {
		t.problem(t.began, "ResourceType", "Correct the mapping", "%v", err)
		return false
	}
	entity, ok := t.mappings.entityType(t.from.entityType)
	if !ok {
		t.problem(t.began, "ResourceType", "Add an EntityTypeMapping with this Identifier", "the entity type %s has no mapping", quoted(t.from.entityType))
	}
	t.entity = entity
	return ok
}

// entityName is what kind of object the order is about: what the object says itself, or the
// first class of the mapping.
func (t *translation) entityName() string {
	classes := t.resource.classes()
	if len(classes) > 1 {
		name := strings.TrimPrefix(t.current("@odata.type"), "#microsoft.graph.")
		if name != "" {
			return name
		}
	}
	return entityOf(classes[0])
}

// current is the text of a column in the changes or else of the object as it is.
func (t *translation) current(column string) string {
	for _, c := range t.from.changes {
		if p, ok := t.entity.column(c.name); ok && p.ConnectionColumn == column {
			return textOf(c.value)
		}
	}
	if t.entity == nil {
		return textOf(lookup(t.from.resource, column))
	}
	for _, p := range t.entity.Properties {
		if p.ConnectionColumn == column {
			return textOf(lookup(t.from.resource, p.Identifier))
		}
	}
	return ""
}

// key names the object. What it is now comes first: the changes may give it another name.
func (t *translation) key() {
	identifier := t.resource.key()
	value := textOf(lookup(t.from.resource, identifier))
	if value == "" {
		for _, c := range t.from.changes {
			if strings.EqualFold(c.name, identifier) {
				value = textOf(c.value)
			}
		}
	}
	if value == "" {
		t.problem(t.began, identifier, "See that the product has synchronized the object and knows its id", "neither Resource nor Changes says which object it is")
		return
	}
	t.order.Key = t.ref(identifier, value)
}

// ref names an object by a property.
func (t *translation) ref(identifier, value string) order.Ref {
	column := "id"
	if p, ok := t.entity.column(identifier); ok {
		column = p.ConnectionColumn
	}
	if column == "id" {
		return order.Ref{ID: value}
	}
	return order.Ref{Attribute: column, Value: value}
}

// change translates one new value.
func (t *translation) change(c member) {
	if navigation, ok := cutSuffixFold(c.name, "_add"); ok {
		t.link(c, navigation, func(l *order.Link, target order.Ref) { l.Add = append(l.Add, target) })
		return
	}
	if navigation, ok := cutSuffixFold(c.name, "_remove"); ok {
		t.link(c, navigation, func(l *order.Link, target order.Ref) { l.Remove = append(l.Remove, target) })
		return
	}
	p, ok := t.entity.column(c.name)
	switch {
	case !ok:
		t.problem(c.place, c.name, "Add the property to the EntityTypeMapping, with its ConnectionColumn",
			"the property is not mapped%s", tree.DidYouMean(c.name, t.entity.identifiers()))
	case p.ConnectionColumn == "id" || p.ConnectionColumn == "@odata.type":
		// The system gives both; they are there to name the object.
	case isPassword(p.ConnectionColumn):
		t.takePassword(c)
	case t.order.Operation == sdk.Invite && t.invitation(c):
	default:
		t.attribute(p, c.value)
	}
}

func cutSuffixFold(text, suffix string) (string, bool) {
	if n := len(text) - len(suffix); n > 0 && strings.EqualFold(text[n:], suffix) {
		return text[:n], true
	}
	return text, false
}

// attribute sets an attribute. An empty text is no value, as in the product's database; of a new
// object nothing need be cleared.
func (t *translation) attribute(p EntityProperty, value json.RawMessage) {
	if string(value) == `""` {
		value = json.RawMessage("null")
	}
	if jsontext.Value(value).Kind() == 'n' && t.order.Makes() {
		return
	}
	if strings.EqualFold(p.Format, "MultivaluedText") && jsontext.Value(value).Kind() != '[' {
		lines := strings.FieldsFunc(textOf(value), func(r rune) bool { return r == '\n' || r == '\r' })
		if lines == nil {
			lines = []string{}
		}
		value, _ = json.Marshal(lines) // texts are no problem
	}
	t.order.Attributes = append(t.order.Attributes, order.Attribute{Path: p.ConnectionColumn, Value: value})
}

// objectID is the form of the ids that Entra gives.
var objectID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// link translates a list of targets.
func (t *translation) link(c member, identifier string, add func(*order.Link, order.Ref)) {
	navigation := identifier
	same := func(p ResourceProperty) bool { return strings.EqualFold(p.Property, identifier) }
	if p, ok := t.resource.property(same); ok && p.DataSourceBacklinkColumnName != "" {
		navigation = otherSide(p.DataSourceBacklinkColumnName)
	} else if p, ok := t.entity.column(identifier); ok {
		navigation = p.ConnectionColumn
	}
	var targets []json.RawMessage
	if json.Unmarshal(c.value, &targets) != nil {
		t.problem(c.place, c.name, "", "it must be a list in brackets")
		return
	}
	if len(targets) == 0 {
		return
	}
	i := slices.IndexFunc(t.order.Links, func(l order.Link) bool { return l.Navigation == navigation })
	if i < 0 {
		i = len(t.order.Links)
		t.order.Links = append(t.order.Links, order.Link{Navigation: navigation})
	}
	for n, target := range targets {
		id := t.target(target)
		if id == "" {
			t.problem(c.place, c.name, "See that the product has synchronized the object and knows its id", "target %d of %d has no object id", n+1, len(targets))
			continue
		}
		add(&t.order.Links[i], order.Ref{ID: id})
	}
}

// target is the object id of a target, which is a text or an object; "" if it has none. What an
// object calls Id may be the product's own number.
func (t *translation) target(value json.RawMessage) string {
	if id := textOf(value); objectID.MatchString(id) {
		return id
	}
	for _, name := range []string{t.resource.key(), "objectid", "Id", "Identifier"} {
		if id := textOf(lookup(value, name)); objectID.MatchString(id) {
			return id
		}
	}
	return ""
}

// invite gives what every invitation of the resource type says.
func (t *translation) invite() {
	r := t.resource
	language := r.InvitationMessageLanguage
	if language == "" {
		language = "en-US"
	}
	t.set("sendInvitationMessage", true)
	t.set("inviteRedirectUrl", r.InvitationRedirectURL)
	t.set("invitedUserMessageInfo/messageLanguage", language)
	if r.InvitationCustomizedMessageBody != "" {
		t.set("invitedUserMessageInfo/customizedMessageBody", r.InvitationCustomizedMessageBody)
	}
}

func (t *translation) set(path string, value any) {
	text, _ := json.Marshal(value) // a text or a truth value
	t.order.Attributes = append(t.order.Attributes, order.Attribute{Path: path, Value: text})
}

// invitation takes a value that goes into the invitation.
func (t *translation) invitation(c member) bool {
	p, _ := t.resource.property(func(p ResourceProperty) bool { return strings.EqualFold(p.Property, c.name) })
	switch {
	case p.IsMailProperty:
		t.set("invitedUserEmailAddress", textOf(c.value))
	case p.IsDisplayNameProperty:
		t.set("invitedUserDisplayName", textOf(c.value))
	default:
		return false
	}
	return true
}

// takePassword takes a password that the order gives: a text, or a passwordProfile, whose other
// members are attributes.
func (t *translation) takePassword(c member) {
	t.given = textOf(c.value)
	var members map[string]json.RawMessage
	if json.Unmarshal(c.value, &members) == nil {
		t.given = textOf(members["password"])
		delete(members, "password")
		for _, name := range sorted(members) {
			t.order.Attributes = append(t.order.Attributes, order.Attribute{Path: profile + "/" + name, Value: members[name]})
		}
	}
	t.wanted = t.given != ""
	if !t.wanted {
		t.problem(c.place, c.name, "Leave it out to have a password made", "the password is empty or no text")
	}
}

// password makes the order ask for a password: a new user gets one, and so does whose order gives one.
func (t *translation) password() error {
	made := t.order.Operation == sdk.Create && t.order.Entity == "user"
	if t.order.Operation == sdk.Invite || !t.wanted && !made {
		return nil
	}
	o := &t.order
	if o.Operation == sdk.Update {
		o = t.passwordOrder()
	}
	return t.secret(t.began, o, t.resource.PasswordResetSetting, Wish{Value: t.given}, t.find)
}

// passwordOrder is the order that sets the password of an object that is there: the order itself
// if it asks for nothing else, or one that follows it.
func (t *translation) passwordOrder() *order.Order {
	isProfile := func(a order.Attribute) bool { return strings.HasPrefix(a.Path, profile+"/") }
	rest := slices.DeleteFunc(slices.Clone(t.order.Attributes), isProfile)
	if len(rest) == 0 && len(t.order.Links) == 0 {
		t.order.Operation = sdk.SetPassword
		return &t.order
	}
	next := t.order
	next.ID, next.Operation, next.DependsOn = fmt.Sprintf("%s/password", t.order.ID), sdk.SetPassword, []string{t.order.ID}
	next.Links = nil
	next.Attributes = slices.DeleteFunc(slices.Clone(t.order.Attributes), func(a order.Attribute) bool { return !isProfile(a) })
	t.order.Attributes = rest
	t.more = append(t.more, next)
	return &t.more[0]
}

// find returns what stands where a binding says: in the owner of the resource, which the order has
// a copy of, in the changes, or in the object as it is. "" if nothing does.
func (t *translation) find(binding string) string {
	steps := segments(binding)
	if steps[0] == "Owner" {
		steps = steps[1:]
	} else if len(steps) == 1 {
		for _, c := range t.from.changes {
			if strings.EqualFold(c.name, steps[0]) {
				return textOf(c.value)
			}
		}
		if text := textOf(lookup(t.from.resource, steps[0])); text != "" {
			return text
		}
	}
	at := t.from.owner
	for _, step := range steps {
		at = lookup(at, step)
	}
	if text := textOf(at); text != "" || len(steps) == 0 {
		return text
	}
	// The copy may be flat: MainRecord.Mail is Mail or MainMail in it. What lies beyond another
	// object, such as the manager's address, is not in it.
	if len(steps) == 2 && strings.EqualFold(steps[0], "MainRecord") {
		for _, name := range []string{steps[1], "Main" + steps[1]} {
			if text := textOf(lookup(t.from.owner, name)); text != "" {
				return text
			}
		}
	}
	return ""
}
