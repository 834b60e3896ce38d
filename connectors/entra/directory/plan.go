package directory

import (
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// A Plan is what an export asks of Graph, one Collection for each of the request's.
type Plan struct {
	Collections []Collection
}

// A Collection is one entity with what is wanted of it.
type Collection struct {
	Entity      Entity
	Navigations []string // as asked for: links refer to them by position
	Columns     []Column
}

// A Column is an attribute that a collection delivers.
type Column struct {
	Attribute int      // its position among the attributes asked for
	Path      []string // the property, then members of members
}

// NewPlan looks everything up that an export asks for. What cannot be delivered it
// tells all at once; then the plan is nil.
//
// An attribute without entities is asked of all that have it, and absent from the
// others; a directory extension, which Graph refuses where it does not exist, only
// of user, or else of the one entity that can have it. The attribute "@odata.type"
// asks for nothing: every object tells its type.
func NewPlan(collections []sdk.Collection, attributes []sdk.Attribute) (*Plan, Problems) {
	p := planner{known: Entities(), plan: &Plan{Collections: make([]Collection, len(collections))}}
	for i, c := range collections {
		p.collection(i, c)
	}
	for i, a := range attributes {
		before := len(p.problems)
		p.attribute(i, a)
		for _, problem := range p.problems[before:] {
			problem.Setting = a.Path
		}
	}
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	return p.plan, nil
}

// Query returns the first request of the collection's delta round, below the Graph
// root. $select is always set: it decides what is tracked as well as what is
// returned (https://learn.microsoft.com/graph/delta-query-overview). The same
// columns give the same request in any order.
func (c Collection) Query() string {
	names := []string{}
	for _, column := range c.Columns {
		names = append(names, column.Path[0])
	}
	names = append(names, c.Navigations...)
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "id" })
	return c.Entity.Path + "/delta?$select=" + strings.Join(append([]string{"id"}, names...), ",")
}

// Problems are the faults of a connection, or of what an export asks for.
type Problems []*fault.Error

// Err makes one error of them, a [fault.Invalid], or nil if there are none.
func (p Problems) Err() error {
	switch len(p) {
	case 0:
		return nil
	case 1:
		return p[0]
	}
	all := fault.Errorf(fault.Invalid, "the export cannot start, for %d reasons:", len(p)).
		WithSetting(p[0].Setting).WithHint("Correct the connection")
	for _, problem := range p {
		all.Message += "\n- " + problem.Message
		if problem.Hint != "" {
			all.Message += ". " + problem.Hint
		}
	}
	return all
}

// planner builds a plan and collects what is wrong.
type planner struct {
	known    []Entity
	plan     *Plan
	problems Problems
}

func (p *planner) refuse(format string, args ...any) *fault.Error {
	problem := fault.Errorf(fault.Invalid, format, args...)
	p.problems = append(p.problems, problem)
	return problem
}

// entity looks one up by name, or tells that it is unknown.
func (p *planner) entity(name, asker string) (Entity, bool) {
	if i := slices.IndexFunc(p.known, func(e Entity) bool { return e.Name == name }); i >= 0 {
		return p.known[i], true
	}
	var known []string
	for _, e := range p.known {
		known = append(known, e.Name)
	}
	p.refuse("%s names the entity %q, which is unknown", asker, name).
		WithHint("%s", nearest(name, known, "The entities are "+strings.Join(known, ", ")))
	return Entity{}, false
}

func (p *planner) collection(i int, asked sdk.Collection) {
	entity, ok := p.entity(asked.Entity, "the export")
	if !ok {
		return
	}
	if slices.ContainsFunc(p.plan.Collections[:i], func(c Collection) bool { return c.Entity.Name == entity.Name }) {
		p.refuse("the export names the entity %q twice", entity.Name).WithHint("Name it once")
		return
	}
	p.plan.Collections[i] = Collection{Entity: entity, Navigations: asked.Navigations}
	for n, name := range asked.Navigations {
		switch {
		case slices.Contains(asked.Navigations[:n], name):
			p.refuse("the navigation %q of %s is asked for twice", name, entity.Name).WithHint("Name it once")
		case !slices.Contains(entity.Navigations, name):
			p.navigation(entity, name)
		}
	}
}

// navigation tells why a navigation cannot be exported.
func (p *planner) navigation(entity Entity, name string) {
	if r, ok := refused(entity.Name, name); ok {
		p.refuse("the navigation %q of %s cannot be exported: %s", name, entity.Name, r.reason).WithHint("%s", r.hint)
		return
	}
	problem := p.refuse("%s has no navigation %q that can be exported", entity.Name, name)
	if len(entity.Navigations) == 0 {
		problem.WithHint("Remove it: delta queries of %s have no links", entity.Name)
		return
	}
	problem.WithHint("%s", nearest(name, entity.Navigations, "It has "+strings.Join(entity.Navigations, ", ")))
}
