// Package batch sends the requests of many goroutines together: what is waiting at the
// same time goes out as one $batch, several of them side by side, within the quota of
// writes. Each request is repeated on its own where that helps and does no harm.
package batch

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/governor"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	// inFlight is how many batches are under way at most. Graph says nothing of a limit; with
	// 20 requests each, more would only fill the quota sooner.
	inFlight = 8
	// linger is how long a request waits for company, and lingerBusy how long if others are under
	// way, whose answers may bring further requests.
	linger     = 5 * time.Millisecond
	lingerBusy = 100 * time.Millisecond
)

// A Client sends requests; [graph.Client] is one.
type Client interface {
	Send(ctx context.Context, r graph.Request) (graph.Answer, error)
	Batch(ctx context.Context, requests []graph.Request) ([]graph.Answer, error)
	Root() string
}

// Options adjust a [Batcher]. All may be left out.
type Options struct {
	Clock  clock.Clock      // clock.System if nil
	Jitter func() float64   // in [0,1), spreads pauses; math/rand if nil
	Writes *governor.Writes // the quota; a full one if nil

	// OnWait is told of each pause before it begins, OnAnswer of each answer, from any
	// goroutine: signs of life.
	OnWait   func(d time.Duration, reason string)
	OnAnswer func(graph.Request)
}

// A Batcher is made by [New] and works while Run runs.
type Batcher struct {
	client  Client
	options Options
	reads   *queue // apart, because they may pass while writes have to wait
	writes  *queue
	slots   chan struct{}
	objects lanes
}

// New makes a Batcher that sends by client.
func New(client Client, o Options) *Batcher {
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Writes == nil {
		o.Writes = governor.NewWrites(o.Clock)
	}
	if o.OnWait == nil {
		o.OnWait = func(time.Duration, string) {}
	}
	if o.OnAnswer == nil {
		o.OnAnswer = func(graph.Request) {}
	}
	return &Batcher{
		client: client, options: o,
		reads: newQueue(), writes: newQueue(), slots: make(chan struct{}, inFlight),
	}
}

// queue is where requests wait to be collected.
type queue struct {
	waiting  chan *item
	returned chan struct{} // gets a value for each batch that is back
	under    int           // how many batches are under way; of the collecting goroutine
}

func newQueue() *queue {
	return &queue{waiting: make(chan *item), returned: make(chan struct{}, inFlight)}
}

// item is one request on its way, once.
type item struct {
	request graph.Request
	done    chan struct{} // closed when answer and err are set
	answer  graph.Answer
	err     error
}

// Run sends what [Batcher.Do] asks for until ctx ends, and returns when nothing is under way
// any more. It is called once.
func (b *Batcher) Run(ctx context.Context) {
	var group sync.WaitGroup
	for _, q := range []*queue{b.reads, b.writes} {
		group.Go(func() { b.collect(ctx, q, &group) })
	}
	group.Wait()
}

// collect makes batches of what comes through a queue.
func (b *Batcher) collect(ctx context.Context, q *queue, group *sync.WaitGroup) {
	for {
		items := b.gather(ctx, q)
		if len(items) == 0 {
			return
		}
		q.under++
		group.Go(func() {
			b.send(ctx, items)
			q.returned <- struct{}{} // never waits: there are as many places as slots
			<-b.slots
		})
	}
}

// gather waits for a request, gives others time to join it, and takes a slot. While there is
// none it goes on gathering. It returns nothing when ctx has ended.
func (b *Batcher) gather(ctx context.Context, q *queue) (items []*item) {
	for len(items) == 0 {
		select {
		case first := <-q.waiting:
			items = append(items, first)
		case <-q.returned:
			q.under--
		case <-ctx.Done():
			return nil
		}
	}
	patience := linger
	if q.under > 0 {
		patience = lingerBusy
	}
	company := b.after(ctx, patience)
	for alone := true; alone && len(items) < graph.MaxBatch; {
		select {
		case next := <-q.waiting:
			items = append(items, next)
		case <-q.returned:
			q.under--
			alone = q.under > 0
		case <-company:
			alone = false
		case <-ctx.Done():
			return abandon(ctx, items)
		}
	}
	for {
		waiting := q.waiting
		if len(items) == graph.MaxBatch {
			waiting = nil
		}
		select {
		case next := <-waiting:
			items = append(items, next)
		case <-q.returned:
			q.under--
		case b.slots <- struct{}{}:
			if err := b.quota(ctx, items); err != nil {
				<-b.slots
				return abandon(ctx, items)
			}
			return items
		case <-ctx.Done():
			return abandon(ctx, items)
		}
	}
}

