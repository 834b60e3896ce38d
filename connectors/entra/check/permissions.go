package check

import (
	"net/url"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/sdk"
)

// A Need is a permission that something needs.
type Need struct {
	Permission directory.Permission
	For        string // what needs it, such as "export of user"

	// Works is what was learnt by doing it: more than the token's roles can grant it,
	// such as a directory role.
	Works bool
	// Optional says that what needs it may never be done.
	Optional bool
}

// Permissions tells of each permission, once, whether the token grants it. Nobody knows if
// claims is nil, but for what works.
func Permissions(needs []Need, claims *signin.Claims) []sdk.Permission {
	var all []sdk.Permission
	for _, need := range needs {
		p := sdk.Permission{Name: need.Permission.Name, ID: need.Permission.ID, Purpose: need.For, Instead: need.Permission.Instead, Optional: need.Optional}
		if claims != nil {
			switch by := need.Permission.GrantedBy(claims.Roles); by {
			case "":
				p.Grant = sdk.Missing
			case p.Name:
				p.Grant = sdk.Granted
			default:
				p.Grant, p.GrantedBy = sdk.Granted, by
			}
		}
		if need.Works && p.Grant != sdk.Granted {
			p.Grant, p.GrantedBy = sdk.Granted, "another right of the application"
		}
		all = merge(all, p)
	}
	return all
}

// merge adds p, or to the permission of its name what else needs it. What is missing for one
// is missing, and what one cannot do without is not optional.
func merge(all []sdk.Permission, p sdk.Permission) []sdk.Permission {
	for i := range all {
		if all[i].Name != p.Name {
			continue
		}
		all[i].Purpose += ", " + p.Purpose
		all[i].Optional = all[i].Optional && p.Optional
		if all[i].Grant == sdk.Granted {
			all[i].Grant, all[i].GrantedBy = p.Grant, p.GrantedBy
		}
		return all
	}
	return append(all, p)
}

// ConsentURL is the page on which an admin of the tenant gives consent to what the app
// registration asks for. It ends at responseURI, which has to be one of the
// registration's. A managed identity has none: it is granted app roles. Source:
// https://learn.microsoft.com/entra/identity-platform/v2-admin-consent.
func ConsentURL(e cloud.Endpoints, a signin.Application, responseURI string) string {
	if a.ManagedIdentity || len(a.Validate()) > 0 {
		return ""
	}
	query := url.Values{"client_id": {a.ClientID}}
	if responseURI != "" {
		query.Set("redirect_uri", responseURI)
	}
	return e.Authority + "/" + url.PathEscape(a.TenantID) + "/adminconsent?" + query.Encode()
}
