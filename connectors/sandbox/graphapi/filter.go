package graphapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

var (
	equalFilter  = regexp.MustCompile(`^\s*(\w+)\s+eq\s+('(?:[^']|'')*'|true|false|null)\s*$`)
	prefixFilter = regexp.MustCompile(`^\s*startswith\(\s*(\w+)\s*,\s*('(?:[^']|'')*')\s*\)\s*$`)
)

// filterable are the properties that a simple filter may name.
var filterable = map[string]bool{
	"id": true, "displayName": true, "userPrincipalName": true, "mail": true, "mailNickname": true, "userType": true,
	"accountEnabled": true, "department": true, "securityEnabled": true, "mailEnabled": true, "appId": true,
	"deviceId": true, "givenName": true, "surname": true, "employeeId": true, "visibility": true, "clientId": true,
}

// parseFilter reads a $filter: one comparison, or several with and between
// them. It returns nil for an empty one.
func parseFilter(v tenant.View, kind tenant.Kind, text string) (func(tenant.Ref) bool, error) {
	if text == "" {
		return nil, nil
	}
	var all []func(tenant.Ref) bool
	for part := range strings.SplitSeq(text, " and ") {
		one, err := parseComparison(v, kind, part)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return func(ref tenant.Ref) bool {
		for _, matches := range all {
			if !matches(ref) {
				return false
			}
		}
		return true
	}, nil
}

func parseComparison(v tenant.View, kind tenant.Kind, text string) (func(tenant.Ref) bool, error) {
	parts, prefix := equalFilter.FindStringSubmatch(text), false
	if parts == nil {
		parts, prefix = prefixFilter.FindStringSubmatch(text), true
	}
	if parts == nil {
		return nil, errBadRequest("BadRequest", "Invalid filter clause: the simulated tenant reads eq and startswith only.")
	}
	name := parts[1]
	position, known := v.Schema(kind).Lookup(name)
	if !known && name != "id" {
		return nil, errBadRequest("BadRequest", fmt.Sprintf(
			"Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, kind.Entity()))
	}
	if !filterable[name] {
		return nil, errUnsupported(fmt.Sprintf("Unsupported or invalid query filter clause specified for property '%s' of resource '%s'.",
			name, kind.Entity()))
	}
	want := parts[2]
	isText := strings.HasPrefix(want, "'")
	if isText {
		want = strings.ReplaceAll(want[1:len(want)-1], "''", "'")
	}
	return func(ref tenant.Ref) bool {
		o := v.State(ref, false)
		value := []byte(`"` + v.ID(ref) + `"`)
		if name != "id" {
			value = o.AppendValue(nil, &v.Schema(kind).Properties[position])
		}
		if !isText {
			return string(value) == want || want == "null" && len(value) == 0
		}
		var have string
		if !bytes.HasPrefix(value, []byte(`"`)) || json.Unmarshal(value, &have) != nil {
			return false
		}
		if prefix {
			return len(have) >= len(want) && strings.EqualFold(have[:len(want)], want)
		}
		return strings.EqualFold(have, want)
	}, nil
}

// splitNames splits a $select.
func splitNames(text string) []string {
	names := strings.Split(text, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}
