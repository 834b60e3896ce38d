package plan

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
)

// naturalKeys are the attributes by which orders name objects. A name that an order gives by one of
// them is claimed.
var naturalKeys = []string{"userPrincipalName", "mailNickname", "uniqueName", "employeeId"}

// collections are the navigations whose links do not replace each other: orders that change
// nothing but such links of an object can run side by side.
var collections = []string{"members", "memberOf", "owners"}

// Claims are the objects that an order names, by all their names, in no order; one may be there
// twice. also has further names of objects, by what the order calls them: see [Called].
func Claims(o *order.Order, also map[string][]string) []Claim {
	var claims []Claim
	role := Change
	switch {
	case o.Makes() || o.Operation == sdk.Delete || o.Operation == sdk.Restore:
		role = Life
	case joins(o):
		role = Join
	}
	if !o.Key.IsZero() {
		claims = claim(claims, names(o.Key, also), role)
	}
	for _, given := range Given(o) {
		claims = append(claims, Claim{given, Life})
		// Who has the name now has to be done with it. It is another object.
		claims = claim(claims, also[given], Change)
	}
	for r := range o.Targets() {
		claims = claim(claims, names(*r, also), Target)
	}
	if role == Join {
		claims = pairs(claims, o, also)
	}
	return claims
}

func claim(claims []Claim, names []string, role Role) []Claim {
	for _, name := range names {
		claims = append(claims, Claim{name, role})
	}
	return claims
}

// Name is what an order calls an object, the same for the same Ref.
func Name(r order.Ref) string {
	switch {
	case r.ID != "":
		return idName + strings.ToLower(r.ID)
	case r.Order != "":
		return orderName + r.Order
	default:
		// Systems disagree on whether case matters in a key; to wait once too often does no harm.
		return keyName + strings.ToLower(r.Attribute) + "=" + strings.ToLower(r.Value)
	}
}

// How names begin.
const (
	idName    = "id="
	keyName   = "key="
	orderName = "order="
)

// IsNatural reports whether a name is a natural key.
func IsNatural(name string) bool { return strings.HasPrefix(name, keyName) }

// OrderOf is the id of the order whose object a name is of; empty for other names.
func OrderOf(name string) string {
	id, ok := strings.CutPrefix(name, orderName)
	if !ok {
		return ""
	}
	return id
}

// Called are the names by which an order calls objects and those that it gives, each once.
func Called(o *order.Order) []string {
	called := Given(o)
	for r := range o.Refs() {
		called = append(called, names(*r, nil)...)
	}
	slices.Sort(called)
	return slices.Compact(called)
}

// Own are all names of the object that an order is about; none of one that it makes.
func Own(o *order.Order, also map[string][]string) []string {
	if o.Key.IsZero() {
		return nil
	}
	return names(o.Key, also)
}

// Given are the natural keys that an order gives to its object.
func Given(o *order.Order) (given []string) {
	for _, a := range o.Attributes {
		if value := text(a.Value); value != "" && contains(naturalKeys, a.Path) {
			given = append(given, Name(order.Ref{Attribute: a.Path, Value: value}))
		}
	}
	return given
}

// names are all names of an object, each once.
func names(r order.Ref, also map[string][]string) []string {
	called := []string{Name(r)}
	if r.Found != "" {
		called = append(called, idName+strings.ToLower(r.Found))
	}
	all := slices.Clone(called)
	for _, name := range called {
		for _, other := range also[name] {
			if !slices.Contains(all, other) {
				all = append(all, other)
			}
		}
	}
	return all
}

// joins reports whether an order changes nothing but links of collections.
func joins(o *order.Order) bool {
	return o.Operation == sdk.Update && len(o.Attributes) == 0 && len(o.Secrets) == 0 && len(o.Links) > 0 &&
		!slices.ContainsFunc(o.Links, func(l order.Link) bool { return !contains(collections, l.Navigation) })
}

// pairs claims each link by itself, so that adding and removing one link keep their order, from
// whichever side.
func pairs(claims []Claim, o *order.Order, also map[string][]string) []Claim {
	own := names(o.Key, also)
	for _, l := range o.Links {
		for _, list := range [][]order.Ref{l.Add, l.Remove} {
			for _, r := range list {
				from, navigation, to := own, strings.ToLower(l.Navigation), names(r, also)
				if navigation == "memberof" {
					from, navigation, to = to, "members", from
				}
				for _, a := range from {
					for _, b := range to {
						claims = append(claims, Claim{strings.Join([]string{"link=", a, navigation, b}, "\x00"), Life})
					}
				}
			}
		}
	}
	return claims
}

// text is a JSON string's text; empty for another value.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

func contains(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}
