package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/usher-iga/usher/agent/export"
)

// exportDisplay shows how far an export is.
func (p *program) exportDisplay() display[export.Snapshot] {
	return newDisplay(p, func(b *board[export.Snapshot]) display[export.Snapshot] { return &exportBars{board: b} }, exportLine)
}

// exportLine tells a snapshot in one line.
func exportLine(s export.Snapshot) (elapsed time.Duration, text string) {
	if s.Phase != export.Reading {
		return s.Elapsed, fmt.Sprintf("write files: %d of %d rows", s.Merged, s.ToMerge)
	}
	parts := make([]string, len(s.Collections))
	for i, c := range s.Collections {
		parts[i] = c.Entity + " " + read(c)
		if c.Ended {
			parts[i] += " (all)"
		}
	}
	return s.Elapsed, strings.Join(parts, ", ") + "; " + pace(s)
}

// read tells what was read of an entity. Graph repeats objects, so there can be more
// rows than objects.
func read(c export.Collection) string {
	return count(c.Objects+c.Links, "row") + ", " + count(c.Pages, "page")
}

// pace tells rate, throttling and what is left.
func pace(s export.Snapshot) string {
	text := fmt.Sprintf("%.0f rows/s", s.Rate) + pauses(s.Throttled, s.Waiting, s.Reason)
	if s.Remaining > 0 {
		text += fmt.Sprintf(", about %v left", s.Remaining.Round(time.Second))
	}
	return text
}

// exportBars has a bar for each entity, one for the files, and a line for the pace.
type exportBars struct {
	*board[export.Snapshot]
	entities []*mpb.Bar
	pace     *mpb.Bar
	files    *mpb.Bar
}

func (b *exportBars) show(s export.Snapshot) {
	b.note(s)
	for i, c := range s.Collections {
		if i == len(b.entities) {
			b.entities = append(b.entities, b.entity(i, c))
		}
		rows := int64(c.Objects + c.Links)
		b.entities[i].SetCurrent(rows)
		if c.Ended {
			b.entities[i].SetTotal(rows, true)
		}
	}
	if b.pace == nil { // no bar, and it stays below the others
		b.pace = b.add(0, mpb.NopStyle(), mpb.BarPriority(math.MaxInt), mpb.PrependDecorators(b.text(pace)))
	}
	if s.Phase == export.Reading {
		return
	}
	if b.files == nil {
		b.files = b.add(s.ToMerge, mpb.BarStyle(), mpb.PrependDecorators(decor.Name("files", decor.WCSyncSpaceR)))
	}
	b.files.SetCurrent(int64(s.Merged))
}

func (b *exportBars) entity(i int, c export.Collection) *mpb.Bar {
	style := mpb.BarFillerBuilder(mpb.BarStyle())
	if c.Expected == 0 { // nobody knows how much there is
		style = mpb.SpinnerStyle().PositionLeft()
	}
	return b.add(c.Expected, style, mpb.PrependDecorators(decor.Name(c.Entity, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(b.text(func(s export.Snapshot) string { return " " + read(s.Collections[i]) })))
}
