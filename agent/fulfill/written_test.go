package fulfill_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// asked is a connector that is told when something was written last.
type asked struct {
	calls
	times *[]time.Time
}

func (a asked) Fulfill(ctx context.Context, c sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
	*a.times = append(*a.times, c.LastWrite)
	return a.calls(ctx, orders, sink)
}

// Each call is told when an earlier one wrote last, or may have.
func TestCallsAreToldOfTheLastWrite(t *testing.T) {
	s, _, o := begin(t)
	var told, want []time.Time
	run := func(id string, writes int, last time.Time, failure error) {
		t.Helper()
		want = append(want, last)
		o.Fulfiller = asked{func(ctx context.Context, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
			for {
				next, err := orders.Next(ctx)
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
				if failure != nil {
					return failure
				}
				if err := sink.Done(sdk.Outcome{Order: next.ID, Attempts: writes}); err != nil {
					return err
				}
			}
		}, &told}
		if id != "" {
			accept(t, o, update(id, id))
		}
		if _, err := fulfill.Run(context.Background(), o); !errors.Is(err, failure) {
			t.Fatal(err)
		}
		s.clock.Forward(time.Hour)
	}
	never := time.Time{}
	run("1", 0, never, nil)
	run("2", 1, never, nil)
	run("3", 0, noon.Add(time.Hour), nil)
	run("4", 0, noon.Add(time.Hour), fault.Errorf(fault.Unavailable, "no answer"))
	run("", 0, noon.Add(4*time.Hour), nil) // until now, for all that is known
	run("5", 0, noon.Add(4*time.Hour), nil)
	if !slices.EqualFunc(told, want, time.Time.Equal) {
		t.Errorf("told\n%v, want\n%v", told, want)
	}
}
