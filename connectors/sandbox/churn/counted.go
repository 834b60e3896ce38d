package churn

import (
	"fmt"
	"math/rand/v2"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// task is one change whose object is still to be drawn.
type task struct {
	name string // such as users.create
	do   func(*drawer) (tenant.Ref, bool)
}

// drawer draws what counts leave open.
type drawer struct {
	*tenant.Writer
	random *rand.Rand
	purged map[tenant.Ref]bool
}

// plan lists the tasks of all counts in a fixed order.
func (r *Request) plan(w *tenant.World) ([]task, error) {
	var p plan
	for _, o := range []struct {
		kind   tenant.Kind
		counts Objects
	}{
		{tenant.User, r.Users},
		{tenant.Group, r.Groups},
		{tenant.ServicePrincipal, r.ServicePrincipals},
		{tenant.Application, r.Applications},
		{tenant.Device, r.Devices},
		{tenant.OrgContact, r.Contacts},
		{tenant.AdministrativeUnit, r.AdministrativeUnits},
		{tenant.PermissionGrant, r.PermissionGrants},
	} {
		if err := p.addObjects(w, o.kind, o.counts); err != nil {
			return nil, err
		}
	}
	for _, l := range []struct {
		name     string
		kind     tenant.Kind
		relation tenant.Relation
		counts   Links
	}{
		{"members", tenant.Group, tenant.Members, r.Members},
		{"owners", tenant.Group, tenant.Owners, r.Owners},
		{"directoryRoleMembers", tenant.DirectoryRole, tenant.Members, r.DirectoryRoleMembers},
		{"administrativeUnitMembers", tenant.AdministrativeUnit, tenant.Members, r.AdministrativeUnitMembers},
		{"servicePrincipalOwners", tenant.ServicePrincipal, tenant.Owners, r.ServicePrincipalOwners},
		{"applicationOwners", tenant.Application, tenant.Owners, r.ApplicationOwners},
	} {
		p.add(l.name+".add", l.counts.Add, func(d *drawer) (tenant.Ref, bool) { return d.link(l.kind, l.relation) })
		p.add(l.name+".remove", l.counts.Remove, func(d *drawer) (tenant.Ref, bool) { return d.unlink(l.kind, l.relation) })
	}
	p.add("managers.set", r.Managers.Set, func(d *drawer) (tenant.Ref, bool) { return d.link(tenant.User, tenant.Manager) })
	p.add("managers.clear", r.Managers.Clear, func(d *drawer) (tenant.Ref, bool) { return d.unlink(tenant.User, tenant.Manager) })
	return p.tasks, p.err
}

// plan collects tasks. It stops at the first count that cannot be.
type plan struct {
	tasks []task
	err   error
}

func (p *plan) add(name string, n int, do func(*drawer) (tenant.Ref, bool)) {
	switch {
	case p.err != nil:
	case n < 0 || n > Most:
		p.err = fmt.Errorf("the number of %s cannot be %d; it must lie between 0 and %d", name, n, Most)
	}
	for ; p.err == nil && n > 0; n-- {
		p.tasks = append(p.tasks, task{name, do})
	}
}

func (p *plan) addObjects(w *tenant.World, kind tenant.Kind, counts Objects) error {
	positions := make([]int, len(counts.Properties))
	for i, name := range counts.Properties {
		position, ok := w.Schema(kind).Lookup(name)
		if !ok {
			return fmt.Errorf("a %s has no property %q", kind, name)
		}
		positions[i] = position
	}
	if !tenant.Restorable(kind) && counts.SoftDelete+counts.Restore > 0 {
		return fmt.Errorf("a %s cannot be soft-deleted or restored, only purged", kind)
	}
	name := kind.Collection()
	p.add(name+".create", counts.Create, func(d *drawer) (tenant.Ref, bool) { return d.create(kind) })
	p.add(name+".update", counts.Update, func(d *drawer) (tenant.Ref, bool) { return d.update(kind, positions) })
	p.add(name+".softDelete", counts.SoftDelete, func(d *drawer) (tenant.Ref, bool) {
		r, ok := d.DrawLiving(kind, d.random.Uint64())
		return r, ok && d.SoftDelete(r) == nil
	})
	p.add(name+".restore", counts.Restore, func(d *drawer) (tenant.Ref, bool) {
		r, ok := d.DrawSoftDeleted(kind, d.random.Uint64())
		return r, ok && d.Restore(r) == nil
	})
	p.add(name+".purge", counts.Purge, func(d *drawer) (tenant.Ref, bool) { return d.purge(kind) })
	return p.err
}

// draw does the tasks in an order that the seed draws.
func draw(w *tenant.Writer, request Request, tasks []task, result *Result, purged map[tenant.Ref]bool) {
	d := &drawer{Writer: w, random: rand.New(rand.NewPCG(request.Seed, w.Version())), purged: purged}
	d.random.Shuffle(len(tasks), func(i, j int) { tasks[i], tasks[j] = tasks[j], tasks[i] })
	for _, t := range tasks {
		r, ok := t.do(d)
		if !ok {
			result.Undone[t.name]++
			continue
		}
		result.Done[t.name]++
		if request.IDs {
			result.IDs[t.name] = append(result.IDs[t.name], w.ID(r))
		}
	}
}

// create makes an object and gives it a few links, each a change of its own.
func (d *drawer) create(kind tenant.Kind) (tenant.Ref, bool) {
	r, err := d.Create(kind)
	if err != nil {
		return r, false
	}
	for _, relation := range tenant.RelationsOf(kind) {
		most := map[tenant.Relation]int{tenant.Members: 5, tenant.Owners: 2, tenant.Manager: 1}[relation]
		for range d.random.IntN(most + 1) {
			d.linkFrom(r, relation)
		}
	}
	return r, true
}

func (d *drawer) update(kind tenant.Kind, positions []int) (tenant.Ref, bool) {
	r, ok := d.DrawLiving(kind, d.random.Uint64())
	return r, ok && d.Redraw(r, d.random.Uint64(), 1+d.random.IntN(3), positions)
}

// purge removes an object that is soft-deleted, or now and then one that
// lives; of kinds that cannot be restored always such a one.
func (d *drawer) purge(kind tenant.Kind) (tenant.Ref, bool) {
	var r tenant.Ref
	ok := false
	if d.random.IntN(4) > 0 {
		r, ok = d.DrawSoftDeleted(kind, d.random.Uint64())
	}
	if !ok {
		r, ok = d.DrawLiving(kind, d.random.Uint64())
	}
	if !ok || d.Purge(r) != nil {
		return r, false
	}
	d.purged[r] = true
	return r, true
}

// attempts is how often a link is drawn before there seems to be none.
const attempts = 32

func (d *drawer) link(kind tenant.Kind, relation tenant.Relation) (tenant.Ref, bool) {
	for range attempts {
		r, ok := d.DrawLiving(kind, d.random.Uint64())
		if ok && d.linkFrom(r, relation) {
			return r, true
		}
	}
	return tenant.Ref{}, false
}

// linkFrom links an object to another one, mostly a user.
func (d *drawer) linkFrom(owner tenant.Ref, relation tenant.Relation) bool {
	kind := tenant.User
	if kinds := d.TargetsOf(owner, relation); d.random.IntN(5) == 0 {
		kind = kinds[d.random.IntN(len(kinds))]
	}
	target, ok := d.DrawLiving(kind, d.random.Uint64())
	return ok && d.Link(owner, relation, target) == nil
}

func (d *drawer) unlink(kind tenant.Kind, relation tenant.Relation) (tenant.Ref, bool) {
	for range attempts {
		owner, ok := d.DrawLiving(kind, d.random.Uint64())
		if !ok {
			break
		}
		target, ok := d.DrawLink(owner, relation, d.random.Uint64())
		if ok && d.Unlink(owner, relation, target) == nil {
			return owner, true
		}
	}
	return tenant.Ref{}, false
}
