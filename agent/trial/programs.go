// Package trial sets up what a person would set up to try Usher: the built
// programs, a simulated tenant, and an installation with its settings, all in
// temporary folders. The demo, the benchmark and the end-to-end tests use it; it
// knows the programs from outside only, as an admin does.
package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Programs are the built programs.
type Programs struct {
	Usher, Sandbox string // paths
	Connectors     string // folder
}

// FindPrograms returns the programs that `make build` puts into folder.
func FindPrograms(folder string) (Programs, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return Programs{}, err
	}
	p := Programs{
		Usher:      filepath.Join(folder, "usher"+exe()),
		Sandbox:    filepath.Join(folder, "usher-sandbox"+exe()),
		Connectors: filepath.Join(folder, "connectors"),
	}
	for _, path := range []string{p.Usher, p.Sandbox, p.Connectors} {
		if _, err := os.Stat(path); err != nil {
			return Programs{}, fmt.Errorf("run `make build` first: %w", err)
		}
	}
	return p, nil
}

// Build builds the programs into folder, as `make build` does. agentFlags are flags
// of `go build` for agent and connectors, such as -race; the sandbox goes without.
func Build(ctx context.Context, folder string, agentFlags ...string) (Programs, error) {
	const module = "github.com/usher-iga/usher/"
	build := func(output, pkg string, flags ...string) error {
		arguments := append([]string{"build", "-o", output + string(filepath.Separator)}, flags...)
		out, err := exec.CommandContext(ctx, "go", append(arguments, module+pkg)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
		return nil
	}
	connectors := filepath.Join(folder, "connectors")
	err := errors.Join(
		os.MkdirAll(connectors, 0o700),
		build(folder, "agent/cmd/usher", agentFlags...),
		build(connectors, "connectors/entra-export", agentFlags...),
		build(connectors, "connectors/entra-fulfill", agentFlags...),
		build(folder, "connectors/sandbox/usher-sandbox"),
	)
	if err != nil {
		return Programs{}, err
	}
	p, err := FindPrograms(folder)
	if err != nil {
		return Programs{}, err
	}
	if out, err := exec.CommandContext(ctx, p.Usher, "connectors", "trust").CombinedOutput(); err != nil {
		return Programs{}, fmt.Errorf("usher connectors trust: %w\n%s", err, out)
	}
	return p, nil
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
