// Package cloud knows where the Microsoft clouds are, and reads the settings
// that lead elsewhere.
package cloud

import (
	"net/url"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Settings choose a cloud. All may be empty: that is the Global cloud.
type Settings struct {
	Cloud         string // Global, USGov, USGovDoD or China, in any case
	AuthorityPath string // the sign-in host's root, or a pattern with {0} in place of the tenant
	Scope         string // ends in /.default
	BaseURL       string // Graph's root with the version, such as https://graph.microsoft.com/v1.0/
}

// Endpoints are what [Resolve] makes of settings.
type Endpoints struct {
	Authority string // scheme and host of the sign-in, without a slash at the end
	Scope     string
	BaseURL   string // with a slash at the end

	// Public says that the authority belongs to Microsoft, so that Microsoft's instance
	// discovery knows it. A private one must not be asked about at Microsoft.
	Public bool
}

type cloud struct{ name, authority, graph string }

// Source: https://learn.microsoft.com/graph/deployments.
var clouds = []cloud{
	{"Global", "https://login.microsoftonline.com", "https://graph.microsoft.com"},
	{"USGov", "https://login.microsoftonline.us", "https://graph.microsoft.us"},
	{"USGovDoD", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
	{"China", "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"},
}

// otherPublicHosts are further names of the clouds' sign-in hosts.
var otherPublicHosts = []string{"login.windows.net", "login.microsoft.com", "sts.windows.net", "login.partner.microsoftonline.cn"}

// Resolve fills in what the settings leave open. Settings that are no use are
// [fault.Invalid] and name their key: Cloud, MicrosoftAuthorityPath,
// MicrosoftGraphPath (the scope) or MicrosoftGraphPathApi (the base URL).
func Resolve(s Settings) (Endpoints, error) {
	c := clouds[0]
	if s.Cloud != "" {
		i := slices.IndexFunc(clouds, func(c cloud) bool { return strings.EqualFold(c.name, s.Cloud) })
		if i < 0 {
			return Endpoints{}, fault.Errorf(fault.Invalid, "there is no cloud %q", s.Cloud).
				WithSetting("Cloud").WithHint("Give Global, USGov, USGovDoD or China")
		}
		c = clouds[i]
	}
	e := Endpoints{Authority: c.authority, BaseURL: c.graph + "/v1.0/", Scope: s.Scope}
	if s.AuthorityPath != "" {
		authority, err := parseAuthority(s.AuthorityPath)
		if err != nil {
			return Endpoints{}, err
		}
		e.Authority = authority
	}
	if s.BaseURL != "" {
		u, ok := parseHTTPS(s.BaseURL)
		if !ok {
			return Endpoints{}, fault.Errorf(fault.Invalid, "MicrosoftGraphPathApi %q is not an https URL without a query", s.BaseURL).
				WithSetting("MicrosoftGraphPathApi").WithHint("Give a URL such as %s", e.BaseURL)
		}
		e.BaseURL = strings.TrimRight(u.String(), "/") + "/"
	}
	if e.Scope == "" {
		u, _ := parseHTTPS(e.BaseURL) // it was parsed above, or is one of ours
		e.Scope = u.Scheme + "://" + u.Host + "/.default"
	}
	if !strings.HasSuffix(e.Scope, "/.default") || strings.ContainsAny(e.Scope, " \t\r\n") {
		return Endpoints{}, fault.Errorf(fault.Invalid, "MicrosoftGraphPath %q is not a scope for an application", e.Scope).
			WithSetting("MicrosoftGraphPath").WithHint("Give a scope such as %s/.default", c.graph)
	}
	e.Public = isPublic(strings.TrimPrefix(e.Authority, "https://"))
	return e, nil
}

// parseAuthority takes the root of a sign-in host, or a pattern of what stands
// below it, in the forms found in the wild.
func parseAuthority(text string) (string, error) {
	u, ok := parseHTTPS(strings.ReplaceAll(text, "{0}", "TENANT"))
	if ok {
		switch strings.Trim(u.Path, "/") {
		case "", "TENANT", "TENANT/v2.0", "TENANT/oauth2/v2.0/token":
			if !strings.Contains(u.Host, "TENANT") {
				return "https://" + u.Host, nil
			}
		}
	}
	return "", fault.Errorf(fault.Invalid, "MicrosoftAuthorityPath %q is not the address of a sign-in service", text).
		WithSetting("MicrosoftAuthorityPath").
		WithHint("Give an https root such as https://login.microsoftonline.com/, or that with {0} in place of the tenant: https://login.microsoftonline.com/{0}")
}

func parseHTTPS(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	return u, err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func isPublic(host string) bool {
	return slices.Contains(otherPublicHosts, host) ||
		slices.ContainsFunc(clouds, func(c cloud) bool { return c.authority == "https://"+host })
}
