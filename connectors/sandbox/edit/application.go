package edit

import (
	"maps"
	"net/http"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// applicationRules are the properties of applications that requests can set
// (Create application, Update application); credentials are not among them here.
var applicationRules = map[string]rule{
	"addIns":                            {form: objects},
	"api":                               {form: object},
	"appRoles":                          {form: objects},
	"authenticationBehaviors":           {form: object},
	"defaultRedirectUri":                {},
	"description":                       {most: 1024},
	"displayName":                       {most: 256, required: true, kept: true},
	"groupMembershipClaims":             {},
	"identifierUris":                    {form: texts},
	"info":                              {form: object},
	"isDeviceOnlyAuthSupported":         {form: boolean},
	"isFallbackPublicClient":            {form: boolean},
	"nativeAuthenticationApisEnabled":   {oneOf: []string{"none", "all"}},
	"notes":                             {most: 1024},
	"oauth2RequirePostResponse":         {form: boolean},
	"optionalClaims":                    {form: object},
	"parentalControlSettings":           {form: object},
	"publicClient":                      {form: object},
	"requestSignatureVerification":      {form: object},
	"requiredResourceAccess":            {form: objects},
	"serviceManagementReference":        {most: 256},
	"servicePrincipalLockConfiguration": {form: object},
	"signInAudience": {kept: true, oneOf: []string{"AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount",
		"PersonalMicrosoftAccount"}},
	"spa":                  {form: object},
	"tags":                 {form: texts, most: 256},
	"tokenEncryptionKeyId": {},
	"uniqueName":           {most: 128, made: true},
	"web":                  {form: object},
}

// principalRules are the properties of service principals that requests can set
// (Create servicePrincipal, Update servicePrincipal); credentials are not among
// them here.
var principalRules = map[string]rule{
	"accountEnabled":             {form: boolean, kept: true},
	"addIns":                     {form: objects},
	"alternativeNames":           {form: texts},
	"appId":                      {required: true, made: true},
	"appRoleAssignmentRequired":  {form: boolean, kept: true},
	"appRoles":                   {form: objects},
	"customSecurityAttributes":   {form: object, needs: "CustomSecAttributeAssignment.ReadWrite.All"},
	"description":                {most: 1024},
	"displayName":                {most: 256, kept: true},
	"homepage":                   {},
	"info":                       {form: object},
	"loginUrl":                   {},
	"logoutUrl":                  {},
	"notes":                      {most: 1024},
	"notificationEmailAddresses": {form: texts},
	"oauth2PermissionScopes":     {form: objects},
	"preferredSingleSignOnMode":  {oneOf: []string{"password", "saml", "notSupported", "oidc"}},
	"replyUrls":                  {form: texts},
	"samlSingleSignOnSettings":   {form: object},
	"servicePrincipalNames":      {form: texts},
	"tags":                       {form: texts, most: 256},
	"tokenEncryptionKeyId":       {},
}

// CreateApplication is POST /applications.
func (e *Edit) CreateApplication(body Body) (tenant.Ref, error) {
	values, err := e.check(tenant.Application, applicationRules, body, true)
	if err != nil {
		return tenant.Ref{}, err
	}
	if name := textOf(values["uniqueName"]); name != "" {
		if _, taken := e.FindNamed(name); taken {
			return tenant.Ref{}, conflict("uniqueName")
		}
	}
	all := Values{"createdDateTime": e.stamp(), "publisherDomain": asJSON(e.Domain())}
	maps.Copy(all, values)
	return e.make(tenant.Application, all)
}

// UpdateApplication is PATCH /applications/{id}.
func (e *Edit) UpdateApplication(application tenant.Ref, body Body) error {
	return e.update(application, applicationRules, body)
}

// UpsertApplication is PATCH /applications(uniqueName='x'), as UpsertGroup is for
// groups.
func (e *Edit) UpsertApplication(uniqueName string, create bool, body Body) (application tenant.Ref, made bool, err error) {
	if name, ok := body["uniqueName"]; ok && textOf(name) != uniqueName {
		return application, false, invalidValue("uniqueName", "Application")
	}
	if found, ok := e.FindNamed(uniqueName); ok {
		return found, false, e.UpdateApplication(found, body)
	}
	if !create {
		return application, false, NotFound(uniqueName)
	}
	body["uniqueName"] = asJSON(uniqueName)
	application, err = e.CreateApplication(body)
	return application, err == nil, err
}

// CreatePrincipal is POST /servicePrincipals: it makes the service principal of
// an application of this tenant. The words of its refusals have been seen, not
// documented.
func (e *Edit) CreatePrincipal(body Body) (tenant.Ref, error) {
	values, err := e.check(tenant.ServicePrincipal, principalRules, body, true)
	if err != nil {
		return tenant.Ref{}, err
	}
	appID := strings.ToLower(textOf(values["appId"]))
	if _, taken := e.FindApp(tenant.ServicePrincipal, appID); taken {
		return tenant.Ref{}, &Refusal{Status: http.StatusConflict, Code: "Request_MultipleObjectsWithSameKeyValue", Message: "The service " +
			"principal cannot be created, updated, or restored because the service principal name " + appID + " is already in use."}
	}
	application, ok := e.FindApp(tenant.Application, appID)
	if !ok || e.Unseen(application) {
		return tenant.Ref{}, Bad("The appId '%s' of the service principal does not reference a valid application object.", appID)
	}
	if err := e.mergePrincipal(tenant.Ref{}, values); err != nil {
		return tenant.Ref{}, err
	}
	all := Values{
		"accountEnabled": asJSON(true), "appRoleAssignmentRequired": asJSON(false), "servicePrincipalType": asJSON("Application"),
		"servicePrincipalNames": asJSON([]string{appID}), "signInAudience": orNull(e.Value(application, "signInAudience")),
		"displayName": orNull(e.Value(application, "displayName")), "appDisplayName": orNull(e.Value(application, "displayName")),
		"appRoles": orNull(e.Value(application, "appRoles")),
	}
	maps.Copy(all, values)
	all["appId"] = asJSON(appID)
	return e.make(tenant.ServicePrincipal, all)
}

// UpdatePrincipal is PATCH /servicePrincipals/{id}.
func (e *Edit) UpdatePrincipal(principal tenant.Ref, body Body) error {
	values, err := e.check(tenant.ServicePrincipal, principalRules, body, false)
	if err != nil {
		return err
	}
	if appID, ok := values["appId"]; ok && !same(appID, e.Value(principal, "appId")) {
		return Bad("Property 'appId' is read-only and cannot be set.")
	}
	if err := e.mergePrincipal(principal, values); err != nil {
		return err
	}
	return e.set(principal, values)
}

// mergePrincipal completes custom security attributes, which need a permission of
// their own, by those that are there.
func (e *Edit) mergePrincipal(principal tenant.Ref, values Values) error {
	value, ok := values["customSecurityAttributes"]
	switch {
	case !ok:
		return nil
	case !e.Caller.Allowed(principalRules["customSecurityAttributes"].needs):
		return Forbidden()
	}
	var err error
	values["customSecurityAttributes"], err = mergeSecurityAttributes(e.Value(principal, "customSecurityAttributes"), value)
	return err
}

// UpsertPrincipal is PATCH /servicePrincipals(appId='x').
func (e *Edit) UpsertPrincipal(appID string, create bool, body Body) (principal tenant.Ref, made bool, err error) {
	if found, ok := e.FindApp(tenant.ServicePrincipal, appID); ok {
		return found, false, e.UpdatePrincipal(found, body)
	}
	if !create {
		return principal, false, NotFound(appID)
	}
	body["appId"] = asJSON(appID)
	principal, err = e.CreatePrincipal(body)
	return principal, err == nil, err
}
