package graphapi

import (
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// hasMemberOf says whether objects of a kind can be members of others.
func hasMemberOf(kind tenant.Kind) bool {
	switch kind {
	case tenant.User, tenant.Group, tenant.ServicePrincipal, tenant.Device, tenant.OrgContact:
		return true
	}
	return false
}

// containers are the kinds that have members.
var containers = [...]tenant.Kind{tenant.Group, tenant.DirectoryRole, tenant.AdministrativeUnit}

// memberOf returns what an object is a direct member of. It goes through all
// groups, each of which takes the same short time however large it is.
func memberOf(v tenant.View, member tenant.Ref) []tenant.Ref {
	var all []tenant.Ref
	for _, kind := range containers {
		for place := range uint32(v.Slots(kind)) {
			owner := v.Slot(kind, place)
			if links := v.Links(owner, tenant.Members); links.Holds(member) && v.Life(owner) == tenant.Living {
				all = append(all, owner)
			}
		}
	}
	return all
}

// transitiveMemberOf adds what groups in groups come to.
func transitiveMemberOf(v tenant.View, member tenant.Ref) []tenant.Ref {
	var all []tenant.Ref
	seen := map[tenant.Ref]bool{member: true}
	for next := []tenant.Ref{member}; len(next) > 0; next = next[1:] {
		for _, owner := range memberOf(v, next[0]) {
			if seen[owner] {
				continue
			}
			seen[owner] = true
			all = append(all, owner)
			if owner.Kind == tenant.Group {
				next = append(next, owner)
			}
		}
	}
	return all
}

// directReports returns the users whose manager an object is.
func directReports(v tenant.View, manager tenant.Ref) []tenant.Ref {
	var all []tenant.Ref
	for place := range uint32(v.Slots(tenant.User)) {
		user := v.Slot(tenant.User, place)
		if links := v.Links(user, tenant.Manager); links.Holds(manager) && v.Life(user) == tenant.Living {
			all = append(all, user)
		}
	}
	return all
}

// checkMemberGroups answers POST /users/{id}/checkMemberGroups: which of up to 20
// groups an object is in, also by way of others.
func (w *writing) checkMemberGroups() error {
	ref, err := w.subject()
	if err != nil {
		return err
	}
	ids, err := w.idsOf("groupIds", 20)
	if err != nil {
		return err
	}
	is := map[string]bool{}
	for _, owner := range transitiveMemberOf(w.view, ref) {
		is[w.view.ID(owner)] = owner.Kind == tenant.Group
	}
	in := []string{}
	for _, id := range ids {
		if is[strings.ToLower(id)] {
			in = append(in, id)
		}
	}
	return w.answerValue("Collection(Edm.String)", in)
}

// getByIDs answers POST /directoryObjects/getByIds. Ids of what is not there are
// left out.
func (w *writing) getByIDs() error {
	ids, err := w.idsOf("ids", 1000)
	if err != nil {
		return err
	}
	types := w.in.Texts("types")
	var found []tenant.Ref
	for _, id := range ids {
		ref, ok := w.view.Find(id)
		if ok && (len(types) == 0 || containsFold(types, ref.Kind.Entity()) || containsFold(types, "directoryObject")) {
			found = append(found, ref)
		}
	}
	return w.appendRefs(token{top: uint32(len(found)), selects: w.query.selects}, found, "directoryObjects", true)
}

func containsFold(list []string, want string) bool {
	for _, have := range list {
		if strings.EqualFold(have, want) {
			return true
		}
	}
	return false
}
