package action

import "github.com/usher-iga/usher/connectors/sdk"

const (
	userHelp       = "Object id or userPrincipalName of the user"
	passwordHelp   = "If it is left out, one is generated"
	attributesHelp = "Further attributes by path, such as employeeOrgData/costCenter"
	settingHelp    = "Identifier of the PasswordResetSettings by which the password is made and sent; the default ones if it is left out"
	notifyHelp     = "Who gets the password by mail; whom the PasswordResetSettings name if it is left out"
	forceHelp      = "The user has to change it at the next sign-in; true if it is left out"
)

func userActions() []action {
	user := needs("user", aText, userHelp)
	attributes := takes("attributes", anyValues, attributesHelp)
	password := takes("password", aText+`,"writeOnly":true`, passwordHelp)
	setting := takes("setting", aText, settingHelp) // this and notify are for the agent: see sdk.Action
	notify := takes("notify", somebody, notifyHelp)
	force := takes("forceChangePasswordNextSignIn", aBoolean, forceHelp)
	about := func(name, title, description, permission string, o sdk.Operation) action {
		return action{
			Action: sdk.Action{
				Name: name, Title: title, Description: description, InputSchema: object(user), Permissions: []string{permission},
			},
			prepare: func(in input) sdk.Order { return sdk.Order{Operation: o, Entity: "user", Key: in.user()} },
		}
	}
	return []action{
		{
			Action: sdk.Action{
				Name: "create-user", Title: "Create a user", Description: "Creates a user with a password",
				InputSchema: object(
					needs("userPrincipalName", aText, "Sign-in name, with a verified domain"), needs("displayName", aText, "Name"),
					takes("mailNickname", aText, "The part of userPrincipalName before the @ if it is left out"),
					takes("accountEnabled", aBoolean, "True if it is left out"), password, setting, notify, force, attributes),
				Permissions: []string{"User.ReadWrite.All"},
			},
			prepare: createUser,
		},
		{
			Action: sdk.Action{
				Name: "update-user", Title: "Update a user", Description: "Changes attributes of a user; null clears one",
				InputSchema: object(user, needs("attributes", anyValues, "New values by path")), Permissions: []string{"User.ReadWrite.All"},
			},
			prepare: func(in input) sdk.Order {
				return sdk.Order{Operation: sdk.Update, Entity: "user", Key: in.user(), Attributes: in.attributes()}
			},
		},
		about("delete-user", "Delete a user", "Deletes a user, who can be restored for 30 days", "User.DeleteRestore.All", sdk.Delete),
		about("disable-user", "Disable a user", "Keeps a user from signing in; sessions that there are go on", "User.EnableDisableAccount.All", sdk.Disable),
		about("enable-user", "Enable a user", "Lets a user sign in", "User.EnableDisableAccount.All", sdk.Enable),
		about("revoke-sessions", "Revoke sign-in sessions", "Ends the sessions of a user everywhere, within minutes", "User.RevokeSessions.All", sdk.RevokeSessions),
		{
			Action: sdk.Action{
				Name: "restore-user", Title: "Restore a user", Description: "Restores a user who was deleted in the last 30 days",
				InputSchema: object(needs("user", `"type":"string","format":"uuid"`, "Object id of the deleted user")), Permissions: []string{"User.DeleteRestore.All"},
			},
			prepare: func(in input) sdk.Order {
				return sdk.Order{Operation: sdk.Restore, Entity: "user", Key: sdk.ObjectKey{ID: in.text("user")}}
			},
		},
		{
			Action: sdk.Action{
				Name: "reset-password", Title: "Reset a password", Description: "Sets a new password of a user",
				InputSchema: object(user, password, setting, notify, force), Permissions: []string{"User-PasswordProfile.ReadWrite.All"},
			},
			prepare: func(in input) sdk.Order {
				return sdk.Order{
					Operation: sdk.SetPassword, Entity: "user", Key: in.user(), Secrets: in.secrets(),
					Attributes: forced(in, nil),
				}
			},
		},
		{
			Action: sdk.Action{
				Name: "invite-guest", Title: "Invite a guest", Description: "Invites a person from outside as a guest",
				InputSchema: object(
					needs("invitedUserEmailAddress", aText, "Address of the guest"), takes("invitedUserDisplayName", aText, "Name"),
					takes("inviteRedirectUrl", aText, "Where the guest goes after accepting"),
					takes("sendInvitationMessage", aBoolean, "Microsoft sends a mail; false if it is left out"), attributes),
				Permissions: []string{"User.Invite.All"},
			},
			prepare: func(in input) sdk.Order {
				return sdk.Order{
					Operation: sdk.Invite, Entity: "user",
					Attributes: in.attributes("invitedUserEmailAddress", "invitedUserDisplayName", "inviteRedirectUrl", "sendInvitationMessage"),
				}
			},
		},
	}
}

func createUser(in input) sdk.Order {
	attributes := in.attributes("userPrincipalName", "displayName", "mailNickname", "accountEnabled")
	attributes = nicknamed(attributes, in.text("userPrincipalName"))
	attributes = orElse(attributes, "accountEnabled", "true")
	return sdk.Order{Operation: sdk.Create, Entity: "user", Attributes: forced(in, attributes), Secrets: in.secrets()}
}

// forced adds whether the password has to be changed.
func forced(in input, attributes []sdk.OrderAttribute) []sdk.OrderAttribute {
	value := "true"
	if text, ok := in["forceChangePasswordNextSignIn"]; ok {
		value = string(text)
	}
	return orElse(attributes, "passwordProfile/forceChangePasswordNextSignIn", value)
}
