package graph

import (
	"net/http"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// hintsByCode are for answers whose status alone leads astray.
var hintsByCode = map[string]string{
	"Authentication_RequestFromNonPremiumTenantOrB2CTenant": "The tenant has no Microsoft Entra ID P1 or P2 licence, which signInActivity needs. Leave it out of the mapping",
	"Authorization_IdentityNotFound":                        "The application has no service principal in this tenant. Have an admin of the tenant give consent to it",
}

// hint says what an admin can do about an answer.
func hint(status int, code string) string {
	if known, ok := hintsByCode[code]; ok {
		return known
	}
	switch status {
	case http.StatusUnauthorized:
		return "Graph does not accept the token. Check that MicrosoftGraphPath and MicrosoftGraphPathApi belong to the cloud of the tenant"
	case http.StatusForbidden:
		return "Grant the application the permission of Microsoft Graph that this needs, and give admin consent"
	case http.StatusNotFound, http.StatusGone:
		return "Check MicrosoftGraphPathApi, and that this cloud offers the entity"
	case http.StatusTooManyRequests:
		return "Other work uses up the quota of the tenant. Run again later"
	}
	if codeOf(status) != fault.Unavailable {
		return "Check the mapped attributes against the message. Microsoft support can look the request-id up"
	}
	return "Graph has a fault of its own. Run again later; Microsoft support can look the request-id up"
}

// LacksPermission reports whether err is Graph's refusal of an application that lacks a
// permission. Who knows which one puts it into the hint. A 403 of a proxy is none, nor
// is one for another reason that Graph tells.
func LacksPermission(err error) bool {
	f := fault.Of(err)
	if f == nil || f.Code != fault.Forbidden || f.SystemCode == "" {
		return false
	}
	_, otherwise := hintsByCode[f.SystemCode]
	return !otherwise
}
