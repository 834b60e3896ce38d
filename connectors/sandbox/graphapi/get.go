package graphapi

import (
	"regexp"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// get answers a request for one object.
func (r *request) get() error {
	ref, err := r.find()
	if err != nil {
		return err
	}
	fields, err := r.api.selectFor(r.api.world.Schema(ref.Kind), r.query.selects, asksGet, r.who)
	if err != nil {
		return err
	}
	set := ref.Kind.Collection()
	if r.target.anyKind {
		set = "directoryObjects"
	}
	r.appendObject(ref, fields, set, r.target.anyKind)
	return nil
}

// appendObject appends one object as the answer.
func (r *request) appendObject(ref tenant.Ref, fields selection, set string, typed bool) {
	renderer := newRenderer(r.view, ref.Kind, fields)
	context := `"@odata.context":"` + r.context() + set + `/$entity",`
	r.body = renderer.object(r.body, ref, typed, context)
}

var looksLikeID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// find returns the object that the path names.
func (r *request) find() (tenant.Ref, error) {
	id, kind := r.target.id, r.target.kind
	if name, value, ok := strings.Cut(id, "="); ok && (kind == tenant.ServicePrincipal || kind == tenant.Application) {
		if ref, ok := r.view.FindApp(kind, strings.Trim(value, "'")); ok && strings.EqualFold(name, "appId") {
			return ref, nil
		}
		return tenant.Ref{}, errNotFound(value)
	}
	if ref, ok := r.view.Find(id); ok {
		if r.target.anyKind || ref.Kind == kind {
			return ref, nil
		}
		return tenant.Ref{}, errNotFound(id)
	}
	if kind == tenant.User {
		if ref, ok := r.view.FindUser(id); ok {
			return ref, nil
		}
		if strings.Contains(id, "@") {
			return tenant.Ref{}, errNotFound(id)
		}
	}
	if looksLikeID.MatchString(id) || kind == tenant.PermissionGrant {
		return tenant.Ref{}, errNotFound(id)
	}
	return tenant.Ref{}, errBadRequest("Request_BadRequest", "Invalid object identifier '"+id+"'.")
}
