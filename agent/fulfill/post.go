package fulfill

import (
	"cmp"
	"context"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// owedAtOnce is how many orders with secrets are in memory at a time.
const owedAtOnce = 20

// post delivers secrets beside the run, so that a slow mail server does not slow it down.
type post struct {
	Options
	news  chan struct{} // holds a value if there may be something to deliver
	ended chan struct{}

	failed map[uint64]bool // of this run
	last   error
}

// startPost begins to deliver; end it.
func startPost(ctx context.Context, o Options) *post {
	p := &post{Options: o, news: make(chan struct{}, 1), ended: make(chan struct{}), failed: map[uint64]bool{}}
	p.more() // what an earlier run left
	go func() {
		defer close(p.ended)
		for range p.news {
			p.deliver(ctx)
		}
	}()
	return p
}

// more says that there may be something to deliver.
func (p *post) more() {
	select {
	case p.news <- struct{}{}:
	default:
	}
}

// end delivers what is there and returns how many secrets could not be delivered, and why the last
// one could not.
func (p *post) end() (uint64, error) {
	close(p.news)
	<-p.ended
	return uint64(len(p.failed)), p.last
}

// deliver goes through all that is owed. After an error that others would meet, too, it does
// nothing more in this run.
func (p *post) deliver(ctx context.Context) {
	if p.Deliver == nil || fault.Is(p.last, fault.Unavailable) || fault.Is(p.last, fault.Unauthorized) {
		return
	}
	for last := uint64(0); ctx.Err() == nil; {
		all, err := p.Journal.Owed(last, owedAtOnce)
		if err != nil {
			p.last = err
			return
		}
		if len(all) == 0 {
			return
		}
		for _, owed := range all {
			last = owed.Seq
			if p.failed[owed.Seq] {
				continue
			}
			err := p.Deliver(ctx, owed)
			if err == nil {
				err = p.Journal.Delivered(owed.Seq)
			}
			if err != nil && ctx.Err() == nil {
				err = cmp.Or(p.Journal.NotDelivered(owed.Seq, err), err)
			}
			if err != nil {
				p.last = err
				p.failed[owed.Seq] = true
				if fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Unauthorized) || ctx.Err() != nil {
					return
				}
			}
		}
	}
}
