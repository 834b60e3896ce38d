package edit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// mostBound is how many relations one request can make.
const mostBound = 20

// manageRoles is the permission that everything about role-assignable groups
// needs besides the usual one.
const manageRoles = "RoleManagement.ReadWrite.Directory"

// binds are the relations that a request makes beside properties.
type binds struct{ members, owners []string }

func takeBinds(body Body) (b binds, err error) {
	if b.members, err = body.takeBinds("members"); err != nil {
		return b, err
	}
	if b.owners, err = body.takeBinds("owners"); err != nil {
		return b, err
	}
	if n := len(b.members) + len(b.owners); n > mostBound {
		// The limit is documented, the words are not.
		return b, Bad("The number of references in the request, %d, exceeds the limit of %d.", n, mostBound)
	}
	return b, nil
}

// CreateGroup makes a group (POST /groups).
func (e *Edit) CreateGroup(body Body) (tenant.Ref, error) {
	bound, err := takeBinds(body)
	if err != nil {
		return tenant.Ref{}, err
	}
	values, err := e.check(tenant.Group, groupRules, body, true)
	if err != nil {
		return tenant.Ref{}, err
	}
	if err := e.checkNewGroup(values); err != nil {
		return tenant.Ref{}, err
	}
	if len(bound.members) > 0 && isDynamic(values) {
		return tenant.Ref{}, Forbidden()
	}
	// What is bound is checked before the group is there, as one request is all
	// or nothing.
	group := draft{values: values}
	members, err := e.checkAdded(group, tenant.Members, bound.members)
	if err != nil {
		return tenant.Ref{}, err
	}
	owners, err := e.checkAdded(group, tenant.Owners, bound.owners)
	if err != nil {
		return tenant.Ref{}, err
	}
	r, err := e.make(tenant.Group, e.withGroupDefaults(values))
	if err != nil {
		return r, err
	}
	if err := e.linkAll(r, tenant.Owners, owners); err != nil {
		return r, err
	}
	return r, e.linkAll(r, tenant.Members, members)
}

func isUnified(values Values) bool { return slices.Contains(textsOf(values["groupTypes"]), "Unified") }
func isDynamic(values Values) bool {
	return slices.Contains(textsOf(values["groupTypes"]), "DynamicMembership")
}

// checkNewGroup checks what the properties of a new group say together.
func (e *Edit) checkNewGroup(values Values) error {
	mailed, secured := string(values["mailEnabled"]) == "true", string(values["securityEnabled"]) == "true"
	switch {
	case mailed && !isUnified(values) || !mailed && !secured:
		return Bad("The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement " +
			"property is unset and the security-enablement property is set.")
	case !mailed && isUnified(values):
		return invalidValue("mailEnabled", "Group")
	case textOf(values["visibility"]) == "HiddenMembership" && !isUnified(values):
		return invalidValue("visibility", "Group")
	}
	if string(values["isAssignableToRole"]) == "true" {
		switch {
		case !e.Caller.Allowed(manageRoles):
			return Forbidden()
		case !secured || isDynamic(values):
			return invalidValue("isAssignableToRole", "Group")
		}
	}
	if isDynamic(values) {
		if err := checkRule(values); err != nil {
			return err
		}
	} else if textOf(values["membershipRule"]) != "" {
		return invalidValue("membershipRule", "Group")
	}
	return e.checkGroupNames(tenant.Ref{Kind: tenant.Group, Index: noIndex}, values, isUnified(values))
}

// noIndex stands for a group that is not there yet.
const noIndex = ^uint32(0)

// checkRule checks the membership rule of a dynamic group, roughly: the grammar
// of rules is beyond this.
func checkRule(values Values) error {
	written := textOf(values["membershipRule"])
	if written == "" || textOf(values["membershipRuleProcessingState"]) == "" {
		return Bad("A value is required for property 'membershipRule' and 'membershipRuleProcessingState' of resource 'Group'.")
	}
	if strings.Count(written, "(") != strings.Count(written, ")") || !strings.Contains(written, " -") {
		return invalidValue("membershipRule", "Group")
	}
	return nil
}

func (e *Edit) checkGroupNames(group tenant.Ref, values Values, unified bool) error {
	if nickname, ok := values["mailNickname"]; ok {
		name := textOf(nickname)
		if strings.ContainsAny(name, "@()\\[]\";:<>, ") || strings.ContainsFunc(name, func(c rune) bool { return c > 127 }) {
			return invalidValue("mailNickname", "Group")
		}
		// Nicknames of security groups need not be unique.
		if unified {
			others, _ := e.Holding(tenant.Group, "mailNickname", name)
			for _, other := range others {
				if other != group && slices.Contains(e.texts(other, "groupTypes"), "Unified") {
					return conflict("mailNickname")
				}
			}
		}
	}
	if name := textOf(values["uniqueName"]); name != "" && e.taken(group, "uniqueName", name) {
		return conflict("uniqueName")
	}
	return nil
}

