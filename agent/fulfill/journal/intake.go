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

	Answered Answered `json:"answered,omitzero"` // of them, those that had ended before

	Finished time.Time `json:"finished,omitzero"` // when the last order ended
	Reported bool      `json:"reported"`          // its results were handed over
	Compact  bool      `json:"compact,omitempty"` // what was asked for is forgotten
}

// Answered counts orders that came before and had ended when they came again: the result that they
// have is the answer, and nothing is done.
type Answered struct {
	Orders uint64    `json:"orders"`
	First  time.Time `json:"first"` // when the first of them ended
	Last   time.Time `json:"last"`
}

// with counts one that ended at a time.
func (a Answered) with(finished time.Time) Answered {
	if a.Orders == 0 || finished.Before(a.First) {
		a.First = finished
	}
	if a.Orders == 0 || finished.After(a.Last) {
		a.Last = finished
	}
	a.Orders++
	return a
}

// Dates says on which days they ended, in UTC, such as "2026-03-01 to 2026-03-05".
func (a Answered) Dates() string {
	first, last := a.First.UTC().Format(time.DateOnly), a.Last.UTC().Format(time.DateOnly)
	if first == last {
		return first
	}
	return first + " to " + last
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
	// Shared counts the orders that have not ended and are another intake's: they came before.
	Shared uint64 `json:"shared,omitempty"`
}

// share is count for an order of another intake.
func (i *intake) share(from, to order.State) {
	if !from.Ended() && i.Shared > 0 {
		i.Shared--
	}
	if !to.Ended() {
		i.Shared++
	}
	i.count(from, to)
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
