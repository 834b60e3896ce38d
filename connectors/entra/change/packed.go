package change

import (
	"context"
	"slices"

	"github.com/usher-iga/usher/connectors/entra/change/member"
	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/sdk"
)

// packed carries out orders that do nothing but add members, without a goroutine for each:
// the more of them wait, the better they can be packed.
type packed struct {
	*Runner
	done func(sdk.Outcome) error
	end  context.CancelCauseFunc // ends the call
	room chan struct{}           // holds a value for each that is under way
}

// take takes an order if it is such a one.
func (p *packed) take(ctx context.Context, order sdk.Order) (bool, error) {
	if !onlyAddsMembers(order) {
		return false, nil
	}
	change, problems := schema.Examine(order)
	if len(problems) > 0 {
		return false, nil
	}
	select {
	case p.room <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	j := &job{Runner: p.Runner, Change: change, outcome: sdk.Outcome{Order: order.ID, ObjectID: order.Key.ID}}
	j.object = j.objectOf(order.Key.ID)
	var adds []*member.Addition
	for _, l := range change.Links {
		for _, target := range l.Add {
			adds = append(adds, j.addition(l.Navigation, target, target.ID))
		}
	}
	open := len(adds)
	for _, a := range adds {
		settle := a.Done
		a.Done = func(r member.Result) {
			settle(r)
			j.mu.Lock()
			open--
			last := open == 0
			j.mu.Unlock()
			if last {
				if err := p.done(j.finish()); err != nil {
					p.end(err)
				}
				<-p.room
			}
		}
	}
	for _, a := range adds {
		p.members.Add(a)
	}
	return true, nil
}

// wait returns when all that were taken are done.
func (p *packed) wait(ctx context.Context) error {
	for range cap(p.room) {
		select {
		case p.room <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func onlyAddsMembers(o sdk.Order) bool {
	if o.Operation != sdk.Update || o.Key.ID == "" || len(o.Attributes) > 0 || len(o.Secrets) > 0 {
		return false
	}
	adds := 0
	for _, l := range o.Links {
		members := o.Entity == "group" && l.Navigation == "members" || l.Navigation == "memberOf"
		byID := !slices.ContainsFunc(l.Add, func(k sdk.ObjectKey) bool { return k.ID == "" })
		if !members || !byID || len(l.Remove) > 0 {
			return false
		}
		adds += len(l.Add)
	}
	return adds > 0
}
