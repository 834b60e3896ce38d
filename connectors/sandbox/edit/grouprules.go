package edit

// groupRules are the properties of groups that requests can set (Create group,
// Update group). All others are read-only.
var groupRules = map[string]rule{
	"classification":                {most: 256},
	"description":                   {most: 1024},
	"displayName":                   {most: 256, required: true, kept: true},
	"groupTypes":                    {form: texts, oneOf: []string{"Unified", "DynamicMembership"}},
	"isAssignableToRole":            {form: boolean},
	"mailEnabled":                   {form: boolean, required: true, kept: true},
	"mailNickname":                  {most: 64, required: true, kept: true},
	"membershipRule":                {most: 3072},
	"membershipRuleProcessingState": {oneOf: []string{"On", "Paused"}},
	"preferredDataLocation":         {most: 16},
	"preferredLanguage":             {most: 64},
	"resourceBehaviorOptions":       {form: texts, made: true},
	"resourceProvisioningOptions":   {form: texts},
	"securityEnabled":               {form: boolean, required: true, kept: true},
	"theme":                         {oneOf: []string{"Teal", "Purple", "Green", "Blue", "Pink", "Orange", "Red"}},
	"uniqueName":                    {most: 128},
	"visibility":                    {oneOf: []string{"Private", "Public", "HiddenMembership"}},

	"allowExternalSenders":    {form: boolean, apart: true, patched: true},
	"autoSubscribeNewMembers": {form: boolean, apart: true, patched: true},
	"hideFromAddressLists":    {form: boolean, apart: true, patched: true},
	"hideFromOutlookClients":  {form: boolean, apart: true, patched: true},
	"isSubscribedByMail":      {form: boolean, apart: true, patched: true},
	"unseenCount":             {form: number, apart: true, patched: true},
}

// updateGroup are the permissions of which one is enough to change a group,
// updateMembers those for its members.
var (
	updateGroup   = []string{"Group.ReadWrite.All", "Directory.ReadWrite.All"}
	updateMembers = []string{"GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"}
)
