// Package fulfill carries out provisioning orders: it takes them into the journal of a
// connection, hands them to the connector when their turn comes, and notes their results.
//
// Wherever the agent or the connector is cut off, each order gets exactly one result, and what it
// asks for happens once: an order is noted as started before the connector gets it, and one that was
// started without a result is handed over again as one that may have been carried out.
package fulfill

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// Fulfiller is a running connector; see [sdk.Fulfiller].
type Fulfiller interface {
	Examine(ctx context.Context, orders []sdk.Order) ([]sdk.OrderProblem, error)
	Fulfill(ctx context.Context, c sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error
	Preview(ctx context.Context, c sdk.Connection, orders []sdk.Order, emit func(sdk.Preview) error) error
	Resolve(ctx context.Context, c sdk.Connection, objects []sdk.NamedObject) ([]string, error)
}

// Options say whose orders to carry out, and how. Connection, Fulfiller, Journal and Clock are
// obligatory.
type Options struct {
	Connection sdk.Connection
	Fulfiller  Fulfiller
	Journal    *journal.Journal
	Clock      clock.Clock
	Logger     hclog.Logger // nil: silent

	// Relaunch starts the connector anew after it crashed and ends the old one; what it returns
	// takes the place of Fulfiller. nil: a crash ends the run.
	Relaunch func(ctx context.Context) (Fulfiller, error)

	// Secrets makes the secret values that orders ask for. nil: such orders fail.
	Secrets Secrets

	// Record is told what a connector answered, for the audit, before the results are in the
	// journal. An error ends the run and leaves these orders as started: the next run looks at
	// them and tells again. So each answer is recorded at least once. May be nil.
	Record func(ctx context.Context, done []Done) error

	// Deliver is given each order with secrets whose result is in the journal, until it
	// returns nil; then the secrets are erased. An error leaves them for the next run.
	// So they are delivered at least once: a crash just after it repeats one. The order may have
	// failed: see its result. nil: they wait.
	Deliver func(ctx context.Context, owed journal.Owed) error

	Limits Limits
	// Known counts the objects of an entity that are known, or the links of a navigation if that is
	// not empty; 0: nobody knows. May be nil.
	Known func(entity, navigation string) uint64

	// Window is how many orders are with the connector at a time at most; default 4,000. So many
	// are in memory, fewer if they are large. The audit recognises a repetition among 10,000.
	Window int

	// Progress is told how far the run is, a few times a second at most. The run waits for it.
	// May be nil.
	Progress func(Snapshot)
}

const defaultWindow = 4000

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.Window == 0 {
		o.Window = defaultWindow
	}
	if o.Known == nil {
		o.Known = func(string, string) uint64 { return 0 }
	}
	return o
}

// Secrets makes values that must not be seen, and keeps them from being seen.
type Secrets interface {
	// Prepare returns the values that an order asks for, encrypted together: generated ones
	// and those that it came with. It is called once for an order before that is first handed
	// over, or again if the agent was cut off before it noted them. fault.Invalid makes the order fail;
	// another error ends the run.
	Prepare(ctx context.Context, o *order.Order) (sealed []byte, err error)

	// Reveal decrypts what Prepare returned: values by the path of their attribute.
	Reveal(ctx context.Context, sealed []byte) (map[string]string, error)
}

// Done is an order with what the connector answered and the result that it will have.
type Done struct {
	Order   order.Order
	Outcome sdk.Outcome
	Result  order.Result
	// CutOff says that an attempt before this one may have written, and that its outcome did not come.
	CutOff bool
}

// Report tells what a run did.
type Report struct {
	Started, Finished time.Time

	Executed  uint64 // orders
	Unchanged uint64 // of them: it was so already
	Errored   uint64
	Pending   uint64 // left, held ones not counted
	Held      uint64 // wait for an operator
	Owed      uint64 // secrets that could not be delivered
	OwedError error  // why, of the last one

	Relaunches uint64 // of a connector that crashed
	Requests   uint64
	Writes     uint64
	Throttled  time.Duration
}

// Snapshot tells how far a run is.
type Snapshot struct {
	Elapsed   time.Duration
	Executed  uint64
	Errored   uint64
	UnderWay  uint64 // with the connector
	Pending   uint64 // those under way counted in, held ones not
	Requests  uint64
	Writes    uint64
	Throttled time.Duration
	Waiting   time.Duration // nothing will come for this long from now on,
	Reason    string        // because of this
}
