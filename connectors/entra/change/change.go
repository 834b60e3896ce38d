// Package change carries out provisioning orders in Entra ID: once each, as fast as
// the quota of writes allows, and never blindly again when an answer was lost.
package change

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/entra/change/member"
	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	// maxJobs is how many orders are under way, each in a goroutine of its own: enough to fill
	// all batches that may be in flight.
	maxJobs = 400
	// maxPacked is how many further orders may wait that do nothing but add members: the more
	// wait, the more of them go to one group. They take some 1 KiB each.
	maxPacked = 12000
)

// Graph carries requests out, also several at a time; see batch.Batcher for its errors.
type Graph interface {
	Do(ctx context.Context, r graph.Request, seen func(graph.Answer)) (graph.Answer, error)
	Root() string // see graph.Client.Root
}

// Runner carries out orders. It is made by [New] for one call.
type Runner struct {
	graph   Graph
	clock   clock.Clock
	recent  *recent
	fresh   *fresh
	claims  *claims
	keys    *keys
	skus    *skus
	members *member.Packer
}

// New makes a Runner; lastWrite is [sdk.Connection].LastWrite. A nil clock is [clock.System].
func New(g Graph, c clock.Clock, lastWrite time.Time) *Runner {
	if c == nil {
		c = clock.System
	}
	r := &Runner{graph: g, clock: c, recent: newRecent(c, lastWrite), fresh: newFresh(c), claims: newClaims(), skus: &skus{graph: g}}
	r.keys = newKeys(g, r.recent, r.fresh)
	r.members = member.New(g, c, func(group, member string) time.Duration { return r.recent.bound(group, member) })
	return r
}

// Fulfill is what [sdk.Fulfiller] says. It is called once.
func (r *Runner) Fulfill(ctx context.Context, orders sdk.OrderSource, done func(sdk.Outcome) error) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var packing sync.WaitGroup
	packing.Go(func() { end(r.members.Run(ctx)) }) // ends those that wait for members, too
	err := r.takeAll(ctx, orders, &packed{Runner: r, done: done, end: end, room: make(chan struct{}, maxPacked)})
	end(err)
	packing.Wait()
	if err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// Find returns the id of the object that key names. Errors are faults: [fault.NotFound] if there
// is none, [fault.Conflict] if there are several.
func (r *Runner) Find(ctx context.Context, entity string, key sdk.ObjectKey) (string, error) {
	id, err := r.keys.find(ctx, entity, key, 0)
	if refused, ok := errors.AsType[refusal](err); ok {
		return "", refused.fault
	}
	return id, err
}

// takeAll takes orders until none follow, and returns when all are done.
func (r *Runner) takeAll(ctx context.Context, orders sdk.OrderSource, packed *packed) error {
	jobs, jobsCtx := errgroup.WithContext(ctx)
	jobs.SetLimit(maxJobs)
	for {
		order, err := orders.Next(jobsCtx)
		if err == io.EOF {
			break
		}
		taken := false
		if err == nil {
			taken, err = packed.take(jobsCtx, order)
		}
		if err != nil {
			packed.end(err) // those under way, too
			return cause(jobs.Wait(), err)
		}
		if taken {
			continue
		}
		jobs.Go(func() error {
			outcome, err := r.carryOut(jobsCtx, order)
			if err != nil {
				return err
			}
			return packed.done(outcome)
		})
	}
	r.members.Flush()
	if err := jobs.Wait(); err != nil {
		return err
	}
	return packed.wait(ctx)
}

// cause prefers the error of a job to that of a context which it has ended.
func cause(job, err error) error {
	if job != nil {
		return job
	}
	return err
}

// carryOut carries out one order. An error ends the call; the order is then uncertain.
func (r *Runner) carryOut(ctx context.Context, order sdk.Order) (sdk.Outcome, error) {
	j := &job{Runner: r, outcome: sdk.Outcome{Order: order.ID, ObjectID: order.Key.ID}}
	var problems []sdk.OrderProblem
	j.Change, problems = schema.Examine(order)
	if len(problems) > 0 {
		j.outcome.Failure = failureOf(problems)
		return j.outcome, nil
	}
	err := j.run(ctx)
	if refused, ok := errors.AsType[refusal](err); ok {
		j.outcome.Failure = refused.fault
		if !refused.explained {
			j.namePermission(refused.fault, "")
		}
	} else if err != nil {
		return sdk.Outcome{}, err
	}
	return j.finish(), nil
}

func failureOf(problems []sdk.OrderProblem) *fault.Error {
	first := problems[0]
	message := first.Message
	if first.Attribute != "" {
		message = first.Attribute + ": " + message
	}
	return fault.Errorf(fault.Invalid, "%s", message).WithSetting(first.Attribute).WithHint("%s", first.Hint)
}