// withGroupDefaults adds to a new group's properties what the service sets.
func (e *Edit) withGroupDefaults(values Values) Values {
	all := Values{"createdDateTime": e.stamp(), "renewedDateTime": e.stamp()}
	if isUnified(values) {
		mail := e.freeAddress(textOf(values["mailNickname"]))
		all["mail"], all["proxyAddresses"] = asJSON(mail), asJSON([]string{"SMTP:" + mail})
		all["visibility"] = asJSON("Public")
	}
	maps.Copy(all, values)
	return all
}

// freeAddress is a nickname's address, with a number in it when another object
// has that.
func (e *Edit) freeAddress(nickname string) string {
	address := nickname + "@" + e.Domain()
	for n := 1; ; n++ {
		users, _ := e.Holding(tenant.User, "proxyAddresses", "SMTP:"+address)
		groups, _ := e.Holding(tenant.Group, "proxyAddresses", "SMTP:"+address)
		if len(users)+len(groups) == 0 {
			return address
		}
		address = fmt.Sprintf("%s%d@%s", nickname, n, e.Domain())
	}
}

// UpdateGroup changes a group's properties and adds members and owners that are
// bound in the same request, all or nothing (PATCH /groups/{id}).
func (e *Edit) UpdateGroup(group tenant.Ref, body Body) error {
	bound, err := takeBinds(body)
	if err != nil {
		return err
	}
	values, err := e.check(tenant.Group, groupRules, body, false)
	if err != nil {
		return err
	}
	if len(values)+len(bound.owners) > 0 && !e.Caller.Allowed(updateGroup...) || !e.Caller.Allowed(updateMembers...) {
		return Forbidden()
	}
	if len(values) > 0 {
		if err := e.checkGroupChange(group, values); err != nil {
			return err
		}
	}
	members, err := e.checkAdded(present{e, group}, tenant.Members, bound.members)
	if err != nil {
		return err
	}
	owners, err := e.checkAdded(present{e, group}, tenant.Owners, bound.owners)
	if err != nil {
		return err
	}
	if err := e.set(group, values); err != nil {
		return err
	}
	if err := e.linkAll(group, tenant.Owners, owners); err != nil {
		return err
	}
	return e.linkAll(group, tenant.Members, members)
}

// checkGroupChange checks new values of a group's properties against those that
// cannot change.
func (e *Edit) checkGroupChange(group tenant.Ref, values Values) error {
	now := Values{}
	for _, name := range []string{"groupTypes", "membershipRule", "membershipRuleProcessingState"} {
		now[name] = e.Value(group, name)
	}
	unified := isUnified(now)
	switch {
	case e.is(group, "onPremisesSyncEnabled"):
		return synced()
	case e.isMailGroup(group):
		return errMailGroup()
	case e.is(group, "isAssignableToRole") && !e.Caller.Allowed(manageRoles):
		return Forbidden()
	}
	for name, value := range values {
		fixed := name == "isAssignableToRole" || name == "mailEnabled" || name == "uniqueName" && e.text(group, name) != ""
		if fixed && !same(value, e.Value(group, name)) {
			return Bad("Property '%s' is read-only and cannot be set.", name)
		}
		if groupRules[name].apart && !unified || groupRules[name].made {
			return invalidValue(name, "Group")
		}
		now[name] = value
	}
	if isUnified(now) != unified {
		return invalidValue("groupTypes", "Group")
	}
	if isDynamic(now) {
		if err := checkRule(now); err != nil {
			return err
		}
	}
	return e.checkGroupNames(group, values, unified)
}

// isMailGroup says whether a group is a distribution list or a mail-enabled
// security group; those are for reading only.
func (e *Edit) isMailGroup(group tenant.Ref) bool {
	return e.is(group, "mailEnabled") && !slices.Contains(e.texts(group, "groupTypes"), "Unified")
}

func errMailGroup() *Refusal {
	return Bad("Cannot Update a mail-enabled security groups and or distribution list.")
}

// UpsertGroup is PATCH /groups(uniqueName='x'): it changes the group of that name,
// or makes it if create says so. It returns whether it made it.
func (e *Edit) UpsertGroup(uniqueName string, create bool, body Body) (group tenant.Ref, made bool, err error) {
	if name, ok := body["uniqueName"]; ok && textOf(name) != uniqueName {
		return group, false, invalidValue("uniqueName", "Group")
	}
	found, _ := e.Holding(tenant.Group, "uniqueName", uniqueName)
	if len(found) > 0 {
		return found[0], false, e.UpdateGroup(found[0], body)
	}
	if !create {
		return group, false, NotFound(uniqueName)
	}
	body["uniqueName"] = asJSON(uniqueName)
	group, err = e.CreateGroup(body)
	return group, err == nil, err
}
