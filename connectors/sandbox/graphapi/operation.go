package graphapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/edit"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// operation is what a method does to a path.
type operation struct {
	kind     tenant.Kind // of the object that the path begins with; 0 is any
	relation tenant.Relation
	needs    []string // permissions of which one is enough to be heard
	bodyless bool     // the body may be missing
	reads    bool     // changes nothing
	units    int      // 0 is 1
	do       func(*writing) error
}

// read reads a body.
func (o *operation) read(data []byte) (edit.Body, error) {
	if len(data) == 0 && o.bodyless {
		return edit.Body{}, nil
	}
	return edit.ParseBody(data)
}

// router finds operations by method and path.
type router struct {
	operations map[string]*operation // by method and shape
	words      map[string]bool       // the segments of shapes that are no parameters
}

func newRouter() router {
	r := router{operations: makeOperations(), words: map[string]bool{}}
	for key := range r.operations {
		_, pattern, _ := strings.Cut(key, " ")
		for word := range strings.SplitSeq(pattern, "/") {
			r.words[word] = word != "{}"
		}
	}
	return r
}

// find returns the operation that a request asks for, and the parameters in its
// path.
func (r router) find(method string, u *url.URL, segments []string) (*operation, []string, error) {
	pattern, params := r.shape(segments)
	if o, ok := r.operations[method+" "+pattern]; ok {
		return o, params, nil
	}
	for _, other := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if _, ok := r.operations[other+" "+pattern]; ok {
			return nil, nil, errNotAllowed()
		}
	}
	t, err := parseTarget(u)
	if _, known := relationNamed(t.kind, t.relation); err == nil && t.relation != "" && !known && !isLeftOut(t.relation) {
		err = errNoSegment(t.relation)
	}
	if err == nil {
		err = errNotAllowed()
	}
	return nil, nil, err
}

func errNotAllowed() *apiError {
	return &apiError{status: http.StatusMethodNotAllowed, code: "Request_BadRequest",
		message: "Specified HTTP method is not allowed for the request target."}
}

// shape writes a path as a pattern: words in lower case, {} for parameters. A key
// in parentheses is a segment of its own.
func (r router) shape(segments []string) (pattern string, params []string) {
	var parts []string
	for _, s := range segments {
		name, key, hasKey := strings.Cut(s, "(")
		word := strings.TrimPrefix(strings.ToLower(name), "microsoft.graph.")
		if !r.words[word] {
			parts, params = append(parts, "{}"), append(params, s)
			continue
		}
		parts = append(parts, word)
		if hasKey && strings.HasSuffix(key, ")") {
			key = strings.TrimSuffix(key, ")")
			if plain, ok := strings.CutPrefix(key, "'"); ok {
				key = strings.ReplaceAll(strings.TrimSuffix(plain, "'"), "''", "'")
			}
			if key != "" {
				parts, params = append(parts, "{}"), append(params, key)
			}
		}
	}
	if len(parts) > 1 && parts[0] == "directory" && parts[1] == "administrativeunits" {
		parts = parts[1:]
	}
	return strings.Join(parts, "/"), params
}

