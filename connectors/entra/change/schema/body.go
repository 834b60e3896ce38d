package schema

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Password is the one secret that orders have.
const Password = "passwordProfile/password"

// hidden stands in the place of a secret.
const hidden = `"***"`

// Value is a new value of an attribute, in Graph's type.
type Value struct {
	Path []string // a property, then members
	JSON json.RawMessage
	rule rule
}

// Name is the attribute as an order names it.
func (v Value) Name() string { return strings.Join(v.Path, "/") }

// Apart reports whether the value goes into a request of its own.
func (v Value) Apart() bool { return v.rule.apart != "" }

// Fixed reports whether the value can only be given to a new object.
func (v Value) Fixed() bool { return v.rule.when == onCreate }

// AfterCreation reports whether the value cannot be part of what creates the object.
func (v Value) AfterCreation() bool { return v.Apart() || v.rule.when == onUpdate }

// A Body is what one request says about an object.
type Body struct {
	JSON   json.RawMessage
	Shown  json.RawMessage // without secrets
	Values []Value
}

// Bodies distributes values over as few requests as Graph takes them in. The secret, if there is
// one, is in the first.
func Bodies(values []Value, password string) ([]Body, error) {
	var parts []string
	apart := map[string][]Value{}
	for _, v := range values {
		if !slices.Contains(parts, v.rule.apart) {
			parts = append(parts, v.rule.apart)
		}
		apart[v.rule.apart] = append(apart[v.rule.apart], v)
	}
	if password != "" && apart[""] == nil {
		parts = append(parts, "")
	}
	slices.Sort(parts) // what needs no request of its own comes first
	var bodies []Body
	for _, part := range parts {
		b := Body{Values: apart[part]}
		var err error
		if b.JSON, err = encode(b.Values, password, part); err != nil {
			return nil, err
		}
		b.Shown = b.JSON
		if password != "" && part == "" {
			if b.Shown, err = encode(b.Values, hidden, part); err != nil {
				return nil, err
			}
		}
		bodies = append(bodies, b)
	}
	return bodies, nil
}

func encode(values []Value, password, part string) (json.RawMessage, error) {
	root := map[string]any{}
	for _, v := range values {
		if v.Path[0] == securityAttributes {
			addSecurityAttribute(root, v)
			continue
		}
		put(root, v.Path, v.JSON)
	}
	switch {
	case password == hidden && part == "":
		put(root, strings.Split(Password, "/"), json.RawMessage(hidden))
	case password != "" && part == "":
		put(root, strings.Split(Password, "/"), password)
	}
	body, err := json.Marshal(root)
	if err != nil {
		return nil, fault.Errorf(fault.Internal, "the attributes cannot be written as JSON: %w", err)
	}
	return body, nil
}

// put sets the value at the end of a path.
func put(at map[string]any, path []string, value any) {
	for _, name := range path[:len(path)-1] {
		below, ok := at[name].(map[string]any)
		if !ok {
			below = map[string]any{}
			at[name] = below
		}
		at = below
	}
	at[path[len(path)-1]] = value
}

const securityAttributes = "customSecurityAttributes"

// addSecurityAttribute sets an attribute of a set of custom security attributes, whose types
// stand beside them. Source:
// https://learn.microsoft.com/graph/custom-security-attributes-examples.
func addSecurityAttribute(root map[string]any, v Value) {
	set, name := v.Path[1], v.Path[2]
	put(root, []string{securityAttributes, set, "@odata.type"}, "#Microsoft.DirectoryServices.CustomSecurityAttributeValue")
	if odataType := securityType(v.JSON); odataType != "" {
		put(root, []string{securityAttributes, set, name + "@odata.type"}, odataType)
	}
	put(root, []string{securityAttributes, set, name}, v.JSON)
}

func securityType(value json.RawMessage) string {
	var v any
	if err := json.Unmarshal(value, &v); err != nil {
		return ""
	}
	switch v := v.(type) {
	case float64:
		return "#Int32"
	case []any:
		if len(v) > 0 {
			if _, number := v[0].(float64); number {
				return "#Collection(Int32)"
			}
		}
		return "#Collection(String)"
	}
	return ""
}

// WholeProperties names the complex properties of which values give only some members, while Graph
// takes a member that is left out to be cleared: the others have to be sent along.
// Source: https://learn.microsoft.com/graph/api/user-update.
func WholeProperties(values []Value) (names []string) {
	for _, v := range values {
		if v.Path[0] == "employeeOrgData" && len(v.Path) > 1 && !slices.Contains(names, v.Path[0]) {
			names = append(names, v.Path[0])
		}
	}
	return names
}

// Complete adds the members of a property, as the tenant has them, that values do not give.
func Complete(values []Value, property string, current json.RawMessage) []Value {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(current, &members); err != nil {
		return values // null: there is nothing to keep
	}
	for name, value := range members {
		path := []string{property, name}
		given := func(v Value) bool { return slices.Equal(v.Path, path) }
		if !strings.HasPrefix(name, "@") && !slices.ContainsFunc(values, given) {
			values = append(values, Value{Path: path, JSON: value})
		}
	}
	return values
}

// Set makes a value of a known property.
func Set(name string, value json.RawMessage) Value {
	return Value{Path: strings.Split(name, "/"), JSON: value}
}

// typeOf returns the type of an attribute that can be in an order.
func typeOf(e Entity, path []string) (directory.Property, bool) {
	switch path[0] {
	case "passwordProfile":
		known := e.Can(sdk.SetPassword) && len(path) == 2 && (path[1] == "forceChangePasswordNextSignIn" || path[1] == "forceChangePasswordNextSignInWithMfa")
		return directory.Property{Name: path[len(path)-1], Type: "Boolean"}, known
	case securityAttributes:
		return directory.Property{Name: path[len(path)-1]}, len(path) == 3
	}
	return e.Property(path)
}
