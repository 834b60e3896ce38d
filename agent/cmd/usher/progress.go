package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/usher-iga/usher/agent/export"
)

// progress shows how far an export is: bars on a terminal, a line every few seconds
// elsewhere, nothing with --json.
type progress struct {
	display display
	reading time.Duration // from the start to the last page
}

// display is one way to show snapshots. done is called once, at the end.
type display interface {
	show(s export.Snapshot)
	done(ok bool)
}

func (p *program) newProgress() *progress {
	file, ok := p.stderr.(*os.File)
	switch {
	case p.json:
		return &progress{display: noDisplay{}}
	case ok && term.IsTerminal(int(file.Fd())):
		pool := mpb.New(mpb.WithOutput(p.stderr), mpb.WithWidth(40))
		p.stderr = aboveBars{pool: pool, after: p.stderr}
		return &progress{display: &bars{pool: pool}}
	default:
		return &progress{display: &lines{write: func(line string) { fmt.Fprintln(p.stderr, line) }}}
	}
}

func (p *progress) show(s export.Snapshot) {
	if s.Phase == export.Reading {
		p.reading = s.Elapsed
	}
	p.display.show(s)
}

func (p *progress) end(ok bool) { p.display.done(ok) }

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

type noDisplay struct{}

func (noDisplay) show(export.Snapshot) {}
func (noDisplay) done(bool)            {}

// lineInterval is the least time between two lines.
const lineInterval = 5 * time.Second

// lines is for logs.
type lines struct {
	write func(string)
	next  time.Duration
}

func (l *lines) show(s export.Snapshot) {
	if s.Elapsed < l.next {
		return
	}
	l.next = s.Elapsed + lineInterval
	l.write(line(s))
}

func (l *lines) done(bool) {}

// line tells a snapshot in one line.
func line(s export.Snapshot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%5.0f s  ", s.Elapsed.Seconds())
	if s.Phase != export.Reading {
		fmt.Fprintf(&b, "write files: %d of %d rows", s.Merged, s.ToMerge)
		return b.String()
	}
	for i, c := range s.Collections {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", c.Entity, read(c))
		if c.Ended {
			b.WriteString(" (all)")
		}
	}
	return b.String() + "; " + pace(s)
}

// read tells what was read of an entity. Graph repeats objects, so there can be more
// rows than objects.
func read(c export.Collection) string {
	return fmt.Sprintf("%d rows, %d pages", c.Objects+c.Links, c.Pages)
}

// pace tells rate, throttling and what is left.
func pace(s export.Snapshot) string {
	text := fmt.Sprintf("%.0f rows/s", s.Rate)
	if s.Throttled > 0 {
		text += fmt.Sprintf(", held back %v", s.Throttled.Round(100*time.Millisecond))
	}
	if s.Waiting > time.Second {
		text += fmt.Sprintf(", waiting %v: %s", s.Waiting.Round(time.Second), s.Reason)
	}
	if s.Remaining > 0 {
		text += fmt.Sprintf(", about %v left", s.Remaining.Round(time.Second))
	}
	return text
}

// bars has a bar for each entity, one for the files, and a line for the pace.
type bars struct {
	pool     *mpb.Progress
	entities []*mpb.Bar
	pace     *mpb.Bar
	files    *mpb.Bar

	mu     sync.Mutex
	latest export.Snapshot
}

func (b *bars) show(s export.Snapshot) {
	b.mu.Lock()
	b.latest = s
	b.mu.Unlock()
	for i, c := range s.Collections {
		if i == len(b.entities) {
			b.entities = append(b.entities, b.add(i, c))
		}
		rows := int64(c.Objects + c.Links)
		b.entities[i].SetCurrent(rows)
		if c.Ended {
			b.entities[i].SetTotal(rows, true)
		}
	}
	if b.pace == nil {
		b.pace = b.line(pace)
	}
	if s.Phase == export.Reading {
		return
	}
	if b.files == nil {
		b.files = b.pool.New(int64(s.ToMerge), mpb.BarStyle(), mpb.PrependDecorators(decor.Name("files", decor.WCSyncSpaceR)))
	}
	b.files.SetCurrent(int64(s.Merged))
}

func (b *bars) add(i int, c export.Collection) *mpb.Bar {
	text := b.decorator(func(s export.Snapshot) string { return " " + read(s.Collections[i]) })
	style := mpb.BarFillerBuilder(mpb.BarStyle())
	if c.Expected == 0 { // nobody knows how much there is
		style = mpb.SpinnerStyle().PositionLeft()
	}
	return b.pool.New(int64(c.Expected), style,
		mpb.PrependDecorators(decor.Name(c.Entity, decor.WCSyncSpaceR)), mpb.AppendDecorators(text))
}

// line has a text and no bar; it stays below the others.
func (b *bars) line(text func(export.Snapshot) string) *mpb.Bar {
	return b.pool.New(0, mpb.NopStyle(), mpb.BarPriority(math.MaxInt), mpb.PrependDecorators(b.decorator(text)))
}

func (b *bars) decorator(text func(export.Snapshot) string) decor.Decorator {
	return decor.Any(func(decor.Statistics) string {
		b.mu.Lock()
		defer b.mu.Unlock()
		return text(b.latest)
	})
}

func (b *bars) done(ok bool) {
	for _, bar := range append(b.entities, b.pace, b.files) {
		switch {
		case bar == nil:
		case ok:
			bar.SetTotal(-1, true)
		default:
			bar.Abort(false)
		}
	}
	b.pool.Wait()
}
