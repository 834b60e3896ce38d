package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/export/ledger"
	"github.com/usher-iga/usher/agent/job"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func (p *program) runsCommand() *cobra.Command {
	command := &cobra.Command{Use: "runs", Short: "Show the runs of a connection, and decide on those that are held", RunE: parent}
	list := &cobra.Command{
		Use:   "list CONNECTION",
		Short: "List the last runs, the newest first",
		Args:  args(cobra.ExactArgs(1)),
		RunE:  p.listRuns,
	}
	list.Flags().Int("last", 20, "how many; 0: all that are remembered")
	command.AddCommand(list, &cobra.Command{
		Use:   "show CONNECTION RUN",
		Short: "Show what a run did",
		Args:  args(cobra.ExactArgs(2)),
		RunE:  p.showRun,
	}, &cobra.Command{
		Use:   "release CONNECTION RUN",
		Short: "Publish a run that is held",
		Args:  args(cobra.ExactArgs(2)),
		RunE: p.decideRun("released", func(cmd *cobra.Command, runner *job.Runner, connection, run string) (error, error) {
			return runner.Release(cmd.Context(), connection, run)
		}),
	}, &cobra.Command{
		Use:   "discard CONNECTION RUN",
		Short: "Drop a run that is held; the next export reads its changes again",
		Args:  args(cobra.ExactArgs(2)),
		RunE: p.decideRun("discarded", func(cmd *cobra.Command, runner *job.Runner, connection, run string) (error, error) {
			return runner.Discard(cmd.Context(), connection, run)
		}),
	})
	return command
}

// decideRun makes a command that decides on a held run.
func (p *program) decideRun(state string, decide func(cmd *cobra.Command, runner *job.Runner, connection, run string) (warning, err error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, arguments []string) error {
		_, runner, err := p.prepare(cmd.Context())
		if err != nil {
			return err
		}
		late, err := decide(cmd, runner, arguments[0], arguments[1])
		if err != nil {
			return err
		}
		if late != nil {
			p.printWarning(warning{Message: late.Error(), Hint: "The next export tries to put it right"})
		}
		if p.json {
			return p.printJSON(struct {
				Connection string `json:"connection"`
				Run        string `json:"run"`
				State      string `json:"state"`
			}{arguments[0], arguments[1], state})
		}
		fmt.Fprintf(p.stdout, "Run %s of %s is %s.\n", arguments[1], arguments[0], state)
		return nil
	}
}

// look calls work with what stands of a connection, or without it where nothing was ever
// exported.
func (p *program) look(cmd *cobra.Command, connection string, work func(*ledger.Ledger) error) error {
	_, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	met := false
	err = runner.Look(cmd.Context(), connection, func(l *ledger.Ledger) error {
		met = true
		return work(l)
	})
	if err == nil && !met {
		return work(nil)
	}
	return err
}

func (p *program) listRuns(cmd *cobra.Command, arguments []string) error {
	last, err := cmd.Flags().GetInt("last")
	if err != nil {
		return usageError{err}
	}
	return p.look(cmd, arguments[0], func(l *ledger.Ledger) error {
		runs := []store.Run{}
		if l != nil {
			remembered, err := l.Runs(max(last, 0))
			if err != nil {
				return err
			}
			runs = append(runs, remembered...)
		}
		if p.json {
			return p.printJSON(struct {
				Runs []store.Run `json:"runs"`
			}{runs})
		}
		if len(runs) == 0 {
			fmt.Fprintf(p.stdout, "There are no runs of %s.\n", arguments[0])
		}
		table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		for _, run := range runs {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", run.ID, run.State, run.Mode, run.Finished.Sub(run.Started).Round(10*time.Millisecond), totals(run))
		}
		return table.Flush()
	})
}

// totals tells the rows of a run by command, or why they are not published.
func totals(run store.Run) string {
	if run.Error != nil && run.State != store.Released {
		return run.Error.Message
	}
	rows := map[string]uint64{}
	for _, c := range run.Counts {
		rows[c.Command] += c.Rows
	}
	var parts []string
	for _, command := range []string{"insert", "update", "delete"} {
		if rows[command] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", rows[command], command))
		}
	}
	return strings.Join(parts, ", ")
}

func (p *program) showRun(cmd *cobra.Command, arguments []string) error {
	return p.look(cmd, arguments[0], func(l *ledger.Ledger) error {
		if l == nil {
			return fault.Errorf(fault.NotFound, "connection %s has no run %s: it was never exported", arguments[0], arguments[1]).
				WithHint("Run 'usher export %s'", arguments[0])
		}
		run, err := l.Run(arguments[1])
		if err != nil {
			return err
		}
		folder := ""
		if run.State == store.Held {
			folder = l.HeldFolder(run.ID)
		}
		if p.json {
			return p.printJSON(struct {
				store.Run
				HeldFolder string `json:"heldFolder,omitempty"`
			}{run, folder})
		}
		return p.printRun(run, folder)
	})
}

// printRun tells a person what a run did, and where its files are if it is held.
func (p *program) printRun(run store.Run, folder string) error {
	fmt.Fprintf(p.stdout, "Run %s: %s, %s, from %s, %v\n", run.ID, run.State, run.Mode,
		moment(run.Started), run.Finished.Sub(run.Started).Round(10*time.Millisecond))
	p.printOutcome(run, folder)
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for _, c := range run.Counts {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%d rows\n", c.Entity, c.Navigation, c.Command, c.Rows)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, restart := range run.Restarts {
		fmt.Fprintf(p.stdout, "note: %s\n", listedAgain(restart))
	}
	for _, w := range run.Warnings {
		fmt.Fprintf(p.stdout, "warning: %s\n", w.Message)
	}
	return nil
}

// printOutcome tells why a run was not published, or was held before.
func (p *program) printOutcome(run store.Run, folder string) {
	why := run.Error
	switch {
	case why == nil:
	case !run.Decided.IsZero():
		fmt.Fprintf(p.stdout, "It was held because %s; %s at %s.\n", why.Message, run.State, moment(run.Decided))
	case run.State == store.Held:
		fmt.Fprintf(p.stdout, "It is held because %s\n%s\nIts files are in %s\n", sentence(why.Message), sentence(why.Hint), folder)
	default:
		fmt.Fprintf(p.stdout, "%s\n", sentence(why.Message))
		if why.Hint != "" {
			fmt.Fprintf(p.stdout, "%s\n", sentence(why.Hint))
		}
	}
}
