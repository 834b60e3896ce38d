package edit

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// completeObjects puts properties that are objects into the form in which they
// are kept; parts that a request leaves out keep their values or not, each after
// its own kind.
func (e *Edit) completeObjects(user tenant.Ref, values Values) error {
	before := func(name string) json.RawMessage {
		if user.Kind == 0 {
			return nil
		}
		return e.Value(user, name)
	}
	if value, ok := values["employeeOrgData"]; ok && string(value) != "null" {
		// What is left out becomes null (Update user).
		var data struct {
			CostCenter *string `json:"costCenter"`
			Division   *string `json:"division"`
		}
		if json.Unmarshal(value, &data) != nil {
			return invalidValue("employeeOrgData", "User")
		}
		values["employeeOrgData"] = asJSON(data)
	}
	if value, ok := values["onPremisesExtensionAttributes"]; ok {
		merged, err := mergeExtensionAttributes(before("onPremisesExtensionAttributes"), value)
		if err != nil {
			return err
		}
		values["onPremisesExtensionAttributes"] = merged
	}
	if value, ok := values["customSecurityAttributes"]; ok {
		merged, err := mergeSecurityAttributes(before("customSecurityAttributes"), value)
		if err != nil {
			return err
		}
		values["customSecurityAttributes"] = merged
	}
	return nil
}

// extensionAttributes is an onPremisesExtensionAttributes with all fifteen.
func extensionAttributes(set map[string]*string) json.RawMessage {
	all := map[string]*string{}
	for i := 1; i <= 15; i++ {
		all[fmt.Sprintf("extensionAttribute%d", i)] = nil
	}
	maps.Copy(all, set)
	return asJSON(all)
}

func mergeExtensionAttributes(before, after json.RawMessage) (json.RawMessage, error) {
	all := map[string]*string{}
	var changes map[string]*string
	if json.Unmarshal(orNull(before), &all) != nil || json.Unmarshal(after, &changes) != nil {
		return nil, invalidValue("onPremisesExtensionAttributes", "User")
	}
	if all == nil {
		all = map[string]*string{}
	}
	known := map[string]*string{}
	if json.Unmarshal(extensionAttributes(nil), &known) != nil {
		return nil, invalidValue("onPremisesExtensionAttributes", "User")
	}
	for name, value := range changes {
		if _, ok := known[name]; !ok {
			return nil, Bad("Property '%s' does not exist as a declared property or extension property.", name)
		}
		if value != nil && utf8.RuneCountInString(*value) > 1024 {
			return nil, invalidValue(name, "User")
		}
		all[name] = value
	}
	return extensionAttributes(all), nil
}

// SecurityAttribute is a definition of a custom security attribute.
type SecurityAttribute struct {
	Set, Name  string
	Type       string // String, Integer or Boolean
	Collection bool
	// Allowed are the values it is confined to; none is any.
	Allowed []string
}

// SecurityAttributes are the definitions that the tenant has.
func SecurityAttributes() []SecurityAttribute {
	return []SecurityAttribute{
		{Set: "Engineering", Name: "Certification", Type: "Boolean"},
		{Set: "Engineering", Name: "CostCenter", Type: "String"},
		{Set: "Engineering", Name: "NumVendors", Type: "Integer"},
		{Set: "Engineering", Name: "Project", Type: "String", Collection: true},
		{Set: "Engineering", Name: "ProjectDate", Type: "String"},
		{Set: "Marketing", Name: "AppCountry", Type: "String", Collection: true},
		{Set: "Marketing", Name: "EmployeeId", Type: "String"},
		{Set: "Marketing", Name: "Level", Type: "String", Allowed: []string{"Public", "Internal"}},
	}
}

const valueType = "#microsoft.graph.customSecurityAttributeValue"

// mergeSecurityAttributes applies a change of customSecurityAttributes: what is
// not named stays, null and an empty list remove. Sets without a value vanish.
func mergeSecurityAttributes(before, after json.RawMessage) (json.RawMessage, error) {
	var all, changes map[string]Values
	if json.Unmarshal(orNull(before), &all) != nil || json.Unmarshal(after, &changes) != nil {
		return nil, invalidValue("customSecurityAttributes", "User")
	}
	if all == nil {
		all = map[string]Values{}
	}
	for set, attributes := range changes {
		kept := all[set]
		if kept == nil {
			kept = Values{}
		}
		kind := textOf(attributes["@odata.type"])
		if !strings.EqualFold(kind, "#Microsoft.DirectoryServices.CustomSecurityAttributeValue") && kind != valueType {
			// The words are not documented.
			return nil, Bad("The attribute set '%s' needs the @odata.type #Microsoft.DirectoryServices.CustomSecurityAttributeValue.", set)
		}
		for name, value := range attributes {
			if strings.Contains(name, "@odata.type") {
				continue
			}
			if err := setSecurityAttribute(kept, set, name, value, textOf(attributes[name+"@odata.type"])); err != nil {
				return nil, err
			}
		}
		delete(all, set)
		if len(kept) > 0 {
			kept["@odata.type"] = asJSON(valueType)
		}
		if len(kept) > 1 {
			all[set] = kept
		}
	}
	if len(all) == 0 {
		return json.RawMessage("null"), nil
	}
	return asJSON(all), nil
}

// setSecurityAttribute puts one attribute into its set. The words of its
// refusals are not documented.
func setSecurityAttribute(kept Values, set, name string, value json.RawMessage, annotation string) error {
	for _, a := range SecurityAttributes() {
		if a.Set != set || a.Name != name {
			continue
		}
		if string(value) == "null" || string(value) == "[]" {
			delete(kept, name)
			delete(kept, name+"@odata.type")
			return nil
		}
		f, want := a.form()
		if !f.fits(value) || annotation != want && want != "" {
			return Bad("The value of custom security attribute '%s_%s' must be of type %s.", set, name, a.Type)
		}
		if len(a.Allowed) > 0 && !containsFold(a.Allowed, textOf(value)) {
			return Bad("The value of custom security attribute '%s_%s' is not one of its predefined values.", set, name)
		}
		kept[name] = value
		if want != "" {
			kept[name+"@odata.type"] = asJSON(want)
		}
		return nil
	}
	return Bad("The custom security attribute '%s_%s' is not defined or not active.", set, name)
}

// form is how a value looks and the annotation that must stand beside it.
func (a *SecurityAttribute) form() (f form, annotation string) {
	switch {
	case a.Collection:
		return texts, "#Collection(String)"
	case a.Type == "Integer":
		return number, "#Int32"
	case a.Type == "Boolean":
		return boolean, ""
	}
	return text, ""
}

func containsFold(list []string, want string) bool {
	for _, have := range list {
		if strings.EqualFold(have, want) {
			return true
		}
	}
	return false
}
