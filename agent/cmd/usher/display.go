package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/usher-iga/usher/agent/job"
	"github.com/usher-iga/usher/agent/settings"
)

// display shows how far something is by snapshots: bars on a terminal, a line every few seconds
// elsewhere, nothing with --json. done is called once, at the end.
type display[S any] interface {
	show(s S)
	done(ok bool)
}

// newDisplay makes a display of bars, or of lines.
func newDisplay[S any](p *program, bars func(*board[S]) display[S], line func(S) (time.Duration, string)) display[S] {
	file, ok := p.stderr.(*os.File)
	switch {
	case p.json:
		return noDisplay[S]{}
	case ok && term.IsTerminal(int(file.Fd())):
		pool := mpb.New(mpb.WithOutput(p.stderr), mpb.WithWidth(40))
		p.stderr = aboveBars{pool: pool, after: p.stderr}
		return bars(&board[S]{pool: pool})
	default:
		return &lines[S]{line: line, write: func(line string) { fmt.Fprintln(p.stderr, line) }, next: lineInterval}
	}
}

// prepareShown is [program.prepare] for a command that shows how far it is. The display comes before the
// logger, so that what is logged goes above the bars.
func prepareShown[S any](ctx context.Context, p *program, begin func() display[S]) (*settings.Settings, *job.Runner, display[S], error) {
	s, err := p.load(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	p.printWarnings(s)
	progress := begin()
	runner, err := p.runner(s)
	if err != nil {
		progress.done(false)
		return nil, nil, nil, err
	}
	return s, runner, progress, nil
}

type noDisplay[S any] struct{}

func (noDisplay[S]) show(S)    {}
func (noDisplay[S]) done(bool) {}

// lineInterval is the least time between two lines, and before the first: what is quick needs none.
const lineInterval = 5 * time.Second

// lines is for logs.
type lines[S any] struct {
	line  func(S) (elapsed time.Duration, text string) // "" is not shown
	write func(string)
	next  time.Duration
}

func (l *lines[S]) show(s S) {
	elapsed, text := l.line(s)
	if elapsed < l.next || text == "" {
		return
	}
	l.next = elapsed + lineInterval
	l.write(fmt.Sprintf("%5.0f s  %s", elapsed.Seconds(), text))
}

func (l *lines[S]) done(bool) {}

// board is for people: bars whose texts are made of the last snapshot.
type board[S any] struct {
	pool *mpb.Progress
	bars []*mpb.Bar

	mu     sync.Mutex
	latest S
}

func (b *board[S]) note(s S) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.latest = s
}

// text is a part of a bar that follows the snapshots.
func (b *board[S]) text(of func(S) string) decor.Decorator {
	return decor.Any(func(decor.Statistics) string {
		b.mu.Lock()
		defer b.mu.Unlock()
		return of(b.latest)
	})
}

func (b *board[S]) add(total uint64, style mpb.BarFillerBuilder, options ...mpb.BarOption) *mpb.Bar {
	bar := b.pool.New(int64(total), style, options...)
	b.bars = append(b.bars, bar)
	return bar
}

func (b *board[S]) done(ok bool) {
	for _, bar := range b.bars {
		if ok {
			bar.SetTotal(-1, true)
		} else {
			bar.Abort(false)
		}
	}
	b.pool.Wait()
}

// aboveBars writes above the bars while there are any.
type aboveBars struct {
	pool  *mpb.Progress
	after io.Writer
}

func (a aboveBars) Write(b []byte) (int, error) {
	if n, err := a.pool.Write(b); err == nil {
		return n, nil
	}
	return a.after.Write(b) // the bars are done
}

// pauses tells throttling, and what is waited for.
func pauses(throttled, waiting time.Duration, reason string) (text string) {
	if throttled > 0 {
		text += fmt.Sprintf(", held back %v", throttled.Round(100*time.Millisecond))
	}
	if waiting > time.Second {
		text += fmt.Sprintf(", waiting %v: %s", waiting.Round(time.Second), reason)
	}
	return text
}
