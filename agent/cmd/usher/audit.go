package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/audit"
	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func (p *program) auditCommand() *cobra.Command {
	command := &cobra.Command{Use: "audit", Short: "Show and verify the log of everything that was written", RunE: parent}
	show := &cobra.Command{
		Use:   "show CONNECTION",
		Short: "Print the lines of the log, the oldest first",
		Long: `Print the lines of the log, the oldest first: for a person in brief, with --json as
they stand there, one JSON object a line.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: p.showAudit,
	}
	show.Flags().String("order", "", "only the lines of the order with this `id`")
	command.AddCommand(&cobra.Command{
		Use:   "verify CONNECTION",
		Short: "Check that the log is as it was written",
		Args:  args(cobra.ExactArgs(1)),
		RunE:  p.verifyAudit,
	}, show)
	return command
}

// auditFolder is where the log of a connection lies.
func (p *program) auditFolder(cmd *cobra.Command, connection string) (string, error) {
	_, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return "", err
	}
	return runner.AuditFolder(connection)
}

func (p *program) verifyAudit(cmd *cobra.Command, arguments []string) error {
	folder, err := p.auditFolder(cmd, arguments[0])
	if err != nil {
		return err
	}
	report, err := audit.Verify(cmd.Context(), folder)
	if err != nil {
		return err
	}
	if report.Broken != nil {
		return fault.Errorf(fault.Storage, "the audit log is not as it was written: %s", report.Broken).
			WithHint("Find out who changed it; what stands before that place is as it was written")
	}
	if p.json {
		return p.printJSON(struct {
			Files int       `json:"files"`
			Lines uint64    `json:"lines"`
			First time.Time `json:"first,omitzero"`
			Last  time.Time `json:"last,omitzero"`
			Head  string    `json:"head"`
		}{report.Files, report.Lines, report.First, report.Last, report.Head})
	}
	fmt.Fprintf(p.stdout, "The audit log of %s is as it was written: %s.\n", arguments[0], count(report.Lines, "line"))
	if report.Lines > 0 {
		fmt.Fprintf(p.stdout, "From %s to %s; the last one has the SHA-256 %s.\n",
			moment(report.First), moment(report.Last), report.Head)
	}
	return nil
}

func (p *program) showAudit(cmd *cobra.Command, arguments []string) error {
	only, err := cmd.Flags().GetString("order")
	if err != nil {
		return usageError{err}
	}
	folder, err := p.auditFolder(cmd, arguments[0])
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if err != nil {
		return fault.Errorf(fault.Internal, "list %s: %w", folder, err)
	}
	slices.Sort(files)
	found := false
	for _, file := range files {
		shown, err := p.showAuditFile(file, only)
		if err != nil {
			return err
		}
		found = found || shown
	}
	if !found && !p.json {
		fmt.Fprintf(p.stdout, "There are no such lines in the audit log of %s.\n", arguments[0])
	}
	return nil
}

// showAuditFile prints the lines of one file; only those of one order if that is not empty. found tells
// whether there are any.
func (p *program) showAuditFile(path, only string) (found bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return found, durable.Fault(err, "read", path)
	}
	defer file.Close()
	for r := bufio.NewReader(file); ; {
		text, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return found, nil // what follows the last line break is being written
		}
		if err != nil {
			return found, durable.Fault(err, "read", path)
		}
		var line audit.Line
		if err := json.Unmarshal(text, &line); err != nil {
			return found, fault.Errorf(fault.Storage, "%s has a line that is none of the log", path).WithHint("usher audit verify tells which")
		}
		if only != "" && line.Order != only {
			continue
		}
		found = true
		if p.json {
			if _, err := p.stdout.Write(text); err != nil {
				return found, fault.Errorf(fault.Storage, "write to standard output: %w", err)
			}
			continue
		}
		p.printAuditLine(line)
	}
}

// printAuditLine tells a person what an order did.
func (p *program) printAuditLine(l audit.Line) {
	object := l.Object
	if object == "" && !l.Key.IsZero() {
		object = l.Key.String()
	}
	state := string(l.State)
	if l.Unchanged {
		state += " (it was so already)"
	}
	fmt.Fprintf(p.stdout, "%s  %s asked for order %s: %s, %s\n", moment(l.Time), cmp.Or(l.RequestedBy, "somebody"), l.Order,
		phrase(string(l.Operation), l.Entity, object), state)
	if l.Message != "" {
		fmt.Fprintf(p.stdout, "    %s\n", l.Message)
	}
	for _, f := range l.FailedLinks {
		fmt.Fprintf(p.stdout, "    %s\n", failedLink(f))
	}
	for _, r := range l.Requests {
		status := "no answer"
		if r.Status > 0 {
			status = strconv.Itoa(r.Status)
		}
		fmt.Fprintf(p.stdout, "    %s %s: %s\n", r.Method, r.Path, phrase(status, r.Code, r.RequestID))
	}
	for _, c := range l.Changes {
		before, after := cmp.Or(string(c.Before), "?"), cmp.Or(string(c.After), "removed")
		fmt.Fprintf(p.stdout, "    %s: %s -> %s\n", c.Path, before, after)
	}
}
