package action

import (
	"encoding/json"
	"strings"
)

// property is one property of an input.
type property struct {
	name     string
	schema   string // a JSON Schema
	required bool
}

const (
	aBoolean    = `"type":"boolean"`
	aText       = `"type":"string","minLength":1`
	aList       = `"type":"array","items":{"type":"string","minLength":1}`
	somebody    = `"type":"object","additionalProperties":false,"required":["email"],"properties":{"email":{` + aText + `},"name":{"type":"string"}}`
	anyValues   = `"type":"object"`
	aPageLength = `"type":"integer","minimum":1,"maximum":999`
)

func needs(name, schema, description string) property {
	return property{name, "{" + schema + `,"description":` + quote(description) + "}", true}
}

func takes(name, schema, description string) property {
	p := needs(name, schema, description)
	p.required = false
	return p
}

// object makes the schema of an input.
func object(properties ...property) json.RawMessage {
	var members, required []string
	for _, p := range properties {
		members = append(members, quote(p.name)+":"+p.schema)
		if p.required {
			required = append(required, quote(p.name))
		}
	}
	return json.RawMessage(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false,` +
		`"properties":{` + strings.Join(members, ",") + `},"required":[` + strings.Join(required, ",") + `]}`)
}

// written is the schema of what every action that writes gives.
func written() json.RawMessage {
	return json.RawMessage(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{` +
		`"objectId":{"type":"string","description":"Id of the object"},` +
		`"unchanged":{"type":"boolean","description":"It was so already"},` +
		`"details":{"type":"object","additionalProperties":{"type":"string"}}}}`)
}

// one and many are the schemas of what readings give.
func one() json.RawMessage {
	return json.RawMessage(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object"}`)
}

func many() json.RawMessage {
	return json.RawMessage(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["value"],"properties":{` +
		`"value":{"type":"array","items":{"type":"object"}},"more":{"type":"boolean","description":"There are more than these"}}}`)
}

func quote(text string) string {
	quoted, _ := json.Marshal(text) // no string fails
	return string(quoted)
}
