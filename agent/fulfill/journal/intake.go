package journal

import (
	"time"

	"github.com/usher-iga/usher/agent/fulfill/order"
)

// Source says where orders came from.
type Source struct {
	Name        string `json:"name"`                  // of the file, such as "hr/20260301.json"
	Digest      string `json:"digest,omitempty"`      // of its content; empty if there is none
	RequestedBy string `json:"requestedBy,omitempty"` // for orders that do not say it
	Watched     bool   `json:"watched,omitempty"`     // Name is that of a file in the watched folder
}

// IntakeState says what became of an intake.
type IntakeState string

// The states of an intake.
const (
	IntakeReceiving IntakeState = "Receiving" // not accepted yet; nobody sees it
	IntakeHeld      IntakeState = "Held"      // its orders wait for an operator
	IntakeOpen      IntakeState = "Open"      // its orders are carried out
	IntakeCanceled  IntakeState = "Canceled"  // by an operator; its orders are not begun
)

// Intake is what was accepted at once, such as a file of orders.
type Intake struct {
	Number   uint64      `json:"number"`
	Source   Source      `json:"source"`
	State    IntakeState `json:"state"`
	Received time.Time   `json:"received"`
	Reason   string      `json:"reason,omitempty"` // why it was held

	DecidedBy string    `json:"decidedBy,omitempty"` // who released or canceled it
	Decided   time.Time `json:"decided,omitzero"`

	// Orders counts all orders, the other fields those that ended so. A repetition of an
	// order that was accepted before counts as the order does.
	Orders   uint64 `json:"orders"`
	Executed uint64 `json:"executed"`
	Errored  uint64 `json:"errored"`
	Canceled uint64 `json:"canceled"`

	Finished time.Time `json:"finished,omitzero"` // when the last order ended
	Reported bool      `json:"reported"`          // its results were handed over
	Compact  bool      `json:"compact,omitempty"` // what was asked for is forgotten
}

// Pending counts the orders that have not ended.
func (i Intake) Pending() uint64 { return i.Orders - i.Executed - i.Errored - i.Canceled }

// Complete reports whether all orders have ended.
func (i Intake) Complete() bool { return i.State != IntakeReceiving && i.Pending() == 0 }

// intake is an Intake as it is stored.
type intake struct {
	Intake
	First uint64 `json:"first"` // seq of its first order
	Next  uint64 `json:"next"`  // seq behind its last order
	// Opened is the seq up to which orders that wait for nothing are in the list of the ready ones.
	Opened uint64 `json:"opened"`
}

// count moves an order that is counted in to another state; a state that is no outcome counts
// as pending.
func (i *intake) count(from, to order.State) {
	if n := i.counter(from); n != nil {
		*n--
	}
	if n := i.counter(to); n != nil {
		*n++
	}
}

func (i *intake) counter(s order.State) *uint64 {
	switch s {
	case order.Executed:
		return &i.Executed
	case order.Errored:
		return &i.Errored
	case order.Canceled:
		return &i.Canceled
	default:
		return nil
	}
}
