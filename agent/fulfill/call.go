package fulfill

import (
	"context"
	"io"
	"sync"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	// atOnce is how many orders are started, and how many results noted, in one transaction at
	// most: some ten requests of what can be packed well.
	atOnce = 1000
	// windowBytes is how much of orders, as they are stored, is with the connector at a time, but for
	// what is read at once.
	windowBytes = 16 << 20
)

// call is one call of the connector: its [sdk.OrderSource] and its [sdk.OutcomeSink].
type call struct {
	*run
	ended chan done     // outcomes on their way into the journal
	wake  chan struct{} // holds a value after some have arrived there

	// Of Next alone.
	next    []journal.Entry // started, and to be handed over
	resumed bool            // what an earlier call left has been handed over
	after   uint64          // the last of that

	mu       sync.Mutex
	underWay map[string]journal.Entry // handed over, and without an outcome
	busy     int                      // handed over or about to be, and without a result in the journal
	bytes    int                      // of those
	failure  error                    // the first of ours
	cancel   context.CancelCauseFunc
}

// done is an order whose outcome has come.
type done struct {
	entry   journal.Entry
	outcome sdk.Outcome
}

func newCall(r *run) *call {
	return &call{run: r, ended: make(chan done, atOnce), wake: make(chan struct{}, 1), underWay: map[string]journal.Entry{}}
}

// carryOut makes the call. It makes none if there is nothing to do.
func (c *call) carryOut(ctx context.Context) error {
	var cancel context.CancelCauseFunc
	ctx, cancel = context.WithCancelCause(ctx)
	defer cancel(nil)
	c.cancel = cancel
	connection := c.Connection
	var err error
	if connection.LastWrite, err = c.Journal.LastWrite(); err != nil {
		return err
	}
	if more, err := c.fetch(ctx); !more || err != nil {
		return err
	}
	noted := make(chan struct{})
	go func() {
		defer close(noted)
		// What has come is noted although the run is canceled.
		c.note(context.WithoutCancel(ctx))
	}()
	err = c.Fulfiller.Fulfill(ctx, connection, c, c)
	close(c.ended)
	<-noted
	c.tracker.callEnded()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failure != nil:
		return c.failure
	case err == nil && len(c.underWay) > 0:
		return fault.Errorf(fault.Connector, "the connector broke the protocol: it told no outcome of %d orders", len(c.underWay)).
			WithHint("The orders are carried out again in the next run, once it is clear that they were not carried out already")
	default:
		return err
	}
}

// fail ends the call by an error of ours.
func (c *call) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = err
		c.cancel(err)
	}
	return c.failure
}

// Next is [sdk.OrderSource].Next.
func (c *call) Next(ctx context.Context) (sdk.Order, error) {
	more, err := c.fetch(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return sdk.Order{}, err // the call ended, and whoever ended it knows why
	case err != nil:
		return sdk.Order{}, c.fail(err)
	case !more:
		return sdk.Order{}, io.EOF
	}
	e := c.next[0]
	c.next = c.next[1:]
	o := toSDK(&e.Order)
	o.Uncertain, o.FirstAttempt = e.Uncertain(), e.First
	if len(e.Sealed) > 0 {
		values, err := c.Secrets.Reveal(ctx, e.Sealed)
		if err != nil {
			return sdk.Order{}, c.fail(err)
		}
		o.Secrets = values
	}
	c.mu.Lock()
	c.underWay[e.Order.ID] = e
	c.mu.Unlock()
	c.tracker.handed()
	return o, nil
}

// fetch waits until there are orders in next; more is false if none will come.
func (c *call) fetch(ctx context.Context) (more bool, err error) {
	for len(c.next) == 0 {
		// Looked at first: what ends from here on wakes the wait below.
		c.mu.Lock()
		busy, bytes := c.busy, c.bytes
		c.mu.Unlock()
		found := false
		if room := c.Window - busy; room >= c.enough() && bytes < windowBytes {
			if found, err = c.start(ctx, min(room, atOnce)); err != nil {
				return false, err
			}
		}
		switch {
		case found:
		case busy == 0:
			return false, nil
		default:
			select {
			case <-c.wake:
			case <-c.Journal.News():
			case <-ctx.Done():
				return false, context.Cause(ctx)
			}
		}
	}
	return true, nil
}

// enough is for how many orders there has to be room before further ones are started: with fewer, each
// that ends would cost a transaction for the next one, and orders that go well together would come apart.
func (c *call) enough() int { return max(1, min(atOnce, c.Window/2)) }

// start starts up to n orders. found says that there were some, even if all of them ended at
// once.
func (c *call) start(ctx context.Context, n int) (found bool, err error) {
	entries, err := c.turn(n)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	var refused []journal.Finished
	var good []journal.Entry
	for _, e := range entries {
		verdict, err := c.prepare(ctx, &e)
		switch {
		case err != nil:
			return false, err
		case verdict != nil:
			f := journal.Finished{Seq: e.Seq, Wrote: e.Uncertain()}
			f.Result.Fail(verdict)
			refused = append(refused, f)
		default:
			good = append(good, e)
		}
	}
	if len(refused) > 0 {
		if err := c.Journal.Finish(refused); err != nil {
			return false, err
		}
		c.tracker.refused(len(refused))
	}
	if len(good) == 0 {
		return true, nil
	}
	started, err := c.Journal.Start(good)
	if err != nil {
		return false, err
	}
	c.next = started
	c.mu.Lock()
	c.busy += len(started)
	for _, e := range started {
		c.bytes += e.Size
	}
	c.mu.Unlock()
	return true, nil
}

