package sdk

import (
	"context"
	"encoding/json"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Fulfiller is a Connector that can carry out provisioning orders.
type Fulfiller interface {
	Connector

	// Examine tells, without the network, what of orders can never be carried out.
	Examine(ctx context.Context, orders []Order) ([]OrderProblem, error)

	// Fulfill carries out the orders that it takes from orders and gives an Outcome
	// for each, in whatever sequence suits; it returns nil after the last. It goes on taking
	// orders while others are under way: the agent hands over an order when all that
	// it depends on is done, and never two about one object at a time.
	//
	// An order that cannot be carried out is an Outcome; an error, always a fault, ends
	// the call, and orders without an Outcome are handed over again later, as uncertain.
	Fulfill(ctx context.Context, c Connection, orders OrderSource, sink OutcomeSink) error

	// Preview tells what orders would change, by reading only; each reaches emit once.
	Preview(ctx context.Context, c Connection, orders []Order, emit func(Preview) error) error

	// Resolve tells the ids of objects that orders name by natural keys, by position; "" where there
	// is no such object, or more than one. It reads only. Natural keys are compared as the system
	// compares them, in any case of letters where it does. By the ids the agent knows which orders are about one
	// object; Fulfill gets natural keys all the same and looks for itself. A key that cannot be looked up,
	// for whatever reason that the order would meet too, is ""; an error is for what nobody
	// could be told about, such as a system that does not answer.
	Resolve(ctx context.Context, c Connection, objects []NamedObject) ([]string, error)
}

// NamedObject is an object as an order names it: its own one, or the target of a link.
type NamedObject struct {
	Entity     string // of the order
	Navigation string // of the entity, that leads to the object; empty: it is the order's own one
	Key        ObjectKey
}

// OrderSource gives orders to a [Fulfiller].
type OrderSource interface {
	// Next waits for the next order; io.EOF says that none will follow. It is
	// called from one goroutine at a time.
	Next(ctx context.Context) (Order, error)
}

// OutcomeSink takes what a [Fulfiller] has done. Its methods may be called from several
// goroutines; an error of theirs ends the call.
type OutcomeSink interface {
	Done(o Outcome) error

	// Progress is a sign of life. Send one at least every minute and before each wait.
	Progress(p OrderProgress) error
}

// Operation is what an order asks for.
type Operation string

// The operations.
const (
	Create         Operation = "create"
	Update         Operation = "update" // attributes and links
	Delete         Operation = "delete"
	Restore        Operation = "restore" // what was deleted
	Enable         Operation = "enable"
	Disable        Operation = "disable"
	Invite         Operation = "invite" // create a guest by an invitation
	RevokeSessions Operation = "revokeSessions"
	SetPassword    Operation = "setPassword"
)

// Order asks for one object to be changed.
type Order struct {
	ID         string // unique within the connection, for ever
	Operation  Operation
	Entity     string    // such as "user"
	Key        ObjectKey // of the object; zero for a new one
	Attributes []OrderAttribute
	Links      []LinkChange

	// Uncertain says that an earlier attempt may have been carried out, in whole or
	// in part: look before writing. FirstAttempt is when that began.
	Uncertain    bool
	FirstAttempt time.Time

	// Secrets are values by attribute that never appear in a log, an Outcome or an
	// error, such as "passwordProfile/password".
	Secrets map[string]string
}

// ObjectKey names an object: by its id, or by a natural key.
type ObjectKey struct {
	ID        string
	Attribute string // such as "userPrincipalName", if there is no ID
	Value     string
}

// OrderAttribute is a new value of an attribute.
type OrderAttribute struct {
	Path string // a property, or a path into one: "employeeOrgData/costCenter"
	// Value is one JSON value; null clears the attribute. A text stands for a number,
	// a truth value or a list of one where the attribute is such.
	Value json.RawMessage
}

// LinkChange adds and removes targets of one navigation of an order's entity, such as
// "members" or "memberOf".
type LinkChange struct {
	Navigation string
	Add        []ObjectKey
	Remove     []ObjectKey
	// Details belong to the added targets, by position, as JSON: the role of an app
	// role assignment, the disabled plans of a licence. It may be shorter than Add.
	Details []json.RawMessage
}

// OrderProblem is one reason why an order can never be carried out.
type OrderProblem struct {
	Order     string
	Attribute string // or navigation; empty: the order as a whole
	Message   string
	Hint      string
}

// Outcome is how one order ended.
type Outcome struct {
	Order string
	// Failure is nil if the order is done. An order that failed may have been carried out in
	// part: Changes and FailedLinks tell.
	Failure     *fault.Error
	Unchanged   bool // it was so already
	ObjectID    string
	Attempts    int // writes that were sent for it: see [Connection].LastWrite
	Exchanges   []Exchange
	Changes     []AttributeChange
	FailedLinks []FailedLink
	// Details are what a new object or an invitation answers beside, such as "inviteRedeemUrl".
	Details map[string]string
}

// Exchange is one request with its answer, for the audit; secrets are out of it.
type Exchange struct {
	Method, Path    string          // Path is below the system's root
	Body            json.RawMessage // may be empty
	Status          int             // 0: no answer came
	RequestID       string
	ClientRequestID string
	ErrorCode       string
	Time            time.Time
}

// AttributeChange is what a write changes of an attribute or a navigation, as JSON
// values. Before is empty where it is not known.
type AttributeChange struct {
	Path          string
	Before, After json.RawMessage
}

// FailedLink is a link that could not be changed.
type FailedLink struct {
	Navigation string
	Key        ObjectKey
	Removal    bool
	Failure    *fault.Error
}

// OrderProgress holds figures since the start of the call.
type OrderProgress struct {
	Requests    uint64
	Writes      uint64
	ThrottledMS uint64
	WaitingMS   uint64 // nothing will come for this long, for the reason given
	Reason      string
}

// Preview is what one order would change.
type Preview struct {
	Order     string
	Failure   *fault.Error // why it would fail
	Unchanged bool         // it is so already
	ObjectID  string
	Title     string // how people call the object
	Changes   []AttributeChange
}

// Actor is a Connector that offers actions: single requests by a person or a program.
type Actor interface {
	Connector

	// Actions describes the actions. It sends nothing.
	Actions() []Action

	// RunAction runs an action that reads and returns its output as JSON. An unknown
	// action or an input against its schema is fault.Invalid.
	RunAction(ctx context.Context, c Connection, name string, input json.RawMessage) (json.RawMessage, error)

	// PrepareAction turns an action that writes into the order that does it. It sends
	// nothing. Errors are those of RunAction.
	PrepareAction(ctx context.Context, name string, input json.RawMessage, order string) (Order, error)
}

// Action is something that a person or a program can ask for.
type Action struct {
	Name        string // such as "add-user-to-group"
	Title       string
	Description string
	// InputSchema is a JSON Schema, draft 2020-12. A property password that is writeOnly says that the action
	// sets a password; setting and notify beside it, if they are there, are for the agent, which makes and
	// sends passwords: they are what they are in the agent's own format of orders.
	InputSchema  json.RawMessage
	OutputSchema json.RawMessage
	Writes       bool
	Permissions  []string // the least ones
}
