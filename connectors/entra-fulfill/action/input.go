package action

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/sdk"
)

// input is what an action is given, checked by its schema.
type input map[string]json.RawMessage

func (in input) text(name string) (text string) {
	_ = json.Unmarshal(in[name], &text) // the schema has checked it
	return text
}

func (in input) list(name string) (list []string) {
	_ = json.Unmarshal(in[name], &list) // the schema has checked it
	return list
}

// user, group and role name objects as people do.
func (in input) user() sdk.ObjectKey    { return keyOf(in.text("user"), "userPrincipalName") }
func (in input) group() sdk.ObjectKey   { return keyOf(in.text("group"), "displayName") }
func (in input) licence() sdk.ObjectKey { return keyOf(in.text("licence"), schema.SKUName) }

func (in input) role() sdk.ObjectKey {
	text := in.text("role")
	if schema.IsGUID(text) {
		return sdk.ObjectKey{Attribute: "roleTemplateId", Value: text}
	}
	return sdk.ObjectKey{Attribute: "displayName", Value: text}
}

func keyOf(text, attribute string) sdk.ObjectKey {
	if schema.IsGUID(text) {
		return sdk.ObjectKey{ID: text}
	}
	return sdk.ObjectKey{Attribute: attribute, Value: text}
}

// attributes returns those of the properties named that are given, and then those of the
// property "attributes".
func (in input) attributes(names ...string) (all []sdk.OrderAttribute) {
	for _, name := range names {
		if value, ok := in[name]; ok {
			all = append(all, sdk.OrderAttribute{Path: name, Value: value})
		}
	}
	var more map[string]json.RawMessage
	_ = json.Unmarshal(in["attributes"], &more) // the schema has checked it
	var paths []string
	for path := range more {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		if !slices.ContainsFunc(all, func(a sdk.OrderAttribute) bool { return a.Path == path }) {
			all = append(all, sdk.OrderAttribute{Path: path, Value: more[path]})
		}
	}
	return all
}

// orElse adds an attribute that was not given.
func orElse(all []sdk.OrderAttribute, path, value string) []sdk.OrderAttribute {
	if slices.ContainsFunc(all, func(a sdk.OrderAttribute) bool { return a.Path == path }) {
		return all
	}
	return append(all, sdk.OrderAttribute{Path: path, Value: json.RawMessage(value)})
}

func (in input) secrets() map[string]string {
	if password := in.text("password"); password != "" {
		return map[string]string{schema.Password: password}
	}
	return nil
}

// nicknamed adds a mailNickname that was not given, if it can be made of a name. If not, what examines
// the order asks for it.
func nicknamed(all []sdk.OrderAttribute, name string) []sdk.OrderAttribute {
	nickname := mayBeNickname(name)
	if nickname == "" {
		return all
	}
	return orElse(all, "mailNickname", quote(nickname))
}

// mayBeNickname keeps what can stand in a mailNickname.
func mayBeNickname(text string) string {
	text, _, _ = strings.Cut(text, "@")
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || strings.ContainsRune(`@()\[]";:<>,`, r) {
			return -1
		}
		return r
	}, text)
}
