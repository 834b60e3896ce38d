package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const extension = "extension_fe2174665583431c953114ff7268b7b3_costCenter"

// collections makes collections of texts such as "group members owners".
func collections(texts ...string) []sdk.Collection {
	var cs []sdk.Collection
	for _, text := range texts {
		words := strings.Fields(text)
		cs = append(cs, sdk.Collection{Entity: words[0], Navigations: words[1:]})
	}
	return cs
}

// attributes makes attributes of texts such as "mail" or "mail of user group".
func attributes(texts ...string) []sdk.Attribute {
	var as []sdk.Attribute
	for _, text := range texts {
		path, of, _ := strings.Cut(text, " of ")
		as = append(as, sdk.Attribute{Path: path, Entities: strings.Fields(of)})
	}
	return as
}

func TestPlan(t *testing.T) {
	for _, tc := range []struct {
		name        string
		collections []sdk.Collection
		attributes  []sdk.Attribute
		want        []string // query and columns of each collection
	}{
		{"nothing but ids", collections("user"), nil, []string{"users/delta?$select=id []"}},
		{
			"sorted, id first, once each",
			collections("user manager"), attributes("surname", "id", "@odata.type", "mail", "surname"),
			[]string{"users/delta?$select=id,mail,manager,surname [0:surname 1:id 3:mail 4:surname]"},
		},
		{
			"paths ask for their root",
			collections("user"), attributes("onPremisesExtensionAttributes/extensionAttribute3", "onPremisesExtensionAttributes", "assignedLicenses/skuId"),
			[]string{"users/delta?$select=id,assignedLicenses,onPremisesExtensionAttributes " +
				"[0:onPremisesExtensionAttributes/extensionAttribute3 1:onPremisesExtensionAttributes 2:assignedLicenses/skuId]"},
		},
		{
			"what one of them has is absent from the others",
			collections("user", "group members owners", "directoryRole members"), attributes("displayName", "jobTitle", "membershipRule"),
			[]string{
				"users/delta?$select=id,displayName,jobTitle [0:displayName 1:jobTitle]",
				"groups/delta?$select=id,displayName,members,membershipRule,owners [0:displayName 2:membershipRule]",
				"directoryRoles/delta?$select=id,displayName,members [0:displayName]",
			},
		},
		{
			"of named entities only",
			collections("user", "group"), attributes("mail of user", "displayName of group user", "appId of application"),
			[]string{"users/delta?$select=id,displayName,mail [0:mail 1:displayName]", "groups/delta?$select=id,displayName [1:displayName]"},
		},
		{
			"an extension is one of users",
			collections("group", "user"), attributes(extension),
			[]string{"groups/delta?$select=id []", "users/delta?$select=id," + extension + " [0:" + extension + "]"},
		},
		{
			"or of the one that can have it",
			collections("servicePrincipal", "device"), attributes(extension),
			[]string{"servicePrincipals/delta?$select=id []", "devices/delta?$select=id," + extension + " [0:" + extension + "]"},
		},
		{
			"or of the one that is named",
			collections("group", "user"), attributes(extension + " of group"),
			[]string{"groups/delta?$select=id," + extension + " [0:" + extension + "]", "users/delta?$select=id []"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			plan, problems := directory.NewPlan(tc.collections, tc.attributes)
			if len(problems) > 0 {
				t.Fatal(problems.Err())
			}
			var got []string
			for _, c := range plan.Collections {
				columns := []string{}
				for _, column := range c.Columns {
					columns = append(columns, fmt.Sprintf("%d:%s", column.Attribute, strings.Join(column.Path, "/")))
				}
				got = append(got, fmt.Sprintf("%s %v", c.Query(), columns))
			}
			if strings.Join(got, "\n") != strings.Join(tc.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, tc := range []struct {
		collections []sdk.Collection
		attributes  []sdk.Attribute
		want        string // message | hint
	}{
		{collections("users"), nil, `the export names the entity "users", which is unknown | Did you mean user?`},
		{collections("printer"), attributes("mail"), `the export names the entity "printer", which is unknown | ` +
			`The entities are user, group, directoryRole, servicePrincipal, application, device, orgContact, administrativeUnit, oAuth2PermissionGrant`},
		{collections("user", "user"), nil, `the export names the entity "user" twice | Name it once`},
		{collections("group members members"), nil, `the navigation "members" of group is asked for twice | Name it once`},
		{collections("group member"), nil, `group has no navigation "member" that can be exported | Did you mean members?`},
		{collections("group photo"), nil, `group has no navigation "photo" that can be exported | It has members, owners`},
		{collections("device members"), nil, `device has no navigation "members" that can be exported | Remove it: delta queries of device have no links`},
		{collections("user memberOf"), nil, `the navigation "memberOf" of user cannot be exported: it is not in delta queries | ` +
			`Export the members of group, directoryRole and administrativeUnit instead`},

		{collections("user"), attributes("displayname"), `none of the exported entities has the attribute "displayname" | Did you mean displayName?`},
		{collections("user", "group"), attributes("costCentre"), `none of the exported entities has the attribute "costCentre" | Correct or remove it`},
		{collections("user", "group"), attributes("jobTitle of group"), `the attribute "jobTitle" of group cannot be exported: group has no such property | Correct or remove it`},
		{collections("user", "group"), attributes("mail of groups"), `the attribute "mail" names the entity "groups", which is unknown | Did you mean group?`},
		{collections("user"), attributes("employeeOrgData/"), `the attribute "employeeOrgData/" is neither the name of a property nor a path into one | ` +
			`Give a name such as displayName, or a path such as employeeOrgData/costCenter`},
		{collections("user"), attributes("employeeOrgData/costCentre"),
			`the attribute "employeeOrgData/costCentre" of user cannot be exported: employeeOrgData has no member "costCentre" | Did you mean costCenter?`},
		{collections("user"), attributes("mail/domain"), `the attribute "mail/domain" of user cannot be exported: mail is a simple value | Remove what follows mail`},
		{collections("application"), attributes("web/implicitGrantSettings/enableIdTokenIssuance/x"),
			`the attribute "web/implicitGrantSettings/enableIdTokenIssuance/x" of application cannot be exported: ` +
				`enableIdTokenIssuance is a simple value | Remove what follows enableIdTokenIssuance`},
		{collections("group"), attributes("members"), `the attribute "members" of group cannot be exported: members is a navigation | ` +
			`Ask for it as a navigation: it becomes a file of links`},

		{collections("user"), attributes("signInActivity/lastSignInDateTime"), `the attribute "signInActivity/lastSignInDateTime" of user cannot be exported: ` +
			`it is stored outside of the directory, and delta queries refuse it | Leave it out; Graph gives it only where users are listed with AuditLog.Read.All`},
		{collections("user"), attributes("licenseAssignmentStates"),
			`the attribute "licenseAssignmentStates" of user cannot be exported: its changes are not tracked by delta queries | Use assignedLicenses`},
		{collections("user"), attributes("passwordProfile"), `the attribute "passwordProfile" of user cannot be exported: it is a secret | Leave it out`},
		{collections("user"), attributes("extkvbmkofy_course/id"), `the attribute "extkvbmkofy_course/id" of user cannot be exported: ` +
			`open and schema extensions are not in delta queries | Keep the value in a directory extension, extension_<application id>_<name>, or leave it out`},
		{collections("group"), attributes("allowExternalSenders"),
			`the attribute "allowExternalSenders" of group cannot be exported: Graph gives it only for a single group, not in a list | Leave it out`},

		{collections("group", "device"), attributes(extension), `the directory extension "` + extension + `" can be one of group, device | ` +
			`Say of which entity it is: Graph refuses it for the others`},
		{collections("orgContact"), attributes(extension), `none of the exported entities has directory extensions, so "` + extension + `" cannot be exported | ` +
			`Export an entity that has them, such as user, or remove it`},
		{collections("orgContact"), attributes(extension + " of orgContact"), `the attribute "` + extension + `" of orgContact cannot be exported: ` +
			`orgContact has no directory extensions | Say of which other entity it is, or remove it`},
		{collections("user"), attributes(extension + "/x"), `the attribute "` + extension + `/x" of user cannot be exported: ` +
			extension + ` is a simple value | Remove what follows ` + extension},
	} {
		plan, problems := directory.NewPlan(tc.collections, tc.attributes)
		if plan != nil || len(problems) != 1 {
			t.Errorf("want %q, got %d problems: %v", tc.want, len(problems), problems.Err())
			continue
		}
		if got := problems[0].Message + " | " + problems[0].Hint; got != tc.want || problems[0].Code != fault.Invalid {
			t.Errorf("got  %s %q\nwant %q", problems[0].Code, got, tc.want)
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, problems := directory.NewPlan(collections("user friends", "groop"), attributes("mail", "skills", "mial"))
	want := `the export cannot start, for 4 reasons:
- user has no navigation "friends" that can be exported. It has manager
- the export names the entity "groop", which is unknown. Did you mean group?
- the attribute "skills" of user cannot be exported: it is stored outside of the directory, and delta queries refuse it. Leave it out
- none of the exported entities has the attribute "mial". Did you mean mail?`
	if err := problems.Err(); err == nil || err.Error() != want || !fault.Is(err, fault.Invalid) {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if err := directory.Problems(nil).Err(); err != nil {
		t.Errorf("no problems became %v", err)
	}
}
