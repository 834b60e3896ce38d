package cloud_test

import (
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestResolve(t *testing.T) {
	const own = "https://login.example:8443"
	for _, tc := range []struct {
		name string
		in   cloud.Settings
		want cloud.Endpoints
	}{
		{"nothing", cloud.Settings{}, cloud.Endpoints{Authority: "https://login.microsoftonline.com", Scope: "https://graph.microsoft.com/.default", ScopeSetting: "Cloud", BaseURL: "https://graph.microsoft.com/v1.0/", Public: true}},
		{"any case", cloud.Settings{Cloud: "usgov"}, cloud.Endpoints{Authority: "https://login.microsoftonline.us", Scope: "https://graph.microsoft.us/.default", ScopeSetting: "Cloud", BaseURL: "https://graph.microsoft.us/v1.0/", Public: true}},
		{"DoD", cloud.Settings{Cloud: "USGovDoD"}, cloud.Endpoints{Authority: "https://login.microsoftonline.us", Scope: "https://dod-graph.microsoft.us/.default", ScopeSetting: "Cloud", BaseURL: "https://dod-graph.microsoft.us/v1.0/", Public: true}},
		{"China", cloud.Settings{Cloud: "China"}, cloud.Endpoints{Authority: "https://login.chinacloudapi.cn", Scope: "https://microsoftgraph.chinacloudapi.cn/.default", ScopeSetting: "Cloud", BaseURL: "https://microsoftgraph.chinacloudapi.cn/v1.0/", Public: true}},
		{"beta, no slash", cloud.Settings{BaseURL: "https://graph.microsoft.com/beta"}, cloud.Endpoints{Authority: "https://login.microsoftonline.com", Scope: "https://graph.microsoft.com/.default", ScopeSetting: "MicrosoftGraphPathApi", BaseURL: "https://graph.microsoft.com/beta/", Public: true}},
		{"private", cloud.Settings{AuthorityPath: own, BaseURL: own + "/v1.0/"}, cloud.Endpoints{Authority: own, Scope: own + "/.default", ScopeSetting: "MicrosoftGraphPathApi", BaseURL: own + "/v1.0/"}},
		{"own scope", cloud.Settings{AuthorityPath: own, Scope: "api://x/.default"}, cloud.Endpoints{Authority: own, Scope: "api://x/.default", ScopeSetting: "MicrosoftGraphPath", BaseURL: "https://graph.microsoft.com/v1.0/"}},
		{"public pattern", cloud.Settings{AuthorityPath: "https://login.windows.net/{0}"}, cloud.Endpoints{Authority: "https://login.windows.net", Scope: "https://graph.microsoft.com/.default", ScopeSetting: "Cloud", BaseURL: "https://graph.microsoft.com/v1.0/", Public: true}},
	} {
		if got, err := cloud.Resolve(tc.in); err != nil || got != tc.want {
			t.Errorf("%s: got %+v, %v", tc.name, got, err)
		}
	}
	for _, path := range []string{"", "/", "/{0}", "/{0}/", "/{0}/v2.0", "/{0}/v2.0/", "/{0}/oauth2/v2.0/token"} {
		if got, err := cloud.Resolve(cloud.Settings{AuthorityPath: own + path}); err != nil || got.Authority != own {
			t.Errorf("%q: got %+v, %v", path, got, err)
		}
	}
	for _, path := range []string{"/v1.0", "/v1.0/", "/beta", "/V1.0/", "/graph//v1.0"} {
		want := strings.ReplaceAll(strings.TrimRight(path, "/"), "//", "/") + "/"
		if got, err := cloud.Resolve(cloud.Settings{BaseURL: own + path}); err != nil || got.BaseURL != own+want {
			t.Errorf("%q: got %+v, %v", path, got, err)
		}
	}
}

func TestResolveTellsOfAPathInFrontOfTheTenant(t *testing.T) {
	_, err := cloud.Resolve(cloud.Settings{AuthorityPath: "https://proxy.example/login/{0}/v2.0"})
	f := fault.Of(err)
	if f == nil || !strings.Contains(f.Message, "has the path /login in front of the tenant") || !strings.Contains(f.Hint, "https://proxy.example/{0}") {
		t.Errorf("got %v", err)
	}
}

// A base URL without a version, or with more behind it, is refused with the right one.
func TestResolveCorrectsTheBaseURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://graph.example":                      "https://graph.example/v1.0/",
		"https://graph.example/":                     "https://graph.example/v1.0/",
		"https://graph.example/v1":                   "https://graph.example/v1.0/",
		"https://graph.example/1.0/":                 "https://graph.example/v1.0/",
		"https://graph.example/graph":                "https://graph.example/graph/v1.0/",
		"https://graph.example/v1.0/users":           "https://graph.example/v1.0/",
		"https://graph.example/proxy/beta/me/drive/": "https://graph.example/proxy/beta/",
	} {
		_, err := cloud.Resolve(cloud.Settings{BaseURL: text})
		if f := fault.Of(err); f == nil || f.Code != fault.Invalid || f.Setting != "MicrosoftGraphPathApi" || f.Hint != "Give "+want {
			t.Errorf("%s: %v", text, err)
		}
		if _, err := cloud.Resolve(cloud.Settings{BaseURL: want}); err != nil {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	for _, tc := range []struct {
		setting string
		in      cloud.Settings
	}{
		{"Cloud", cloud.Settings{Cloud: "Moon"}},
		{"MicrosoftAuthorityPath", cloud.Settings{AuthorityPath: "http://login.example"}},
		{"MicrosoftAuthorityPath", cloud.Settings{AuthorityPath: "login.example"}},
		{"MicrosoftAuthorityPath", cloud.Settings{AuthorityPath: "https://login.example/common"}},
		{"MicrosoftAuthorityPath", cloud.Settings{AuthorityPath: "https://login.example/adfs/{0}"}},
		{"MicrosoftAuthorityPath", cloud.Settings{AuthorityPath: "https://login.example/{0}v2.0"}},
		{"MicrosoftAuthorityPath", cloud.Settings{AuthorityPath: "https://login.example/x/{0}/{0}"}},
		{"MicrosoftAuthorityPath", cloud.Settings{AuthorityPath: "https://{0}.example/"}},
		{"MicrosoftAuthorityPath", cloud.Settings{AuthorityPath: "https://login.example/{0}?p=1"}},
		{"MicrosoftGraphPath", cloud.Settings{Scope: "User.Read"}},
		{"MicrosoftGraphPath", cloud.Settings{Scope: "https://a/.default https://b/.default"}},
		{"MicrosoftGraphPathApi", cloud.Settings{BaseURL: "http://graph.example/"}},
		{"MicrosoftGraphPathApi", cloud.Settings{BaseURL: "https://graph.example/?a"}},
		{"MicrosoftGraphPathApi", cloud.Settings{BaseURL: "https://u:p@graph.example/"}},
	} {
		_, err := cloud.Resolve(tc.in)
		if f := fault.Of(err); f == nil || f.Code != fault.Invalid || f.Setting != tc.setting || f.Hint == "" {
			t.Errorf("%+v: %v", tc.in, err)
		}
	}
}
