package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/usher-iga/usher/agent/fulfill"
)

// orderProgress shows how far orders are: a bar on a terminal, a line every few seconds elsewhere,
// nothing with --json. done is called once, at the end.
type orderProgress interface {
	show(s fulfill.Snapshot)
	done(ok bool)
}

func (p *program) newOrderProgress() orderProgress {
	file, ok := p.stderr.(*os.File)
	switch {
	case p.json:
		return &orderLines{write: func(string) {}}
	case ok && term.IsTerminal(int(file.Fd())):
		pool := mpb.New(mpb.WithOutput(p.stderr), mpb.WithWidth(40))
		p.stderr = aboveBars{pool: pool, after: p.stderr}
		return &orderBar{pool: pool}
	default:
		return &orderLines{write: func(line string) { fmt.Fprintln(p.stderr, line) }}
	}
}

// orderLines is for logs.
type orderLines struct {
	write func(string)
	next  time.Duration
}

func (l *orderLines) show(s fulfill.Snapshot) {
	if s.Elapsed < l.next || s.Pending == 0 {
		return
	}
	l.next = s.Elapsed + lineInterval
	l.write(fmt.Sprintf("%5.0f s  %d of %d orders, %s", s.Elapsed.Seconds(), s.Executed+s.Errored, s.Executed+s.Errored+s.Pending, orderPace(s)))
}

func (l *orderLines) done(bool) {}

// orderPace tells failures, requests, throttling and waits.
func orderPace(s fulfill.Snapshot) string {
	text := fmt.Sprintf("%d errored; %d requests", s.Errored, s.Requests)
	if s.Throttled > 0 {
		text += fmt.Sprintf(", held back %v", s.Throttled.Round(100*time.Millisecond))
	}
	if s.Waiting > time.Second {
		text += fmt.Sprintf(", waiting %v: %s", s.Waiting.Round(time.Second), s.Reason)
	}
	return text
}

// orderBar is for people.
type orderBar struct {
	pool *mpb.Progress
	bar  *mpb.Bar

	mu     sync.Mutex
	latest fulfill.Snapshot
}

func (b *orderBar) show(s fulfill.Snapshot) {
	b.mu.Lock()
	b.latest = s
	b.mu.Unlock()
	ended := int64(s.Executed + s.Errored)
	if b.bar == nil {
		b.bar = b.pool.New(0, mpb.BarStyle(), mpb.PrependDecorators(decor.Name("orders "), decor.CountersNoUnit("%d of %d")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
				b.mu.Lock()
				defer b.mu.Unlock()
				return " " + orderPace(b.latest)
			})))
	}
	b.bar.SetTotal(ended+int64(s.Pending), false)
	b.bar.SetCurrent(ended)
}

func (b *orderBar) done(ok bool) {
	switch {
	case b.bar == nil:
	case ok:
		b.bar.SetTotal(-1, true)
	default:
		b.bar.Abort(false)
	}
	b.pool.Wait()
}
