package directory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// odataType is the attribute that asks for nothing: objects tell their type anyway.
const odataType = "@odata.type"

// attribute finds out which collections deliver an attribute.
func (p *planner) attribute(i int, asked sdk.Attribute) {
	if asked.Path == odataType {
		return
	}
	column := Column{Attribute: i, Path: strings.Split(asked.Path, "/")}
	switch {
	case slices.Contains(column.Path, ""):
		p.refuse("the attribute %q is neither the name of a property nor a path into one", asked.Path).
			WithHint("Give a name such as displayName, or a path such as employeeOrgData/costCenter")
	case len(asked.Entities) > 0:
		p.of(asked.Entities, column)
	case directoryExtension().MatchString(column.Path[0]):
		p.extension(column)
	default:
		p.wherever(column)
	}
}

// of asks named entities for a column. One that is not exported is looked up all
// the same: the name may be a mistake.
func (p *planner) of(entities []string, column Column) {
	for _, name := range entities {
		entity, ok := p.entity(name, "the attribute "+quoted(column))
		if !ok {
			continue
		}
		if problem := entity.deliver(column); problem != nil {
			p.problems = append(p.problems, problem)
			continue
		}
		for i := range p.plan.Collections {
			if c := &p.plan.Collections[i]; c.Entity.Name == name {
				c.Columns = append(c.Columns, column)
			}
		}
	}
}

// extension asks for a directory extension where it is by default.
func (p *planner) extension(column Column) {
	var able []string
	for _, c := range p.plan.Collections {
		if c.Entity.Extensions {
			able = append(able, c.Entity.Name)
		}
	}
	switch {
	case slices.Contains(able, "user"):
		p.of([]string{"user"}, column)
	case len(able) == 1:
		p.of(able, column)
	case len(able) == 0:
		p.refuse("none of the exported entities has directory extensions, so %s cannot be exported", quoted(column)).
			WithHint("Export an entity that has them, such as user, or remove it")
	default:
		p.refuse("the directory extension %s can be one of %s", quoted(column), strings.Join(able, ", ")).
			WithHint("Say of which entity it is: Graph refuses it for the others")
	}
}

// wherever asks every collection for a column that knows its property.
func (p *planner) wherever(column Column) {
	found := false
	var others []string
	for i := range p.plan.Collections {
		c := &p.plan.Collections[i]
		if !c.Entity.knows(column.Path[0]) {
			others = append(others, names(c.Entity.Properties)...)
			continue
		}
		found = true
		if problem := c.Entity.deliver(column); problem != nil {
			p.problems = append(p.problems, problem)
			return // it would be much the same for the next entity
		}
		c.Columns = append(c.Columns, column)
	}
	if !found && len(others) > 0 { // without any, no entity is known: that is told already
		p.refuse("none of the exported entities has the attribute %s", quoted(column)).
			WithHint("%s", nearest(column.Path[0], others, "Correct or remove it"))
	}
}

// knows reports whether a name means something for the entity, even if only a refusal.
func (e Entity) knows(name string) bool {
	_, known := property(e.Properties, name)
	_, no := refused(e.Name, name)
	return known || no || slices.Contains(e.Navigations, name)
}

// deliver returns why delta queries of the entity do not deliver a column, or nil.
func (e Entity) deliver(column Column) *fault.Error {
	root := column.Path[0]
	no := func(format string, args ...any) *fault.Error {
		return fault.Errorf(fault.Invalid, "the attribute %s of %s cannot be exported: %s", quoted(column), e.Name, fmt.Sprintf(format, args...))
	}
	if r, ok := refused(e.Name, root); ok {
		return no("%s", r.reason).WithHint("%s", r.hint)
	}
	if slices.Contains(e.Navigations, root) {
		return no("%s is a navigation", root).WithHint("Ask for it as a navigation: it becomes a file of links")
	}
	at, ok := property(e.Properties, root)
	switch {
	case ok:
	case !directoryExtension().MatchString(root):
		return no("%s has no such property", e.Name).WithHint("%s", nearest(root, names(e.Properties), "Correct or remove it"))
	case !e.Extensions:
		return no("%s has no directory extensions", e.Name).WithHint("Say of which other entity it is, or remove it")
	default:
		at = Property{Name: root, Type: "String"}
	}
	types := members()
	for _, name := range column.Path[1:] {
		below, ok := types[at.Type]
		if !ok {
			return no("%s is a simple value", at.Name).WithHint("Remove what follows %s", at.Name)
		}
		inner, ok := property(below, name)
		if !ok {
			return no("%s has no member %q", at.Name, name).WithHint("%s", nearest(name, names(below), "Correct or remove it"))
		}
		at = inner
	}
	return nil
}

func quoted(column Column) string { return `"` + strings.Join(column.Path, "/") + `"` }

func names(of []Property) []string {
	all := make([]string, len(of))
	for i, p := range of {
		all[i] = p.Name
	}
	return all
}
