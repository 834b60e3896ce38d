package journal

import "time"

// Verb is what an operator can decide.
type Verb string

// The decisions.
const (
	DecidedRelease   Verb = "release"
	DecidedCancel    Verb = "cancel"
	DecidedRetry     Verb = "retry"
	DecidedReaddress Verb = "readdress password"
	DecidedDrop      Verb = "drop password"
)

// Decision is what an operator decided about an order or about an intake.
type Decision struct {
	What Verb
	By   string
	Time time.Time // UTC

	Order  string // its id; empty: it is about the intake
	Intake uint64
	Source string // the name of the intake's
	Orders uint64 // of the intake
	// Reason is why there was something to decide: why the intake was held, why the order failed.
	Reason string
}

// decided tells of a decision while the transaction that carries it out can still fail.
func (j *Journal) decided(d Decision) error {
	if j.options.Decided == nil {
		return nil
	}
	d.Time = j.now()
	return j.options.Decided(d)
}
