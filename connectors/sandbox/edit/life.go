package edit

import (
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/journal"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// Delete deletes an object: users, groups and applications so that they can be
// restored, others for good.
func (e *Edit) Delete(r tenant.Ref) error {
	if err := e.mayDelete(r); err != nil {
		return err
	}
	if !tenant.Restorable(r.Kind) {
		if err := e.Purge(r); err != nil {
			return err
		}
		e.tell(journal.Purge, r)
		return nil
	}
	if err := e.SoftDelete(r); err != nil {
		return err
	}
	e.tell(journal.SoftDelete, r)
	return e.seats(r, -1)
}

// mayDelete checks the permissions to delete an object. Directory.ReadWrite.All
// is not enough for users and groups.
func (e *Edit) mayDelete(r tenant.Ref) error {
	enough, ok := map[tenant.Kind][]string{
		tenant.User:               {"User.DeleteRestore.All", "User.ReadWrite.All"},
		tenant.Group:              {"Group.ReadWrite.All"},
		tenant.ServicePrincipal:   {"Application.ReadWrite.All", "Directory.ReadWrite.All"},
		tenant.Application:        {"Application.ReadWrite.All", "Directory.ReadWrite.All"},
		tenant.Device:             {"Device.ReadWrite.All", "Directory.ReadWrite.All"},
		tenant.AdministrativeUnit: {"AdministrativeUnit.ReadWrite.All"},
		tenant.AppRoleAssignment:  {"AppRoleAssignment.ReadWrite.All"},
		tenant.PermissionGrant:    {"DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"},
	}[r.Kind]
	switch {
	case !ok || !e.Caller.Allowed(enough...):
		return Forbidden()
	case r.Kind == tenant.User:
		return e.mayTouch(r)
	case r.Kind != tenant.Group:
		return nil
	case e.is(r, "isAssignableToRole") && !e.Caller.Allowed(manageRoles):
		return Forbidden()
	case e.is(r, "onPremisesSyncEnabled"):
		return synced()
	case e.isMailGroup(r):
		return errMailGroup()
	}
	return nil
}

// seats frees or takes the seats of a user who goes or comes.
func (e *Edit) seats(r tenant.Ref, by int) error {
	if r.Kind != tenant.User {
		return nil
	}
	for _, a := range effective(e.states(r)) {
		if err := e.seat(a.SkuID, by); err != nil {
			return err
		}
	}
	return nil
}

// Deleted finds the object that can be restored or purged under an id. One that was
// deleted a moment ago may not be known yet as such.
func (e *Edit) Deleted(id string) (tenant.Ref, error) {
	r, ok := e.Lookup(id)
	if !ok || e.Life(r) != tenant.SoftDeleted || e.At(e.Visible).Life(r) != tenant.SoftDeleted && e.Draw(r, 6, 2) == 0 {
		return r, NotFound(id)
	}
	return r, nil
}

// RestoreDeleted is POST /directory/deletedItems/{id}/restore.
func (e *Edit) RestoreDeleted(r tenant.Ref, body Body) error {
	var upn string
	if err := body.read("newUserPrincipalName", &upn); err != nil {
		return err
	}
	if err := e.mayRestore(r); err != nil {
		return err
	}
	values := Values{}
	switch r.Kind {
	case tenant.User:
		if upn == "" {
			upn = e.text(r, "userPrincipalName")
		} else {
			values["userPrincipalName"] = asJSON(upn)
		}
		if e.taken(r, "userPrincipalName", upn) {
			return conflict("userPrincipalName")
		}
		if err := e.reconcileAddresses(r, body, values); err != nil {
			return err
		}
	case tenant.Group:
		nickname := Values{"mailNickname": e.Value(r, "mailNickname"), "uniqueName": e.Value(r, "uniqueName")}
		if err := e.checkGroupNames(r, nickname, isUnified(Values{"groupTypes": e.Value(r, "groupTypes")})); err != nil {
			return err
		}
	}
	if err := e.Restore(r); err != nil {
		return err
	}
	e.tell(journal.Restore, r)
	if err := e.set(r, values); err != nil {
		return err
	}
	return e.seats(r, 1)
}

// reconcileAddresses drops the addresses that others have got meanwhile, if the
// request wants that; else they are a conflict.
func (e *Edit) reconcileAddresses(user tenant.Ref, body Body, values Values) error {
	reconcile := string(body["autoReconcileProxyConflict"]) == "true"
	kept := []string{}
	for _, address := range e.texts(user, "proxyAddresses") {
		groups, _ := e.Holding(tenant.Group, "proxyAddresses", address)
		if len(groups) == 0 && !e.taken(user, "proxyAddresses", address) {
			kept = append(kept, address)
		} else if !reconcile {
			return conflict("proxyAddresses")
		}
	}
	values["proxyAddresses"] = asJSON(kept)
	return nil
}

func (e *Edit) mayRestore(r tenant.Ref) error {
	enough := map[tenant.Kind][]string{
		tenant.User:               {"User.DeleteRestore.All", "User.ReadWrite.All"},
		tenant.Group:              {"Group.ReadWrite.All", "Directory.ReadWrite.All"},
		tenant.ServicePrincipal:   {"Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"},
		tenant.Application:        {"Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"},
		tenant.AdministrativeUnit: {"AdministrativeUnit.ReadWrite.All"},
	}[r.Kind]
	if !e.Caller.Allowed(enough...) {
		return Forbidden()
	}
	if r.Kind == tenant.User {
		return e.mayTouch(r)
	}
	return nil
}

// PurgeDeleted is DELETE /directory/deletedItems/{id}. Applications cannot purge
// groups, and nobody administrative units (Permanently delete item).
func (e *Edit) PurgeDeleted(r tenant.Ref) error {
	if r.Kind == tenant.Group || r.Kind == tenant.AdministrativeUnit {
		return Forbidden()
	}
	if err := e.mayRestore(r); err != nil {
		return err
	}
	id := e.ID(r)
	if err := e.Purge(r); err != nil {
		return err
	}
	e.tell(journal.Purge, r)
	assignments, _ := e.Holding(tenant.AppRoleAssignment, "principalId", id)
	for _, assignment := range assignments {
		if err := e.Purge(assignment); err != nil {
			return err
		}
		e.tell(journal.Purge, assignment)
	}
	return nil
}

// RevokeSessions is POST /users/{id}/revokeSignInSessions.
func (e *Edit) RevokeSessions(user tenant.Ref) error {
	return e.set(user, Values{"signInSessionsValidFromDateTime": e.stamp()})
}

// Invite is POST /invitations. Whoever was invited before keeps the user that
// there is. It returns that user.
func (e *Edit) Invite(body Body) (tenant.Ref, error) {
	var mail, redirect, shown string
	kind := "Guest"
	for name, into := range map[string]*string{"invitedUserEmailAddress": &mail, "inviteRedirectUrl": &redirect,
		"invitedUserDisplayName": &shown, "invitedUserType": &kind} {
		if err := body.read(name, into); err != nil {
			return tenant.Ref{}, err
		}
	}
	local, domain, ok := strings.Cut(mail, "@")
	if !ok || local == "" || !strings.Contains(domain, ".") || strings.ContainsAny(mail, " ,;<>\"") {
		return tenant.Ref{}, unread("The invited user email address is invalid or missing.") // the words are not documented
	}
	if !strings.HasPrefix(redirect, "https://") && !strings.HasPrefix(redirect, "http://") {
		return tenant.Ref{}, unread("The value for property inviteRedirectUrl is invalid or missing.") // the words are not documented
	}
	if kind != "Guest" && kind != "Member" {
		return tenant.Ref{}, invalidValue("invitedUserType", "Invitation")
	}
	found, _ := e.Holding(tenant.User, "mail", mail)
	if len(found) > 0 {
		if e.text(found[0], "creationType") == "Invitation" {
			e.mail(found[0], body, mail)
			return found[0], nil
		}
		return found[0], unread("The invited user already exists in the directory as object ID: %s. They can use that account to sign in "+
			"to shared apps and resources.", e.ID(found[0]))
	}
	upn := local + "_" + domain + "#EXT#@" + e.Domain()
	if e.taken(tenant.Ref{}, "userPrincipalName", upn) {
		return tenant.Ref{}, conflict("userPrincipalName")
	}
	if shown == "" {
		shown = local
	}
	guest, err := e.make(tenant.User, e.withDefaults(Values{
		"accountEnabled": asJSON(true), "displayName": asJSON(shown), "mail": asJSON(mail), "userPrincipalName": asJSON(upn),
		"mailNickname": asJSON(local + "_" + domain + "#EXT#"), "userType": asJSON(kind), "creationType": asJSON("Invitation"),
		"externalUserState": asJSON("PendingAcceptance"), "externalUserStateChangeDateTime": e.stamp(),
		"proxyAddresses": asJSON([]string{"SMTP:" + mail}), "otherMails": asJSON([]string{mail}),
		"identities": asJSON([]map[string]string{{"issuer": e.Domain(), "issuerAssignedId": upn, "signInType": "userPrincipalName"}}),
	}))
	if err == nil {
		e.mail(guest, body, mail)
	}
	return guest, err
}

// mail notes that Microsoft sends a mail with the invitation, each time again.
func (e *Edit) mail(guest tenant.Ref, body Body, address string) {
	if string(body["sendInvitationMessage"]) == "true" {
		e.effects = append(e.effects, journal.Effect{
			What: journal.Mail, Entity: tenant.User.Entity(), ID: e.ID(guest), Properties: Values{"mail": asJSON(address)},
		})
	}
}
