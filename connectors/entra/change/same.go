package change

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// same reports whether an attribute has a value already: nothing equals null and an
// empty list, times are compared as times, texts in a list in any order.
func same(current, wanted json.RawMessage) bool {
	return reflect.DeepEqual(normal(current), normal(wanted))
}

func normal(value json.RawMessage) any {
	var v any
	if err := json.Unmarshal(value, &v); err != nil {
		return nil
	}
	return normalValue(v)
}

func normalValue(v any) any {
	switch v := v.(type) {
	case string:
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return at.UTC()
		}
	case []any:
		if len(v) == 0 {
			return nil
		}
		sorted := make([]string, len(v))
		for i, one := range v {
			text, err := json.Marshal(normalValue(one))
			if err != nil {
				return v
			}
			sorted[i] = string(text)
		}
		slices.Sort(sorted)
		return sorted
	case map[string]any:
		members := map[string]any{}
		for name, one := range v {
			if n := normalValue(one); n != nil && !strings.HasPrefix(name, "@") {
				members[name] = n
			}
		}
		if len(members) == 0 {
			return nil
		}
		return members
	}
	return v
}

// alike is same for what Graph may have put into another case, such as an address.
func alike(current, wanted json.RawMessage) bool {
	return same(json.RawMessage(strings.ToLower(string(current))), json.RawMessage(strings.ToLower(string(wanted))))
}

// covers reports whether current is what became of wanted: Graph may have put it into another case,
// and added to a list, such as the sign-in name to the identities of a user.
func covers(current, wanted json.RawMessage) bool {
	var has, wants []json.RawMessage
	if json.Unmarshal(wanted, &wants) != nil || len(wants) == 0 || json.Unmarshal(current, &has) != nil {
		return alike(current, wanted)
	}
	for _, w := range wants {
		if !slices.ContainsFunc(has, func(h json.RawMessage) bool { return alike(h, w) }) {
			return false
		}
	}
	return true
}
