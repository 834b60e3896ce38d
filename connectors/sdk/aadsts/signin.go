package aadsts

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// A Kind is what an application shows to the sign-in service, as messages name it.
type Kind string

// The kinds.
const (
	ClientSecret    Kind = "client secret"
	Certificate     Kind = "certificate"
	FederatedToken  Kind = "federated token"
	ManagedIdentity Kind = "managed identity"
)

// Names are what an admin knows the parts of a sign-in by: keys of settings, or variables. They stand
// in messages and hints, and name the setting of a fault.
type Names struct {
	Tenant      string // such as TenantId
	Application string // such as ApplicationId
	Authority   string // such as MicrosoftAuthorityPath
	Credential  string // what is signed in with, such as ApplicationKey
}

// A SignIn is what an answer is about.
type SignIn struct {
	What  string // such as "the sign-in to Key Vault"
	Host  string // of the service
	Kind  Kind
	Names Names
	// Reasons are the caller's own, by the number of the code. They win over those that are the same for
	// every sign-in.
	Reasons map[int]Reason
}

// A Reason is what a code means to an admin. In all its texts {tenant}, {application}, {authority} and
// {credential} stand for the Names, and {kind} for the kind.
type Reason struct {
	Message string // goes on after "refused the sign-in: "
	Hint    string
	Setting string // that it is about; may be empty

	Passing bool // it may be gone on the next try
}

// Refused makes an error of an answer with that HTTP status: [fault.Unauthorized] for what stays until
// somebody changes something, [fault.Throttled] or [fault.Unavailable]. Code and ids are those of the
// service.
func (s SignIn) Refused(status int, a Answer) *fault.Error {
	if a.Error == "" && len(a.Numbers()) == 0 {
		return s.withoutReason(status)
	}
	f := fault.Errorf(CodeOf(status), "%s refused %s: %s", s.Host, s.What, a.Text()).
		WithHint("Look the code up at https://login.microsoftonline.com/error")
	f.SystemCode, f.RequestID, f.ClientRequestID = a.Error, a.TraceID, a.CorrelationID
	for i, n := range a.Numbers() {
		if i == 0 {
			f.SystemCode = "AADSTS" + strconv.Itoa(n)
		}
		r, ok := s.reason(n, a.Description)
		if !ok {
			continue
		}
		f.SystemCode, f.Setting, f.Hint = "AADSTS"+strconv.Itoa(n), r.Setting, r.Hint
		f.Message = fmt.Sprintf("%s refused %s: %s", s.Host, s.What, r.Message)
		if r.Passing {
			f.Code = fault.Unavailable
		}
		break
	}
	return f
}

// withoutReason is the error of something else than an answer of the service.
func (s SignIn) withoutReason(status int) *fault.Error {
	const later = "Try again in some minutes"
	switch {
	case status == http.StatusTooManyRequests:
		return fault.Errorf(fault.Throttled, "%s gets too many requests: it answered %d to %s", s.Host, status, s.What).WithHint(later)
	case status >= http.StatusInternalServerError:
		return fault.Errorf(fault.Unavailable, "%s is down: it answered %d to %s", s.Host, status, s.What).WithHint(later)
	}
	return fault.Errorf(fault.Unavailable, "%s answered %d to %s, without a reason", s.Host, status, s.What).
		WithSetting(s.Names.Authority).WithHint("A proxy or a firewall may stand in between, or %s is wrong", s.Names.Authority)
}

// CodeOf tells from the HTTP status of an answer without a token what kind of failure it is.
func CodeOf(status int) fault.Code {
	switch {
	case status == http.StatusTooManyRequests:
		return fault.Throttled
	case status >= http.StatusInternalServerError:
		return fault.Unavailable
	}
	return fault.Unauthorized
}

// reason looks the number of a code up.
func (s SignIn) reason(n int, description string) (Reason, bool) {
	r, ok := s.Reasons[n]
	if !ok {
		r, ok = s.special(n, description)
	}
	if !ok {
		r, ok = reasons()[n]
	}
	fill := strings.NewReplacer(
		"{tenant}", s.Names.Tenant, "{application}", s.Names.Application, "{authority}", s.Names.Authority,
		"{credential}", s.Names.Credential, "{kind}", string(s.Kind),
	)
	r.Message, r.Hint, r.Setting = fill.Replace(r.Message), fill.Replace(r.Hint), fill.Replace(r.Setting)
	return r, ok
}
