package decode

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/agent/fulfill/order"
)

// received is an order of the reference product as it stands in a file.
type received struct {
	assignment   string
	changeType   string
	workflow     string
	resourceType string
	entityType   string
	changes      []member
	resource     json.RawMessage // the object as it is
	owner        json.RawMessage // the person whose resource it is
}

// member is a name with its value.
type member struct {
	name  string
	place place
	value json.RawMessage
}

// referenceOrder reads an order in the reference product's format. What is not known there is
// passed over, but for what stands in Changes: the product's documentation reserves it. One whose ChangeType is None
// asks for nothing, and is none.
func (d *document) referenceOrder() ([]order.Order, error) {
	var got received
	err := d.object("an order", func(name string, _ place) (err error) {
		switch {
		case strings.EqualFold(name, "AssignedResourceTypeId"):
			return d.identity(name, &got.assignment)
		case strings.EqualFold(name, "ChangeType"):
			return d.string(name, &got.changeType)
		case strings.EqualFold(name, "WorkflowInstanceId"):
			return d.identity(name, &got.workflow)
		case strings.EqualFold(name, "ResourceType"):
			return d.resourceType(&got)
		case strings.EqualFold(name, "Changes"):
			return d.changes(&got.changes)
		case strings.EqualFold(name, "Resource"):
			got.resource, err = d.raw()
			return err
		case strings.EqualFold(name, "Owner"):
			got.owner, err = d.raw()
			return err
		default:
			return d.skip()
		}
	})
	if err != nil || strings.EqualFold(got.changeType, "None") {
		return nil, err
	}
	t := translation{document: d, from: got}
	if got.assignment != "" {
		t.order.ID = got.assignment + "@" + baseName(d.name)
	}
	err = t.translate()
	return append([]order.Order{t.order}, t.more...), err
}

// longestName is how much of a file's name goes into ids, which have a bound.
const longestName = 200

// baseName is the name of a file without its folder, on any system.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if len(name) > longestName {
		name = strings.ToValidUTF8(name[len(name)-longestName:], "")
	}
	return name
}

// identity reads an id, which is a number in quotes or without; null is none.
func (d *document) identity(what string, to *string) error {
	p, kind := d.next()
	if kind != '"' && kind != '0' && kind != 'n' {
		return d.not(p, what, "a number or a text")
	}
	token, err := d.token()
	if err == nil && kind != 'n' {
		*to = token.String()
	}
	return err
}

func (d *document) raw() (json.RawMessage, error) {
	value, err := d.value()
	return json.RawMessage(value), err
}

func (d *document) resourceType(to *received) error {
	return d.object("ResourceType", func(name string, _ place) error {
		switch {
		case strings.EqualFold(name, "Identifier"):
			return d.string("Identifier of ResourceType", &to.resourceType)
		case strings.EqualFold(name, "TargetEntityType"):
			if _, kind := d.next(); kind != '{' {
				return d.skip()
			}
			return d.object(name, func(name string, _ place) error {
				if strings.EqualFold(name, "Identifier") {
					return d.string("Identifier of TargetEntityType", &to.entityType)
				}
				return d.skip()
			})
		default:
			return d.skip()
		}
	})
}

// changes reads the new values of an order; null is none.
func (d *document) changes(to *[]member) error {
	if _, kind := d.next(); kind == 'n' {
		return d.skip()
	}
	return d.object("Changes", func(name string, p place) error {
		value, err := d.raw()
		*to = append(*to, member{name, p, value})
		return err
	})
}

// lookup is the value of a member of an object, whatever the case of its name; nil if there is
// none, or no object.
func lookup(object json.RawMessage, name string) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return nil
	}
	if value, ok := members[name]; ok {
		return value
	}
	for n, value := range members {
		if strings.EqualFold(n, name) {
			return value
		}
	}
	return nil
}

// textOf is a text, or a number as it is written; "" for all else.
func textOf(value json.RawMessage) string {
	switch v := jsontext.Value(value); v.Kind() {
	case '"':
		var text string
		_ = json.Unmarshal(value, &text) // it is one
		return text
	case '0':
		return string(v)
	default:
		return ""
	}
}

// sorted are the names of members in their order.
func sorted(members map[string]json.RawMessage) []string {
	return slices.Sorted(maps.Keys(members))
}
