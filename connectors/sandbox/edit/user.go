package edit

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// CreateUser makes a user (POST /users).
func (e *Edit) CreateUser(body Body) (tenant.Ref, error) {
	managers, err := body.takeBinds("manager")
	if err != nil {
		return tenant.Ref{}, err
	}
	values, err := e.check(tenant.User, userRules, body, true)
	if err != nil {
		return tenant.Ref{}, err
	}
	for name := range values {
		if needs := userRules[name].needs; needs != "" && !e.Caller.Allowed(needs) {
			return tenant.Ref{}, Forbidden()
		}
	}
	if err := e.completeUser(tenant.Ref{}, values); err != nil {
		return tenant.Ref{}, err
	}
	password, err := e.password(values, textOf(values["passwordPolicies"]))
	if err != nil {
		return tenant.Ref{}, err
	}
	var manager tenant.Ref
	for _, id := range managers {
		if manager, err = e.reach(id, tenant.User); err != nil {
			return tenant.Ref{}, err
		}
	}
	r, err := e.make(tenant.User, e.withDefaults(values))
	if err != nil {
		return r, err
	}
	e.note("passwordSha256", digest(password))
	if len(managers) > 0 {
		err = e.link(r, tenant.Manager, manager)
	}
	return r, err
}

// withDefaults adds to a new user's properties what the service sets.
func (e *Edit) withDefaults(values Values) Values {
	all := Values{"createdDateTime": e.stamp(), "lastPasswordChangeDateTime": e.stamp(), "signInSessionsValidFromDateTime": e.stamp()}
	maps.Copy(all, values)
	return all
}

// UpdateUser changes a user's properties (PATCH /users/{id}).
func (e *Edit) UpdateUser(user tenant.Ref, body Body) error {
	managers, err := body.takeBinds("manager")
	if err != nil {
		return err
	}
	values, err := e.check(tenant.User, userRules, body, false)
	if err != nil {
		return err
	}
	if err := e.mayUpdate(user, values); err != nil {
		return err
	}
	if e.is(user, "onPremisesSyncEnabled") {
		for name := range values {
			if r, err := e.ruleOf(tenant.User, userRules, name); err != nil || !r.cloud {
				return synced()
			}
		}
	}
	if err := e.completeUser(user, values); err != nil {
		return err
	}
	password := ""
	if _, ok := values["passwordProfile"]; ok {
		if password, err = e.password(values, e.text(user, "passwordPolicies")); err != nil {
			return err
		}
		if password != "" {
			values["lastPasswordChangeDateTime"] = e.stamp()
		}
	}
	for _, id := range managers {
		if err := e.SetManager(user, id); err != nil {
			return err
		}
	}
	if err := e.set(user, values); err != nil {
		return err
	}
	if password != "" {
		e.note("passwordSha256", digest(password))
	}
	return nil
}

// mayUpdate checks the permissions that the single properties need.
func (e *Edit) mayUpdate(user tenant.Ref, values Values) error {
	sensitive := false
	for name := range values {
		r := userRules[name]
		sensitive = sensitive || r.sensitive
		if r.needs != "" {
			if !e.Caller.Allowed(r.needs) {
				return Forbidden()
			}
			continue
		}
		enough := len(r.enough) > 0
		for _, permission := range r.enough {
			enough = enough && e.Caller.Allowed(permission)
		}
		if !enough && !e.Caller.Allowed(updateUser...) {
			return Forbidden()
		}
	}
	if _, ok := values["passwordProfile"]; ok && !e.holds(passwordRoles) {
		return Forbidden()
	}
	if sensitive {
		return e.mayTouch(user)
	}
	return nil
}

// completeUser checks the properties of a user that depend on others or on other
// users, and puts those into their final form. user is zero for a new one.
func (e *Edit) completeUser(user tenant.Ref, values Values) error {
	if upn, ok := values["userPrincipalName"]; ok {
		if err := e.checkUPN(user, textOf(upn)); err != nil {
			return err
		}
		values["identities"] = asJSON([]map[string]string{{
			"issuer": e.Domain(), "issuerAssignedId": textOf(upn), "signInType": "userPrincipalName"}})
	}
	if nickname, ok := values["mailNickname"]; ok && strings.ContainsAny(textOf(nickname), "@()\\[]\";:<>, ") {
		return invalidValue("mailNickname", "User")
	}
	if place, ok := values["usageLocation"]; ok && !isCountryCode(textOf(place)) {
		return invalidValue("usageLocation", "User")
	}
	if id := textOf(values["onPremisesImmutableId"]); id != "" && e.taken(user, "onPremisesImmutableId", id) {
		return conflict("onPremisesImmutableId")
	}
	if phones, ok := values["businessPhones"]; ok && len(textsOf(phones)) > 1 {
		return invalidValue("businessPhones", "User")
	}
	if mail, ok := values["mail"]; ok {
		if err := e.setMail(user, textOf(mail), values); err != nil {
			return err
		}
	}
	return e.completeObjects(user, values)
}

// digest is what the journal keeps of a password.
func digest(password string) []byte {
	sum := sha256.Sum256([]byte(password))
	return asJSON(hex.EncodeToString(sum[:]))
}
