package schema

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/directory"
)

// invitationProperty returns the type of a property of an invitation.
// Source: https://learn.microsoft.com/graph/api/resources/invitation.
func invitationProperty(name string) (directory.Property, bool) {
	known := []directory.Property{
		{Name: "invitedUserEmailAddress", Type: "String"},
		{Name: "invitedUserDisplayName", Type: "String"},
		{Name: "invitedUserType", Type: "String"},
		{Name: "inviteRedirectUrl", Type: "String"},
		{Name: sendMail, Type: "Boolean"},
		{Name: "invitedUserMessageInfo/customizedMessageBody", Type: "String"},
		{Name: "invitedUserMessageInfo/messageLanguage", Type: "String"},
	}
	if i := slices.IndexFunc(known, func(p directory.Property) bool { return p.Name == name }); i >= 0 {
		return known[i], true
	}
	return directory.Property{}, false
}

const sendMail = "sendInvitationMessage"

// WantsMail reports whether Microsoft shall send a mail with the invitation.
func (c Change) WantsMail() bool {
	return slices.ContainsFunc(c.Invitation, func(v Value) bool { return v.Path[0] == sendMail && string(v.JSON) == "true" })
}

// defaultRedirect is where a guest goes who has accepted.
const defaultRedirect = "https://myapplications.microsoft.com"

// InvitedAddress is the address of the guest: that of the invitation, or else mail.
func (c Change) InvitedAddress() string {
	if address := textOf(c.Invitation, "invitedUserEmailAddress"); address != "" {
		return address
	}
	return c.Text("mail")
}

// InvitationBody returns what an invitation says, and the values that are not part of
// it: they are written to the guest afterwards. A quiet one has Microsoft send no mail.
func (c Change) InvitationBody(quiet bool) (body json.RawMessage, rest []Value, err error) {
	values := slices.Clone(c.Invitation)
	if quiet {
		values = slices.DeleteFunc(values, func(v Value) bool {
			return v.Path[0] == sendMail || v.Path[0] == "invitedUserMessageInfo"
		})
	}
	add := func(name, text string) {
		if text != "" && textOf(values, name) == "" {
			encoded, _ := json.Marshal(text) // no string fails
			values = append(values, Set(name, encoded))
		}
	}
	add("invitedUserEmailAddress", c.InvitedAddress())
	add("invitedUserDisplayName", c.Text("displayName"))
	add("inviteRedirectUrl", defaultRedirect)
	for _, v := range c.Values {
		if name := v.Name(); name != "mail" && name != "displayName" {
			rest = append(rest, v)
		}
	}
	bodies, err := Bodies(values, "")
	if err != nil {
		return nil, nil, err
	}
	return bodies[0].JSON, rest, nil
}

func textOf(values []Value, name string) (text string) {
	for _, v := range values {
		if strings.Join(v.Path, "/") == name {
			_ = json.Unmarshal(v.JSON, &text) // another type has no text
		}
	}
	return text
}
