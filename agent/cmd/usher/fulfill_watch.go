package main

import (
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/job"
	"github.com/usher-iga/usher/connectors/sdk"
)

// watchResult is one event of a watch, a line of JSON each with --json.
type watchResult struct {
	Event    string         `json:"event"` // watching, taken, held, ran, trouble
	Folder   string         `json:"folder,omitempty"`
	File     string         `json:"file,omitempty"`
	Intake   uint64         `json:"intake,omitempty"`
	Orders   uint64         `json:"orders,omitempty"`
	Answered uint64         `json:"answered,omitempty"` // of them, those that had ended before
	Reason   string         `json:"reason,omitempty"`
	Run      *fulfillReport `json:"run,omitempty"`
	Warnings []warning      `json:"warnings,omitempty"`
	Errors   []failure      `json:"errors,omitempty"`
}

// watch carries out the orders of files that are put into the folder, until it is interrupted.
func (p *program) watch(cmd *cobra.Command, connection string) error {
	s, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	return runner.Watch(cmd.Context(), connection, p.watchEvents(connection, warnings(s)))
}

// watchEvents tells what a watch does. found are the warnings about the settings, which a person has seen
// already.
func (p *program) watchEvents(connection string, found []warning) job.WatchEvents {
	var mu sync.Mutex // events come from two sides
	tell := func(w watchResult, say func()) {
		mu.Lock()
		defer mu.Unlock()
		if p.json {
			_ = p.printJSON(w) // a watch does not end because nobody reads what it tells
			return
		}
		for _, warned := range w.Warnings {
			p.printWarning(warned)
		}
		say()
	}
	return job.WatchEvents{
		Watching: func(path string, all []sdk.Warning) {
			w := watchResult{Event: "watching", Folder: path, Warnings: asWarnings(all)}
			if p.json {
				w.Warnings = append(found, w.Warnings...)
			}
			tell(w, func() { fmt.Fprintf(p.stdout, "Watching %s. Interrupt to end.\n", path) })
		},
		Taken: func(in journal.Intake) {
			w := watchResult{Event: "taken", File: in.Source.Name, Intake: in.Number, Orders: in.Orders, Answered: in.Answered.Orders}
			say := func() { p.printIntakeLine(in) }
			if in.State == journal.IntakeHeld {
				w.Event, w.Reason = "held", in.Reason
				say = func() { p.printError(fulfill.Held(connection, in)) }
			}
			tell(w, say)
		},
		Ran: func(r fulfill.Report, all []sdk.Warning) {
			tell(watchResult{Event: "ran", Run: newFulfillReport(r), Warnings: asWarnings(all)}, func() { p.printRan(connection, r) })
		},
		Trouble: func(err error) {
			tell(watchResult{Event: "trouble", Errors: failures(err)}, func() { p.printError(err) })
		},
	}
}

func asWarnings(all []sdk.Warning) (list []warning) {
	for _, w := range all {
		list = append(list, warning(w))
	}
	return list
}