// after returns a channel that is closed after d.
func (b *Batcher) after(ctx context.Context, d time.Duration) <-chan struct{} {
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = b.options.Clock.Sleep(ctx, d) // that ctx has ended is seen where over is waited for
	}()
	return over
}

func abandon(ctx context.Context, items []*item) []*item {
	for _, i := range items {
		i.err = ctx.Err()
		close(i.done)
	}
	return nil
}

// quota waits until items may go out. All of them are reads, or all of them are writes.
func (b *Batcher) quota(ctx context.Context, items []*item) error {
	if items[0].request.IsRead() {
		return nil
	}
	cost := 0
	for _, i := range items {
		cost += i.request.Cost()
	}
	return b.options.Writes.Wait(ctx, cost, b.options.OnWait)
}

// send sends items together. If Graph takes offence at the batch itself, such as at its
// size, it carries out nothing of it; then they go one by one.
func (b *Batcher) send(ctx context.Context, items []*item) {
	if len(items) > 1 {
		requests := make([]graph.Request, len(items))
		for i, item := range items {
			requests[i] = item.request
		}
		sent := b.options.Clock.Now()
		answers, err := b.client.Batch(ctx, requests)
		if !fault.Is(err, fault.Refused) {
			for i, item := range items {
				if item.err = err; err == nil {
					item.answer = answers[i]
				}
				b.settle(item, sent)
			}
			return
		}
	}
	for _, item := range items {
		sent := b.options.Clock.Now()
		item.answer, item.err = b.client.Send(ctx, item.request)
		b.settle(item, sent)
	}
}

func (b *Batcher) settle(i *item, sent time.Time) {
	i.answer.Sent = sent
	if !i.request.IsRead() {
		b.options.Writes.Learn(sent, i.request.Cost(), i.answer.Header)
	}
	b.options.OnAnswer(i.request)
	close(i.done)
}

// Do sends r, and again where that may help and does no harm, and returns the last
// answer. Seen, which may be nil, gets each answer, also of those that were lost. Writes to one object
// go one after another.
//
// The answer has the status 0 or 5xx if r may have been carried out and must not be
// repeated: look, then decide. An error, a fault or that of ctx, says that nothing more can be
// sent at all; so it is not one of r alone.
func (b *Batcher) Do(ctx context.Context, r graph.Request, seen func(graph.Answer)) (graph.Answer, error) {
	if seen == nil {
		seen = func(graph.Answer) {}
	}
	leave, err := b.objects.enter(ctx, r.Writes())
	if err != nil {
		return graph.Answer{}, err
	}
	defer leave()
	tries := patience{Batcher: b, request: r, began: b.options.Clock.Now()}
	for once := b.joined; ; {
		answer, err := once(ctx, r)
		if err != nil && ctx.Err() != nil {
			return graph.Answer{}, ctx.Err()
		}
		if err != nil {
			lost := graph.Lost(err)
			lost.Sent = answer.Sent
			answer = lost
		}
		seen(answer)
		next, err := tries.judge(ctx, answer, err)
		switch {
		case err != nil:
			return graph.Answer{}, err
		case !next.again:
			return answer, nil
		case next.alone:
			once = b.alone
		}
		b.options.OnWait(next.pause, next.reason)
		if err := b.options.Clock.Sleep(ctx, next.pause); err != nil {
			return graph.Answer{}, err
		}
	}
}

// Root is the client's: the root URL, with a slash at its end.
func (b *Batcher) Root() string { return b.client.Root() }

// joined sends r once, together with others.
func (b *Batcher) joined(ctx context.Context, r graph.Request) (graph.Answer, error) {
	i := &item{request: r, done: make(chan struct{})}
	q := b.writes
	if r.IsRead() {
		q = b.reads
	}
	select {
	case q.waiting <- i:
	case <-ctx.Done():
		return graph.Answer{}, ctx.Err()
	}
	<-i.done
	return i.answer, i.err
}

// alone sends r once, by itself.
func (b *Batcher) alone(ctx context.Context, r graph.Request) (graph.Answer, error) {
	i := &item{request: r, done: make(chan struct{})}
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return graph.Answer{}, ctx.Err()
	}
	if err := b.quota(ctx, []*item{i}); err != nil {
		return graph.Answer{}, err
	}
	b.send(ctx, []*item{i})
	return i.answer, i.err
}
