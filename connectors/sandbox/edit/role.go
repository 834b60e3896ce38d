package edit

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/journal"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// ActivateRole is POST /directoryRoles: it makes a directory role of its template.
func (e *Edit) ActivateRole(body Body) (tenant.Ref, error) {
	id := textOf(body["roleTemplateId"])
	template, ok := tenant.FindRoleTemplate(id)
	if !ok {
		return tenant.Ref{}, NotFound(id)
	}
	if _, ok := e.FindRole(id); ok {
		return tenant.Ref{}, conflicting()
	}
	return e.make(tenant.DirectoryRole, Values{"roleTemplateId": asJSON(template.ID), "displayName": asJSON(template.Name),
		"description": asJSON(template.Description)})
}

// AssignRole is POST /roleManagement/directory/roleAssignments. It activates the
// role if that is needed, and returns the role and who has it now.
func (e *Edit) AssignRole(body Body) (role, principal tenant.Ref, err error) {
	if scope := textOf(body["directoryScopeId"]); scope != "/" {
		// Other scopes are beyond this; the words are its own.
		return role, principal, Bad("The directory scope '%s' is not supported.", scope)
	}
	definition := textOf(body["roleDefinitionId"])
	role, ok := e.FindRole(definition)
	if !ok {
		if _, known := tenant.FindRoleTemplate(definition); !known {
			return role, principal, NotFound(definition)
		}
	}
	principal, err = e.reach(textOf(body["principalId"]), 0)
	if err != nil {
		return role, principal, err
	}
	if !ok {
		if role, err = e.ActivateRole(Body{"roleTemplateId": asJSON(definition)}); err != nil {
			return role, principal, err
		}
	}
	if e.has(role, tenant.Members, principal) {
		return role, principal, conflicting()
	}
	return role, principal, e.AddLinks(role, tenant.Members, []string{e.ID(principal)})
}

// AssignAppRole gives a user, a group or an application a role in an application.
// The body names the three; path is the id in the request's path, which must be
// that of the principal or of the resource.
func (e *Edit) AssignAppRole(body Body, path tenant.Ref, pathIsResource bool) (tenant.Ref, error) {
	var ids [3]string
	for i, name := range []string{"principalId", "resourceId", "appRoleId"} {
		if ids[i] = textOf(body[name]); ids[i] == "" {
			return tenant.Ref{}, Bad("A value is required for property '%s' of resource 'AppRoleAssignment'.", name)
		}
	}
	principal, err := e.reach(ids[0], 0)
	if err != nil {
		return tenant.Ref{}, err
	}
	resource, err := e.reach(ids[1], tenant.ServicePrincipal)
	if err != nil {
		return tenant.Ref{}, err
	}
	if pathIsResource && path != resource || !pathIsResource && path != principal {
		return tenant.Ref{}, invalidValue("principalId", "AppRoleAssignment")
	}
	if !slices.Contains([]tenant.Kind{tenant.User, tenant.Group, tenant.ServicePrincipal}, principal.Kind) {
		return tenant.Ref{}, invalidValue("principalId", "AppRoleAssignment")
	}
	if !e.offers(resource, ids[2]) {
		return tenant.Ref{}, Bad("Permission being assigned was not found on application")
	}
	assignments, _ := e.Holding(tenant.AppRoleAssignment, "principalId", ids[0])
	for _, a := range assignments {
		if strings.EqualFold(e.text(a, "resourceId"), ids[1]) && strings.EqualFold(e.text(a, "appRoleId"), ids[2]) {
			return tenant.Ref{}, Bad("Permission being assigned already exists on the object")
		}
	}
	return e.make(tenant.AppRoleAssignment, Values{
		"appRoleId": asJSON(strings.ToLower(ids[2])), "createdDateTime": e.stamp(),
		"principalId": asJSON(e.ID(principal)), "principalType": asJSON(title(principal.Kind)),
		"principalDisplayName": orNull(e.Value(principal, "displayName")),
		"resourceId":           asJSON(e.ID(resource)), "resourceDisplayName": orNull(e.Value(resource, "displayName")),
	})
}

// defaultAppRole stands for access to an application that has no roles.
const defaultAppRole = "00000000-0000-0000-0000-000000000000"

// offers says whether an application has a role.
func (e *Edit) offers(resource tenant.Ref, appRole string) bool {
	var roles []struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(orNull(e.Value(resource, "appRoles")), &roles) != nil {
		return false
	}
	if appRole == defaultAppRole {
		return len(roles) == 0
	}
	for _, r := range roles {
		if strings.EqualFold(r.ID, appRole) {
			return true
		}
	}
	return false
}

// RemoveAppRole deletes an app role assignment.
func (e *Edit) RemoveAppRole(assignment tenant.Ref) error {
	if err := e.Purge(assignment); err != nil {
		return err
	}
	e.tell(journal.Purge, assignment)
	return nil
}
