package action

import (
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// reasons tells in one line what is wrong with an input, without the values: one may be a
// password.
func reasons(err error) string {
	problem, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return "it does not fit its schema"
	}
	return strings.Join(reasonsOf(problem, nil), "; ")
}

func reasonsOf(e *jsonschema.ValidationError, all []string) []string {
	for _, cause := range e.Causes {
		all = reasonsOf(cause, all)
	}
	if len(e.Causes) > 0 {
		return all
	}
	at := func(name string) string { return strings.Join(append(e.InstanceLocation, name), "/") }
	place := strings.Join(e.InstanceLocation, "/")
	if place == "" {
		place = "it"
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			all = append(all, at(name)+" is missing")
		}
		return all
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			all = append(all, fmt.Sprintf("there is no %q", at(name)))
		}
		return all
	case *kind.Type:
		return append(all, fmt.Sprintf("%s must be of the type %s, not %s", place, strings.Join(k.Want, " or "), k.Got))
	case *kind.Enum:
		var values []string
		for _, v := range k.Want {
			values = append(values, fmt.Sprint(v))
		}
		return append(all, place+" must be one of "+strings.Join(values, ", "))
	case *kind.MinLength:
		return append(all, place+" is empty")
	case *kind.Minimum:
		return append(all, fmt.Sprintf("%s must be at least %s", place, k.Want.RatString()))
	case *kind.Maximum:
		return append(all, fmt.Sprintf("%s must be at most %s", place, k.Want.RatString()))
	}
	return append(all, fmt.Sprintf("%s does not fit %q of the schema", place, strings.Join(e.ErrorKind.KeywordPath(), "/")))
}
