package edit

import (
	"net/http"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// grantRules are the properties of permission grants that requests can set
// (Create oAuth2PermissionGrant, Update oAuth2PermissionGrant).
var grantRules = map[string]rule{
	"clientId":    {required: true, kept: true, made: true},
	"consentType": {required: true, kept: true, made: true, oneOf: []string{"AllPrincipals", "Principal"}},
	"principalId": {made: true},
	"resourceId":  {required: true, kept: true, made: true},
	"scope":       {most: 3850},
}

// CreateGrant is POST /oauth2PermissionGrants. The words of its refusal of a
// second grant have been seen, not documented.
func (e *Edit) CreateGrant(body Body) (tenant.Ref, error) {
	values, err := e.check(tenant.PermissionGrant, grantRules, body, true)
	if err != nil {
		return tenant.Ref{}, err
	}
	for name, kind := range map[string]tenant.Kind{
		"clientId": tenant.ServicePrincipal, "resourceId": tenant.ServicePrincipal, "principalId": tenant.User,
	} {
		id := textOf(values[name])
		if id == "" && name == "principalId" {
			continue
		}
		r, err := e.reach(id, kind)
		if err != nil {
			return tenant.Ref{}, err
		}
		values[name] = asJSON(e.ID(r))
	}
	if personal := textOf(values["consentType"]) == "Principal"; personal != (textOf(values["principalId"]) != "") {
		return tenant.Ref{}, invalidValue("principalId", title(tenant.PermissionGrant))
	}
	if e.granted(values) {
		return tenant.Ref{}, &Refusal{Status: http.StatusConflict, Code: "Request_MultipleObjectsWithSameKeyValue", Message: "Permission entry already exists."}
	}
	return e.make(tenant.PermissionGrant, values)
}

// granted says whether there is a grant for the same parties.
func (e *Edit) granted(values Values) bool {
	for place := range uint32(e.Slots(tenant.PermissionGrant)) {
		r := e.Slot(tenant.PermissionGrant, place)
		alike := e.Life(r) == tenant.Living
		for _, name := range []string{"clientId", "resourceId", "principalId"} {
			alike = alike && strings.EqualFold(e.text(r, name), textOf(values[name]))
		}
		if alike {
			return true
		}
	}
	return false
}

// UpdateGrant is PATCH /oauth2PermissionGrants/{id}.
func (e *Edit) UpdateGrant(grant tenant.Ref, body Body) error {
	return e.update(grant, grantRules, body)
}
