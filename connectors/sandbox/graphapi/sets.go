package graphapi

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/edit"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// answerSet answers a request for a set that is no collection of a kind.
func (r *request) answerSet() error {
	switch r.target.set {
	case deletedItems:
		return r.deletedItems()
	case roleAssignments:
		return r.answerEntries("roleManagement/directory/roleAssignments", r.roleAssignments())
	case roleDefinitions:
		return r.answerEntries("roleManagement/directory/roleDefinitions", r.roleDefinitions())
	case attributeSets:
		return r.answerEntries("directory/attributeSets", attributeSetEntries())
	}
	return r.answerEntries("directory/customSecurityAttributeDefinitions", definitionEntries())
}

// deletedItems answers requests for what can be restored: a list of one kind, or
// one object.
func (r *request) deletedItems() error {
	if r.target.id != "" {
		ref, ok := r.view.Lookup(r.target.id)
		if !ok || r.view.Life(ref) != tenant.SoftDeleted {
			return errNotFound(r.target.id)
		}
		fields, err := r.api.selectFor(r.api.world.Schema(ref.Kind), r.query.selects, asksGet, r.who)
		if err != nil {
			return err
		}
		r.appendObject(ref, fields, "directoryObjects", true)
		return nil
	}
	if r.target.cast == 0 {
		return errUnsupported("Searches against this resource are not supported. Only specific instances can be queried.")
	}
	r.target.kind = r.target.cast
	tok, err := r.listToken()
	if err != nil {
		return err
	}
	condition, err := r.condition(r.target.cast, tok.filter, tok.search)
	if err != nil {
		return err
	}
	deleted := slices.DeleteFunc(r.view.SoftDeleted(r.target.cast), func(ref tenant.Ref) bool { return !condition.fits(ref) })
	slices.SortFunc(deleted, func(a, b tenant.Ref) int { return int(int64(a.Index) - int64(b.Index)) })
	return r.appendRefs(tok, deleted, r.target.cast.Collection(), false)
}

// entry is an object of a set that the tenant does not keep as one.
type entry = map[string]any

// answerEntries answers a request for a list of entries, or for the one whose id
// the path names. A filter compares texts.
func (r *request) answerEntries(set string, all []entry) error {
	if r.target.id != "" {
		for _, e := range all {
			if e["id"] == r.target.id {
				e["@odata.context"] = r.context() + set + "/$entity"
				return r.answerJSON(e)
			}
		}
		return errNotFound(r.target.id)
	}
	for part := range strings.SplitSeq(r.query.filter, " and ") {
		name, literal, ok := strings.Cut(strings.TrimSpace(part), " eq ")
		if !ok {
			if part == "" {
				continue
			}
			return errFilter()
		}
		all = slices.DeleteFunc(all, func(e entry) bool { return e[name] != unquoted(strings.TrimSpace(literal)) })
	}
	return r.answerJSON(entry{"@odata.context": r.context() + set, "value": append([]entry{}, all...)})
}

func (r *request) answerJSON(body any) error {
	text, err := json.Marshal(body)
	r.body = append(r.body, text...)
	return err
}

// roleAssignments are the members of directory roles, as the unified role
// management tells them.
func (r *request) roleAssignments() []entry {
	var all []entry
	for place := range uint32(r.view.Slots(tenant.DirectoryRole)) {
		role := r.view.Slot(tenant.DirectoryRole, place)
		for _, principal := range collect(r.view.Links(role, tenant.Members)) {
			all = append(all, roleAssignment(r.view, role, principal))
		}
	}
	return all
}

func roleAssignment(v tenant.View, role, principal tenant.Ref) entry {
	return entry{"id": assignmentID(v, role, principal), "principalId": v.ID(principal), "directoryScopeId": "/",
		"roleDefinitionId": text(v.Value(role, "roleTemplateId"))}
}

// assignmentID makes the id of a role assignment of those of the role and of who
// has it.
func assignmentID(v tenant.View, role, principal tenant.Ref) string {
	return base64.RawURLEncoding.EncodeToString([]byte(v.ID(role) + v.ID(principal)))
}

// parseAssignmentID is the reverse of assignmentID.
func parseAssignmentID(v tenant.View, id string) (role tenant.Ref, principalID string, ok bool) {
	ids, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(ids) != 72 {
		return role, "", false
	}
	role, ok = v.Find(string(ids[:36]))
	return role, string(ids[36:]), ok && role.Kind == tenant.DirectoryRole
}

func (r *request) roleDefinitions() []entry {
	var all []entry
	for _, t := range tenant.RoleTemplates() {
		all = append(all, entry{"id": t.ID, "templateId": t.ID, "displayName": t.Name, "description": t.Description, "isBuiltIn": true,
			"isEnabled": true})
	}
	return all
}

func attributeSetEntries() []entry {
	var all []entry
	for _, a := range edit.SecurityAttributes() {
		if len(all) == 0 || all[len(all)-1]["id"] != a.Set {
			all = append(all, entry{"id": a.Set, "description": "Attributes of " + a.Set, "maxAttributesPerSet": 25})
		}
	}
	return all
}

func definitionEntries() []entry {
	var all []entry
	for _, a := range edit.SecurityAttributes() {
		all = append(all, entry{"id": a.Set + "_" + a.Name, "attributeSet": a.Set, "name": a.Name, "type": a.Type, "description": a.Name,
			"isCollection": a.Collection, "isSearchable": true, "status": "Available", "usePreDefinedValuesOnly": len(a.Allowed) > 0})
	}
	return all
}

// licenceDetails answers GET /users/{id}/licenseDetails.
func (r *request) licenceDetails() error {
	user, err := r.find()
	if err != nil {
		return err
	}
	var licences []struct {
		SkuID         string   `json:"skuId"`
		DisabledPlans []string `json:"disabledPlans"`
	}
	if value := r.view.Value(user, "assignedLicenses"); len(value) > 0 {
		if err := json.Unmarshal(value, &licences); err != nil {
			return err
		}
	}
	details := []entry{}
	for _, l := range licences {
		product, _, _ := tenant.FindProduct(l.SkuID)
		plans := json.RawMessage("[" + string(product.AppendPlans(nil, l.DisabledPlans)) + "]")
		details = append(details, entry{"id": base64.RawURLEncoding.EncodeToString([]byte(r.view.ID(user) + l.SkuID)),
			"skuId": product.SkuID, "skuPartNumber": product.PartNumber, "servicePlans": plans})
	}
	return r.answerJSON(entry{"@odata.context": r.context() + "users('" + r.view.ID(user) + "')/licenseDetails", "value": details})
}

func text(value json.RawMessage) string {
	var s string
	if len(value) == 0 || json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}
