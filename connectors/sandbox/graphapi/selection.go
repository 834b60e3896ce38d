package graphapi

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// selection is which properties and relations of a kind are asked for, one
// bit each.
type selection struct {
	properties tenant.PropertySet
	relations  uint8
	explicit   bool // the request had a $select
}

func (s *selection) add(position int) { s.properties.Add(position) }

func (s *selection) addRelation(r tenant.Relation) { s.relations |= 1 << r }

func (s *selection) hasRelation(r tenant.Relation) bool { return s.relations&(1<<r) != 0 }

// positions lists the properties in their order.
func (s *selection) positions() []int {
	list := make([]int, 0, 24)
	for i, word := range s.properties {
		for ; word != 0; word &= word - 1 {
			list = append(list, 64*i+bits.TrailingZeros64(word))
		}
	}
	return list
}

// relationsOf lists the selected relations of a kind in their order.
func (s *selection) relationsOf(kind tenant.Kind) []tenant.Relation {
	var list []tenant.Relation
	for _, r := range tenant.RelationsOf(kind) {
		if s.hasRelation(r) {
			list = append(list, r)
		}
	}
	return list
}

// defaultSelection is what a request without $select asks for. Delta queries
// tell the members of groups, roles and administrative units too.
func defaultSelection(schema *tenant.Schema, delta bool) selection {
	var s selection
	for i, p := range schema.Properties {
		if p.Default {
			s.add(i)
		}
	}
	if delta {
		for _, r := range tenant.RelationsOf(schema.Kind) {
			if r == tenant.Members {
				s.addRelation(r)
			}
		}
	}
	return s
}

// selectFor reads $select. asks says what sort of request it is, because each
// sort can return other properties.
func (a *API) selectFor(schema *tenant.Schema, text string, asks asking, who Principal) (selection, error) {
	if text == "" {
		return defaultSelection(schema, asks == asksDelta), nil
	}
	s := selection{explicit: true}
	var refused []string
	for _, name := range splitNames(text) {
		if name == "id" || name == "" {
			continue
		}
		if name == "*" {
			return defaultSelection(schema, asks == asksDelta), nil
		}
		if relation, ok := relationNamed(schema.Kind, name); ok && asks == asksDelta {
			s.addRelation(relation)
			continue
		}
		position, ok := schema.Lookup(name)
		if !ok {
			return s, errBadRequest("BadRequest", fmt.Sprintf(
				"Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, schema.Kind.Entity()))
		}
		property := schema.Properties[position]
		switch {
		case asks == asksDelta && property.Place != tenant.Directory:
			refused = append(refused, name)
			continue
		case asks == asksList && property.Place == tenant.SharePoint:
			return s, &apiError{status: 501, code: "NotImplemented", message: "This operation target is not yet supported."}
		case name == "signInActivity" && !a.allowed(who, "AuditLog.Read.All"):
			return s, errForbidden()
		case property.Place == tenant.Secret && !a.allowed(who, "CustomSecAttributeAssignment.Read.All", "CustomSecAttributeAssignment.ReadWrite.All"):
			continue // it is left out, not refused
		}
		s.add(position)
	}
	if len(refused) > 0 {
		return s, errBadRequest("BadRequest", "Invalid request for delta query: for this entity set, $expand/$select is not "+
			"supported for the following properties: "+strings.Join(refused, ", "))
	}
	return s, nil
}

// asking is the sort of a request.
type asking uint8

const (
	asksGet asking = iota
	asksList
	asksDelta
)

func relationNamed(kind tenant.Kind, name string) (tenant.Relation, bool) {
	for _, r := range tenant.RelationsOf(kind) {
		if r.String() == name {
			return r, true
		}
	}
	return 0, false
}
