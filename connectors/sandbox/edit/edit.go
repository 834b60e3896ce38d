// Package edit changes a tenant the way Microsoft Graph's write requests do: it
// checks what the real service checks and refuses in its words. What it takes
// is JSON as it stands in a request; how requests come is no matter of this
// package.
//
// Sources are the pages of the Microsoft Graph v1.0 reference for each call and
// answers that were seen. Where neither tells the words of an answer, the
// comment at it says so.
package edit

import (
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/journal"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// Caller is the application that a request comes from.
type Caller struct {
	// Allowed says whether it has one of the permissions.
	Allowed func(permissions ...string) bool
	// DirectoryRoles are the template ids of the Entra roles that its service
	// principal holds.
	DirectoryRoles []string
}

// Values are properties and their values as JSON.
type Values = map[string]json.RawMessage

// Edit is one request's change of a tenant. Its methods check everything before
// they change anything, and return a *Refusal if they refuse. It is used once.
type Edit struct {
	*tenant.Writer
	Caller Caller
	// Now is the time of the change.
	Now time.Time
	// Visible is the version of the tenant that readers see; objects that are
	// newer may be unknown to a request that names them.
	Visible uint64

	effects []journal.Effect
}

// Effects is what has been changed so far.
func (e *Edit) Effects() []journal.Effect { return e.effects }

// make makes an object.
func (e *Edit) make(k tenant.Kind, values Values) (tenant.Ref, error) {
	r, err := e.Make(k, values)
	if err == nil {
		e.effects = append(e.effects, journal.Effect{What: journal.Create, Entity: k.Entity(), ID: e.ID(r), Properties: values})
	}
	return r, err
}

// set sets those of the values that differ from what is there.
func (e *Edit) set(r tenant.Ref, values Values) error {
	changed := Values{}
	for name, value := range values {
		if !same(e.Value(r, name), value) {
			changed[name] = value
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if err := e.Update(r, changed); err != nil {
		return err
	}
	e.effects = append(e.effects, journal.Effect{What: journal.Update, Entity: r.Kind.Entity(), ID: e.ID(r), Properties: changed})
	return nil
}

// note adds to the last effect what is not kept in the tenant.
func (e *Edit) note(name string, value json.RawMessage) {
	if len(e.effects) == 0 {
		return
	}
	last := &e.effects[len(e.effects)-1]
	// The map may be the one that was set.
	noted := maps.Clone(last.Properties)
	noted[name] = value
	last.Properties = noted
}

func (e *Edit) link(owner tenant.Ref, relation tenant.Relation, target tenant.Ref) error {
	if err := e.Link(owner, relation, target); err != nil {
		return err
	}
	e.tellLink(journal.Link, owner, relation.String(), target)
	return nil
}

func (e *Edit) unlink(owner tenant.Ref, relation tenant.Relation, target tenant.Ref) error {
	if err := e.Unlink(owner, relation, target); err != nil {
		return err
	}
	e.tellLink(journal.Unlink, owner, relation.String(), target)
	return nil
}

func (e *Edit) tellLink(what string, owner tenant.Ref, navigation string, target tenant.Ref) {
	e.effects = append(e.effects, journal.Effect{
		What: what, Entity: owner.Kind.Entity(), ID: e.ID(owner), Navigation: navigation, Target: e.ID(target),
	})
}

// tell notes a change of an object's life.
func (e *Edit) tell(what string, r tenant.Ref) {
	e.effects = append(e.effects, journal.Effect{What: what, Entity: r.Kind.Entity(), ID: e.ID(r)})
}

// same says whether two values are alike; no value is like null.
func same(a, b json.RawMessage) bool {
	return string(orNull(a)) == string(orNull(b))
}

func orNull(value json.RawMessage) json.RawMessage {
	if len(value) == 0 {
		return json.RawMessage("null")
	}
	return value
}

// text is a property's value if that is a text, else empty.
func (e *Edit) text(r tenant.Ref, property string) string { return textOf(e.Value(r, property)) }

// is says whether a property is true.
func (e *Edit) is(r tenant.Ref, property string) bool { return string(e.Value(r, property)) == "true" }

// texts is a property's value if that is a list of texts.
func (e *Edit) texts(r tenant.Ref, property string) []string {
	var list []string
	if json.Unmarshal(orNull(e.Value(r, property)), &list) != nil {
		return nil
	}
	return list
}

func textOf(value json.RawMessage) string {
	var text string
	if json.Unmarshal(orNull(value), &text) != nil {
		return ""
	}
	return text
}

// asJSON writes a value of which it is known that JSON can hold it.
func asJSON(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		return json.RawMessage("null")
	}
	return text
}

// stamp is the time of the change as a value.
func (e *Edit) stamp() json.RawMessage { return asJSON(e.Now.UTC().Format("2006-01-02T15:04:05Z")) }

// title is the name of a kind in the directory's messages, such as 'User'.
func title(k tenant.Kind) string {
	name := k.Entity()
	return strings.ToUpper(name[:1]) + name[1:]
}
