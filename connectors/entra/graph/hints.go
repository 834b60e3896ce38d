package graph

import (
	"net/http"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// hintsByCode are for answers whose status alone leads astray.
var hintsByCode = map[string]string{
	"Authentication_RequestFromNonPremiumTenantOrB2CTenant": "The tenant has no Microsoft Entra ID P1 or P2 licence, which signInActivity needs. Leave it out of the mapping",
	"Authorization_IdentityNotFound":                        "The application has no service principal in this tenant. Have an admin of the tenant give consent to it",
}

// hint says what an admin can do about an answer to a request for path, which is
// relative to the root.
func hint(status int, code, path string) string {
	if known, ok := hintsByCode[code]; ok {
		return known
	}
	switch status {
	case http.StatusUnauthorized:
		return "Graph does not accept the token. Check that MicrosoftGraphPath and MicrosoftGraphPathApi belong to the cloud of the tenant"
	case http.StatusForbidden:
		return "Grant the application " + permission(path) + " (an application permission of Microsoft Graph) and give admin consent"
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

// readers names the least application permission to read a collection. Source: the
// "Permissions" table of each API's page below
// https://learn.microsoft.com/graph/api/overview.
var readers = map[string]string{
	"users":                  "User.Read.All",
	"groups":                 "Group.Read.All",
	"directoryroles":         "RoleManagement.Read.Directory",
	"rolemanagement":         "RoleManagement.Read.Directory",
	"applications":           "Application.Read.All",
	"serviceprincipals":      "Application.Read.All",
	"devices":                "Device.Read.All",
	"contacts":               "OrgContact.Read.All",
	"administrativeunits":    "AdministrativeUnit.Read.All",
	"organization":           "Organization.Read.All",
	"oauth2permissiongrants": "Directory.Read.All",
	"subscribedskus":         "LicenseAssignment.Read.All",
}

// permission names what is needed to read path.
func permission(path string) string {
	path = strings.TrimPrefix(strings.ToLower(path), "directory/")
	end := strings.IndexAny(path, "/(")
	if end < 0 {
		end = len(path)
	}
	if least, ok := readers[path[:end]]; ok && least != "Directory.Read.All" {
		return least + " or Directory.Read.All"
	}
	return "Directory.Read.All"
}
