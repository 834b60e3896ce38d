package graphapi

import (
	"net/http"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// related answers a request for what an object is related to.
func (r *request) related() error {
	switch single := r.target.relation == "manager" || r.target.relation == "licensedetails"; {
	case single && r.target.related != "":
		return errNoSegment(r.target.related)
	case r.target.relation == "manager":
		return r.manager()
	case r.target.relation == "licensedetails" && r.target.kind == tenant.User:
		return r.licenceDetails()
	case r.target.related != "":
		return r.oneRelated()
	}
	tok, err := r.listToken()
	if err != nil {
		return err
	}
	links, err := r.relatedLinks(tok.filter, tok.search)
	if err != nil {
		return err
	}
	set := "directoryObjects"
	if strings.HasPrefix(r.target.relation, "approle") {
		set = "appRoleAssignments"
	}
	return r.appendRefs(tok, links, set, true)
}

// appendRefs appends a page of a list of objects. typed says that their entity
// types stand with them; $select names properties that some of them have.
func (r *request) appendRefs(tok token, refs []tenant.Ref, set string, typed bool) error {
	top := int(tok.top)
	if r.target.kind == tenant.DirectoryRole {
		top = len(refs) // roles and their members have no paging
	}
	from := min(int(tok.offset), len(refs))
	to := min(from+top, len(refs))
	first := tok.offset == 0
	r.beginList(set, tok.fields)
	if first && r.wantsCount() {
		r.appendCount(len(refs))
	}
	if to < len(refs) {
		tok.offset = uint32(to)
		r.appendNext(tok)
	}
	r.body = append(r.body, `"value":[`...)
	renderers := map[tenant.Kind]renderer{}
	for i, ref := range refs[from:to] {
		if i > 0 {
			r.body = append(r.body, ',')
		}
		if r.target.ref {
			r.appendReference(ref)
			continue
		}
		renderer, ok := renderers[ref.Kind]
		if !ok {
			if renderer = newRenderer(r.view, ref.Kind, tok.fields); typed {
				renderer = r.memberRenderer(ref.Kind, tok.selects)
			}
			renderers[ref.Kind] = renderer
		}
		r.body = renderer.object(r.body, ref, typed && ref.Kind != tenant.AppRoleAssignment, "")
	}
	r.body = append(r.body, "]}"...)
	return nil
}

// appendReference appends what stands for an object in a list of references.
func (r *request) appendReference(ref tenant.Ref) {
	r.body = append(r.body, `{"@odata.id":"`...)
	r.body = append(r.body, r.base()...)
	r.body = append(r.body, "directoryObjects/"...)
	r.body = r.view.AppendID(r.body, ref)
	r.body = append(r.body, `"}`...)
}

// memberRenderer writes objects of a kind in a list of different kinds, where
// $select names properties that only some of them have.
func (r *request) memberRenderer(kind tenant.Kind, selects string) renderer {
	fields := selection{explicit: true}
	schema := r.api.world.Schema(kind)
	if selects == "" {
		fields = defaultSelection(schema, false)
	} else {
		for _, name := range splitNames(selects) {
			if i, ok := schema.Lookup(name); ok && schema.Properties[i].Place == tenant.Directory {
				fields.add(i)
			}
		}
	}
	return newRenderer(r.view, kind, fields)
}

// manager answers a request for a user's manager.
func (r *request) manager() error {
	ref, err := r.find()
	if err != nil {
		return err
	}
	if ref.Kind != tenant.User {
		return errNoSegment(r.target.relation)
	}
	links := collect(r.view.Links(ref, tenant.Manager))
	if len(links) == 0 {
		return &apiError{status: http.StatusNotFound, code: "Request_ResourceNotFound",
			message: "Resource 'manager' does not exist or one of its queried reference-property objects are not present."}
	}
	if r.target.ref {
		r.body = append(r.body, `{"@odata.context":"`+r.context()+`$ref","@odata.id":"`+r.base()+`users/`+r.view.ID(links[0])+`"}`...)
		return nil
	}
	fields, err := r.api.selectFor(r.api.world.Schema(tenant.User), r.query.selects, asksGet, r.who)
	if err != nil {
		return err
	}
	r.appendObject(links[0], fields, "directoryObjects", true)
	return nil
}

// oneRelated answers a request for one object by way of a relation.
func (r *request) oneRelated() error {
	links, err := r.relatedLinks("", "")
	if err != nil {
		return err
	}
	for _, link := range links {
		if strings.EqualFold(r.view.ID(link), r.target.related) {
			fields, err := r.api.selectFor(r.api.world.Schema(link.Kind), r.query.selects, asksGet, r.who)
			if err != nil {
				return err
			}
			r.appendObject(link, fields, "directoryObjects", true)
			return nil
		}
	}
	return errNotFound(r.target.related)
}

// relatedLinks is all that the named relation holds, as this version of the
// service, a cast in the path, a $filter and a $search let it be seen.
func (r *request) relatedLinks(filtered, searched string) ([]tenant.Ref, error) {
	ref, err := r.find()
	if err != nil {
		return nil, err
	}
	all, err := r.reached(ref)
	if err != nil {
		return nil, err
	}
	// A known limit of v1.0: the members of a group come without service principals.
	hide := ref.Kind == tenant.Group && r.target.relation == "members" && r.target.version == "v1.0" &&
		r.target.cast != tenant.ServicePrincipal
	conditions := map[tenant.Kind]*filter{}
	shown := all[:0]
	for _, link := range all {
		if hide && link.Kind == tenant.ServicePrincipal || r.target.cast != 0 && link.Kind != r.target.cast {
			continue
		}
		fits, ok := conditions[link.Kind]
		if !ok {
			if fits, err = r.condition(link.Kind, filtered, searched); err != nil {
				return nil, err
			}
			conditions[link.Kind] = fits
		}
		if fits.fits(link) {
			shown = append(shown, link)
		}
	}
	return shown, nil
}

// reached returns all objects that the relation in the path leads to.
func (r *request) reached(ref tenant.Ref) ([]tenant.Ref, error) {
	switch name := r.target.relation; {
	case name == "transitivemembers" && ref.Kind == tenant.Group:
		return r.transitiveMembers(ref), nil
	case name == "memberof" && hasMemberOf(ref.Kind):
		return memberOf(r.view, ref), nil
	case name == "transitivememberof" && hasMemberOf(ref.Kind):
		return transitiveMemberOf(r.view, ref), nil
	case name == "directreports" && ref.Kind == tenant.User:
		return directReports(r.view, ref), nil
	case name == "approleassignments" && (ref.Kind == tenant.User || ref.Kind == tenant.Group || ref.Kind == tenant.ServicePrincipal):
		found, _ := r.view.Holding(tenant.AppRoleAssignment, "principalId", r.view.ID(ref))
		return found, nil
	case name == "approleassignedto" && ref.Kind == tenant.ServicePrincipal:
		found, _ := r.view.Holding(tenant.AppRoleAssignment, "resourceId", r.view.ID(ref))
		return found, nil
	}
	relation, ok := relationNamed(ref.Kind, r.target.relation)
	if !ok {
		return nil, r.unknownRelation()
	}
	return collect(r.view.Links(ref, relation)), nil
}

// unknownRelation refuses relations that Graph has and the sandbox has not in
// other words than those that do not exist.
func (r *request) unknownRelation() error {
	if isLeftOut(r.target.relation) {
		return &apiError{status: http.StatusNotImplemented, code: "NotImplemented", message: "This operation target is not yet supported."}
	}
	return errNoSegment(r.target.relation)
}

// isLeftOut says whether Graph has a relation that the sandbox does not have, or
// not for all kinds.
func isLeftOut(name string) bool {
	switch name {
	case "memberof", "transitivememberof", "transitivemembers", "directreports", "approleassignments", "approleassignedto", "licensedetails",
		"ownedobjects", "registeredowners", "registeredusers", "sponsors", "photo":
		return true
	}
	return false
}

// collect returns the living objects that links lead to.
func collect(links tenant.Links) []tenant.Ref {
	var all []tenant.Ref
	for i := range links.Slots() {
		if link, tie := links.At(i); tie == tenant.Linked {
			all = append(all, link)
		}
	}
	return all
}

// transitiveMembers walks through nested groups, each once.
func (r *request) transitiveMembers(group tenant.Ref) []tenant.Ref {
	var all []tenant.Ref
	seen := map[tenant.Ref]bool{group: true}
	for groups := []tenant.Ref{group}; len(groups) > 0; groups = groups[1:] {
		for _, link := range collect(r.view.Links(groups[0], tenant.Members)) {
			if seen[link] {
				continue
			}
			seen[link] = true
			all = append(all, link)
			if link.Kind == tenant.Group {
				groups = append(groups, link)
			}
		}
	}
	return all
}
