// Command demo shows the main jobs from start to end: it starts a simulated tenant,
// writes settings as an admin would, exports the tenant, carries out orders in it, and shows
// what came out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/usher-iga/usher/agent/trial"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	programs, err := trial.FindPrograms("bin")
	if err != nil {
		return err
	}
	root, err := os.MkdirTemp("", "usher-demo-")
	if err != nil {
		return err
	}

	fmt.Fprintf(out, "1. Start a simulated tenant: 5,000 users, 400 groups, 30,000 memberships.\n"+
		"   One request in ten is throttled, cut off or answered with an error.\n\n")
	sandbox, err := trial.StartSandbox(ctx, programs, root,
		"--users", "5000", "--groups", "400", "--memberships", "30000", "--fault-rate", "0.1", "--writes")
	if err != nil {
		return err
	}
	defer sandbox.Stop()

	installation := &trial.Installation{Root: root, Programs: programs, Tenant: sandbox.Tenant}
	if err := installation.Write(); err != nil {
		return err
	}
	fmt.Fprintf(out, "2. Settings are in %s\n\n", filepath.Join(installation.Settings(), "appsettings.agent.json"))
	usher := func(arguments ...string) error {
		fmt.Fprintf(out, "$ usher %s --settings %s\n", strings.Join(arguments, " "), installation.Settings())
		if err := installation.Show(ctx, out, arguments...); err != nil {
			return fmt.Errorf("usher %s: %w", strings.Join(arguments, " "), err)
		}
		fmt.Fprintln(out)
		return nil
	}
	for _, step := range [][]string{{"settings", "validate"}, {"connectors", "list"}, {"export", trial.Connection}} {
		if err := usher(step...); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "3. What is in %s\n\n", installation.Output())
	if err := show(out, installation.Output()); err != nil {
		return err
	}
	if err := fulfill(ctx, out, sandbox, root, usher); err != nil {
		return err
	}
	fmt.Fprintf(out, "Keep looking around in %s; delete it when you are done.\n", root)
	return nil
}

// show prints the beginning of each file of the published set.
func show(out io.Writer, folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, trial.Connection+"_manifest.json"))
	if err != nil {
		return err
	}
	var manifest struct {
		Files []struct {
			Name   string `json:"name"`
			Rows   int64  `json:"rows"`
			Bytes  int64  `json:"bytes"`
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return err
	}
	for _, file := range manifest.Files {
		fmt.Fprintf(out, "%s: %d rows, %d bytes, SHA-256 %s...\n", file.Name, file.Rows, file.Bytes, file.SHA256[:16])
		lines, err := head(filepath.Join(folder, file.Name), 4)
		if err != nil {
			return err
		}
		for _, line := range lines {
			fmt.Fprintf(out, "    %s\n", line)
		}
		fmt.Fprintln(out)
	}
	return nil
}

// head returns the first lines of a file.
func head(path string, n int) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var lines []string
	for scanner := bufio.NewScanner(file); len(lines) < n && scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	return lines, nil
}
