package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/store"
)

func (p *program) cookiesCommand() *cobra.Command {
	command := &cobra.Command{Use: "cookies", Short: "Show and delete where incremental exports go on from", RunE: parent}
	command.AddCommand(
		&cobra.Command{
			Use:   "list CONNECTION",
			Short: "List the entities with a cookie, its age and the run that obtained it",
			Args:  args(cobra.ExactArgs(1)),
			RunE:  p.listCookies,
		},
		&cobra.Command{
			Use:   "reset CONNECTION [ENTITY...]",
			Short: "Delete cookies, so that the next export is complete",
			Args:  args(cobra.MinimumNArgs(1)),
			RunE:  p.resetCookies,
		},
	)
	return command
}

func (p *program) listCookies(cmd *cobra.Command, arguments []string) error {
	return p.withStore(cmd, arguments[0], func(s *store.Store) error {
		known, err := s.Known()
		if err != nil {
			return err
		}
		type cookie struct {
			Entity   string    `json:"entity"`
			Obtained time.Time `json:"obtained"`
			Run      string    `json:"run"`
		}
		cookies := []cookie{}
		for _, c := range known.Cookies() {
			cookies = append(cookies, cookie{c.Entity, c.Obtained, c.Run})
		}
		if p.json {
			return p.printJSON(struct {
				Cookies []cookie `json:"cookies"`
			}{cookies})
		}
		table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		for _, c := range cookies {
			fmt.Fprintf(table, "%s\t%s\trun %s\n", c.Entity, c.Obtained.Format(time.DateTime+" MST"), c.Run)
		}
		return table.Flush()
	})
}

func (p *program) resetCookies(cmd *cobra.Command, arguments []string) error {
	_, runner, err := p.prepare()
	if err != nil {
		return err
	}
	deleted, err := runner.ResetCookies(cmd.Context(), arguments[0], arguments[1:])
	switch {
	case err != nil:
		return err
	case p.json:
		return p.printJSON(struct {
			Deleted []string `json:"deleted"`
		}{append([]string{}, deleted...)})
	case len(deleted) == 0:
		fmt.Fprintf(p.stdout, "There are no cookies of %s.\n", arguments[0])
	default:
		fmt.Fprintf(p.stdout, "Deleted the cookies of %s; the next export of %s is complete.\n", strings.Join(deleted, ", "), arguments[0])
	}
	return nil
}
