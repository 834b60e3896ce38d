package edit

import (
	"encoding/json"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// form is what a property's value must look like.
type form uint8

const (
	text form = iota
	texts
	boolean
	number
	date
	object
	objects
)

// String is the form's name in the messages of the service.
func (f form) String() string {
	return [...]string{"Edm.String", "Collection(Edm.String)", "Edm.Boolean", "Edm.Int32", "Edm.DateTimeOffset",
		"a complex type", "a collection of complex types"}[f]
}

// rule says what a request may do to a property.
type rule struct {
	form     form
	most     int      // characters of a text, or of each text of a list; 0 is any number
	oneOf    []string // the values that a text can have; none is any
	required bool     // of a new object
	kept     bool     // null is refused
	patched  bool     // refused for a new object
	made     bool     // refused for an object that is there
	apart    bool     // kept in another store: never in one request with other properties
	personal bool     // applications cannot set it
	cloud    bool     // can be set for objects that come from the company's own directory too
	// sensitive properties of privileged users need more than a permission.
	sensitive bool
	// enough are permissions which together are enough to set this property;
	// needs is one that nothing else replaces.
	enough []string
	needs  string
}

// check checks the properties of a body and returns their values. Annotations
// are passed over.
func (e *Edit) check(k tenant.Kind, rules map[string]rule, body Body, isNew bool) (Values, error) {
	values := Values{}
	apart, other := "", ""
	for _, name := range sortedNames(body) {
		if strings.Contains(name, "@odata.") {
			if strings.HasSuffix(name, "@odata.bind") {
				return nil, Bad("The property '%s' cannot be bound in this request.", name)
			}
			continue
		}
		r, err := e.ruleOf(k, rules, name)
		if err != nil {
			return nil, err
		}
		if err := r.allow(name, title(k), body[name], isNew); err != nil {
			return nil, err
		}
		if r.apart {
			apart = name
		} else {
			other = name
		}
		values[name] = body[name]
	}
	if apart != "" && other != "" {
		// The words are not documented, only that such a request fails (Update user).
		return nil, Bad("The properties '%s' and '%s' cannot be set in the same request.", apart, other)
	}
	for _, name := range sortedNames(rules) {
		if isNew && rules[name].required && string(orNull(values[name])) == "null" {
			return nil, Bad("A value is required for property '%s' of resource '%s'.", name, title(k))
		}
	}
	return values, nil
}

// ruleOf is the rule of a property, which must be one that requests can set.
func (e *Edit) ruleOf(k tenant.Kind, rules map[string]rule, name string) (rule, error) {
	if r, ok := rules[name]; ok {
		return r, nil
	}
	_, known := e.Schema(k).Lookup(name)
	switch {
	case strings.HasPrefix(name, "extension_") && !known:
		return rule{}, Bad("The following extension properties are not available in the organization: %s.", name)
	case strings.HasPrefix(name, "extension_"):
		return extensionRule(name), nil
	case !known && name != "id":
		return rule{}, Bad("Property '%s' does not exist as a declared property or extension property.", name)
	}
	return rule{}, Bad("Property '%s' is read-only and cannot be set.", name)
}

// extensionRule is the rule of a directory extension.
func extensionRule(name string) rule {
	forms := map[string]form{"level": number, "permanent": boolean, "validUntil": date, "skills": texts}
	return rule{form: forms[name[strings.LastIndexByte(name, '_')+1:]], most: 256, cloud: true}
}

// allow checks a value.
func (r *rule) allow(name, resource string, value json.RawMessage, isNew bool) error {
	switch {
	case r.personal:
		return Forbidden()
	case r.patched && isNew:
		return Bad("Property '%s' cannot be set when a %s is created.", name, resource)
	case string(value) == "null" && (r.kept || r.form == texts || r.form == objects):
		return invalidValue(name, resource)
	case string(value) == "null":
		return nil
	case !r.form.fits(value):
		return unread("Cannot convert the literal '%s' to the expected type '%s'.", shortened(value), r.form)
	}
	all := []string{}
	switch r.form {
	case text:
		all = append(all, textOf(value))
		if r.kept && all[0] == "" {
			return invalidValue(name, resource)
		}
	case texts:
		if json.Unmarshal(value, &all) != nil {
			return invalidValue(name, resource)
		}
	}
	for _, one := range all {
		if r.most > 0 && utf8.RuneCountInString(one) > r.most || len(r.oneOf) > 0 && !slices.Contains(r.oneOf, one) {
			return invalidValue(name, resource)
		}
	}
	return nil
}

// fits says whether a value has the form; it is not null.
func (f form) fits(value json.RawMessage) bool {
	var into any
	switch f {
	case text, date:
		into = new(string)
	case texts:
		into = new([]string)
	case boolean:
		into = new(bool)
	case number:
		into = new(int32)
	case object:
		into = new(map[string]json.RawMessage)
	case objects:
		into = new([]map[string]json.RawMessage)
	}
	if json.Unmarshal(value, into) != nil {
		return false
	}
	if f == date {
		_, err := time.Parse(time.RFC3339, *into.(*string))
		return err == nil
	}
	return true
}

// shortened is a value for a message.
func shortened(value json.RawMessage) string {
	const most = 60
	plain := strings.Trim(string(value), `"`)
	if len(plain) > most {
		return strings.ToValidUTF8(plain[:most], "") + "..."
	}
	return plain
}

func sortedNames[T any](of map[string]T) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
