package schema

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Change is what an order asks for, checked and in Graph's types.
type Change struct {
	sdk.Order
	Entity     Entity
	Values     []Value
	Invitation []Value // of an order to invite: what goes into the invitation
	Links      []Links
}

// Links is the change of one navigation.
type Links struct {
	Navigation
	sdk.LinkChange
}

// Password is the secret of the change, or empty.
func (c Change) Password() string { return c.Secrets[Password] }

// Detail is what belongs to the nth added target; null if nothing does.
func (l Links) Detail(n int) json.RawMessage {
	if n < len(l.Details) && len(l.Details[n]) > 0 {
		return l.Details[n]
	}
	return json.RawMessage("null")
}

// Examine reads an order. Problems are all the reasons why it can never be carried out; if
// there are any, the Change is of no use.
func Examine(o sdk.Order) (Change, []sdk.OrderProblem) {
	x := examination{Change: Change{Order: o}}
	var ok bool
	if x.Entity, ok = Find(o.Entity); !ok {
		var known []string
		for _, e := range Entities() {
			known = append(known, e.Name)
		}
		x.refuse("", fmt.Sprintf("the entity %q cannot be written", o.Entity),
			directory.Nearest(o.Entity, known, "Those that can are "+strings.Join(known, ", ")))
		return x.Change, x.problems
	}
	if !x.Entity.Can(o.Operation) {
		var can []string
		for _, op := range x.Entity.Operations {
			can = append(can, string(op))
		}
		x.refuse("", fmt.Sprintf("%s has no operation %q", o.Entity, o.Operation), "It has "+strings.Join(can, ", "))
		return x.Change, x.problems
	}
	x.key()
	switch o.Operation {
	case sdk.Enable:
		x.Values = append(x.Values, Set("accountEnabled", json.RawMessage("true")))
	case sdk.Disable:
		x.Values = append(x.Values, Set("accountEnabled", json.RawMessage("false")))
	}
	x.attributes()
	x.secrets()
	x.links()
	if x.creates() {
		x.required()
	}
	if o.Operation == sdk.Update && x.isEmpty() {
		x.refuse("", "the order changes nothing", "Give the attributes or the links to change")
	}
	return x.Change, x.problems
}

// isEmpty reports whether the order says nothing of what to change.
func (x *examination) isEmpty() bool {
	return len(x.Attributes)+len(x.Secrets) == 0 && !slices.ContainsFunc(x.Order.Links, func(l sdk.LinkChange) bool {
		return len(l.Add)+len(l.Remove) > 0
	})
}

type examination struct {
	Change
	problems []sdk.OrderProblem
}

func (x *examination) refuse(attribute, message, hint string) {
	x.problems = append(x.problems, sdk.OrderProblem{Order: x.ID, Attribute: attribute, Message: message, Hint: hint})
}

func (x *examination) creates() bool { return x.Operation == sdk.Create || x.Operation == sdk.Invite }

func (x *examination) key() {
	switch {
	case x.creates():
		if x.Key != (sdk.ObjectKey{}) {
			x.refuse("", "an object that is to be created cannot be named by a key", "Give its attributes only")
		}
	case x.Key == (sdk.ObjectKey{}):
		x.refuse("", "the order does not say which "+x.Entity.Name+" is meant", "Give its object id"+x.orKey())
	case x.Operation == sdk.Restore && x.Key.ID == "":
		x.refuse("", fmt.Sprintf("a deleted %s cannot be found by %q", x.Entity.Name, x.Key.Attribute),
			"Give the object id that it had: Entra keeps that, but changes userPrincipalName")
	default:
		x.keyOf("", x.Entity, x.Key)
	}
}

func (x *examination) orKey() string {
	if len(x.Entity.Keys) == 0 {
		return ""
	}
	return ", or one of " + strings.Join(x.Entity.Keys, ", ")
}

func (x *examination) keyOf(attribute string, e Entity, k sdk.ObjectKey) {
	switch {
	case k.ID != "" && e.Name == "oAuth2PermissionGrant" && grantID.MatchString(k.ID):
	case k.ID != "" && !IsGUID(k.ID):
		x.refuse(attribute, fmt.Sprintf("%q is not an object id", k.ID), "Give a GUID, or name the object by an attribute")
	case k.ID == "" && !slices.Contains(e.Keys, k.Attribute):
		x.refuse(attribute, fmt.Sprintf("%s cannot be found by %q", e.Name, k.Attribute),
			directory.Nearest(k.Attribute, e.Keys, "Give its object id, or one of "+strings.Join(e.Keys, ", ")))
	case k.ID == "" && k.Value == "":
		x.refuse(attribute, "the value of the key "+k.Attribute+" is empty", "Give the value")
	}
}

// grantID matches ids of permission grants, which are the only ones that are no GUIDs.
var grantID = regexp.MustCompile(`^[\w-]+$`)

