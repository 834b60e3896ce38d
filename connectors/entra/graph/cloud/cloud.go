// Package cloud knows where the Microsoft clouds are, and reads the settings
// that lead elsewhere.
package cloud

import (
	"fmt"
	"net/url"
	"regexp"
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

	// ScopeSetting is the key of the setting that Scope comes from: MicrosoftGraphPath,
	// MicrosoftGraphPathApi or Cloud.
	ScopeSetting string

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
	e := Endpoints{Authority: c.authority, BaseURL: c.graph + "/v1.0/", Scope: s.Scope, ScopeSetting: "MicrosoftGraphPath"}
	if s.AuthorityPath != "" {
		authority, err := parseAuthority(s.AuthorityPath)
		if err != nil {
			return Endpoints{}, err
		}
		e.Authority = authority
	}
	if s.BaseURL != "" {
		base, err := parseBase(s.BaseURL, e.BaseURL)
		if err != nil {
			return Endpoints{}, err
		}
		e.BaseURL = base
	}
	if e.Scope == "" {
		u, _ := parseHTTPS(e.BaseURL) // it was parsed above, or is one of ours
		e.Scope = u.Scheme + "://" + u.Host + "/.default"
		e.ScopeSetting = "Cloud"
		if s.BaseURL != "" {
			e.ScopeSetting = "MicrosoftGraphPathApi"
		}
	}
	if !strings.HasSuffix(e.Scope, "/.default") || strings.ContainsAny(e.Scope, " \t\r\n") {
		return Endpoints{}, fault.Errorf(fault.Invalid, "MicrosoftGraphPath %q is not a scope for an application", e.Scope).
			WithSetting("MicrosoftGraphPath").WithHint("Give a scope such as %s/.default", c.graph)
	}
	e.Public = isPublic(strings.TrimPrefix(e.Authority, "https://"))
	return e, nil
}

// parseBase takes the root of Graph, which ends in the version: without it Graph
// answers each request with 400 or 404. Example is shown if text is no URL at all.
func parseBase(text, example string) (string, error) {
	u, ok := parseHTTPS(text)
	if !ok {
		return "", fault.Errorf(fault.Invalid, "MicrosoftGraphPathApi %q is not an https URL without a query", text).
			WithSetting("MicrosoftGraphPathApi").WithHint("Give a URL such as %s", example)
	}
	segments := strings.FieldsFunc(u.EscapedPath(), func(r rune) bool { return r == '/' })
	at := slices.IndexFunc(segments, isVersion)
	right := at >= 0 && at == len(segments)-1
	switch {
	case right:
	case at >= 0: // what stands behind it belongs to a request
		segments = segments[:at+1]
	case len(segments) > 0 && looksLikeVersion.MatchString(segments[len(segments)-1]):
		segments[len(segments)-1] = "v1.0"
	default:
		segments = append(segments, "v1.0")
	}
	base := "https://" + u.Host + "/" + strings.Join(segments, "/") + "/"
	if !right {
		return "", fault.Errorf(fault.Invalid, "MicrosoftGraphPathApi %q does not end in v1.0 or beta, the version of Microsoft Graph", text).
			WithSetting("MicrosoftGraphPathApi").WithHint("Give %s", base)
	}
	return base, nil
}

func isVersion(segment string) bool {
	return strings.EqualFold(segment, "v1.0") || strings.EqualFold(segment, "beta")
}

var looksLikeVersion = regexp.MustCompile(`^[vV]?[0-9][0-9.]*$`)

// parseAuthority takes the root of a sign-in host, or a pattern of what stands
// below it, in the forms found in the wild. A path in front of the tenant, such as that of
// a reverse proxy, is refused: azidentity drops it when it puts the tenant in.
func parseAuthority(text string) (string, error) {
	refused := fault.Errorf(fault.Invalid, "MicrosoftAuthorityPath %q is not the address of a sign-in service", text).
		WithSetting("MicrosoftAuthorityPath").
		WithHint("Give an https root such as https://login.microsoftonline.com/, or that with {0} in place of the tenant: https://login.microsoftonline.com/{0}")
	u, ok := parseHTTPS(text)
	if !ok {
		return "", refused
	}
	front, below, pattern := strings.Cut(u.Path, "/{0}")
	switch strings.TrimRight(below, "/") {
	case "", "/v2.0", "/oauth2/v2.0/token":
		if strings.Trim(front, "/") == "" {
			return "https://" + u.Host, nil
		}
		if pattern {
			refused.Message = fmt.Sprintf("MicrosoftAuthorityPath %q has the path %s in front of the tenant, which the sign-in does not support", text, front)
			return "", refused.WithHint("Offer the sign-in service at the root of a host and give https://%s/{0}", u.Host)
		}
	}
	return "", refused
}

func parseHTTPS(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	return u, err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func isPublic(host string) bool {
	return slices.Contains(otherPublicHosts, host) ||
		slices.ContainsFunc(clouds, func(c cloud) bool { return c.authority == "https://"+host })
}
