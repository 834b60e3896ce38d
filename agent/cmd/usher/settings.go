package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/settings"
)

func (p *program) settingsCommand() *cobra.Command {
	command := &cobra.Command{Use: "settings", Short: "Check and show the settings", RunE: parent}
	show := &cobra.Command{
		Use:   "show",
		Short: "Show every value in effect, secrets hidden",
		Args:  args(cobra.NoArgs),
		RunE:  p.show,
	}
	show.Flags().Bool("origin", false, "show where each value comes from: file and line, vault, CyberArk or environment")
	command.AddCommand(
		&cobra.Command{
			Use:   "validate",
			Short: "Check all settings and connections, without the network",
			Args:  args(cobra.NoArgs),
			RunE:  p.validate,
		},
		show,
	)
	return command
}

func (p *program) validate(cmd *cobra.Command, _ []string) error {
	s, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	checked, skipped, err := runner.Validate(cmd.Context())
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(struct {
			Settings    string    `json:"settings"`
			Connections []string  `json:"connections"`
			Skipped     []string  `json:"skipped,omitempty"`
			Warnings    []warning `json:"warnings,omitempty"`
		}{s.Dir, checked, skipped, warnings(s)})
	}
	fmt.Fprintf(p.stdout, "The settings in %s are valid.\n", s.Dir)
	for _, id := range checked {
		fmt.Fprintf(p.stdout, "  connection %s\n", id)
	}
	for _, id := range skipped {
		fmt.Fprintf(p.stdout, "  connection %s was not looked at: it has no EntityTypeMapping, so there is nothing to export\n", id)
	}
	return nil
}

func (p *program) show(cmd *cobra.Command, _ []string) error {
	s, err := p.load(cmd.Context())
	if err != nil {
		return err
	}
	runner, err := p.runner(s)
	if err != nil {
		return err
	}
	origin, err := cmd.Flags().GetBool("origin")
	if err != nil {
		return usageError{err}
	}
	entries := s.Entries(runner.Keys(cmd.Context()))
	if p.json {
		type entry struct {
			Path  string `json:"path"`
			Value string `json:"value"`
			Layer string `json:"layer"`
			File  string `json:"file,omitempty"`
			Line  int    `json:"line,omitempty"`
			// Of a vault or of CyberArk: the secret or object, and the vault or safe.
			Item   string `json:"item,omitempty"`
			Holder string `json:"holder,omitempty"`
			// Of the environment.
			Variable string `json:"variable,omitempty"`
		}
		all := make([]entry, len(entries))
		for i, e := range entries {
			all[i] = entry{e.Path, e.Value, e.Origin.Layer, e.Origin.File, e.Origin.Line, e.Origin.Item, e.Origin.Holder, e.Origin.Variable}
		}
		return p.printJSON(struct {
			Settings []entry `json:"settings"`
		}{all})
	}
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for _, e := range entries {
		if origin {
			fmt.Fprintf(table, "%s\t%q\t%s\n", e.Path, e.Value, e.Origin)
		} else {
			fmt.Fprintf(table, "%s\t%q\n", e.Path, e.Value)
		}
	}
	return table.Flush()
}

func (p *program) printWarnings(s *settings.Settings) {
	if p.json {
		return // the result holds them
	}
	for _, w := range warnings(s) {
		p.printWarning(w)
	}
}

// warning is something to look at that stops nothing.
type warning struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func warnings(s *settings.Settings) []warning {
	var all []warning
	for _, w := range s.Warnings {
		all = append(all, warning{w.Message, w.Hint})
	}
	return all
}

func (p *program) printWarning(w warning) {
	fmt.Fprintf(p.stderr, "warning: %s\n", visible(w.Message, "\n"))
	if w.Hint != "" {
		fmt.Fprintf(p.stderr, "         %s\n", visible(sentence(w.Hint), "\n"))
	}
}
