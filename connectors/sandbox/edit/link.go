package edit

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// mostOwners is how many owners a group can have.
const mostOwners = 100

// holder is an object that links are added to: one that is there or one that is
// about to be made.
type holder interface {
	value(property string) json.RawMessage
	ref() (tenant.Ref, bool)
}

type present struct {
	edit  *Edit
	owner tenant.Ref
}

func (p present) value(property string) json.RawMessage { return p.edit.Value(p.owner, property) }
func (p present) ref() (tenant.Ref, bool)               { return p.owner, true }

type draft struct{ values Values }

func (d draft) value(property string) json.RawMessage { return d.values[property] }
func (d draft) ref() (tenant.Ref, bool)               { return tenant.Ref{Kind: tenant.Group}, false }

// AddLinks adds links from an object to those with the given ids, all or nothing.
func (e *Edit) AddLinks(owner tenant.Ref, relation tenant.Relation, ids []string) error {
	targets, err := e.checkAdded(present{e, owner}, relation, ids)
	if err != nil {
		return err
	}
	return e.linkAll(owner, relation, targets)
}

func (e *Edit) linkAll(owner tenant.Ref, relation tenant.Relation, targets []tenant.Ref) error {
	for _, target := range targets {
		if err := e.link(owner, relation, target); err != nil {
			return err
		}
		if owner.Kind == tenant.Group && relation == tenant.Members {
			if err := e.inherit(owner, target); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkAdded finds the objects that are to be linked and refuses links that
// cannot be.
func (e *Edit) checkAdded(to holder, relation tenant.Relation, ids []string) ([]tenant.Ref, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	owner, exists := to.ref()
	if err := e.mayLink(to, relation); err != nil {
		return nil, err
	}
	var targets []tenant.Ref
	for _, id := range ids {
		target, err := e.reach(id, 0)
		if err != nil {
			return nil, err
		}
		if slices.Contains(targets, target) {
			return nil, Bad("A link value '%s' can only be present once as an add/remove change.", id)
		}
		if err := e.checkTarget(to, relation, target); err != nil {
			return nil, err
		}
		targets = append(targets, target)
	}
	if !exists {
		return targets, nil
	}
	// Near the limit, owners who are there already count as well.
	links := e.Links(owner, relation)
	if relation == tenant.Owners && owner.Kind == tenant.Group && count(&links)+len(targets) > mostOwners {
		return nil, &Refusal{Status: http.StatusForbidden, Code: "Directory_QuotaExceeded", Message: fmt.Sprintf(
			"The number of links for the object 'Group_%s' would exceed the maximum quota count '%d' for forward-link currently "+
				"enabled object owners.", e.ID(owner), mostOwners)}
	}
	if slices.ContainsFunc(targets, links.Holds) {
		return nil, Bad("One or more added object references already exist for the following modified properties: '%s'.", relation)
	}
	return targets, nil
}

// count counts the links to objects that live.
func count(links *tenant.Links) int {
	n := 0
	for i := range links.Slots() {
		if _, tie := links.At(i); tie == tenant.Linked {
			n++
		}
	}
	return n
}

// mayLink refuses changes of links that only something else than a request can
// make.
func (e *Edit) mayLink(to holder, relation tenant.Relation) error {
	owner, _ := to.ref()
	if owner.Kind == tenant.AdministrativeUnit && textOf(to.value("membershipType")) == "Dynamic" {
		return Forbidden()
	}
	if owner.Kind != tenant.Group {
		return nil
	}
	types := textsOf(to.value("groupTypes"))
	switch {
	case string(to.value("onPremisesSyncEnabled")) == "true":
		return synced()
	case string(to.value("mailEnabled")) == "true" && !slices.Contains(types, "Unified"):
		return errMailGroup()
	case relation == tenant.Members && slices.Contains(types, "DynamicMembership"):
		// It is documented that this fails, and not how; this is what applications report.
		return Forbidden()
	case string(to.value("isAssignableToRole")) == "true" && !e.Caller.Allowed(manageRoles):
		return Forbidden()
	}
	return nil
}

// checkTarget refuses objects that a relation cannot hold.
func (e *Edit) checkTarget(to holder, relation tenant.Relation, target tenant.Ref) error {
	owner, exists := to.ref()
	kinds := []tenant.Kind{tenant.User, tenant.ServicePrincipal}
	if exists {
		kinds = e.TargetsOf(owner, relation)
	} else if relation == tenant.Members {
		kinds = []tenant.Kind{tenant.User, tenant.Group, tenant.ServicePrincipal, tenant.Device, tenant.OrgContact}
		if slices.Contains(textsOf(to.value("groupTypes")), "Unified") {
			kinds = kinds[:1]
		}
	}
	isGroupMember := owner.Kind == tenant.Group && relation == tenant.Members
	privileged := string(to.value("isAssignableToRole")) == "true"
	fits := slices.Contains(kinds, target.Kind) && (!exists || owner != target)
	if target.Kind == tenant.Group {
		switch {
		case isGroupMember: // no Microsoft 365 group, and none at all in a role-assignable one
			fits = fits && !privileged && !slices.Contains(e.texts(target, "groupTypes"), "Unified")
		case owner.Kind == tenant.DirectoryRole:
			fits = fits && e.is(target, "isAssignableToRole")
		}
	}
	if !fits {
		return Bad("The reference target '%s_%s' of type '%s' is invalid for the '%s' reference.",
			title(target.Kind), e.ID(target), title(target.Kind), relation)
	}
	further := map[tenant.Kind]string{tenant.Device: "Device.ReadWrite.All", tenant.OrgContact: "OrgContact.Read.All",
		tenant.ServicePrincipal: "Application.ReadWrite.All"}[target.Kind]
	if isGroupMember && further != "" && !e.Caller.Allowed(further, "Directory.ReadWrite.All") {
		return Forbidden()
	}
	return nil
}

// reach finds the living object that an id names. An object that was made a
// moment ago may not have reached the copy of the directory that is asked. Kind 0
// is any.
func (e *Edit) reach(id string, k tenant.Kind) (tenant.Ref, error) {
	r, ok := e.Find(id)
	if !ok || k != 0 && r.Kind != k || e.Unseen(r) {
		return tenant.Ref{}, NotFound(id)
	}
	return r, nil
}

// Unseen says whether an object is so new that this request does not know it. For
// half of the objects it does.
func (e *Edit) Unseen(r tenant.Ref) bool {
	return e.At(e.Visible).Life(r) == tenant.Absent && e.Draw(r, 3, 2) == 0
}

// unseenLink says whether a link is so new that this request does not know it. For
// half of the targets it does.
func (e *Edit) unseenLink(owner tenant.Ref, relation tenant.Relation, target tenant.Ref) bool {
	before := e.At(e.Visible)
	if before.Life(owner) == tenant.Absent {
		return e.Draw(target, 5, 2) == 0
	}
	links := before.Links(owner, relation)
	return !links.Holds(target) && e.Draw(target, 5, 2) == 0
}

// NotReplicated is the refusal of a change of links from an object that is
// Unseen: one of the two that are documented.
func (e *Edit) NotReplicated(r tenant.Ref) error {
	if e.Draw(r, 4, 2) == 0 {
		return notReplicated()
	}
	return NotFound(e.ID(r))
}

// RemoveLink removes the link from an object to the one with an id.
func (e *Edit) RemoveLink(owner tenant.Ref, relation tenant.Relation, id string) error {
	if err := e.mayLink(present{e, owner}, relation); err != nil {
		return err
	}
	target, ok := e.Find(id)
	links := e.Links(owner, relation)
	if !ok || !links.Holds(target) || e.unseenLink(owner, relation, target) {
		if relation == tenant.Owners {
			return Bad("One or more removed object references do not exist for the following modified properties: '%s'.", relation)
		}
		return NotFound(id)
	}
	if relation == tenant.Owners && owner.Kind == tenant.Group && count(&links) == 1 {
		return Bad("The group must have at least one owner, hence this owner cannot be removed.")
	}
	if err := e.unlink(owner, relation, target); err != nil {
		return err
	}
	if owner.Kind == tenant.Group && relation == tenant.Members {
		return e.disinherit(owner, target)
	}
	return nil
}

// SetManager gives a user another manager; the one who is it already is no error.
func (e *Edit) SetManager(user tenant.Ref, id string) error {
	manager, err := e.reach(id, 0)
	switch {
	case err != nil:
		return err
	case e.is(user, "onPremisesSyncEnabled"):
		return synced()
	case manager.Kind != tenant.User || manager == user:
		return Bad("The reference target '%s_%s' of type '%s' is invalid for the 'manager' reference.",
			title(manager.Kind), id, title(manager.Kind))
	case e.has(user, tenant.Manager, manager):
		return nil
	}
	return e.link(user, tenant.Manager, manager)
}

// ClearManager removes a user's manager.
func (e *Edit) ClearManager(user tenant.Ref) error {
	if e.is(user, "onPremisesSyncEnabled") {
		return synced()
	}
	manager, ok := e.ManagerOf(user)
	if !ok || e.unseenLink(user, tenant.Manager, manager) {
		return NotFound("manager")
	}
	return e.unlink(user, tenant.Manager, manager)
}

// ManagerOf returns a user's manager, if there is one.
func (e *Edit) ManagerOf(user tenant.Ref) (tenant.Ref, bool) {
	links := e.Links(user, tenant.Manager)
	for i := range links.Slots() {
		if manager, tie := links.At(i); tie == tenant.Linked {
			return manager, true
		}
	}
	return tenant.Ref{}, false
}
