package directory_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/directory"
)

func TestPermissions(t *testing.T) {
	id := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	ids := map[string]string{}
	for _, e := range directory.Entities() {
		p := e.Permission
		if !id.MatchString(p.ID) || slices.Contains(p.Instead, p.Name) || !slices.Contains(p.Instead, "Directory.ReadWrite.All") {
			t.Errorf("%s: %+v", e.Name, p)
		}
		if other, known := ids[p.ID]; known && other != p.Name {
			t.Errorf("%s and %s have one id", other, p.Name)
		}
		ids[p.ID] = p.Name
		if p.GrantedBy([]string{"x", "Directory.ReadWrite.All"}) == "" || p.GrantedBy([]string{"x", p.Name, "Directory.ReadWrite.All"}) != p.Name || p.GrantedBy([]string{"x"}) != "" {
			t.Errorf("%s is granted by the wrong roles", p.Name)
		}
		if !strings.Contains(p.Hint(), p.Name) {
			t.Errorf("hint %q", p.Hint())
		}
	}
}

// What admins copy is what the code needs.
func TestRegisterPage(t *testing.T) {
	content, err := os.ReadFile("../../../docs/register.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	var table, names, ids []string
	for _, e := range directory.Entities() {
		table = append(table, fmt.Sprintf("| `%s` | `%s` | `%s` |\n", e.Name, e.Permission.Name, e.Permission.ID))
		switch e.Name {
		case "user", "group", "directoryRole", "servicePrincipal": // exported by default
			names = append(names, "'"+e.Permission.Name+"'")
			ids = append(ids, "  "+e.Permission.ID+"=Role")
		}
	}
	for _, part := range []struct {
		what, text string
		times      int
	}{
		{"the table of permissions", "| entity | permission | id |\n|---|---|---|\n" + strings.Join(table, "") + "\n", 1},
		{"the ids of the Azure CLI script", "--api " + directory.GraphID + " --api-permissions \\\n" + strings.Join(ids, " \\\n") + "\n", 1},
		{"the names of the PowerShell scripts", "$names = " + strings.Join(names, ", ") + "\n", 2},
		{"the permission of hidden members", "`" + directory.MemberReadHidden().Name + "` (`" + directory.MemberReadHidden().ID + "`)", 1},
	} {
		if n := strings.Count(page, part.text); n != part.times {
			t.Errorf("docs/register.md has %s %d times; it is\n%s", part.what, n, part.text)
		}
	}
}