// Permissions that several operations need.
var (
	editUsers  = []string{"User.ReadWrite.All", "Directory.ReadWrite.All"}
	editGroups = []string{"Group.ReadWrite.All", "Directory.ReadWrite.All"}
	// anyUserEdit are those of which one lets a PATCH of a user be heard; its
	// properties decide which one is enough.
	anyUserEdit = append([]string{"User.ReadUpdate.All", "User.EnableDisableAccount.All", "User-Phone.ReadWrite.All",
		"User-Mail.ReadWrite.All", "User.ManageIdentities.All", "User-LifeCycleInfo.ReadWrite.All",
		"User-PasswordProfile.ReadWrite.All", "CustomSecAttributeAssignment.ReadWrite.All"}, editUsers...)
	anyDelete = []string{"User.DeleteRestore.All", "User.ReadWrite.All", "Group.ReadWrite.All", "Application.ReadWrite.All",
		"Application.ReadWrite.OwnedBy", "Device.ReadWrite.All", "AdministrativeUnit.ReadWrite.All", "Directory.ReadWrite.All"}
	editLicences = []string{"LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	editAppRoles = []string{"AppRoleAssignment.ReadWrite.All"}
	editRoles    = []string{"RoleManagement.ReadWrite.Directory"}
	editUnits    = []string{"AdministrativeUnit.ReadWrite.All", "Directory.ReadWrite.All"}
	editApps     = []string{"Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Directory.ReadWrite.All"}
	editDevices  = []string{"Device.ReadWrite.All", "Directory.ReadWrite.All"}
	editGrants   = []string{"DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"}
)

// makeOperations makes all writes, and the reads that are no GET, by method and
// shape. The permissions are those of the Microsoft Graph permissions reference
// for applications.
func makeOperations() map[string]*operation {
	all := map[string]*operation{
		"POST users":                                         {needs: editUsers, do: creating((*edit.Edit).CreateUser)},
		"PATCH users/{}":                                     {kind: tenant.User, needs: anyUserEdit, do: updating((*edit.Edit).UpdateUser)},
		"PUT users/{}/manager/$ref":                          {kind: tenant.User, needs: editUsers, do: (*writing).setManager},
		"DELETE users/{}/manager/$ref":                       {kind: tenant.User, needs: editUsers, bodyless: true, do: (*writing).clearManager},
		"DELETE users/{}/manager":                            {kind: tenant.User, needs: anyDelete, bodyless: true, do: (*writing).deleteManager},
		"POST users/{}/assignlicense":                        {kind: tenant.User, needs: editLicences, do: (*writing).assignUserLicences},
		"POST groups/{}/assignlicense":                       {kind: tenant.Group, needs: append(editLicences[:1:1], editGroups...), do: (*writing).assignGroupLicences},
		"POST users/{}/revokesigninsessions":                 {kind: tenant.User, needs: append([]string{"User.RevokeSessions.All"}, editUsers...), bodyless: true, do: (*writing).revokeSessions},
		"POST invitations":                                   {needs: append([]string{"User.Invite.All"}, editUsers...), do: (*writing).invite},
		"POST groups":                                        {needs: append([]string{"Group.Create"}, editGroups...), do: creating((*edit.Edit).CreateGroup)},
		"PATCH groups/{}":                                    {kind: tenant.Group, needs: append([]string{"Group.Create", "GroupMember.ReadWrite.All"}, editGroups...), do: upserting("uniqueName", (*edit.Edit).UpsertGroup, (*edit.Edit).UpdateGroup)},
		"POST administrativeunits":                           {needs: editUnits, do: creating((*edit.Edit).CreateUnit)},
		"PATCH administrativeunits/{}":                       {kind: tenant.AdministrativeUnit, needs: editUnits, do: updating((*edit.Edit).UpdateUnit)},
		"POST applications":                                  {needs: editApps, do: creating((*edit.Edit).CreateApplication)},
		"PATCH applications/{}":                              {kind: tenant.Application, needs: editApps, do: upserting("uniqueName", (*edit.Edit).UpsertApplication, (*edit.Edit).UpdateApplication)},
		"POST serviceprincipals":                             {needs: editApps, do: creating((*edit.Edit).CreatePrincipal)},
		"PATCH serviceprincipals/{}":                         {kind: tenant.ServicePrincipal, needs: append([]string{"CustomSecAttributeAssignment.ReadWrite.All"}, editApps...), do: upserting("appId", (*edit.Edit).UpsertPrincipal, (*edit.Edit).UpdatePrincipal)},
		"PATCH devices/{}":                                   {kind: tenant.Device, needs: editDevices, do: updating((*edit.Edit).UpdateDevice)},
		"POST oauth2permissiongrants":                        {needs: editGrants, do: creating((*edit.Edit).CreateGrant)},
		"PATCH oauth2permissiongrants/{}":                    {kind: tenant.PermissionGrant, needs: editGrants, do: updating((*edit.Edit).UpdateGrant)},
		"DELETE oauth2permissiongrants/{}":                   {kind: tenant.PermissionGrant, needs: editGrants, bodyless: true, do: (*writing).delete},
		"POST directoryroles":                                {needs: editRoles, do: (*writing).activateRole},
		"POST directory/deleteditems/{}/restore":             {needs: anyDelete, bodyless: true, do: (*writing).restore},
		"DELETE directory/deleteditems/{}":                   {needs: anyDelete, bodyless: true, do: (*writing).purge},
		"POST rolemanagement/directory/roleassignments":      {needs: editRoles, do: (*writing).assignRole},
		"DELETE rolemanagement/directory/roleassignments/{}": {needs: editRoles, bodyless: true, do: (*writing).removeRole},
		"POST directoryobjects/getbyids":                     {needs: []string{"Directory.Read.All", "Directory.ReadWrite.All", "User.Read.All", "Group.Read.All"}, reads: true, units: 5, do: (*writing).getByIDs},
	}
	for name, kind := range map[string]tenant.Kind{"users": tenant.User, "groups": tenant.Group, "serviceprincipals": tenant.ServicePrincipal,
		"applications": tenant.Application, "devices": tenant.Device, "administrativeunits": tenant.AdministrativeUnit, "directoryobjects": 0} {
		all["DELETE "+name+"/{}"] = &operation{kind: kind, needs: anyDelete, bodyless: true, do: (*writing).delete}
		if hasMemberOf(kind) || kind == 0 {
			all["POST "+name+"/{}/checkmembergroups"] = &operation{kind: kind, reads: true, units: 4,
				needs: []string{"Directory.Read.All", "Directory.ReadWrite.All", "User.Read.All", "GroupMember.Read.All"}, do: (*writing).checkMemberGroups}
		}
	}
	for name, kind := range map[string]tenant.Kind{"users": tenant.User, "groups": tenant.Group, "serviceprincipals": tenant.ServicePrincipal} {
		addAppRoles(all, name+"/{}/approleassignments", operation{kind: kind, needs: editAppRoles})
	}
	addAppRoles(all, "serviceprincipals/{}/approleassignedto", operation{kind: tenant.ServicePrincipal, needs: editAppRoles})
	addLinks(all, "groups", operation{kind: tenant.Group, relation: tenant.Members, needs: append([]string{"GroupMember.ReadWrite.All"}, editGroups...)})
	addLinks(all, "groups", operation{kind: tenant.Group, relation: tenant.Owners, needs: editGroups})
	addLinks(all, "directoryroles", operation{kind: tenant.DirectoryRole, relation: tenant.Members, needs: editRoles})
	addLinks(all, "administrativeunits", operation{kind: tenant.AdministrativeUnit, relation: tenant.Members, needs: []string{"AdministrativeUnit.ReadWrite.All"}})
	addLinks(all, "serviceprincipals", operation{kind: tenant.ServicePrincipal, relation: tenant.Owners, needs: []string{"Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"}})
	addLinks(all, "applications", operation{kind: tenant.Application, relation: tenant.Owners, needs: []string{"Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"}})
	return all
}

// addLinks adds the operations on the links of a relation. The DELETE without
// $ref deletes the object that is linked (Remove member, "Important").
func addLinks(all map[string]*operation, collection string, o operation) {
	path := collection + "/{}/" + o.relation.String()
	add, remove, erase := o, o, o
	add.do, remove.do, erase.do = (*writing).addLink, (*writing).removeLink, (*writing).deleteLinked
	remove.bodyless, erase.bodyless, erase.needs = true, true, anyDelete
	all["POST "+path+"/$ref"] = &add
	all["DELETE "+path+"/{}/$ref"] = &remove
	all["DELETE "+path+"/{}"] = &erase
}

func addAppRoles(all map[string]*operation, path string, o operation) {
	add, remove := o, o
	add.do, remove.do, remove.bodyless = (*writing).assignAppRole, (*writing).removeAppRole, true
	all["POST "+path] = &add
	all["DELETE "+path+"/{}"] = &remove
}
