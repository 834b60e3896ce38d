package settings

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk"
)

// What nobody has described may be a secret, and is not shown.
func TestEntriesHideTheUnknown(t *testing.T) {
	dir := t.TempDir()
	text := `{"Connections": {
	"SAP": {"Authorization": "Bearer x", "Servers": [{"Host": "h", "Pin": "1234"}], "Client": "100"},
	"Contoso": {"TenantId": "t", "Pin": "1234", "EntityTypeMapping": {"Properties": [{"ConnectionColumn": "id", "IsPrimaryKey": true}]}}}}`
	if err := os.WriteFile(filepath.Join(dir, "appsettings.agent.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := load(t, Options{Dir: dir, ProgramDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range s.Entries(map[string][]sdk.Setting{"entra-export": {{Name: "TenantId"}, {Name: "Cloud", Default: "Global"}, {Name: "Pin", Secret: true}}}) {
		got[e.Path] = e.Value
	}
	for path, want := range map[string]string{
		"Connections:SAP:Authorization":  secret.Hidden,
		"Connections:SAP:Servers:0:Host": secret.Hidden,
		"Connections:SAP:Servers:0:Pin":  secret.Hidden,
		"Connections:SAP:Client":         secret.Hidden,
		"Connections:SAP:Connector":      "entra-export",
		"Connections:SAP:Cloud":          "", // a default of another product's connection says nothing
		"Connections:Contoso:TenantId":   "t",
		"Connections:Contoso:Cloud":      "Global",
		"Connections:Contoso:Pin":        secret.Hidden,
	} {
		if got[path] != want {
			t.Errorf("%s is shown as %q, want %q", path, got[path], want)
		}
	}
}
