package graphapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/edit"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// The methods here do one operation each. They are called while the tenant can be
// changed, or read for those that change nothing.

// creating makes an operation that makes an object.
func creating(create func(*edit.Edit, edit.Body) (tenant.Ref, error)) func(*writing) error {
	return func(w *writing) error {
		r, err := create(w.Edit, w.in)
		if err != nil {
			return err
		}
		return w.created(r, r.Kind.Collection())
	}
}

// updating makes an operation that changes the properties of an object.
func updating(update func(*edit.Edit, tenant.Ref, edit.Body) error) func(*writing) error {
	return func(w *writing) error {
		r, err := w.subject()
		switch {
		case err != nil && r.Kind == tenant.Group: // whose members the request may bind
			return w.linkError(r, err)
		case err != nil:
			return err
		}
		return update(w.Edit, r, w.in)
	}
}

// upserting makes an operation that is a PATCH by id or, which can make an object,
// by a key.
func upserting(key string, upsert func(*edit.Edit, string, bool, edit.Body) (tenant.Ref, bool, error),
	update func(*edit.Edit, tenant.Ref, edit.Body) error) func(*writing) error {
	return func(w *writing) error {
		name, value, ok := strings.Cut(w.params[0], "=")
		if !ok || !strings.EqualFold(name, key) {
			return updating(update)(w)
		}
		value = strings.ReplaceAll(strings.Trim(value, "'"), "''", "'")
		create := strings.Contains(strings.ToLower(w.http.Header.Get("Prefer")), "create-if-missing")
		r, made, err := upsert(w.Edit, value, create, w.in)
		if err != nil || !made {
			return err
		}
		return w.created(r, r.Kind.Collection())
	}
}

// linkError is the error of a subject that links are added to: one that is too
// new to be known is told in two ways.
func (w *writing) linkError(r tenant.Ref, err error) error {
	if r.Kind != 0 && w.Unseen(r) {
		return w.NotReplicated(r)
	}
	return err
}

func (w *writing) delete() error {
	r, err := w.subject()
	if err != nil {
		return err
	}
	return w.Delete(r)
}

func (w *writing) addLink() error {
	owner, err := w.subject()
	if err != nil {
		return w.linkError(owner, err)
	}
	id, err := w.in.Reference()
	if err != nil {
		return err
	}
	return w.AddLinks(owner, w.operation.relation, []string{id})
}

func (w *writing) removeLink() error {
	owner, err := w.subject()
	if err != nil {
		return err
	}
	return w.RemoveLink(owner, w.operation.relation, w.params[1])
}

// deleteLinked deletes an object that is named by way of a link.
func (w *writing) deleteLinked() error {
	owner, err := w.subject()
	if err != nil {
		return err
	}
	linked, err := w.object(0, w.params[1])
	if err != nil {
		return err
	}
	if links := w.Links(owner, w.operation.relation); !links.Holds(linked) {
		return errNotFound(w.params[1])
	}
	return w.Delete(linked)
}

func (w *writing) setManager() error {
	user, err := w.subject()
	if err != nil {
		return err
	}
	id, err := w.in.Reference()
	if err != nil {
		return err
	}
	return w.SetManager(user, id)
}

func (w *writing) clearManager() error {
	user, err := w.subject()
	if err != nil {
		return err
	}
	return w.ClearManager(user)
}

// deleteManager is the path without $ref: it deletes the user who is the manager.
func (w *writing) deleteManager() error {
	user, err := w.subject()
	if err != nil {
		return err
	}
	manager, ok := w.ManagerOf(user)
	if !ok {
		return errNotFound("manager")
	}
	return w.Delete(manager)
}

func (w *writing) assignUserLicences() error {
	user, err := w.subject()
	if err != nil {
		return err
	}
	if err := w.AssignUserLicences(user, w.in); err != nil {
		return err
	}
	w.status = http.StatusOK
	return w.tell(user, "users", false)
}

