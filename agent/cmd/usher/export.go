package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
)

func (p *program) exportCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "export CONNECTION",
		Short: "Export a connection to CSV files",
		Long: `Export a connection to CSV files in ExportOutput below TempFolderPath.

The files are replaced as one set at the end; a run that fails or is cancelled
leaves them as they were. The first export is complete. Later ones hold what has
changed since the one before, unless what is asked for has changed or --complete
asks for everything. --complete is a decision: limits such as MaximumDeletedLines
do not hold for it, and it replaces a run that is held.

Exit codes: 0 published, 1 failed, 2 wrong usage or settings, 3 held for an
operator, 130 cancelled.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: p.export,
	}
	command.Flags().Bool("complete", false, "export everything")
	command.Flags().Bool("ignore-cookies", false, "the same as --complete")
	return command
}

func (p *program) export(cmd *cobra.Command, arguments []string) error {
	complete := false
	for _, flag := range []string{"complete", "ignore-cookies"} {
		given, err := cmd.Flags().GetBool(flag)
		if err != nil {
			return usageError{err}
		}
		complete = complete || given
	}
	s, runner, progress, err := prepareShown(cmd.Context(), p, p.exportDisplay)
	if err != nil {
		return err
	}
	var reading time.Duration // until the last page
	report, err := runner.Export(cmd.Context(), arguments[0], complete, func(s export.Snapshot) {
		if s.Phase == export.Reading {
			reading = s.Elapsed
		}
		progress.show(s)
	})
	progress.done(err == nil)
	if err != nil {
		return err
	}
	if p.json {
		result := newExportResult(report, reading)
		result.Warnings = append(warnings(s), result.Warnings...)
		return p.printJSON(result)
	}
	return p.printReport(report)
}

// exportResult is the report of an export as --json prints it.
type exportResult struct {
	Connection       string          `json:"connection"`
	Run              string          `json:"run"`
	Mode             string          `json:"mode"`
	Why              string          `json:"why,omitempty"` // complete, though cookies exist
	Started          time.Time       `json:"started"`
	Finished         time.Time       `json:"finished"`
	Seconds          float64         `json:"seconds"`
	ReadingSeconds   float64         `json:"readingSeconds"` // from the start to the last page
	Objects          uint64          `json:"objects"`
	Links            uint64          `json:"links"`
	Requests         uint64          `json:"requests"`
	ResourceUnits    uint64          `json:"resourceUnits"`
	ThrottledSeconds float64         `json:"throttledSeconds"`
	Manifest         string          `json:"manifest"`
	Files            []exportFile    `json:"files"`
	Discarded        string          `json:"discarded,omitempty"` // run that was held
	Restarts         []store.Restart `json:"restarts,omitempty"`
	Warnings         []warning       `json:"warnings,omitempty"`
}

type exportFile struct {
	Name    string `json:"name"`
	Rows    uint64 `json:"rows"`
	Inserts uint64 `json:"inserts,omitempty"`
	Updates uint64 `json:"updates,omitempty"`
	Deletes uint64 `json:"deletes,omitempty"`
	Bytes   uint64 `json:"bytes"`
	SHA256  string `json:"sha256"`
}

func newExportResult(r export.Report, reading time.Duration) exportResult {
	result := exportResult{
		Connection: r.Connection, Run: r.Run, Mode: string(r.Mode), Why: r.Why, Started: r.Started, Finished: r.Finished,
		Seconds: r.Finished.Sub(r.Started).Seconds(), ReadingSeconds: reading.Seconds(),
		Requests: r.Requests, ResourceUnits: r.ResourceUnits, ThrottledSeconds: r.Throttled.Seconds(), Manifest: r.Manifest,
		Discarded: r.Discarded, Restarts: r.Restarts,
	}
	for _, e := range r.Entities {
		result.Objects += e.Objects
		result.Links += e.Links
	}
	for _, f := range r.Files {
		result.Files = append(result.Files, exportFile{f.Name, f.Rows, f.Inserts, f.Updates, f.Deletes, f.Bytes, f.SHA256})
	}
	for _, w := range r.Warnings {
		result.Warnings = append(result.Warnings, warning(w))
	}
	return result
}

// printReport tells a person what was published.
func (p *program) printReport(r export.Report) error {
	for _, w := range r.Warnings {
		p.printWarning(warning(w))
	}
	for _, restart := range r.Restarts {
		fmt.Fprintf(p.stderr, "note: %s\n", listedAgain(restart))
	}
	if r.Why != "" {
		fmt.Fprintf(p.stderr, "note: everything was exported: %s\n", r.Why)
	}
	if r.Discarded != "" {
		fmt.Fprintf(p.stderr, "note: run %s, which was held, is discarded: this one replaces it\n", r.Discarded)
	}
	throttled := ""
	if r.Throttled > 0 {
		throttled = fmt.Sprintf(", %v of it held back by Graph", r.Throttled.Round(100*time.Millisecond))
	}
	fmt.Fprintf(p.stdout, "Published %s, %s run %s: %d requests in %v%s.\n",
		r.Connection, r.Mode, r.Run, r.Requests, r.Finished.Sub(r.Started).Round(10*time.Millisecond), throttled)
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for _, f := range r.Files {
		fmt.Fprintf(table, "  %s\t%d rows\t%s\t%s\n", f.Name, f.Rows, size(f.Bytes), commands(f))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "Manifest: %s\n", r.Manifest)
	return nil
}

// listedAgain tells that an entity was listed from its start, and why.
func listedAgain(r store.Restart) string {
	return fmt.Sprintf("%s was listed again from its start: %s", r.Entity, r.Reason)
}

// commands tells the rows of an incremental file.
func commands(f publish.File) string {
	var parts []string
	for _, c := range []struct {
		rows uint64
		name string
	}{{f.Inserts, "insert"}, {f.Updates, "update"}, {f.Deletes, "delete"}} {
		if c.rows > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.rows, c.name))
		}
	}
	return strings.Join(parts, ", ")
}

func size(bytes uint64) string {
	switch {
	case bytes >= 10e6:
		return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
	case bytes >= 10e3:
		return fmt.Sprintf("%.0f kB", float64(bytes)/1e3)
	default:
		return fmt.Sprintf("%d bytes", bytes)
	}
}
