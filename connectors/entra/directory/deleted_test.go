package directory_test

import (
	"testing"

	"github.com/usher-iga/usher/connectors/entra/directory"
)

// Which entities have a list of what can be restored, and what it asks for, is as
// Microsoft documents it.
func TestDeleted(t *testing.T) {
	want := map[string]string{
		"user":               "User.Read.All",
		"group":              "Group.Read.All",
		"servicePrincipal":   "Application.Read.All",
		"application":        "Application.Read.All",
		"administrativeUnit": "AdministrativeUnit.Read.All",
	}
	for _, e := range directory.Entities() {
		deleted, ok := e.Deleted()
		query := ""
		if ok {
			query = "directory/deletedItems/microsoft.graph." + e.Name + "?$select=id&$top=999"
		}
		if deleted.Permission.Name != want[e.Name] || deleted.Query != query {
			t.Errorf("%s: %+v", e.Name, deleted)
		}
	}
}
