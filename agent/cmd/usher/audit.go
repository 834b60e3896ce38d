package main

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/audit"
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
			// Beyond is how many bytes behind the last line are no part of the log.
			Beyond int64 `json:"beyond,omitempty"`
		}{report.Files, report.Lines, report.First, report.Last, report.Head, report.Beyond})
	}
	fmt.Fprintf(p.stdout, "The audit log of %s is as it was written: %s.\n", arguments[0], count(report.Lines, "line"))
	if report.Lines > 0 {
		fmt.Fprintf(p.stdout, "From %s to %s; the last one has the SHA-256 %s.\n",
			moment(report.First), moment(report.Last), report.Head)
	}
	p.printBeyond(report.Beyond)
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
	found := false
	beyond, err := audit.Read(cmd.Context(), folder, func(line audit.Line, text []byte) error {
		if only != "" && line.Order != only {
			return nil
		}
		found = true
		if !p.json {
			p.printAuditLine(line)
			return nil
		}
		if _, err := fmt.Fprintf(p.stdout, "%s\n", text); err != nil {
			return fault.Errorf(fault.Storage, "write to standard output: %w", err)
		}
		return nil
	})
	if err != nil || p.json {
		return err
	}
	if !found {
		fmt.Fprintf(p.stdout, "There are no such lines in the audit log of %s.\n", arguments[0])
	}
	p.printBeyond(beyond)
	return nil
}

// printBeyond tells a person what stands behind the last line.
func (p *program) printBeyond(bytes int64) {
	if bytes > 0 {
		fmt.Fprintf(p.stdout, "Behind its last line stands what is no part of the log: %s. It is being written, was cut off, or somebody added it.\n", count(uint64(bytes), "byte"))
	}
}

// printAuditLine tells a person what an order did, or what was decided.
func (p *program) printAuditLine(l audit.Line) {
	if l.Decision != "" {
		p.printDecision(l)
		return
	}
	object := l.Object
	if object == "" && !l.Key.IsZero() {
		object = l.Key.String()
	}
	state := string(l.State)
	if l.Unchanged {
		state += " (it was so already)"
	}
	if l.SubmittedBy != "" {
		state += ", given by " + l.SubmittedBy
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

// printDecision tells a person what an operator decided.
func (p *program) printDecision(l audit.Line) {
	about := "order " + l.Order
	if l.Order == "" {
		about = fmt.Sprintf("intake %d, %s, %s", l.Intake, l.Place, count(l.Orders, "order"))
	}
	fmt.Fprintf(p.stdout, "%s  %s decided: %s: %s\n", moment(l.Time), cmp.Or(l.By, "somebody"), l.Decision, about)
	if l.Message != "" {
		fmt.Fprintf(p.stdout, "    %s\n", l.Message)
	}
}
