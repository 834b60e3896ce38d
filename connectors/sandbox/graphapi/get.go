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
	return findObject(r.view, r.target.kind, r.target.id)
}

// findObject returns the living object of a kind, or of any if that is 0, that
// an id in a path names, or another key such as appId='x'.
func findObject(v tenant.View, kind tenant.Kind, id string) (tenant.Ref, error) {
	if name, value, ok := strings.Cut(id, "="); ok && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
		value = strings.ReplaceAll(strings.Trim(value, "'"), "''", "'")
		if ref, ok := findByKey(v, kind, name, value); ok {
			return ref, nil
		}
		return tenant.Ref{}, errNotFound(value)
	}
	if ref, ok := v.Find(id); ok {
		if kind == 0 || ref.Kind == kind {
			return ref, nil
		}
		return tenant.Ref{}, errNotFound(id)
	}
	if kind == tenant.User {
		if ref, ok := v.FindUser(id); ok {
			return ref, nil
		}
		if strings.Contains(id, "@") {
			return tenant.Ref{}, errNotFound(id)
		}
	}
	if looksLikeID.MatchString(id) || kind == tenant.PermissionGrant || kind == tenant.AppRoleAssignment || kind == tenant.Sku {
		return tenant.Ref{}, errNotFound(id)
	}
	return tenant.Ref{}, errBadRequest("Request_BadRequest", "Invalid object identifier '"+id+"'.")
}

// findByKey finds an object by an alternate key.
func findByKey(v tenant.View, kind tenant.Kind, name, value string) (tenant.Ref, bool) {
	switch {
	case kind == tenant.Group && strings.EqualFold(name, "uniqueName"):
		found, _ := v.Holding(kind, "uniqueName", value)
		if len(found) > 0 {
			return found[0], true
		}
	case kind == tenant.Application && strings.EqualFold(name, "uniqueName"):
		return v.FindNamed(value)
	case kind == tenant.DirectoryRole && strings.EqualFold(name, "roleTemplateId"):
		return v.FindRole(value)
	case (kind == tenant.ServicePrincipal || kind == tenant.Application) && strings.EqualFold(name, "appId"):
		return v.FindApp(kind, value)
	}
	return tenant.Ref{}, false
}
