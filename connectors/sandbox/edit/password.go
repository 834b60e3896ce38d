package edit

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// passwordProfile is the value of the property; Password is never told.
type passwordProfile struct {
	Force        *bool   `json:"forceChangePasswordNextSignIn"`
	ForceWithMFA *bool   `json:"forceChangePasswordNextSignInWithMfa"`
	Password     *string `json:"password"`
}

// password takes the password out of a passwordProfile among values. It is empty
// when an existing user's profile has none. policies are the user's.
func (e *Edit) password(values Values, policies string) (string, error) {
	var profile passwordProfile
	if json.Unmarshal(values["passwordProfile"], &profile) != nil {
		return "", invalidValue("passwordProfile", "User")
	}
	weak := Bad("The specified password does not comply with password complexity requirements. Please provide a different password.")
	if profile.Password == nil {
		if _, isNew := values["userPrincipalName"]; isNew {
			return "", weak
		}
		values["passwordProfile"] = asJSON(profile)
		return "", nil
	}
	password := *profile.Password
	if !isStrong(password, strings.Contains(policies, "DisableStrongPassword")) {
		return "", weak
	}
	profile.Password = nil
	values["passwordProfile"] = asJSON(profile)
	return password, nil
}

// isStrong says whether a password keeps the rules for cloud accounts: 8 to 256
// characters of three of the four classes (Microsoft Entra password policies).
func isStrong(password string, anyClasses bool) bool {
	if n := utf8.RuneCountInString(password); n < 8 || n > 256 {
		return false
	}
	classes := map[string]bool{}
	for _, c := range password {
		switch {
		case unicode.IsLower(c):
			classes["lower"] = true
		case unicode.IsUpper(c):
			classes["upper"] = true
		case unicode.IsDigit(c):
			classes["digit"] = true
		default:
			classes["other"] = true
		}
	}
	return anyClasses || len(classes) >= 3
}

// Template ids of Entra's built-in roles.
const (
	globalAdministrator         = "62e90394-69f5-4237-9190-012177145e10"
	UserAdministrator           = "fe930be7-5e62-47db-91af-98c3a49a38b1"
	PrivilegedAuthAdministrator = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
)

// passwordRoles are the roles of which a caller needs one to reset a password,
// privilegedRoles those to touch what is sensitive of a privileged user
// (user resource type, "Who can perform sensitive actions").
var (
	passwordRoles   = []string{UserAdministrator, PrivilegedAuthAdministrator, globalAdministrator}
	privilegedRoles = []string{PrivilegedAuthAdministrator, globalAdministrator}
)

func (e *Edit) holds(roles []string) bool {
	return slices.ContainsFunc(e.Caller.DirectoryRoles, func(role string) bool { return slices.Contains(roles, role) })
}

// mayTouch refuses what is sensitive of users who hold a directory role or belong
// to a group that can, unless the caller holds a role above them.
func (e *Edit) mayTouch(user tenant.Ref) error {
	if e.holds(privilegedRoles) || !e.isPrivileged(user) {
		return nil
	}
	return Forbidden()
}

func (e *Edit) isPrivileged(user tenant.Ref) bool {
	for place := range uint32(e.Slots(tenant.DirectoryRole)) {
		if e.has(e.Slot(tenant.DirectoryRole, place), tenant.Members, user) {
			return true
		}
	}
	for place := range uint32(e.Slots(tenant.Group)) {
		group := e.Slot(tenant.Group, place)
		if (e.has(group, tenant.Members, user) || e.has(group, tenant.Owners, user)) && e.is(group, "isAssignableToRole") &&
			e.Life(group) == tenant.Living {
			return true
		}
	}
	return false
}

// has says whether an object is linked to another one.
func (e *Edit) has(owner tenant.Ref, relation tenant.Relation, target tenant.Ref) bool {
	links := e.Links(owner, relation)
	return links.Holds(target)
}