func (w *writing) assignGroupLicences() error {
	group, err := w.subject()
	if err != nil {
		return err
	}
	if err := w.AssignGroupLicences(group, w.in); err != nil {
		return err
	}
	w.status = http.StatusAccepted
	return w.tell(group, "groups", false)
}

func (w *writing) revokeSessions() error {
	user, err := w.subject()
	if err != nil {
		return err
	}
	if err := w.RevokeSessions(user); err != nil {
		return err
	}
	return w.answerValue("Edm.Boolean", true)
}

func (w *writing) invite() error {
	user, err := w.Invite(w.in)
	if err != nil {
		return err
	}
	w.status = http.StatusCreated
	id := w.ID(user)
	invitation := entry{
		"@odata.context": w.context() + "invitations/$entity", "id": id, "status": "PendingAcceptance",
		"inviteRedeemUrl":         fmt.Sprintf("https://%s/redeem?tenant=%s&user=%s", w.http.Host, w.TenantID(), id),
		"invitedUserDisplayName":  nil,
		"invitedUserEmailAddress": w.in["invitedUserEmailAddress"],
		"invitedUserType":         "Guest", "inviteRedirectUrl": w.in["inviteRedirectUrl"],
		"sendInvitationMessage": false, "resetRedemption": false,
		"invitedUserMessageInfo": entry{"messageLanguage": nil, "customizedMessageBody": nil,
			"ccRecipients": []entry{{"emailAddress": entry{"name": nil, "address": nil}}}},
		"invitedUser": entry{"id": id},
	}
	for _, name := range []string{"invitedUserDisplayName", "invitedUserType", "sendInvitationMessage", "resetRedemption", "invitedUserMessageInfo"} {
		if value, ok := w.in[name]; ok {
			invitation[name] = value
		}
	}
	return w.answerJSON(invitation)
}

func (w *writing) restore() error {
	r, err := w.Deleted(w.params[0])
	if err != nil {
		return err
	}
	if err := w.RestoreDeleted(r, w.in); err != nil {
		return err
	}
	w.status = http.StatusOK
	return w.tell(r, "directoryObjects", true)
}

func (w *writing) purge() error {
	r, err := w.Deleted(w.params[0])
	if err != nil {
		return err
	}
	return w.PurgeDeleted(r)
}

func (w *writing) activateRole() error {
	role, err := w.ActivateRole(w.in)
	if err != nil {
		return err
	}
	return w.created(role, "directoryRoles")
}

func (w *writing) assignRole() error {
	role, principal, err := w.AssignRole(w.in)
	if err != nil {
		return err
	}
	w.status = http.StatusCreated
	assignment := roleAssignment(w.View, role, principal)
	assignment["@odata.context"] = w.context() + "roleManagement/directory/roleAssignments/$entity"
	return w.answerJSON(assignment)
}

func (w *writing) removeRole() error {
	role, principalID, ok := parseAssignmentID(w.View, w.params[0])
	if !ok {
		return errNotFound(w.params[0])
	}
	return w.RemoveLink(role, tenant.Members, principalID)
}

// isResourcePath says whether the path begins with the application that offers
// the app role.
func (w *writing) isResourcePath() bool { return strings.Contains(w.target.path, "/approleassignedto") }

func (w *writing) assignAppRole() error {
	r, err := w.subject()
	if err != nil {
		return err
	}
	assignment, err := w.AssignAppRole(w.in, r, w.isResourcePath())
	if err != nil {
		return err
	}
	return w.created(assignment, "appRoleAssignments")
}

func (w *writing) removeAppRole() error {
	r, err := w.subject()
	if err != nil {
		return err
	}
	assignment, err := w.object(tenant.AppRoleAssignment, w.params[1])
	if err != nil {
		return err
	}
	party := "principalId"
	if w.isResourcePath() {
		party = "resourceId"
	}
	if !strings.EqualFold(text(w.Value(assignment, party)), w.ID(r)) {
		return edit.NotFound(w.params[1])
	}
	return w.RemoveAppRole(assignment)
}
