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

// Claims are the objects that an order names, in no order; one object may be there twice.
func Claims(o *order.Order) []Claim {
	var claims []Claim
	role := Change
	switch {
	case o.Makes() || o.Operation == sdk.Delete || o.Operation == sdk.Restore:
		role = Life
	case joins(o):
		role = Join
	}
	if !o.Key.IsZero() {
		claims = append(claims, named(o.Key, role))
	}
	for _, a := range o.Attributes {
		if value := text(a.Value); value != "" && contains(naturalKeys, a.Path) {
			claims = append(claims, named(order.Ref{Attribute: a.Path, Value: value}, Life))
		}
	}
	for r := range o.Targets() {
		claims = append(claims, named(*r, Target))
	}
	if role == Join {
		claims = append(claims, pairs(o)...)
	}
	return claims
}

// Alias claims the same for what an order makes as c does for another name of it.
func (c Claim) Alias(order string) Claim { return Claim{Object: madeBy(order), Role: c.Role} }

func named(r order.Ref, role Role) Claim {
	switch {
	case r.ID != "":
		return Claim{Object: "id=" + strings.ToLower(r.ID), Role: role}
	case r.Order != "":
		return Claim{Object: madeBy(r.Order), Role: role}
	default:
		// Systems disagree on whether case matters in a key; to wait once too often does no harm.
		return Claim{Object: "key=" + strings.ToLower(r.Attribute) + "=" + strings.ToLower(r.Value), Role: role, Natural: true}
	}
}

func madeBy(order string) string { return "order=" + order }

// joins reports whether an order changes nothing but links of collections.
func joins(o *order.Order) bool {
	return o.Operation == sdk.Update && len(o.Attributes) == 0 && len(o.Secrets) == 0 && len(o.Links) > 0 &&
		!slices.ContainsFunc(o.Links, func(l order.Link) bool { return !contains(collections, l.Navigation) })
}

// pairs claims each link by itself, so that adding and removing one link keep their order.
func pairs(o *order.Order) (claims []Claim) {
	own := named(o.Key, Join).Object
	for _, l := range o.Links {
		for _, list := range [][]order.Ref{l.Add, l.Remove} {
			for _, r := range list {
				link := strings.Join([]string{"link=", own, strings.ToLower(l.Navigation), named(r, Join).Object}, "\x00")
				claims = append(claims, Claim{Object: link, Role: Life})
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