// turn returns the orders whose turn it is: first those that an earlier call left.
func (c *call) turn(n int) ([]journal.Entry, error) {
	if !c.resumed {
		entries, err := c.Journal.Interrupted(c.after, n)
		if err != nil {
			return nil, err
		}
		if len(entries) > 0 {
			c.after = entries[len(entries)-1].Seq
			return entries, nil
		}
		c.resumed = true
	}
	return c.Journal.Ready(n)
}

// prepare makes an order ready to be handed over, or says why it never will be.
func (c Options) prepare(ctx context.Context, e *journal.Entry) (verdict *fault.Error, err error) {
	o := &e.Order
	switch {
	case e.Verdict != nil:
		return e.Verdict, nil
	case e.Uncertain():
		// Its deadline is past or not: what became of it has to be found out.
	case !o.Deadline.IsZero() && c.Clock.Now().After(o.Deadline):
		return fault.Errorf(fault.Invalid, "its deadline, %s, had passed before it could begin", o.Deadline.UTC().Format("2006-01-02 15:04:05 MST")).
			WithHint("Give it again under a new id if it is still wanted"), nil
	}
	switch {
	case len(o.Secrets) == 0 || e.Given || len(e.Sealed) > 0 && c.Secrets != nil:
		return nil, nil
	case len(e.Sealed) > 0:
		return nil, fault.Errorf(fault.Invalid, "order %s of connection %s has a password, and no settings say how it is decrypted", o.ID, c.Connection.ID).
			WithHint("Bring PasswordResetSettings back as they were when the order began")
	case c.Secrets == nil:
		return fault.Errorf(fault.Invalid, "it asks for a password, and no settings say how passwords are made").
			WithHint("Add PasswordResetSettings"), nil
	}
	e.Sealed, err = c.Secrets.Prepare(ctx, o)
	if fault.Is(err, fault.Invalid) {
		return fault.Of(err), nil
	}
	return nil, err
}

// Done is [sdk.OutcomeSink].Done.
func (c *call) Done(o sdk.Outcome) error {
	c.mu.Lock()
	e, known := c.underWay[o.Order]
	failure := c.failure
	if known && !abandoned(o) {
		delete(c.underWay, o.Order)
	}
	c.mu.Unlock()
	switch {
	case failure != nil:
		return failure
	case !known:
		return c.fail(fault.Errorf(fault.Connector, "the connector broke the protocol: it told an outcome of order %q, which is not under way", o.Order))
	case abandoned(o):
		// It is no outcome: the order is left to the next run.
		return c.fail(o.Failure)
	}
	c.ended <- done{e, o}
	return nil
}

// abandoned says of an outcome that the order was given up because the call ended.
func abandoned(o sdk.Outcome) bool { return o.Failure != nil && o.Failure.Code == fault.Canceled }

// Progress is [sdk.OutcomeSink].Progress.
func (c *call) Progress(p sdk.OrderProgress) error {
	c.tracker.progress(p)
	return nil
}

// note brings outcomes into the journal, as many at once as have come meanwhile. After an error it
// only takes them, so that nobody waits to tell one.
func (c *call) note(ctx context.Context) {
	failed := false
	for first := range c.ended {
		batch := c.gather(first)
		if failed {
			continue
		}
		if err := c.finish(ctx, batch); err != nil {
			failed = true
			_ = c.fail(err) // carryOut returns it
		}
	}
}

// gather takes the outcomes that wait, behind the first one.
func (c *call) gather(first done) []done {
	batch := []done{first}
	for len(batch) < atOnce {
		select {
		case d, ok := <-c.ended:
			if !ok {
				return batch
			}
			batch = append(batch, d)
		default:
			return batch
		}
	}
	return batch
}

// finish notes the results of orders.
func (c *call) finish(ctx context.Context, batch []done) error {
	ends := make([]journal.Finished, len(batch))
	records := make([]Done, len(batch))
	owed := false
	for i, d := range batch {
		r := resultOf(d.outcome)
		if d.entry.Uncertain() {
			r.Unchanged = false // an earlier attempt may have made it so
		}
		r.Attempts = d.entry.Attempts + 1 // by it the audit tells attempts apart
		ends[i] = journal.Finished{Seq: d.entry.Seq, Result: r, Wrote: d.outcome.Attempts > 0 || d.entry.Uncertain()}
		records[i] = Done{Order: d.entry.Order, Outcome: d.outcome, Result: r, CutOff: d.entry.CutOff}
		owed = owed || len(d.entry.Sealed) > 0
	}
	if c.Record != nil {
		if err := c.Record(ctx, records); err != nil {
			return err
		}
	}
	if err := c.Journal.Finish(ends); err != nil {
		return err
	}
	c.tracker.done(ends)
	if owed {
		c.post.more()
	}
	c.mu.Lock()
	c.busy -= len(batch)
	for _, d := range batch {
		c.bytes -= d.entry.Size
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

// resultOf is the result by an outcome.
func resultOf(o sdk.Outcome) order.Result {
	r := order.Result{State: order.Executed, ObjectID: o.ObjectID, Unchanged: o.Unchanged, Details: o.Details}
	for _, l := range o.FailedLinks {
		r.FailedLinks = append(r.FailedLinks, order.FailLink(l))
	}
	if o.Failure != nil {
		r.Fail(o.Failure)
	}
	return r
}
