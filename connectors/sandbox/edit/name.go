package edit

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// checkUPN checks a userPrincipalName: its characters, its domain, and that no
// other living user has it. The name of a deleted user is free.
func (e *Edit) checkUPN(user tenant.Ref, upn string) error {
	local, domain, ok := strings.Cut(upn, "@")
	if !ok || local == "" || len(local) > 64 || len(upn) > 113 || strings.HasSuffix(local, ".") ||
		strings.ContainsFunc(local, func(c rune) bool { return !isUPNCharacter(c) }) {
		return invalidValue("userPrincipalName", "User")
	}
	if !strings.EqualFold(domain, e.Domain()) {
		return Bad("The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain " +
			"names in your organization.")
	}
	if e.taken(user, "userPrincipalName", upn) {
		return conflict("userPrincipalName")
	}
	return nil
}

func isUPNCharacter(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("'.-_!#^~", c)
}

func isCountryCode(code string) bool {
	return len(code) == 2 && code == strings.ToUpper(code) && !strings.ContainsFunc(code, func(c rune) bool { return c < 'A' || c > 'Z' })
}

// taken says whether another living object of the same kind has a text.
func (e *Edit) taken(r tenant.Ref, property, value string) bool {
	k := r.Kind
	if k == 0 {
		k = tenant.User
	}
	found, _ := e.Holding(k, property, value)
	return slices.ContainsFunc(found, func(other tenant.Ref) bool { return other != r })
}

// setMail gives a user a mail address, which becomes the first of the
// proxyAddresses.
func (e *Edit) setMail(user tenant.Ref, mail string, values Values) error {
	if local, domain, ok := strings.Cut(mail, "@"); !ok || local == "" || !strings.Contains(domain, ".") || strings.ContainsAny(mail, " ,;<>\"") {
		return invalidValue("mail", "User")
	}
	for _, k := range []tenant.Kind{tenant.User, tenant.Group} {
		found, _ := e.Holding(k, "proxyAddresses", "SMTP:"+mail)
		if slices.ContainsFunc(found, func(other tenant.Ref) bool { return other != user }) {
			return conflict("proxyAddresses")
		}
	}
	addresses := []string{"SMTP:" + mail}
	if user.Kind != 0 {
		for _, address := range e.texts(user, "proxyAddresses") {
			if scheme, rest, _ := strings.Cut(address, ":"); scheme == "SMTP" {
				address = "smtp:" + rest
			}
			if !strings.EqualFold(address, addresses[0]) {
				addresses = append(addresses, address)
			}
		}
	}
	values["proxyAddresses"] = asJSON(addresses)
	return nil
}

func textsOf(value json.RawMessage) []string {
	var list []string
	if json.Unmarshal(orNull(value), &list) != nil {
		return nil
	}
	return list
}
