package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// What orders offer for the less usual entities is carried out.
func TestOtherEntities(t *testing.T) {
	sb := startSandbox(t)
	n := 0
	one := func(operation sdk.Operation, entity string, key sdk.ObjectKey, attributes ...string) sdk.Outcome {
		t.Helper()
		n++
		o := sdk.Order{ID: entity + string(rune('0'+n)), Operation: operation, Entity: entity, Key: key, Attributes: values(attributes...)}
		return good(t, sb.fulfill(t, o)[o.ID])
	}
	has := func(set, id, property, want string) {
		t.Helper()
		if got := string(sb.Truth(t, set)[id].Properties[property]); got != want {
			t.Errorf("%s of %s is %s, want %s", property, set, got, want)
		}
	}
	by := func(id string) sdk.ObjectKey { return sdk.ObjectKey{ID: id} }
	none := sdk.ObjectKey{}

	unit := one(sdk.Create, "administrativeUnit", none, "displayName", `"North"`).ObjectID
	one(sdk.Update, "administrativeUnit", named("displayName", "North"), "description", `"Oslo"`)
	has("administrativeUnits", unit, "description", `"Oslo"`)
	one(sdk.Delete, "administrativeUnit", by(unit))
	one(sdk.Restore, "administrativeUnit", by(unit))
	has("administrativeUnits", unit, "displayName", `"North"`)

	app := one(sdk.Create, "application", none, "displayName", `"Payroll"`).ObjectID
	one(sdk.Update, "application", by(app), "tags", `["a"]`)
	has("applications", app, "tags", `["a"]`)
	pay := one(sdk.Create, "application", none, "displayName", `"Pay"`, "uniqueName", `"pay"`).ObjectID
	one(sdk.Update, "application", named("uniqueName", "pay"), "notes", `"n"`)
	has("applications", pay, "notes", `"n"`)
	appID := strings.Trim(string(sb.Truth(t, "applications")[app].Properties["appId"]), `"`)

	principal := one(sdk.Create, "servicePrincipal", none, "appId", `"`+appID+`"`).ObjectID
	has("servicePrincipals", principal, "displayName", `"Payroll"`)
	one(sdk.Disable, "servicePrincipal", named("appId", appID))
	has("servicePrincipals", principal, "accountEnabled", "false")
	one(sdk.Enable, "servicePrincipal", by(principal))

	device := sb.some(t, "devices", 1, nil)[0]
	one(sdk.Disable, "device", by(device))
	has("devices", device, "accountEnabled", "false")

	other := sb.some(t, "servicePrincipals", 1, nil)[0]
	grant := one(sdk.Create, "oAuth2PermissionGrant", none, "clientId", `"`+principal+`"`, "consentType", `"AllPrincipals"`,
		"resourceId", `"`+other+`"`, "scope", `"User.Read"`).ObjectID
	one(sdk.Update, "oAuth2PermissionGrant", by(grant), "scope", `"User.Read Group.Read.All"`)
	has("oauth2PermissionGrants", grant, "scope", `"User.Read Group.Read.All"`)
	one(sdk.Delete, "oAuth2PermissionGrant", by(grant))
	one(sdk.Delete, "servicePrincipal", by(principal))
	one(sdk.Delete, "application", by(app))

	stray := sdk.Order{ID: "stray", Operation: sdk.Create, Entity: "servicePrincipal", Attributes: values("appId", `"00000000-1111-2222-3333-444444444444"`)}
	if o := sb.fulfill(t, stray)["stray"]; !fault.Is(o.Failure, fault.Refused) {
		t.Errorf("without an application: %v", o.Failure)
	}
}

// What does not come alone is taken for what it is: an application has one service principal, and
// a grant is there once.
func TestEntitiesThatAreThere(t *testing.T) {
	sb := startSandbox(t)
	principal := sb.some(t, "servicePrincipals", 1, nil)[0]
	appID := string(sb.Truth(t, "servicePrincipals")[principal].Properties["appId"])
	again := sdk.Order{ID: "1", Operation: sdk.Create, Entity: "servicePrincipal", Attributes: values("appId", appID)}
	if o := good(t, sb.fulfill(t, again)["1"]); o.ObjectID != principal {
		t.Errorf("the service principal is %s, want %s", o.ObjectID, principal)
	}
	other := sb.some(t, "servicePrincipals", 2, nil)[1]
	grant := func(id string) sdk.Order {
		return sdk.Order{ID: id, Operation: sdk.Create, Entity: "oAuth2PermissionGrant", Attributes: values("clientId", `"`+other+`"`,
			"consentType", `"AllPrincipals"`, "resourceId", `"`+other+`"`, "scope", `"User.Read"`)}
	}
	good(t, sb.fulfill(t, grant("2"))["2"])
	if o := sb.fulfill(t, grant("3"))["3"]; !fault.Is(o.Failure, fault.Conflict) {
		t.Errorf("a second grant has the outcome %+v", o.Failure)
	}
}

// After a lost answer the guest is invited again, but for the link alone: no second mail goes out.
func TestInvitationWithALostAnswer(t *testing.T) {
	sb := startSandbox(t)
	sb.Ask(t, http.MethodPost, "/faults/once", `{"fault":"lostAnswer","times":1,"path":"invitations"}`)
	o := good(t, sb.fulfill(t, sdk.Order{ID: "1", Operation: sdk.Invite, Entity: "user", Attributes: values(
		"invitedUserEmailAddress", `"g@example.org"`, "sendInvitationMessage", "true")})["1"])
	if o.Details["inviteRedeemUrl"] == "" || o.Details["mail"] != "unknown" {
		t.Errorf("the outcome tells %v", o.Details)
	}
	if mails := bytes.Count(sb.Ask(t, http.MethodGet, "/journal", ""), []byte(`"what":"mail"`)); mails != 1 {
		t.Errorf("%d mails went out", mails)
	}
}

// That a dynamic group takes no members looks like a missing permission; the hint says that it may not be.
func TestMemberOfADynamicGroup(t *testing.T) {
	sb := startSandbox(t)
	group := newGroup("1", "crew")
	group.Attributes = append(group.Attributes, values("groupTypes", `["DynamicMembership"]`, "membershipRule", `"user.city -eq \"Bern\""`,
		"membershipRuleProcessingState", `"On"`)...)
	id := good(t, sb.fulfill(t, group)["1"]).ObjectID
	o := sb.fulfill(t, sdk.Order{ID: "2", Operation: sdk.Update, Entity: "group", Key: sdk.ObjectKey{ID: id}, Links: links("members", keys(sb.some(t, "users", 1, nil)...), nil)})["2"]
	if o.Failure == nil || !strings.Contains(o.Failure.Hint, "dynamic") {
		t.Errorf("the outcome is %+v", o.Failure)
	}
}
