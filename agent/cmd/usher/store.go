package main

import (
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func (p *program) storeCommand() *cobra.Command {
	command := &cobra.Command{Use: "store", Short: "Look after what is known of a connection", RunE: parent}
	command.AddCommand(
		&cobra.Command{
			Use:   "check CONNECTION",
			Short: "Read everything that is known and compare it with its checksums",
			Args:  args(cobra.ExactArgs(1)),
			RunE: func(cmd *cobra.Command, arguments []string) error {
				return p.withStore(cmd, arguments[0], func(s *store.Store) error { return p.checkStore(cmd, arguments[0], s) })
			},
		},
		&cobra.Command{
			Use:   "compact CONNECTION",
			Short: "Write what is known anew, which gives disk space back",
			Args:  args(cobra.ExactArgs(1)),
			RunE: func(cmd *cobra.Command, arguments []string) error {
				return p.withStore(cmd, arguments[0], func(s *store.Store) error {
					if err := s.Compact(cmd.Context()); err != nil {
						return err
					}
					return p.checkStore(cmd, arguments[0], s)
				})
			},
		},
		&cobra.Command{
			Use:   "backup CONNECTION FOLDER",
			Short: "Copy what is known into an empty folder",
			Long: `Copy what is known into an empty folder. The copy holds cookies and personal
data. To go back to it, put it in the place of the connection's folder below
Store in WorkFolderPath. The next export goes on from there if nothing was
published since the copy was made, and is complete otherwise.`,
			Args: args(cobra.ExactArgs(2)),
			RunE: func(cmd *cobra.Command, arguments []string) error {
				return p.withStore(cmd, arguments[0], func(s *store.Store) error { return p.backupStore(cmd, arguments[1], s) })
			},
		},
	)
	return command
}

// withStore calls work with what is known of a connection.
func (p *program) withStore(cmd *cobra.Command, connection string, work func(*store.Store) error) error {
	_, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	met := false
	err = runner.WithStore(cmd.Context(), connection, func(s *store.Store) error {
		met = true
		return work(s)
	})
	if err == nil && !met {
		return fault.Errorf(fault.NotFound, "nothing is known of connection %s: it was never exported", connection).
			WithHint("Run 'usher export %s'", connection)
	}
	return err
}

func (p *program) checkStore(cmd *cobra.Command, connection string, s *store.Store) error {
	report, err := s.Check(cmd.Context())
	if err != nil {
		return err
	}
	if p.json {
		type set struct {
			Name    string `json:"name"`
			Keys    int64  `json:"keys"`
			Changes int64  `json:"changes"`
			Bytes   int64  `json:"bytes"`
		}
		result := struct {
			Connection string `json:"connection"`
			World      string `json:"world"`
			Sets       []set  `json:"sets"`
			Cookies    int    `json:"cookies"`
			Runs       int    `json:"runs"`
			Held       int    `json:"held"`
			Bytes      int64  `json:"bytes"`
		}{connection, report.World.Text, []set{}, report.Cookies, report.Runs, report.Held, report.Bytes}
		for _, one := range report.Sets {
			result.Sets = append(result.Sets, set(one))
		}
		return p.printJSON(result)
	}
	fmt.Fprintf(p.stdout, "What is known of %s is in order: %d cookies, %d runs, %s.\n", connection, report.Cookies, report.Runs, size(uint64(report.Bytes)))
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for _, one := range report.Sets {
		fmt.Fprintf(table, "  %s\t%d\n", one.Name, one.Keys)
	}
	return table.Flush()
}

func (p *program) backupStore(cmd *cobra.Command, folder string, s *store.Store) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	if err := s.Backup(cmd.Context(), folder); err != nil {
		return err
	}
	if p.json {
		return p.printJSON(struct {
			Folder string `json:"folder"`
		}{folder})
	}
	fmt.Fprintf(p.stdout, "Copied to %s.\n", folder)
	return nil
}
