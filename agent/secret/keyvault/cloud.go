package keyvault

import (
	"net/url"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// A cloud is one of Microsoft's.
type cloud struct {
	vaults    string // what the host names of its vaults end in
	authority string
}

// Source: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers
// and https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud.
var clouds = []cloud{
	{".vault.azure.net", "https://login.microsoftonline.com"},
	{".vault.usgovcloudapi.net", "https://login.microsoftonline.us"},
	{".vault.azure.cn", "https://login.chinacloudapi.cn"},
}

// cloudOf returns the cloud of a vault, or nil for a private one.
func cloudOf(host string) *cloud {
	for i := range clouds {
		if strings.HasSuffix(strings.ToLower(host), clouds[i].vaults) {
			return &clouds[i]
		}
	}
	return nil
}

// parseAuthority returns scheme and host of the sign-in service.
func parseAuthority(text, vaultHost string) (string, error) {
	if text == "" {
		if c := cloudOf(vaultHost); c != nil {
			return c.authority, nil
		}
		return clouds[0].authority, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return "", fault.Errorf(fault.Invalid, "%q is not the address of a sign-in service", text).
			WithSetting(authoritySetting).WithHint("Give an address such as https://login.microsoftonline.com, or leave it out")
	}
	return "https://" + u.Host, nil
}

// isPublic reports whether Microsoft's instance discovery knows the authority. A private one must
// not be asked about at Microsoft.
func isPublic(authority string) bool {
	for _, c := range clouds {
		if strings.EqualFold(c.authority, authority) {
			return true
		}
	}
	return false
}
