package graph

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	group = "11111111-2222-3333-4444-555555555555"
	user  = "66666666-7777-8888-9999-000000000000"
)

// No DELETE goes out to what is behind a link, whatever a request was made of.
func TestNoDeleteBehindALink(t *testing.T) {
	sent := 0
	client, err := New("https://graph.example/v1.0", doer(func(req *http.Request) (*http.Response, error) {
		sent++
		return answerOf(req, http.StatusNoContent, ""), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	for path, allowed := range map[string]bool{
		"users/" + user:                                                         true,
		"directory/administrativeUnits/" + group:                                true,
		"groups/" + group + "/members/" + user + "/$ref":                        true,
		"users/" + user + "/manager/$ref":                                       true,
		"directory/administrativeUnits/" + group + "/members/" + user + "/$ref": true,
		"users/" + user + "/appRoleAssignments/5TDjzVAhEUycWxS_3JSMeY":          true,
		"oauth2PermissionGrants/l5eW7x0ga0-WDOntXzHateBDNpSH":                   true,

		"groups/" + group + "/members/" + user:                        false,
		"groups/" + group + "/members/" + user + "/":                  false,
		"groups/" + group + "/members/" + user + "/$ref?x":            false,
		"groups/" + group + "/members/" + user + "?/$ref":             false,
		"groups/" + group + "/members/" + user + "%2F$ref":            false,
		"groups/" + group + "/owners/" + user:                         false,
		"users/" + user + "/manager":                                  false,
		"directoryRoles/" + group + "/members/" + user:                false,
		"directory/administrativeUnits/" + group + "/members/" + user: false,
		"users/../groups/" + group + "/members/" + user:               false,
		"users":               false,
		"":                    false,
		"users/" + user + "/": false,
	} {
		r := Request{method: http.MethodDelete, path: path, repeatable: true}
		before := sent
		_, err := client.Send(t.Context(), r)
		_, batchErr := client.Batch(t.Context(), []Request{Get("users"), r})
		if allowed && fault.Is(err, fault.Internal) || !allowed && (!fault.Is(err, fault.Internal) || !fault.Is(batchErr, fault.Internal) || sent != before) {
			t.Errorf("DELETE %s: allowed is not %t: %v, %v", path, allowed, err, batchErr)
		}
	}
}

// What a Link makes always ends in /$ref, and what deletes objects names nothing behind them.
func TestRequestsOfALink(t *testing.T) {
	hostile := []string{user, "", "..", "a/b", "a%2Fb", "x?y", "x#y", user + "/members/" + user, "$ref"}
	for _, owner := range hostile {
		for _, target := range hostile {
			for _, navigation := range []string{"members", "manager"} {
				l := Link{From: Object{"groups", owner}, Navigation: navigation, Target: target}
				if path := l.Remove().Path(); !strings.HasSuffix(path, "/$ref") || strings.Contains(path, "?") {
					t.Errorf("the link %+v is removed by DELETE %s", l, path)
				}
			}
		}
		if r := Delete(Object{"users", owner}); owner != user && r.check() == nil {
			t.Errorf("DELETE %s would be sent", r.Path())
		}
	}
}

func TestCost(t *testing.T) {
	bind := func(n int) Request {
		return Bind("https://graph.example/", Object{"groups", group}, "members", make([]string, n))
	}
	for name, tc := range map[string]struct {
		request Request
		want    int
	}{
		"read": {Get("users"), 0}, "create": {Post("users", nil), 1}, "link": {Link{From: Object{"groups", group}}.Add(""), 1},
		"1 bound": {bind(1), 1}, "3 bound": {bind(3), 1}, "4 bound": {bind(4), 2}, "20 bound": {bind(20), 7},
	} {
		if got := tc.request.Cost(); got != tc.want {
			t.Errorf("%s costs %d writes, want %d", name, got, tc.want)
		}
	}
}

// Only one file of the connectors to Entra ID speaks of DELETE: what it makes is proved above.
func TestOneFileDeletes(t *testing.T) {
	for _, folder := range []string{"..", "../../entra-fulfill", "../../entra-export"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				speaks := false
				switch n := n.(type) {
				case *ast.SelectorExpr:
					speaks = n.Sel.Name == "MethodDelete"
				case *ast.BasicLit:
					speaks = n.Value == strconv.Quote(http.MethodDelete)
				}
				if speaks && filepath.ToSlash(path) != "../graph/request.go" {
					t.Errorf("%s speaks of DELETE", path)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWrites(t *testing.T) {
	for _, tc := range []struct {
		request Request
		want    string
	}{
		{Get("users/" + user), ""},
		{Post("users", nil), ""},
		{Post("users/"+user+"/revokeSignInSessions", nil), "users/" + user},
		{Patch("groups/"+group+"?x", nil), "groups/" + group},
		{Upsert("groups(uniqueName='A')", nil), "groups(uniquename='a')"},
		{Link{Object{"directory/administrativeUnits", group}, "members", user}.Remove(), "directory/administrativeunits/" + group},
		{Post("$batch", nil), ""},
	} {
		if got := tc.request.Writes(); got != tc.want {
			t.Errorf("%s %s writes to %q, want %q", tc.request.Method(), tc.request.Path(), got, tc.want)
		}
	}
}
