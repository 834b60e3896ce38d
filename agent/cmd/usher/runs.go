package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/job"
	"github.com/usher-iga/usher/agent/store"
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

// withStore calls work with what is known of a connection.
func (p *program) withStore(cmd *cobra.Command, connection string, work func(*store.Store) error) error {
	_, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	return runner.WithStore(cmd.Context(), connection, work)
}

func (p *program) listRuns(cmd *cobra.Command, arguments []string) error {
	last, err := cmd.Flags().GetInt("last")
	if err != nil {
		return usageError{err}
	}
	return p.withStore(cmd, arguments[0], func(s *store.Store) error {
		runs, err := s.Runs(max(last, 0))
		if err != nil {
			return err
		}
		if p.json {
			return p.printJSON(struct {
				Runs []store.Run `json:"runs"`
			}{runs})
		}
		table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		for _, run := range runs {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", run.ID, run.State, run.Mode, run.Finished.Sub(run.Started).Round(10*time.Millisecond), totals(run))
		}
		return table.Flush()
	})
}

// totals tells the rows of a run by command, or why there are none.
func totals(run store.Run) string {
	if run.Error != nil {
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
	return p.withStore(cmd, arguments[0], func(s *store.Store) error {
		run, err := s.Run(arguments[1])
		if err != nil {
			return err
		}
		if p.json {
			return p.printJSON(run)
		}
		return p.printRun(run)
	})
}

// printRun tells a person what a run did.
func (p *program) printRun(run store.Run) error {
	fmt.Fprintf(p.stdout, "Run %s: %s, %s, from %s, %v\n", run.ID, run.State, run.Mode,
		run.Started.Format(time.DateTime+" MST"), run.Finished.Sub(run.Started).Round(10*time.Millisecond))
	if !run.Decided.IsZero() {
		fmt.Fprintf(p.stdout, "It was decided on at %s\n", run.Decided.Format(time.DateTime+" MST"))
	}
	if run.Error != nil {
		fmt.Fprintf(p.stdout, "%s\n", sentence(run.Error.Message))
		if run.Error.Hint != "" {
			fmt.Fprintf(p.stdout, "%s\n", sentence(run.Error.Hint))
		}
	}
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for _, c := range run.Counts {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%d rows\n", c.Entity, c.Navigation, c.Command, c.Rows)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, restart := range run.Restarts {
		fmt.Fprintf(p.stdout, "note: %s was listed again from its start: %s\n", restart.Entity, restart.Reason)
	}
	for _, renewed := range run.Renewed {
		fmt.Fprintf(p.stdout, "note: %s\n", renewal(renewed))
	}
	for _, w := range run.Warnings {
		fmt.Fprintf(p.stdout, "warning: %s\n", w.Message)
	}
	return nil
}
