package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/export/ledger"
)

func (p *program) cookiesCommand() *cobra.Command {
	command := &cobra.Command{Use: "cookies", Short: "Show, delete and move where incremental exports go on from", RunE: parent}
	command.AddCommand(
		&cobra.Command{
			Use:   "list CONNECTION",
			Short: "List the entities with a cookie, when it was obtained and the run it goes on from",
			Args:  args(cobra.ExactArgs(1)),
			RunE:  p.listCookies,
		},
		&cobra.Command{
			Use:   "reset CONNECTION [ENTITY...]",
			Short: "Delete cookies, so that the next export is complete",
			Args:  args(cobra.MinimumNArgs(1)),
			RunE:  p.resetCookies,
		},
		&cobra.Command{
			Use:   "export CONNECTION [FOLDER]",
			Short: "Write the cookies to files",
			Long: `Write each cookie to a file CONNECTION_cookie_ENTITY.bin in a folder, by default
ExportCookies in WorkFolderPath. A cookie is a delta link of Graph as text. Keep
the files secret, and their times: an import takes the age of a cookie from them.`,
			Args: args(cobra.RangeArgs(1, 2)),
			RunE: p.exportCookies,
		},
		&cobra.Command{
			Use:   "import CONNECTION FILE...",
			Short: "Replace cookies by those in files",
			Long: `Replace cookies by those in files CONNECTION_cookie_ENTITY.bin, all or none.

Import cookies of the same tenant and mapping only. A cookie that is newer than the
last export loses the changes between the two; export with --complete afterwards.
One that is older costs nothing: what is known already is not delivered again. One
from before the last complete export is refused: another mapping may have been asked.`,
			Args: args(cobra.MinimumNArgs(2)),
			RunE: p.importCookies,
		},
	)
	return command
}

func (p *program) listCookies(cmd *cobra.Command, arguments []string) error {
	return p.look(cmd, arguments[0], func(l *ledger.Ledger) error {
		type cookie struct {
			Entity   string    `json:"entity"`
			Obtained time.Time `json:"obtained"`
			Run      string    `json:"run"`
		}
		cookies := []cookie{}
		if l != nil {
			known, err := l.Known()
			if err != nil {
				return err
			}
			for _, c := range known.Cookies() {
				cookies = append(cookies, cookie{c.Entity, c.Obtained, c.Run})
			}
		}
		if p.json {
			return p.printJSON(struct {
				Cookies []cookie `json:"cookies"`
			}{cookies})
		}
		if len(cookies) == 0 {
			fmt.Fprintf(p.stdout, "There are no cookies of %s.\n", arguments[0])
		}
		table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		for _, c := range cookies {
			fmt.Fprintf(table, "%s\t%s\trun %s\n", c.Entity, moment(c.Obtained), c.Run)
		}
		return table.Flush()
	})
}

func (p *program) resetCookies(cmd *cobra.Command, arguments []string) error {
	_, runner, err := p.prepare(cmd.Context())
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

func (p *program) exportCookies(cmd *cobra.Command, arguments []string) error {
	_, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	folder := ""
	if len(arguments) > 1 {
		folder = arguments[1]
	}
	paths, err := runner.ExportCookies(cmd.Context(), arguments[0], folder)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(struct {
			Files []string `json:"files"`
		}{paths})
	}
	for _, path := range paths {
		fmt.Fprintln(p.stdout, path)
	}
	return nil
}

func (p *program) importCookies(cmd *cobra.Command, arguments []string) error {
	_, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	imported, err := runner.ImportCookies(cmd.Context(), arguments[0], arguments[1:])
	if err != nil {
		return err
	}
	type cookie struct {
		Entity   string    `json:"entity"`
		Obtained time.Time `json:"obtained"`
	}
	result := struct {
		Imported []cookie  `json:"imported"`
		Warnings []warning `json:"warnings,omitempty"`
	}{}
	for _, c := range imported {
		result.Imported = append(result.Imported, cookie{c.Entity, c.Obtained})
		if c.Newer {
			result.Warnings = append(result.Warnings, warning{
				Message: "the cookie of " + c.Entity + " is newer than the last export: the changes between the two are missing",
				Hint:    "Run 'usher export " + arguments[0] + " --complete'",
			})
		}
	}
	if p.json {
		return p.printJSON(result)
	}
	for _, w := range result.Warnings {
		p.printWarning(w)
	}
	for _, c := range result.Imported {
		fmt.Fprintf(p.stdout, "%s goes on from its cookie of %s.\n", c.Entity, moment(c.Obtained))
	}
	return nil
}
