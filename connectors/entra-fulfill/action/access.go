package action

import (
	"encoding/json"

	"github.com/usher-iga/usher/connectors/sdk"
)

// accessActions are those about licences and directory roles.
func accessActions() []action {
	user := needs("user", aText, userHelp)
	licence := needs("licence", aText, "skuPartNumber or skuId of the product")
	role := needs("role", aText, "displayName or template id of the directory role; one that is not active needs its template id")
	const roles, licences = "RoleManagement.ReadWrite.Directory", "LicenseAssignment.ReadWrite.All"
	return []action{
		{
			Action: sdk.Action{
				Name: "add-user-licence", Title: "Add a licence to a user", Description: "Assigns a licence; the user needs a usageLocation",
				InputSchema: object(user, licence, takes("disabledPlans", aList, "Ids of service plans that are left out")), Permissions: []string{licences},
			},
			prepare: func(in input) sdk.Order {
				o := link(sdk.Order{Entity: "user", Key: in.user()}, "assignedLicenses", in.licence(), true)
				if plans, ok := in["disabledPlans"]; ok {
					o.Links[0].Details = []json.RawMessage{json.RawMessage(`{"disabledPlans":` + string(plans) + `}`)}
				}
				return o
			},
		},
		{
			Action: sdk.Action{
				Name: "remove-user-licence", Title: "Remove a licence from a user", Description: "Takes a licence away that the user has directly",
				InputSchema: object(user, licence), Permissions: []string{licences},
			},
			prepare: func(in input) sdk.Order {
				return link(sdk.Order{Entity: "user", Key: in.user()}, "assignedLicenses", in.licence(), false)
			},
		},
		{
			Action: sdk.Action{
				Name: "assign-directory-role", Title: "Assign a directory role", Description: "Makes a user a member of a directory role",
				InputSchema: object(user, role), Permissions: []string{roles},
			},
			prepare: func(in input) sdk.Order {
				return link(sdk.Order{Entity: "directoryRole", Key: in.role()}, "members", in.user(), true)
			},
		},
		{
			Action: sdk.Action{
				Name: "remove-directory-role", Title: "Remove a directory role", Description: "Ends the membership of a user in a directory role",
				InputSchema: object(user, role), Permissions: []string{roles},
			},
			prepare: func(in input) sdk.Order {
				return link(sdk.Order{Entity: "directoryRole", Key: in.role()}, "members", in.user(), false)
			},
		},
	}
}

// link makes o change one link.
func link(o sdk.Order, navigation string, target sdk.ObjectKey, add bool) sdk.Order {
	change := sdk.LinkChange{Navigation: navigation}
	if add {
		change.Add = []sdk.ObjectKey{target}
	} else {
		change.Remove = []sdk.ObjectKey{target}
	}
	o.Operation, o.Links = sdk.Update, []sdk.LinkChange{change}
	return o
}
