package graphapi

import (
	"net/http"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// related answers a request for what an object is related to.
func (r *request) related() error {
	if r.target.relation == "manager" {
		return r.manager()
	}
	links, err := r.relatedLinks()
	if err != nil {
		return err
	}
	tok, err := r.listToken()
	if err != nil {
		return err
	}
	top := int(tok.top)
	if r.target.kind == tenant.DirectoryRole {
		top = len(links) // members of roles have no paging
	}
	from := min(int(tok.offset), len(links))
	to := min(from+top, len(links))
	first := tok.offset == 0
	r.beginList("directoryObjects", tok.fields)
	if first && r.wantsCount() {
		r.appendCount(len(links))
	}
	if to < len(links) {
		tok.offset = uint32(to)
		r.appendNext(tok)
	}
	r.body = append(r.body, `"value":[`...)
	renderers := map[tenant.Kind]renderer{}
	for i, link := range links[from:to] {
		if i > 0 {
			r.body = append(r.body, ',')
		}
		renderer, ok := renderers[link.Kind]
		if !ok {
			renderer = r.memberRenderer(link.Kind, tok.selects)
			renderers[link.Kind] = renderer
		}
		r.body = renderer.object(r.body, link, true, "")
	}
	r.body = append(r.body, "]}"...)
	return nil
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
	fields, err := r.api.selectFor(r.api.world.Schema(tenant.User), r.query.selects, asksGet, r.who)
	if err != nil {
		return err
	}
	r.appendObject(links[0], fields, "directoryObjects", true)
	return nil
}

// relatedLinks is all that the named relation holds, as this version of the
// service and a cast in the path let it be seen.
func (r *request) relatedLinks() ([]tenant.Ref, error) {
	ref, err := r.find()
	if err != nil {
		return nil, err
	}
	var all []tenant.Ref
	if r.target.relation == "transitivemembers" && ref.Kind == tenant.Group {
		all = r.transitiveMembers(ref)
	} else {
		relation, ok := relationNamed(ref.Kind, r.target.relation)
		if !ok {
			return nil, r.unknownRelation()
		}
		all = collect(r.view.Links(ref, relation))
	}
	// A known limit of v1.0: the members of a group come without service principals.
	hide := ref.Kind == tenant.Group && r.target.relation == "members" && r.target.version == "v1.0" &&
		r.target.cast != tenant.ServicePrincipal
	shown := all[:0]
	for _, link := range all {
		if hide && link.Kind == tenant.ServicePrincipal || r.target.cast != 0 && link.Kind != r.target.cast {
			continue
		}
		shown = append(shown, link)
	}
	return shown, nil
}

// unknownRelation refuses relations that Graph has and the sandbox has not in
// other words than those that do not exist.
func (r *request) unknownRelation() error {
	switch r.target.relation {
	case "memberof", "transitivememberof", "directreports", "approleassignments", "approleassignedto", "licensedetails",
		"ownedobjects", "registeredowners", "registeredusers", "sponsors", "photo":
		return &apiError{status: http.StatusNotImplemented, code: "NotImplemented", message: "This operation target is not yet supported."}
	}
	return errNoSegment(r.target.relation)
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
