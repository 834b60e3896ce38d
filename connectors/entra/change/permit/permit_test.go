package permit_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/change/permit"
	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Everything that orders can do has a permission, and each has an id.
func TestEverythingHasAPermission(t *testing.T) {
	for _, e := range schema.Entities() {
		c := schema.Change{Entity: e}
		for _, c.Operation = range e.Operations {
			if _, ok := permit.Of(c, ""); !ok {
				t.Errorf("%s %s needs nothing", c.Operation, e.Name)
			}
		}
		for _, n := range e.Links {
			if _, ok := permit.Of(c, n.Name); !ok {
				t.Errorf("%s of %s need nothing", n.Name, e.Name)
			}
		}
	}
	ids := map[string]string{}
	for _, n := range permit.All() {
		if !schema.IsGUID(n.Permission.ID) || n.For == "" || slices.Contains(n.Permission.Instead, n.Permission.Name) {
			t.Errorf("%+v", n)
		}
		if name, ok := ids[n.Permission.ID]; ok && name != n.Permission.Name {
			t.Errorf("%s and %s have one id", name, n.Permission.Name)
		}
		ids[n.Permission.ID] = n.Permission.Name
		if e, ok := schema.Find(n.Entity); !ok || n.Navigation != "" && !slices.ContainsFunc(e.Links, func(l schema.Navigation) bool { return l.Name == n.Navigation }) {
			t.Errorf("%+v is about nothing", n)
		}
	}
}

// A hint says what else may be the reason, since the permission may be granted.
func TestHint(t *testing.T) {
	for _, tc := range []struct {
		entity, navigation string
		operation          sdk.Operation
		want               []string
	}{
		{"group", "members", sdk.Update, []string{"GroupMember.ReadWrite.All", "dynamic", "role-assignable", "Device.ReadWrite.All"}},
		{"user", "memberOf", sdk.Update, []string{"GroupMember.ReadWrite.All", "dynamic"}},
		{"group", "", sdk.Delete, []string{"Group.ReadWrite.All", "role-assignable"}},
		{"user", "", sdk.Delete, []string{"User.DeleteRestore.All", "User Administrator"}},
		{"administrativeUnit", "members", sdk.Update, []string{"AdministrativeUnit.ReadWrite.All", "dynamic"}},
		{"user", "nothing", sdk.Update, nil},
	} {
		e, _ := schema.Find(tc.entity)
		c := schema.Change{Entity: e}
		c.Operation = tc.operation
		got := permit.Hint(c, tc.navigation)
		for _, want := range tc.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s %s: %q does not name %q", tc.entity, tc.navigation, got, want)
			}
		}
		if (got == "") != (tc.want == nil) {
			t.Errorf("%s %s: %q", tc.entity, tc.navigation, got)
		}
	}
}
