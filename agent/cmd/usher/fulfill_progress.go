package main

import (
	"fmt"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/usher-iga/usher/agent/fulfill"
)

// orderDisplay shows how far orders are.
func (p *program) orderDisplay() display[fulfill.Snapshot] {
	return newDisplay(p, func(b *board[fulfill.Snapshot]) display[fulfill.Snapshot] { return &orderBar{board: b} }, orderLine)
}

// orderLine tells a snapshot in one line; nothing of the end, which the report tells.
func orderLine(s fulfill.Snapshot) (elapsed time.Duration, text string) {
	ended := s.Executed + s.Errored
	if s.Pending == 0 {
		return s.Elapsed, ""
	}
	return s.Elapsed, fmt.Sprintf("%d of %s, %s", ended, count(ended+s.Pending, "order"), orderPace(s))
}

// orderPace tells failures, requests, throttling and waits.
func orderPace(s fulfill.Snapshot) string {
	return fmt.Sprintf("%d errored; %s", s.Errored, count(s.Requests, "request")) + pauses(s.Throttled, s.Waiting, s.Reason)
}

// orderBar has one bar for all orders.
type orderBar struct {
	*board[fulfill.Snapshot]
	bar *mpb.Bar
}

func (b *orderBar) show(s fulfill.Snapshot) {
	b.note(s)
	if b.bar == nil {
		b.bar = b.add(0, mpb.BarStyle(), mpb.PrependDecorators(decor.Name("orders "), decor.CountersNoUnit("%d of %d")),
			mpb.AppendDecorators(b.text(func(s fulfill.Snapshot) string { return " " + orderPace(s) })))
	}
	ended := int64(s.Executed + s.Errored)
	b.bar.SetTotal(ended+int64(s.Pending), false)
	b.bar.SetCurrent(ended)
}
