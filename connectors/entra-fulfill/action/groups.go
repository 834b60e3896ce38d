package action

import "github.com/usher-iga/usher/connectors/sdk"

const groupHelp = "Object id or displayName of the group"

func groupActions() []action {
	group, user := needs("group", aText, groupHelp), needs("user", aText, userHelp)
	return []action{
		{
			Action: sdk.Action{
				Name: "create-group", Title: "Create a group", Description: "Creates a security or Microsoft 365 group",
				InputSchema: object(
					needs("displayName", aText, "Name"), takes("description", aText, "Description"),
					takes("mailNickname", aText, "The displayName without spaces if it is left out"),
					takes("uniqueName", aText, "A key for ever, by which the group is found again"),
					takes("kind", `"enum":["security","microsoft365"]`, "Security if it is left out"),
					takes("owners", aList, "Users, by object id or userPrincipalName"),
					takes("members", aList, "Users, by object id or userPrincipalName"),
					takes("attributes", anyValues, attributesHelp)),
				Permissions: []string{"Group.ReadWrite.All"},
			},
			prepare: createGroup,
		},
		{
			Action: sdk.Action{
				Name: "update-group", Title: "Update a group", Description: "Changes attributes of a group; null clears one",
				InputSchema: object(group, needs("attributes", anyValues, "New values by path")), Permissions: []string{"Group.ReadWrite.All"},
			},
			prepare: func(in input) sdk.Order {
				return sdk.Order{Operation: sdk.Update, Entity: "group", Key: in.group(), Attributes: in.attributes()}
			},
		},
		{
			Action: sdk.Action{
				Name: "delete-group", Title: "Delete a group", Description: "Deletes a group", InputSchema: object(group), Permissions: []string{"Group.ReadWrite.All"},
			},
			prepare: func(in input) sdk.Order {
				return sdk.Order{Operation: sdk.Delete, Entity: "group", Key: in.group()}
			},
		},
		{
			Action: sdk.Action{
				Name: "add-user-to-group", Title: "Add a user to a group", Description: "Makes a user a member of a group",
				InputSchema: object(user, group), Permissions: []string{"GroupMember.ReadWrite.All"},
			},
			prepare: func(in input) sdk.Order { return membership(in, true) },
		},
		{
			Action: sdk.Action{
				Name: "remove-user-from-group", Title: "Remove a user from a group", Description: "Ends the membership of a user in a group",
				InputSchema: object(user, group), Permissions: []string{"GroupMember.ReadWrite.All"},
			},
			prepare: func(in input) sdk.Order { return membership(in, false) },
		},
	}
}

func createGroup(in input) sdk.Order {
	attributes := in.attributes("displayName", "description", "mailNickname", "uniqueName")
	attributes = nicknamed(attributes, in.text("displayName"))
	office := in.text("kind") == "microsoft365"
	enabled := map[bool]string{true: "true", false: "false"}
	attributes = orElse(attributes, "mailEnabled", enabled[office])
	attributes = orElse(attributes, "securityEnabled", enabled[!office])
	if office {
		attributes = orElse(attributes, "groupTypes", `["Unified"]`)
	}
	o := sdk.Order{Operation: sdk.Create, Entity: "group", Attributes: attributes}
	for _, navigation := range []string{"owners", "members"} {
		change := sdk.LinkChange{Navigation: navigation}
		for _, name := range in.list(navigation) {
			change.Add = append(change.Add, keyOf(name, "userPrincipalName"))
		}
		if len(change.Add) > 0 {
			o.Links = append(o.Links, change)
		}
	}
	return o
}

func membership(in input, add bool) sdk.Order {
	change := sdk.LinkChange{Navigation: "members"}
	if add {
		change.Add = []sdk.ObjectKey{in.user()}
	} else {
		change.Remove = []sdk.ObjectKey{in.user()}
	}
	return sdk.Order{Operation: sdk.Update, Entity: "group", Key: in.group(), Links: []sdk.LinkChange{change}}
}
