package schema

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usher-iga/usher/connectors/entra/directory"
)

// errType says that a value is not of the type that it should be.
type errType struct{ want string }

func (e errType) Error() string { return "it has to be " + e.want }

// coerce makes a value of a property's type from JSON: a text stands for what it
// reads as, a value alone for a list of it, an empty text for nothing.
func coerce(p directory.Property, value json.RawMessage) (json.RawMessage, error) {
	var v any
	if err := json.Unmarshal(value, &v); err != nil {
		return nil, errType{"JSON"}
	}
	if p.List {
		return coerceList(p, v)
	}
	if v == nil || v == "" {
		return json.RawMessage("null"), nil
	}
	return coerceOne(p, v)
}

func coerceList(p directory.Property, v any) (json.RawMessage, error) {
	values, ok := v.([]any)
	switch {
	case v == nil || v == "":
	case !ok:
		values = []any{v}
	}
	texts := make([]json.RawMessage, 0, len(values))
	for _, v := range values {
		text, err := coerceOne(p, v)
		if err != nil {
			return nil, fmt.Errorf("in each value of the list %w", err)
		}
		texts = append(texts, text)
	}
	return json.Marshal(texts)
}

func coerceOne(p directory.Property, v any) (json.RawMessage, error) {
	if below := directory.Members(p.Type); below != nil {
		return coerceObject(p.Type, below, v)
	}
	text, isText := v.(string)
	text = strings.TrimSpace(text)
	switch p.Type {
	case "Boolean":
		switch {
		case v == true, isText && strings.EqualFold(text, "true"), text == "1":
			return json.RawMessage("true"), nil
		case v == false, isText && strings.EqualFold(text, "false"), text == "0":
			return json.RawMessage("false"), nil
		}
		return nil, errType{"true or false"}
	case "Int32", "Int64":
		if number, ok := v.(float64); ok {
			text = strconv.FormatFloat(number, 'f', -1, 64)
		}
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return nil, errType{"a whole number"}
		}
		return json.RawMessage(text), nil
	case "DateTimeOffset":
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
			if at, err := time.Parse(layout, text); err == nil {
				return json.Marshal(at.UTC().Format(time.RFC3339Nano))
			}
		}
		return nil, errType{"a time such as 2026-01-31T08:00:00Z, or a date"}
	case "Guid":
		if !IsGUID(text) {
			return nil, errType{"a GUID"}
		}
		return json.Marshal(text)
	case "Binary":
		if _, err := base64.StdEncoding.DecodeString(text); !isText || err != nil {
			return nil, errType{"base64"}
		}
		return json.Marshal(text)
	case "": // a directory extension, whose type only the tenant knows
		return json.Marshal(v)
	}
	if !isText { // an enumeration is a text, too
		return nil, errType{"a text"}
	}
	return json.Marshal(v)
}

func coerceObject(typeName string, below []directory.Property, v any) (json.RawMessage, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errType{"an object of the type " + typeName}
	}
	known := map[string]directory.Property{}
	for _, p := range below {
		known[p.Name] = p
	}
	coerced := map[string]json.RawMessage{}
	for name, v := range object {
		p, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("%s has no member %q", typeName, name)
		}
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		if coerced[name], err = coerce(p, text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return json.Marshal(coerced)
}

// tooLong reports whether a text has more characters than fit.
func tooLong(value json.RawMessage, longest int) bool {
	var text string
	return longest > 0 && json.Unmarshal(value, &text) == nil && utf8.RuneCountInString(text) > longest
}

// IsGUID reports whether text has the form of an object id.
func IsGUID(text string) bool { return guid.MatchString(text) }

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
