package trial_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/trial"
)

// Everything that is wrong is told at once, each with its place, once.
func TestValidateTellsEverything(t *testing.T) {
	t.Parallel()
	installation := &trial.Installation{Root: t.TempDir(), Programs: programs, Tenant: trial.Tenant{
		URL: "https://graph.example", Authority: "https://login.example", TenantID: "78b99967-c22f-4c3e-2cf7-1deb0e73ac5a",
		ClientID: "dcf9d63e-f287-9585-a670-a2518382cc02", ClientSecret: "s",
	}}
	installation.ChangeRoot = func(root map[string]any) {
		delete(root, "TrustedCertificates")
		connections := root["Connections"].(map[string]any)
		connections["Second"] = map[string]any{
			"ApplicationKye": "x", "TenantId": "not-a-guid",
			"EntityTypeMapping": map[string]any{"Properties": trial.Columns("id")},
		}
		connections["SAP"] = map[string]any{"Servers": []string{"a"}}
	}
	installation.Change = func(c map[string]any) {
		c["EntityTypeMapping"] = map[string]any{
			"Navigations": "mebmers", "Properties": trial.Columns("id", "displayNam", "signInActivity"),
		}
	}
	write(t, installation)
	result := usher(t, installation, "settings", "validate", "--json")
	var out struct {
		Errors []struct{ Message, Hint string }
	}
	if err := json.Unmarshal([]byte(result.Stdout), &out); err != nil {
		t.Fatalf("%v: %s%s", err, result.Stdout, result.Stderr)
	}
	place := regexp.MustCompile(`appsettings\.agent\.json:\d+: `)
	for _, e := range out.Errors {
		if len(place.FindAllString(e.Message, -1)) != 1 || !strings.HasPrefix(e.Message, installation.Settings()) {
			t.Errorf("not exactly one place, or not in front: %s", e.Message)
		}
		if strings.Contains(e.Message, "\n") {
			t.Errorf("several in one: %s", e.Message)
		}
	}
	for _, want := range []string{"mebmers", "displayNam", "signInActivity", "ApplicationKye", "not-a-guid"} {
		if !strings.Contains(result.Stdout, want) {
			t.Errorf("%s is not told", want)
		}
	}
	if result.Code != 2 || strings.Contains(result.Stdout, "SAP") {
		t.Errorf("exit code %d\n%s", result.Code, result.Stdout)
	}
}
