package order

import (
	"time"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// State says how far an order is.
type State string

// The states. Executed, Errored and Canceled are outcomes; an order gets one of them.
const (
	Held     State = "Held"     // its intake waits for an operator
	Pending  State = "Pending"  // it waits for its turn
	Started  State = "Started"  // a connector has it, or had it when it was cut off
	Executed State = "Executed" // the object is as the order wants it
	Errored  State = "Errored"
	Canceled State = "Canceled" // by an operator, before it was begun
)

// Ended reports whether s is an outcome.
func (s State) Ended() bool { return s == Executed || s == Errored || s == Canceled }

// Result tells how an order ended, or how far it is.
type Result struct {
	Order     string        `json:"order"`
	Operation sdk.Operation `json:"operation"`
	Entity    string        `json:"entity,omitempty"`
	State     State         `json:"state"`

	Code        fault.Code        `json:"code,omitempty"` // of what Errored
	Message     string            `json:"message,omitempty"`
	Hint        string            `json:"hint,omitempty"`
	SystemCode  string            `json:"systemCode,omitempty"` // the target system's own code, such as "Request_BadRequest"
	RequestID   string            `json:"requestId,omitempty"`  // the target system's id of the failed request
	ObjectID    string            `json:"objectId,omitempty"`
	Unchanged   bool              `json:"unchanged,omitempty"` // it was so already
	Attempts    int               `json:"attempts"`            // how often it was handed to a connector
	Started     time.Time         `json:"started,omitzero"`    // the first time
	Finished    time.Time         `json:"finished,omitzero"`
	FailedLinks []FailedLink      `json:"failedLinks,omitempty"`
	Details     map[string]string `json:"details,omitempty"` // what a new object or an invitation answers beside

	RetriedBy string    `json:"retriedBy,omitempty"` // who let it begin again, the last time
	Retried   time.Time `json:"retried,omitzero"`
	// Undelivered says that its password was not delivered yet; nil: there is none, or it was.
	Undelivered *Undelivered `json:"undelivered,omitempty"`
}

// Undelivered is why a password was not delivered the last time. Before the first time it is zero.
type Undelivered struct {
	Tries   int        `json:"tries"`
	Last    time.Time  `json:"last,omitzero"`
	Code    fault.Code `json:"code,omitempty"`
	Message string     `json:"message,omitempty"`
	Hint    string     `json:"hint,omitempty"`
}

// Why is the message; empty for nil.
func (u *Undelivered) Why() string {
	if u == nil {
		return ""
	}
	return u.Message
}

// FailedLink is a link that could not be changed.
type FailedLink struct {
	Navigation string     `json:"navigation"`
	Target     Ref        `json:"target"`
	Removal    bool       `json:"removal,omitempty"`
	Code       fault.Code `json:"code"`
	Message    string     `json:"message"`
	Hint       string     `json:"hint,omitempty"`
	SystemCode string     `json:"systemCode,omitempty"`
	RequestID  string     `json:"requestId,omitempty"`
}

// Fail makes r the result of an order that ended by f.
func (r *Result) Fail(f *fault.Error) {
	r.State = Errored
	r.Code, r.Message, r.Hint, r.SystemCode, r.RequestID = f.Code, sentence(f), f.Hint, f.SystemCode, f.RequestID
}

// FailLink is a link that could not be changed, as a connector tells it.
func FailLink(l sdk.FailedLink) FailedLink {
	failed := FailedLink{
		Navigation: l.Navigation, Removal: l.Removal,
		Target: Ref{ID: l.Key.ID, Attribute: l.Key.Attribute, Value: l.Key.Value},
	}
	if f := l.Failure; f != nil {
		failed.Code, failed.Message, failed.Hint = f.Code, sentence(f), f.Hint
		failed.SystemCode, failed.RequestID = f.SystemCode, f.RequestID
	}
	return failed
}

// sentence is the text of f without the ids, which have columns of their own.
func sentence(f *fault.Error) string {
	plain := *f
	plain.SystemCode, plain.RequestID, plain.ClientRequestID = "", "", ""
	return plain.Error()
}
