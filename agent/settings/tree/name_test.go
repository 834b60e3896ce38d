package tree

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"TempFolderPath", "WorkFolderPath", "Proxy", "Connectors", "Connections"}
	for _, tc := range []struct{ name, want string }{
		{"Conections", "Connections"},
		{"CONNECTOINS", "Connections"},
		{"connector", "Connectors"},
		{"Proxys", "Proxy"},
		{"TempFolder", ""},
		{"", ""},
		{"x", ""},
	} {
		if got := Nearest(tc.name, names, CloseBy); got != tc.want {
			t.Errorf("Nearest(%q) = %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0},
		{"abc", "acb", 1}, {"kitten", "sitting", 3}, {"clé", "cle", 1},
	} {
		if got := distance(tc.a, tc.b); got != tc.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestSecretKeys(t *testing.T) {
	for key, want := range map[string]bool{
		"ApplicationKey": true, "clientsecret": true, "CertificatePassword": true, "AccessToken": true, "ConnectionString": true,
		"IsPrimaryKey": false, "ApplicationId": false, "KeyFile": false, "MicrosoftGraphPath": false,
	} {
		if IsSecretKey(key) != want {
			t.Errorf("IsSecretKey(%q) = %v", key, !want)
		}
	}
}

func TestHideUserinfo(t *testing.T) {
	for text, want := range map[string]string{
		"http://u:p@host:1/x":  "http://[hidden]@host:1/x",
		"http://u:p@ss@host":   "http://[hidden]@host",
		"u:p@host:3128":        "[hidden]@host:3128",
		"http://host/path":     "http://host/path",
		"admin@contoso.com":    "admin@contoso.com",
		"https://x/{0}?a=b&c:": "https://x/{0}?a=b&c:",
	} {
		if got := HideUserinfo(text); got != want {
			t.Errorf("HideUserinfo(%q) = %q, want %q", text, got, want)
		}
	}
}
