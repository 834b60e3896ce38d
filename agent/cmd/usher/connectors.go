package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/pluginhost"
	"github.com/usher-iga/usher/agent/settings"
)

func (p *program) connectorsCommand() *cobra.Command {
	command := &cobra.Command{Use: "connectors", Short: "List and trust the connector programs", RunE: parent}
	command.AddCommand(
		&cobra.Command{
			Use:   "list",
			Short: "List the connector programs and whether they are genuine",
			Args:  args(cobra.NoArgs),
			RunE:  p.listConnectors,
		},
		&cobra.Command{
			Use:   "trust",
			Short: "Note the checksums of the programs that are in the connector folder now",
			Long: `Note the checksums of the programs that are in the connector folder now, in
` + pluginhost.ManifestName + ` beside them. Installing Usher does this; run it after you have
added or replaced a connector program yourself. A program whose checksum is not
noted, or has changed since, is not started.`,
			Args: args(cobra.NoArgs),
			RunE: p.trustConnectors,
		},
	)
	return command
}

// connectorFolder is the folder that the settings name; without settings, as on a
// machine where Usher is just being installed, the one beside the program.
func (p *program) connectorFolder(ctx context.Context) (pluginhost.Folder, error) {
	s, err := p.loadOrDefault(ctx)
	if err != nil {
		return pluginhost.Folder{}, err
	}
	return pluginhost.Folder{Path: s.Connectors.Folder, Checksums: s.Connectors.Checksums}, nil
}

func (p *program) listConnectors(cmd *cobra.Command, _ []string) error {
	s, err := p.loadOrDefault(cmd.Context())
	if err != nil {
		return err
	}
	runner, err := p.runner(s)
	if err != nil {
		return err
	}
	listed, err := runner.Connectors(cmd.Context())
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(struct {
			Folder     string `json:"folder"`
			Connectors any    `json:"connectors"`
		}{s.Connectors.Folder, listed})
	}
	fmt.Fprintf(p.stdout, "Connectors in %s\n", s.Connectors.Folder)
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for _, c := range listed {
		state := "genuine, vouched for by " + c.Source
		if c.Problem != "" {
			state = c.Problem
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", c.Name, c.Version, strings.Join(c.Capabilities, ", "), state)
	}
	return table.Flush()
}

func (p *program) trustConnectors(cmd *cobra.Command, _ []string) error {
	folder, err := p.connectorFolder(cmd.Context())
	if err != nil {
		return err
	}
	programs, err := folder.Trust()
	if err != nil {
		return err
	}
	if p.json {
		sums := map[string]string{}
		for _, program := range programs {
			sums[program.Name] = program.Checksum
		}
		return p.printJSON(struct {
			Folder    string            `json:"folder"`
			Checksums map[string]string `json:"checksums"`
		}{folder.Path, sums})
	}
	for _, program := range programs {
		fmt.Fprintf(p.stdout, "%s  %s\n", program.Checksum, program.Name)
	}
	return nil
}

// loadOrDefault is load, but gives the default settings where --settings is not
// given and no settings file lies beside the program.
func (p *program) loadOrDefault(ctx context.Context) (*settings.Settings, error) {
	if p.settingsDir != "" {
		return p.load(ctx)
	}
	dir, err := programDir()
	if err != nil {
		return nil, err
	}
	for _, file := range []string{"appsettings.json", "appsettings.agent.json"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
			return p.load(ctx)
		}
	}
	return settings.Default(settings.Options{Dir: dir, Environ: p.environ, ProgramDir: dir})
}
