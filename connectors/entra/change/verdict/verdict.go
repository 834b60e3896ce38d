// Package verdict says what Graph's answers to writes mean. Their codes are coarse: most
// refusals are Request_BadRequest, and only the words tell them apart.
package verdict

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// A Verdict is what an answer means.
type Verdict int

// The verdicts.
const (
	Done    Verdict = iota
	Already         // what was to be added is there, what was to be removed is not
	Missing         // an object that the request names is not there, or not yet everywhere
	Taken           // another object has a value that can be there only once
	Refused         // it cannot be so
	Denied          // the application may not do it
	Unknown         // it may have been done or not
)

// Of reads an answer. To remove what is not there is answered 404 as if the object were
// missing: that is Missing, too.
func Of(a graph.Answer) Verdict {
	switch {
	case a.OK():
		return Done
	case a.Unknown():
		return Unknown
	}
	if m, ok := meaningOf(a); ok {
		return m.verdict
	}
	switch {
	case a.Status == http.StatusNotFound && (slices.Contains(missingCodes, a.Code) || MissingID(a) != ""):
		return Missing
	case a.Status == http.StatusForbidden:
		return Denied
	}
	return Refused
}

// missingCodes are those by which Graph says that there is no such object. Another 404 comes from
// elsewhere, such as a proxy, or is about the address: it says nothing of the object.
var missingCodes = []string{"Request_ResourceNotFound", "Directory_ObjectNotFound", "ResourceNotFound"}

// Failure makes the error of a refused write: Graph's words, code and ids, and what to do.
func Failure(a graph.Answer) *fault.Error {
	f := a.Failure()
	if m, ok := meaningOf(a); ok {
		if m.hint != "" {
			f.Hint = m.hint
		}
		switch {
		case m.verdict == Taken:
			f.Code = fault.Conflict
		case m.verdict == Refused && f.Code == fault.Forbidden: // no permission would help
			f.Code = fault.Refused
		}
		return f
	}
	switch {
	case a.Status == http.StatusForbidden && a.Code == "Authorization_RequestDenied":
		f.Hint = "Grant the application the permission that this operation needs; if the object is an administrator " +
			"or belongs to a role-assignable group, the application also needs an Entra role, such as User Administrator"
	case a.Unknown():
		f.Message += "; it may have been done all the same"
		f.Hint = "Look at the object, then let the order begin again"
	case Of(a) == Missing:
		f.Hint = "Check that the object exists in this tenant"
	case a.Status == http.StatusNotFound:
		f.Code = fault.Unavailable // of what was asked for, nothing is known
	case a.Status == http.StatusBadRequest:
		f.Hint = "Correct the order by the message. Microsoft support can look the request-id up"
	}
	return f
}

// meaning is what words of Graph mean.
type meaning struct {
	words   string // part of the message, in lower case
	verdict Verdict
	hint    string
	whole   bool // it is about the object written to, not about one of its links
}

// IsWhole reports whether an answer is about the object that was written to, or about nothing known,
// so that it is no use to try again with fewer links.
func IsWhole(a graph.Answer) bool {
	m, _ := meaningOf(a)
	return m.whole || a.Unknown()
}

func meaningOf(a graph.Answer) (meaning, bool) {
	message := strings.ToLower(a.Message)
	for _, m := range meanings {
		if strings.Contains(message, m.words) {
			return m, true
		}
	}
	if a.Code == "Directory_QuotaExceeded" {
		return meaning{verdict: Refused, hint: "The object has as many links or the tenant as many objects as fit. Remove some"}, true
	}
	return meaning{}, false
}

// meanings are those of messages that the service is known to answer; there is no list of
// them in its documentation.
var meanings = []meaning{
	{"one or more added object references already exist", Already, "", false},
	{"permission being assigned already exists on the object", Already, "", false},
	{"one or more removed object references do not exist", Already, "", false},
	{"does not have a corresponding license", Already, "", false},
	{"the source resource object or one of the objects being referenced don't exist", Missing, "Check that both objects exist in this tenant", false},
	{"another object with the same value for property", Taken, "Give another value, or change the object that has it", false},
	{"a conflicting object with one or more of the specified property values", Taken, "Give another value, or change the object that has it", false},
	{"the service principal name", Taken, "The application has a service principal already; change that", false},
	{"permission entry already exists", Taken, "Change the scope of the grant that is there", false},
	{"the group must have at least one owner", Refused, "Add another owner first", false},
	{"on-premises mastered directory sync objects", Refused, "The object comes from the on-premises directory; change it there", true},
	{"password complexity requirements", Refused, "Give a longer or more varied password, or have one generated", false},
	{"specified password does not comply", Refused, "Give a longer or more varied password, or have one generated", false},
	{"domain portion of the userprincipalname", Refused, "Use a domain that the tenant has verified", false},
	{"invalid usage location", Refused, "Set usageLocation of the user first, in the same order or an earlier one", false},
	{"inherited from a group membership", Refused, "Remove the user from the group that gives the licence", false},
	{"does not have any available licenses", Refused, "Buy or free licences of this product", false},
	{"dynamic membership", Refused, "The group finds its members by its rule; change the rule, or what it looks at", true},
	{"mail-enabled security groups", Refused, "Graph only reads mail-enabled security groups and distribution lists; change them in Exchange", true},
	{"can only be present once as an add/remove change", Refused, "Give each target once", false},
	{"specified http method is not allowed", Refused, "Graph does not offer this; report it", true},
}

// MissingID returns the object that a message says does not exist, or "".
func MissingID(a graph.Answer) string {
	found := missingID.FindStringSubmatch(a.Message)
	if found == nil {
		return ""
	}
	return strings.ToLower(found[1])
}

var missingID = regexp.MustCompile(`(?i)resource '([0-9a-f-]{36})' does not exist`)