func (x *examination) attributes() {
	switch x.Operation {
	case sdk.Create, sdk.Update, sdk.Invite, sdk.SetPassword:
	default:
		if len(x.Attributes) > 0 {
			x.refuse(x.Attributes[0].Path, fmt.Sprintf("the operation %s takes no attributes", x.Operation), "Give them in an order of their own")
		}
		return
	}
	seen := map[string]bool{}
	for _, a := range x.Attributes {
		if seen[a.Path] {
			x.refuse(a.Path, "the attribute is there twice", "Give it once")
			continue
		}
		seen[a.Path] = true
		if property, ok := invitationProperty(a.Path); ok && x.Operation == sdk.Invite {
			x.value(a, property, rule{}, &x.Invitation)
			continue
		}
		x.attribute(a)
	}
}

func (x *examination) attribute(a sdk.OrderAttribute) {
	path := strings.Split(a.Path, "/")
	property, ok := typeOf(x.Entity, path)
	if !ok || path[0] == securityAttributes && x.Entity.rules[securityAttributes].apart == "" {
		x.unknown(a.Path, path)
		return
	}
	r := x.Entity.rules[path[0]]
	switch {
	case x.Operation == sdk.SetPassword && path[0] != "passwordProfile":
		x.refuse(a.Path, "an order to set a password takes no other attributes", "Give it in an order to update")
	case r.when == never:
		x.refuse(a.Path, "it cannot be written", orElse(r.instead, "Leave it out"))
	case r.when == onCreate && x.Operation == sdk.Update:
		x.refuse(a.Path, "it cannot be changed once the "+x.Entity.Name+" is there", orElse(r.instead, "Leave it out"))
	case path[0] == "passwordProfile" && x.Operation == sdk.Invite:
		x.refuse(a.Path, "a guest has no password in this tenant", "Leave it out")
	default:
		x.value(a, property, r, &x.Values)
	}
}

func (x *examination) unknown(name string, path []string) {
	switch {
	case name == Password:
		x.refuse(name, "a password does not belong among the attributes", "Give it as a secret, or have it generated")
		return
	case path[0] == securityAttributes && x.Entity.rules[securityAttributes].apart != "":
		x.refuse(name, "it does not name one attribute of a set", "Give a path such as customSecurityAttributes/Engineering/ProjectDate")
		return
	}
	if _, ok := x.Entity.Navigation(path[0]); ok {
		x.refuse(name, path[0]+" is a navigation", "Give it among the links")
		return
	}
	var known []string
	for _, p := range x.Entity.Properties {
		known = append(known, p.Name)
	}
	x.refuse(name, fmt.Sprintf("%s has no attribute %q", x.Entity.Name, name), directory.Nearest(path[0], known, "Correct or remove it"))
}

func (x *examination) value(a sdk.OrderAttribute, p directory.Property, r rule, to *[]Value) {
	value, err := coerce(p, a.Value)
	switch {
	case err != nil:
		x.refuse(a.Path, fmt.Sprintf("the value is of a wrong type: %v", err), "Correct the value")
	case r.kept && string(value) == "null":
		x.refuse(a.Path, "it cannot be cleared", "Give a value, or leave it out")
	case tooLong(value, r.longest):
		x.refuse(a.Path, fmt.Sprintf("the value has more than %d characters", r.longest), "Shorten it")
	default:
		*to = append(*to, Value{Path: strings.Split(a.Path, "/"), JSON: value, rule: r})
	}
}

func (x *examination) secrets() {
	for name := range x.Secrets {
		if name != Password || x.Entity.Name != "user" {
			x.refuse(name, "there is no such secret", "A user has the secret "+Password)
		}
	}
	switch x.Operation {
	case sdk.SetPassword:
		if x.Password() == "" {
			x.refuse(Password, "the new password is missing", "Give it as a secret, or have it generated")
		}
	case sdk.Create:
	default:
		if len(x.Secrets) > 0 {
			x.refuse(Password, fmt.Sprintf("the operation %s takes no password", x.Operation), "Use setPassword")
		}
	}
}

func (x *examination) required() {
	needed := x.Entity.Required
	if x.Operation == sdk.Invite {
		needed = nil
		if x.InvitedAddress() == "" {
			x.refuse("invitedUserEmailAddress", "it is missing", "Give the address of the guest")
		}
	}
	for _, name := range needed {
		given := x.Value(name)
		if name == Password && x.Password() == "" || name != Password && (given == nil || string(given) == "null") {
			x.refuse(name, "it is missing, and a new "+x.Entity.Name+" needs it", "Give a value")
		}
	}
}

func orElse(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

// Value returns the new value of an attribute, or nil.
func (c Change) Value(name string) json.RawMessage {
	for _, v := range c.Values {
		if v.Name() == name {
			return v.JSON
		}
	}
	return nil
}

// Text returns the new value of an attribute if that is a text.
func (c Change) Text(name string) string {
	var text string
	_ = json.Unmarshal(c.Value(name), &text) // another type has no text
	return text
}
