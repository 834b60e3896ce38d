// Package cyberark answers the way CyberArk's credential providers do: the
// Central Credential Provider over REST, and by clipasswordsdk below it the
// Credential Provider on a command line.
package cyberark

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Account is a password object in a safe.
type Account struct {
	Object     string            `json:"object"`
	Safe       string            `json:"safe"`
	Folder     string            `json:"folder,omitempty"` // empty is Root
	Content    string            `json:"content"`          // the password
	UserName   string            `json:"userName,omitempty"`
	Address    string            `json:"address,omitempty"`
	Properties map[string]string `json:"properties,omitempty"` // further ones, such as PolicyID
	// Changing is for how many further answers the password is being changed.
	Changing int `json:"passwordChangeInProcess,omitempty"`
}

// Fields are the account's properties by the names that providers give them.
// The password is not among them.
func (a *Account) Fields() map[string]string {
	fields := map[string]string{
		"Name": a.Object, "Safe": a.Safe, "Folder": a.folder(), "UserName": a.UserName, "Address": a.Address,
		"PolicyID": "WinDomain", "DeviceType": "Application", "CPMStatus": "success", "CreationMethod": "PVWA",
	}
	maps.Copy(fields, a.Properties)
	return fields
}

func (a *Account) folder() string {
	if a.Folder == "" {
		return "Root"
	}
	return a.Folder
}

// is says whether two accounts have the same place.
func (a *Account) is(other *Account) bool {
	return strings.EqualFold(a.Object, other.Object) && strings.EqualFold(a.Safe, other.Safe) && strings.EqualFold(a.folder(), other.folder())
}

// Query is what an account is looked for by: values by the names of searchable
// properties in lower case.
type Query map[string]string

// searchable are the properties that a query may name.
var searchable = []string{"safe", "folder", "object", "username", "address", "database", "policyid"}

// ParseQuery reads a query such as Safe=Usher;Folder=Root;Object=Graph. The
// error is a *Failure.
func ParseQuery(text string) (Query, error) {
	q := Query{}
	for part := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		key := strings.ToLower(strings.TrimSpace(name))
		if !ok || !slices.Contains(searchable, key) {
			return nil, Fail("AIMWS030E", "Invalid query format. The part [%s] is no searchable property and its value.", part)
		}
		q[key] = strings.TrimSpace(value)
	}
	if len(q) == 0 {
		return nil, Fail("AIMWS030E", "Invalid query format. The query is empty.")
	}
	return q, nil
}

// String writes the query as providers repeat it in messages.
func (q Query) String() string {
	var parts []string
	for _, name := range searchable {
		if value, ok := q[name]; ok {
			parts = append(parts, strings.ToUpper(name[:1])+name[1:]+"="+value)
		}
	}
	return strings.Join(parts, ";")
}

// Find returns the position of the one account that a query fits. The error is
// a *Failure.
func Find(accounts []Account, q Query) (int, error) {
	found := -1
	for i := range accounts {
		if !q.fits(&accounts[i]) {
			continue
		}
		if found >= 0 {
			return 0, Failing("APPAP228E", "", q)
		}
		found = i
	}
	if found < 0 {
		return 0, Failing("APPAP004E", "", q)
	}
	return found, nil
}

func (q Query) fits(a *Account) bool {
	fields := map[string]string{}
	for name, value := range a.Fields() {
		fields[strings.ToLower(name)] = value
	}
	fields["object"] = a.Object
	for name, value := range q {
		if !strings.EqualFold(fields[name], value) {
			return false
		}
	}
	return true
}

// Ask counts one answer about the account and says whether its password is being
// changed. strict makes that a *Failure.
func (a *Account) Ask(strict bool, q Query) (changing bool, err error) {
	if a.Changing == 0 {
		return false, nil
	}
	a.Changing--
	if strict {
		return true, Failing("APPAP282E", "", q)
	}
	return true, nil
}

// Failure is an error as providers tell it.
type Failure struct {
	Code, Message string
}

// Error is the failure in one line, as clipasswordsdk prints it.
func (f *Failure) Error() string { return f.Code + " " + f.Message }

// Fail makes a Failure.
func Fail(code, format string, args ...any) *Failure {
	return &Failure{code, fmt.Sprintf(format, args...)}
}

// statuses are the failures that can be asked for, and the status that the
// Central Credential Provider gives each (CyberArk, REST web service return
// codes).
var statuses = map[string]int{
	"AIMWS030E": http.StatusBadRequest,
	"AIMWS031E": http.StatusBadRequest,
	"APPAP228E": http.StatusBadRequest,
	"APPAP007E": http.StatusBadRequest,
	"APPAP306E": http.StatusForbidden,
	"APPAP008E": http.StatusForbidden,
	"APPAP004E": http.StatusNotFound,
	"APPAP282E": http.StatusInternalServerError,
}

// Codes lists the failures that can be asked for.
func Codes() []string { return slices.Sorted(maps.Keys(statuses)) }

// Failing words a failure that was asked for; it returns nil for a code that
// is not one of Codes.
func Failing(code, appID string, q Query) *Failure {
	switch code {
	case "AIMWS030E":
		return Fail(code, "Invalid query format. The part [%s] is no searchable property and its value.", q)
	case "AIMWS031E":
		return Fail(code, "Invalid request. The AppID parameter is required.")
	case "APPAP228E":
		return Fail(code, "Too many password objects matching query [%s] were found: at least 2 (Diagnostic Info: 41). Please make your query more specific.", q)
	case "APPAP007E":
		return Fail(code, "Connection to the Vault has failed. Further operations might fail.")
	case "APPAP306E":
		return unauthorized(appID, "CertificateSN \"00\" is unauthorized")
	case "APPAP008E":
		return Fail(code, "Problem occurred while trying to use user in the Vault. Code: ITATS004E. Authentication failure for User [%s].", appID)
	case "APPAP004E":
		return Fail(code, "Password object matching query [%s] was not found (Diagnostic Info: 5). Please check that there is a password object that answers your query in the Vault and that both the Provider and the application user have the appropriate permissions needed in order to use the password.", q)
	case "APPAP282E":
		return Fail(code, "Password [%s] is currently being changed by the CPM.", q)
	}
	return nil
}

func unauthorized(appID, reason string) *Failure {
	return Fail("APPAP306E", "Authentication error for App ID [%s]. Reason: APPAP133E Failed to verify application authentication data: %s", appID, reason)
}
