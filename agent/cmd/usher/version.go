package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/connectors/sdk"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if p.json {
				return p.printJSON(map[string]any{
					"version": version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
					"connectorProtocol": sdk.ProtocolVersion,
				})
			}
			fmt.Fprintf(p.stdout, "usher %s (%s/%s, %s, connector protocol %d)\n",
				version, runtime.GOOS, runtime.GOARCH, runtime.Version(), sdk.ProtocolVersion)
			return nil
		},
	}
}
